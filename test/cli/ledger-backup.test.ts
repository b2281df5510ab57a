import { join } from 'node:path'
import t from 'tap'
import { openLedger, verify } from '../../agent/ledger/index.js'
import { RecordKind } from '../../agent/model/index.js'
import { provider } from '../e2e/provider.js'
import { start } from './spawn.js'

t.test('a backup is taken while the agent runs, and a ledger is restored from it', async t => {
  const { directory, configFile, startAgent } = await provider(t, { names: ['alice'] })
  const { ledger } = await startAgent()
  await ledger.append([{ kind: RecordKind.agentStatus, time: 1, payload: Buffer.from('{}') }]).durable
  const [backup, restored] = [join(directory, 'backup'), join(directory, 'restored')]
  const made = await start(['ledger', 'backup', backup, '-c', configFile]).ended
  t.match(made, { status: 0, stdout: /^\d+ records? backed up in / })
  t.match(await start(['ledger', 'backup', backup, '-c', configFile]).ended, { status: 1, stderr: /not empty/ })
  t.match(await start(['ledger', 'restore', backup, '--directory', restored]).ended, {
    status: 0,
    stdout: /the next start begins a new epoch/
  })
  const again = await openLedger({ directory: restored, reserveOctets: 0 })
  t.not(again.epoch, ledger.epoch)
  await again.close()
})

t.test('without an agent the backup is taken from the directory', async t => {
  const directory = t.testdir()
  const ledger = await openLedger({ directory: join(directory, 'ledger'), reserveOctets: 0 })
  await ledger.append([{ kind: RecordKind.agentStatus, time: 1, payload: Buffer.from('{}') }]).durable
  await ledger.close()
  const backup = join(directory, 'backup')
  const made = await start(['ledger', 'backup', backup, '--directory', join(directory, 'ledger')]).ended
  t.match(made, { status: 0, stdout: `1 record backed up in ${backup}` })
  t.match(await verify(backup), { records: 1, lost: [] })
  const missing = await start(['ledger', 'restore', directory, '--directory', join(directory, 'no')]).ended
  t.match(missing, { status: 1, stderr: /holds no finished backup/ })
})
