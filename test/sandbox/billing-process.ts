// A billing in a process of its own, for tests that kill it or take its disk away: tells its URL to the parent.
import { pino } from 'pino'
import { BillingCloud } from '../../sandbox/billing/index.js'
import { tokens } from './events.js'

const log = pino({ level: 'silent' })
const cloud = await BillingCloud.open({ directory: process.argv[2] ?? '', tokens, log })
const url = await cloud.listen()
// Its default ends the process; with a handler, a write beyond the limit fails instead.
process.on('SIGXFSZ', () => undefined)
process.once('disconnect', () => process.exit())
process.send?.(url)
