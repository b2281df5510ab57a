// A billing in a process of its own, for a test that kills it: tells its URL to the parent.
import { pino } from 'pino'
import { BillingCloud } from '../../sandbox/billing/index.js'
import { tokens } from './events.js'

const log = pino({ level: 'silent' })
const cloud = await BillingCloud.open({ directory: process.argv[2] ?? '', tokens, log })
const url = await cloud.listen()
process.once('disconnect', () => process.exit())
process.send?.(url)
