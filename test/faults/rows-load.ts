import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { verify } from '../../agent/ledger/index.js'
import { AcctStatusType, Attr, AttributeWriter, Code, encodeRequest, Secret } from '../../protocols/radius/index.js'
import { SECRET } from '../e2e/provider.js'
import { pause } from './calls.js'
import { inject } from './disk.js'
import { figures, mebibytes } from './figures.js'
import { Rig } from './rig.js'

/*
 * What the agent itself must bear: starts and stops under load, floods, a slow disk, a clock that jumps.
 */

const STOP_WITHIN = 5000
const LIBRARIES = '/usr/lib'

function findFaketime(): string | undefined {
  const folders = readdirSync(LIBRARIES).map(name => join(LIBRARIES, name, 'faketime'))
  return [...folders, join(LIBRARIES, 'faketime')].map(at => join(at, 'libfaketimeMT.so.1')).find(at => existsSync(at))
}

const faketime = findFaketime()

/** Why no clock can be moved here. */
export const withoutFaketime =
  faketime !== undefined || process.env['CI'] === 'true' ? undefined : 'needs libfaketime (apt-get install faketime)'

/** Packets arrive before it listens, it is stopped in the middle, and another is started beside it. */
export async function startedAndStopped(t: Test, rounds: number): Promise<void> {
  const rig = await Rig.make(t)
  const calls = rig.calls()
  let slowest = 0
  for (let round = 0; round < rounds; round++) {
    await rig.start()
    await calls.more(100)
    if (round === 0) await assertAlone(t, rig)
    const from = Date.now()
    t.equal(await rig.agent.end('SIGTERM'), 0, 'an orderly stop')
    slowest = Math.max(slowest, Date.now() - from)
  }
  t.ok(slowest < STOP_WITHIN, `the slowest stop took ${slowest} ms`)
  await rig.start()
  await calls.stop()
  await rig.drained()
  rig.assertBooks(t, calls)
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  figures(t, { stops: rounds, slowestStopMs: slowest, calls: calls.acknowledged.size })
}

