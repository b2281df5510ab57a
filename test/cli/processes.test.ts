import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openLedger } from '../../agent/ledger/index.js'
import { encodeUsage, noticeEntry, RecordKind, type UsageRecord } from '../../agent/model/index.js'
import { loadConfig } from '../../config/index.js'
import { said, shortDirectory, start, turnpike } from './spawn.js'

const at = Date.parse('2026-11-23T12:00:00.000Z')

t.test('run tells systemd when it answers and when it stops, and stops in order on SIGTERM', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(
    file,
    'data: state\napi: {socket: run/api.sock}\nradius: {authentication: [127.0.0.1:0], accounting: [127.0.0.1:0]}\n'
  )
  // Stands in for systemd's own program, and notes what it was told.
  const notified = join(directory, 'notified')
  writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${notified}\n`)
  chmodSync(join(directory, 'systemd-notify'), 0o755)
  const env = {
    PATH: `${directory}:${process.env['PATH']}`,
    NOTIFY_SOCKET: join(directory, 'notify'),
    WATCHDOG_USEC: '60000'
  }
  const { child, ended } = start(['run', '--config', file], { env })
  await said(child, 'stdout', /the agent answers/)
  await until(() => existsSync(notified) && /WATCHDOG=1/.test(readFileSync(notified, 'utf8')))
  const second = await turnpike(['run', '--config', file], { env: { NOTIFY_SOCKET: '' } })
  t.equal(second.status, 1, 'a second agent on the same data refuses')
  t.match(second.stderr, /^turnpike: .*another process/i)
  t.notMatch(second.stderr, /\n {4}at /)
  const status = await turnpike(['status', '--config', file])
  t.match(status, { status: 0, stdout: /sessions {5}0 open/ })
  child.kill('SIGTERM')
  const { status: code, stderr } = await ended
  t.same([code, stderr], [0, ''])
  await until(() => /STOPPING=1/.test(readFileSync(notified, 'utf8')))
  t.match(readFileSync(notified, 'utf8'), /^--ready --status=answering; 0 NASes in .*turnpike\.yaml\nWATCHDOG=1\n/)
  t.equal(existsSync(join(directory, 'run/api.sock')), false)
})

t.test('the sandbox says how to go on, and ends on SIGINT', async t => {
  const directory = shortDirectory(t)
  // Nobody answers RADIUS there: 9 and 7 are for discard and echo, which this box does not serve.
  const ports = ['--billing-port', '0', '--coa-port', '0', '--auth-port', '9', '--acct-port', '7']
  const { child, ended } = start(['sandbox', '--directory', directory, '--subscribers', '1', ...ports])
  const text = await said(child, 'stdout', /Ctrl-C ends it/)
  t.match(text, `turnpike run --config ${directory}/turnpike.yaml`)
  t.match(text, /^Billing is at http:\/\/127\.0\.0\.1:\d+ /)
  child.kill('SIGINT')
  t.match(await ended, { status: 0, stderr: '' })
  const config = loadConfig(`${directory}/turnpike.yaml`, {})
  t.match(config.nas, [{ id: 'virtual-nas', vendor: 'mikrotik' }])
  t.match(text, `Billing is at ${config.cloud?.url} `)
})

const usage: UsageRecord = {
  cause: 'interim',
  flipped: false,
  replays: true,
  periodStart: at - 300_000,
  periodEnd: at,
  seconds: 300,
  sessionSeconds: 300,
  upOctets: 9_007_199_254_740_993n,
  downOctets: 2n,
  totalUpOctets: 9_007_199_254_740_993n,
  totalDownOctets: 2n,
  upPackets: 0,
  downPackets: 0,
  session: 'ses-1',
  nas: 'bras-1',
  acctSessionId: '81000001',
  userName: '=cmd|"x",1',
  subscriber: 'sub_1001',
  profile: 'home',
  evidence: Buffer.alloc(0)
}

t.test('a ledger is verified, and exported as billing’s events and as CSV', async t => {
  const directory = join(shortDirectory(t), 'ledger')
  const ledger = await openLedger({ directory, clock: () => at })
  const receipt = ledger.append([
    { kind: RecordKind.usage, time: at, payload: encodeUsage(usage) },
    noticeEntry(RecordKind.agentStatus, at, { version: '0.1.0' })
  ])
  await receipt.durable
  const locked = await turnpike(['ledger', 'verify', '--directory', directory])
  t.match(locked, { status: 1, stderr: /Another process uses this ledger/ })
  await ledger.close()

  const verified = await turnpike(['ledger', 'verify', '--directory', directory, '--json'])
  t.match([verified.status, JSON.parse(verified.stdout)], [0, { records: 2, lost: [] }])
  t.match(
    (await turnpike(['ledger', 'verify', '--directory', directory])).stdout,
    /records {5}2 in 1 block, from 1 to 2[^]*all is well/
  )

  const events = await turnpike(['ledger', 'export', '--directory', directory])
  const lines = events.stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as object)
  t.match(lines, [
    { type: 'turnpike.usage', sequence: '0000000000000001', subject: 'sub_1001' },
    { type: 'turnpike.agent.status', data: { version: '0.1.0' } }
  ])
  t.match(events.stderr, /^2 records exported, 0 lost$/m)

  const held = await openLedger({ directory, clock: () => at })
  const early = await turnpike(['ledger', 'export', '--directory', directory, '--format', 'csv'])
  t.match(early, { status: 1, stderr: /Another process uses this ledger/ })
  t.equal(early.stdout, '', 'no header of a table that never comes')
  await held.close()

  const csv = await turnpike(['ledger', 'export', '--directory', directory, '--format', 'csv', '--to', '1'])
  t.match(csv.stdout.split('\n'), [
    /^record,time,subscriber/,
    `1,2026-11-23T12:00:00.000Z,sub_1001,"'=cmd|""x"",1",bras-1,81000001,ses-1,interim,2026-11-23T11:55:00.000Z,2026-11-23T12:00:00.000Z,300,9007199254740993,2,9007199254740993,2,home`
  ])
})

t.test('a ledger that is not there is one sentence', async t => {
  const { status, stderr } = await turnpike(['ledger', 'verify', '--directory', join(shortDirectory(t), 'none')])
  t.equal(status, 1)
  t.match(stderr, /^turnpike: /)
  t.notMatch(stderr, /\n {4}at /)
})

/** Waits for what another process does; gives up when tap does. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
}
