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

t.test('after a restore, verify tells the records that there are, and the numbers that never were', async t => {
  const directory = t.testdir()
  const [original, backup, restored] = ['original', 'backup', 'restored'].map(name => join(directory, name)) as [
    string,
    string,
    string
  ]
  const record = { kind: RecordKind.agentStatus, time: 1, payload: Buffer.from('{}') }
  const ledger = await openLedger({ directory: original, reserveOctets: 0 })
  await ledger.append([record, record]).durable
  await ledger.close()
  await start(['ledger', 'backup', backup, '--directory', original]).ended
  await start(['ledger', 'restore', backup, '--directory', restored]).ended
  const jumped = /^jumped +3 to 1000000000 were never given out: a new epoch begins with 1000000001$/m
  const verified = async (records: RegExp) => {
    const { stdout, status } = await start(['ledger', 'verify', '--directory', restored]).ended
    t.match(stdout, records)
    t.equal(status, 0)
    return stdout
  }
  t.notMatch(await verified(/^records +2 in 1 block, from 1 to 2$/m), /jumped/, 'nobody has begun it yet')
  const again = await openLedger({ directory: restored, reserveOctets: 0 })
  await again.close()
  t.match(await verified(/^records +2 in 1 block, from 1 to 2$/m), jumped)
  const once = await openLedger({ directory: restored, reserveOctets: 0 })
  await once.append([record]).durable
  await once.close()
  t.match(await verified(/^records +3 in 2 blocks, from 1 to 1000000001$/m), jumped)
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