async function assertAlone(t: Test, rig: Rig): Promise<void> {
  const command = join(import.meta.dirname, '../../cli/turnpike.js')
  const second = spawn(process.execPath, [command, 'run', '-c', rig.configFile], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  t.teardown(() => second.kill('SIGKILL'))
  let said = ''
  second.stderr.on('data', piece => (said += String(piece)))
  const [status] = await once(second, 'exit')
  t.equal(status, 1, 'a second agent on the same ledger ends')
  t.match(said, /^turnpike: Another process uses this ledger\. .*\n$/, 'with a sentence')
}

/** Datagrams of strangers, and one request repeated without end, beside ordinary load. */
export async function flooded(t: Test, datagrams: number): Promise<void> {
  const rig = await Rig.make(t)
  const agent = await rig.start()
  await rig.synced()
  const calls = rig.calls({ window: 8 })
  await calls.more(500)
  const idle = agent.memory()
  const watched = agent.watchMemory()
  const { datagram } = encodeRequest(Code.AccountingRequest, 7, stopOf('storm'), new Secret(SECRET))
  await Promise.all([
    flood(t, rig, '127.0.0.9', datagrams, () => datagram),
    flood(t, rig, '127.0.0.1', datagrams, () => datagram)
  ])
  t.equal(await rig.access(), Code.AccessAccept, 'access is answered')
  const before = calls.acknowledged.size
  await calls.more(100)
  await calls.stop()
  await rig.drained()
  const aboveIdle = mebibytes(watched() - idle)
  t.ok(aboveIdle <= 64, `${aboveIdle} MiB above idle`)
  rig.assertBooks(t, calls)
  t.ok(before > 500, 'accounting went on')
  t.equal(rig.billed.get('storm'), 3000n, 'what came a thousand times is billed once')
  const strangers = await agent.metric('turnpike_radius', 'UNKNOWN_NAS')
  t.ok(strangers > 0, 'datagrams of strangers are counted')
  figures(t, { datagrams: 2 * datagrams, strangers, aboveIdle })
}

async function flood(t: Test, rig: Rig, from: string, count: number, make: () => Buffer): Promise<void> {
  const socket = createSocket('udp4')
  t.teardown(() => void socket.close())
  socket.bind(0, from)
  await once(socket, 'listening')
  for (let sent = 0; sent < count; sent++) {
    socket.send(make(), rig.ports.accounting, '127.0.0.1')
    if (sent % 200 === 0) await pause(1)
  }
}

function stopOf(session: string): Buffer {
  return new AttributeWriter()
    .uint32(Attr.AcctStatusType, AcctStatusType.Stop)
    .add(Attr.AcctSessionId, session)
    .add(Attr.UserName, 'user1')
    .uint32(Attr.AcctInputOctets, 1000)
    .uint32(Attr.AcctOutputOctets, 2000)
    .finish()
}

/** Each fdatasync takes so long, until it is mended; requests come faster than that disk can take them. */
export async function slow(t: Test, milliseconds: number, most: number, isTooMuch = false): Promise<void> {
  const rig = await Rig.make(t)
  const agent = await rig.start()
  await rig.synced()
  const calls = rig.calls({ intervalMs: 2000 })
  await calls.more(100)
  const idle = agent.memory()
  const watched = agent.watchMemory()
  const mend = await inject(t, agent.pid, 'fdatasync', `delay_exit=${milliseconds * 1000}`)
  const socket = createSocket('udp4')
  t.teardown(() => void socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  // Each of these is a session of its own, large, and sent once: more than the disk takes and, if need be, the queue holds.
  let shed = 0
  let requests = 0
  for (; requests < most && shed === 0; requests++) {
    const attributes = Buffer.concat([stopOf(`slow-${requests}`), fat])
    const { datagram } = encodeRequest(Code.AccountingRequest, requests % 256, attributes, secret)
    socket.send(datagram, rig.ports.accounting, '127.0.0.1')
    if (requests % 40 === 0) await pause(10)
    if (requests % 4000 === 3999) shed = await agent.metric('turnpike_radius', 'LEDGER_FULL')
  }
  t.equal(await rig.access(), Code.AccessAccept, 'access is answered')
  await mend()
  const peak = mebibytes(watched() - idle)
  await calls.more(100)
  await calls.stop()
  await rig.drained()
  rig.assertBooks(t, calls)
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  const often = [...rig.billed].filter(([id, octets]) => id.startsWith('slow-') && octets !== 3000n)
  t.strictSame(often.slice(0, 5), [], 'none of them is billed twice')
  if (isTooMuch) t.ok(shed > 0, `${shed} were shed and counted`)
  t.ok(peak < 640, `${peak} MiB above idle`)
  figures(t, { fdatasyncMs: milliseconds, requests, shed, aboveIdle: peak })
}

const secret = new Secret(SECRET)
const fat = Buffer.concat(
  Array.from({ length: 12 }, () => Buffer.concat([Buffer.of(Attr.ReplyMessage, 253), Buffer.alloc(251, 'x')]))
)

/** The clock of the box goes a day back, then more than a year ahead, and comes home. */
export async function timeTravelled(t: Test, restSeconds: number): Promise<void> {
  const rig = await Rig.make(t)
  const clock = join(rig.directory, 'clock')
  writeFileSync(clock, '+0')
  await rig.start({
    LD_PRELOAD: faketime,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1'
  })
  await rig.synced()
  const calls = rig.calls({ window: 8 })
  const nas = await rig.nas(200)
  await calls.more(50)
  while (nas.lines.some(({ state }) => state !== 'online')) await pause(20)
  for (const step of ['-1d', '+400d', '+0']) {
    writeFileSync(clock, step)
    await calls.more(50)
    // Sessions are looked through every ten seconds.
    await pause(restSeconds * 1000)
    t.equal((await rig.agent.status()).sessions.open, rig.names.length, `${step}: every session is open`)
  }
  t.ok(
    nas.lines.every(({ state }) => state === 'online'),
    'nobody was cut off'
  )
  await calls.stop()
  await nas.stop()
  await rig.drained()
  rig.assertBooks(t, calls)
  const { used } = nas.totals()
  const called = [...calls.acknowledged.values()].reduce((sum, octets) => sum + octets, 0n)
  const { upOctets, downOctets } = rig.billing.totals()
  t.equal(upOctets + downOctets, used.up + used.down + called, 'the bill is right to the octet')
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  await rig.agent.end('SIGTERM')
  const { floor, epochs, lost } = await verify(join(rig.data, 'ledger'))
  t.strictSame({ floor, epochs: epochs.length, lost }, { floor: 1, epochs: 1, lost: [] }, 'nothing expired')
  figures(t, { steps: '-1 d, +400 d, 0', sessions: rig.names.length, calls: calls.acknowledged.size })
}
