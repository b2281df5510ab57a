import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import {
  AcctStatusType,
  AcctTerminateCause,
  Attr,
  AttributeWriter,
  Code,
  decodeUserPassword,
  type Packet,
  Secret,
  Vendor,
  verifyChap
} from '../../protocols/radius/index.js'
import {
  BadLine,
  NasError,
  RadiusClient,
  readRateLimit,
  seededRandom,
  VirtualNas,
  type Dialer,
  type VirtualNasOptions
} from '../../sandbox/nas/index.js'
import { acknowledge, ManualTime, Responder, totalsIn, type Respond } from './stage.js'

const secret = 'secret-of-the-test'
const alice: Dialer = { userName: 'alice', password: 'alicepw', up: 1000, down: 8000 }
const bob: Dialer = { userName: 'bob', password: 'bobpw', method: 'chap' }

/** Accepts whoever knows the password, with a Class of their own. */
const accept: Respond = packet => {
  const userName = packet.text(Attr.UserName) ?? ''
  const hidden = packet.octets(Attr.UserPassword)
  const pap =
    hidden && decodeUserPassword(hidden, packet.authenticator, new Secret(secret))?.toString() === `${userName}pw`
  if (pap !== true && !verifyChap(packet, `${userName}pw`)) return { code: Code.AccessReject }
  const attributes = new AttributeWriter()
    .add(Attr.Class, `ticket of ${userName}`)
    .ipv4(Attr.FramedIpAddress, '192.0.2.7')
    .uint32(Attr.AcctInterimInterval, 60)
    .vsa(Vendor.Mikrotik, 8, '2M/10M')
  return { code: Code.AccessAccept, attributes }
}

const walled: Respond = () => ({
  code: Code.AccessAccept,
  attributes: new AttributeWriter().vsa(Vendor.Mikrotik, 19, 'turnpike-walled')
})

/** A virtual NAS between two responders, in manual time. */
async function stage(t: Test, options: Partial<VirtualNasOptions> = {}) {
  const time = new ManualTime()
  const access = await Responder.open(t, secret, accept)
  const accounting = await Responder.open(t, secret, acknowledge)
  const server = { host: '127.0.0.1', authPort: access.port, acctPort: accounting.port }
  const { clock, schedule } = time
  const nas = new VirtualNas({ server, secret, subscribers: [alice], clock, schedule, ...options })
  t.teardown(() => nas.stop({ graceful: false }))
  const { coaPort } = await nas.start()
  /** Lets all who are due dial, and waits until one is online. */
  const goOnline = async (count = 1): Promise<void> => {
    let online = 0
    const done = new Promise<void>(resolve => nas.on('online', () => ++online === count && resolve()))
    time.advance(0)
    await done
  }
  const dac = new RadiusClient({ host: '127.0.0.1', port: coaPort, secret: new Secret(secret), intervalMs: 100, clock })
  t.teardown(() => dac.close())
  return { time, access, accounting, nas, coaPort, goOnline, dac }
}

function accounted(nas: VirtualNas, status: number): Promise<void> {
  return new Promise(resolve => {
    nas.on('accounted', (_line, _session, is) => is === status && resolve())
  })
}

/** Sums the last totals of each session, as a server that keeps the newest would. */
function octetsAt(accounting: Responder): { up: bigint; down: bigint } {
  const last = new Map<string, { up: bigint; down: bigint }>()
  for (const packet of accounting.received) {
    const id = packet.text(Attr.AcctSessionId) ?? ''
    const totals = totalsIn(packet)
    const before = last.get(id) ?? { up: 0n, down: 0n }
    last.set(id, totals.up + totals.down > before.up + before.down ? totals : before)
  }
  const sum = (pick: 'up' | 'down'): bigint => [...last.values()].reduce((all, totals) => all + totals[pick], 0n)
  return { up: sum('up'), down: sum('down') }
}

t.test('subscribers come online by PAP and CHAP, echo Class, and are reported to the octet', async t => {
  const { time, accounting, nas, goOnline } = await stage(t, { subscribers: [alice, bob] })
  await goOnline(2)
  await accounting.count(2)
  for (const start of accounting.received) {
    t.equal(start.uint32(Attr.AcctStatusType), AcctStatusType.Start)
    t.equal(start.text(Attr.Class), `ticket of ${start.text(Attr.UserName)}`)
    t.equal(start.ipv4(Attr.FramedIpAddress), '192.0.2.7')
    t.notOk(start.has(Attr.AcctInputOctets), 'a Start has no counters')
  }
  await nas.flush()
  nas.line('bob').use({ up: 1n, down: 5n * 2n ** 32n + 17n })
  time.advance(60_000)
  await accounting.count(6)
  const interim = accounting.received.findLast(packet => packet.text(Attr.UserName) === 'bob')
  t.equal(interim?.uint32(Attr.AcctStatusType), AcctStatusType.InterimUpdate)
  t.equal(interim?.uint32(Attr.AcctSessionTime), 60)
  t.equal(interim?.uint32(Attr.AcctOutputGigawords), 5)
  await nas.stop()
  const { used, acknowledged } = nas.totals()
  t.same(acknowledged, used, 'everything used was acknowledged')
  t.same(octetsAt(accounting), used, 'and stands in the packets')
  t.ok(used.up > 30_000n, 'alice sent about 1,000 octets a second for a minute')
})

t.test('traffic keeps to the granted rate, and almost stops in the walled garden', async t => {
  const fast: Dialer = { ...alice, up: 1e9, down: 1e9 }
  const { time, access, nas, goOnline } = await stage(t, { subscribers: [fast] })
  await goOnline()
  await nas.flush()
  time.advance(10_000)
  await nas.flush()
  t.same(nas.totals().used, { up: 2_500_000n, down: 12_500_000n }, '2 and 10 Mbit/s for 10 s')
  access.respond = walled
  await nas.line('alice').hangUp(AcctTerminateCause.UserRequest)
  const fenced = once(nas, 'walled')
  nas.line('alice').dialAfter(0)
  time.advance(0)
  await fenced
  time.advance(10_000)
  await nas.flush()
  t.same(nas.totals().used, { up: 2_505_000n, down: 12_505_000n }, '500 octets a second')
})

t.test('an unanswered report goes out again with a new Identifier and Acct-Delay-Time raised', async t => {
  const { time, accounting, goOnline } = await stage(t)
  accounting.respond = (packet, transmission) => (transmission < 3 ? undefined : acknowledge(packet, transmission))
  await goOnline()
  for (const transmission of [1, 2]) {
    await accounting.count(transmission)
    time.advance(1100)
  }
  await accounting.count(3)
  const read = (packet: Packet) => [packet.uint32(Attr.AcctDelayTime), packet.uint32(Attr.EventTimestamp)]
  const at = Date.parse('2026-11-23T10:00:00.000Z') / 1000
  t.same(accounting.received.map(read), [
    [0, at],
    [1, at],
    [2, at]
  ])
  t.equal(new Set(accounting.received.map(packet => packet.identifier)).size, 3)
})

t.test('or, by option, as the same packet', async t => {
  const { time, accounting, goOnline } = await stage(t, { retransmission: { again: 'same' } })
  accounting.respond = (packet, transmission) => (transmission < 2 ? undefined : acknowledge(packet, transmission))
  await goOnline()
  await accounting.count(1)
  time.advance(1100)
  await accounting.count(2)
  t.same(accounting.received[0]?.octetsOnWire, accounting.received[1]?.octetsOnWire)
})

t.test('a reject is met with longer and longer waits, until the subscriber is let on', async t => {
  const { time, access, nas } = await stage(t, { habits: { retryMs: 5000, mostRetryMs: 12_000 } })
  access.respond = () => ({
    code: Code.AccessReject,
    attributes: new AttributeWriter().add(Attr.ReplyMessage, 'not paid')
  })
  const refusals = async (wait: number): Promise<string> => {
    const rejected = once(nas, 'rejected')
    time.advance(wait)
    return (await rejected)[1] as string
  }
  t.equal(await refusals(0), 'not paid')
  for (const wait of [5000, 10_000, 12_000, 12_000]) {
    const before = access.received.length
    time.advance(wait - 1)
    t.equal(nas.line('alice').state, 'waiting', `waits ${wait} ms`)
    await refusals(1)
    t.equal(access.received.length, before + 1, 'then asks once')
  }
  access.respond = accept
  time.advance(11_999)
  const online = once(nas, 'online')
  time.advance(1)
  await online
  t.equal(nas.line('alice').state, 'online')
})

t.test('a server that is silent, unsigned, forged or not there is told apart', async t => {
  const time = new ManualTime()
  const server = createSocket('udp4')
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  const { clock, schedule } = time
  const options = { host: '127.0.0.1', port, secret: new Secret(secret), clock, schedule, transmissions: 2 }
  const client = new RadiusClient(options)
  t.teardown(() => client.close())
  const ask = async (reply: (datagram: Buffer) => Buffer | undefined): Promise<unknown> => {
    const answer = client
      .request({ code: Code.AccessRequest, attributes: () => Buffer.alloc(0) })
      .catch((error: unknown) => error)
    for (let transmission = 0; transmission < 2; transmission++) {
      const [datagram, from] = (await once(server, 'message')) as [Buffer, { port: number }]
      const octets = reply(datagram)
      if (octets !== undefined) {
        const { doubtful } = client.counts
        server.send(octets, from.port, '127.0.0.1')
        while (client.counts.doubtful === doubtful) await new Promise(setImmediate)
      }
      time.advance(1100)
    }
    return answer
  }
  const header = (code: number, datagram: Buffer): Buffer =>
    Buffer.from([code, datagram[1] ?? 0, 0, 20, ...Buffer.alloc(16)])
  t.match(await ask(() => undefined), { code: 'NAS_NO_ANSWER' })
  t.match(await ask(datagram => header(Code.AccessAccept, datagram)), { code: 'NAS_BAD_ANSWER' }, 'forged')
  t.match(
    await ask(datagram => header(Code.AccountingResponse, datagram)),
    { code: 'NAS_BAD_ANSWER' },
    'of another kind'
  )
  t.match(await ask(datagram => Buffer.from([2, datagram[1] ?? 0, 0])), { code: 'NAS_BAD_ANSWER' }, 'no RADIUS')
  await new Promise<void>(resolve => server.close(() => resolve()))
  const nobody = new RadiusClient({ ...options, schedule: (ms, run) => schedule(ms, run) })
  const refused = nobody
    .request({ code: Code.StatusServer, attributes: () => Buffer.alloc(0) })
    .catch((error: unknown) => error)
  while (nobody.counts.transmissions === 0) await new Promise(setImmediate)
  await new Promise(setImmediate)
  time.advance(1100)
  time.advance(1100)
  t.match(await refused, { code: 'NAS_NO_ANSWER' })
  await nobody.close()
  await t.rejects(nobody.request({ code: Code.StatusServer, attributes: () => Buffer.alloc(0) }), {
    code: 'NAS_CLOSED'
  })
})

t.test('an unsigned Accept is taken only from a server that is known not to sign', async t => {
  const { createHash } = await import('node:crypto')
  const server = createSocket('udp4')
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  server.on('message', (datagram, from) => {
    const reply = Buffer.from([Code.AccessAccept, datagram[1] ?? 0, 0, 20, ...datagram.subarray(4, 20)])
    createHash('md5').update(reply).update(secret).digest().copy(reply, 4)
    server.send(reply, from.port, from.address)
  })
  const options = {
    host: '127.0.0.1',
    port: server.address().port,
    secret: new Secret(secret),
    intervalMs: 20,
    transmissions: 1
  }
  const request = { code: Code.AccessRequest, attributes: () => Buffer.alloc(0) }
  for (const demandSigned of [true, false]) {
    const client = new RadiusClient({ ...options, demandSigned })
    if (demandSigned) await t.rejects(client.request(request), { code: 'NAS_BAD_ANSWER' })
    else t.match(await client.request(request), { packet: { code: Code.AccessAccept }, transmissions: 1 })
    await client.close()
  }
})

t.test('requests beyond the Identifiers wait for one', async t => {
  const subscribers = Array.from({ length: 700 }, (_, n) => ({ userName: `u${n}`, password: `u${n}pw` }))
  const { nas, goOnline, accounting } = await stage(t, { subscribers, retransmission: { sockets: 1 } })
  await goOnline(700)
  await accounting.count(700)
  t.equal(nas.lines.filter(line => line.state === 'online').length, 700)
})

/** The keys of alice's session. */
function keys(nas: VirtualNas): AttributeWriter {
  const { session } = nas.line('alice')
  return new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.AcctSessionId, session?.acctSessionId ?? '')
}

t.test(
  'a Disconnect-Request is acknowledged, then the Stop says Admin-Reset, then the subscriber dials again',
  async t => {
    const { time, access, accounting, nas, goOnline, dac } = await stage(t)
    await goOnline()
    time.advance(30_000)
    const stopped = accounted(nas, AcctStatusType.Stop)
    const { packet } = await dac.request({ code: Code.DisconnectRequest, attributes: () => keys(nas).finish() })
    t.equal(packet.code, Code.DisconnectAck)
    await stopped
    const stop = accounting.received.at(-1)
    t.equal(stop?.uint32(Attr.AcctTerminateCause), AcctTerminateCause.AdminReset)
    t.equal(stop?.uint32(Attr.AcctSessionTime), 30)
    t.same(stop && totalsIn(stop), nas.totals().acknowledged)
    access.respond = walled
    const fenced = once(nas, 'walled')
    time.advance(3000)
    await fenced
    t.equal(nas.line('alice').session?.walled, true)
  }
)

t.test('a CoA-Request changes rate, fence and intervals of the open session', async t => {
  const { time, nas, goOnline, dac } = await stage(t, { subscribers: [{ ...alice, up: 1e9, down: 1e9 }] })
  await goOnline()
  const change = (attributes: AttributeWriter) =>
    dac.request({ code: Code.CoaRequest, attributes: () => keys(nas).raw(attributes.finish()).finish() })
  t.equal((await change(new AttributeWriter().vsa(Vendor.Mikrotik, 8, '8k/80k'))).packet.code, Code.CoaAck)
  await nas.flush()
  const { used } = nas.totals()
  time.advance(10_000)
  await nas.flush()
  t.same(nas.totals().used, { up: used.up + 10_000n, down: used.down + 100_000n })
  const fenced = once(nas, 'walled')
  await change(new AttributeWriter().vsa(Vendor.Mikrotik, 19, 'turnpike-walled'))
  await fenced
  t.match(nas.line('alice').session, { walled: true, grant: { up: 8000, addressList: 'turnpike-walled' } })
  t.equal(nas.line('alice').session?.grant.classes.length, 1, 'Class stays')
})

t.test(
  'a request that does not fit gets the Error-Cause of RFC 5176 §3.5, one that does not verify gets nothing',
  async t => {
    const { time, nas, goOnline, dac, coaPort } = await stage(t)
    await goOnline()
    const now = Math.floor(time.now / 1000)
    const wrong: [string, number, AttributeWriter, number][] = [
      ['unknown session', 40, new AttributeWriter().add(Attr.AcctSessionId, 'none'), 503],
      ['one key of two does not fit', 40, keys(nas).ipv4(Attr.FramedIpAddress, '192.0.2.99'), 503],
      ['no key', 40, new AttributeWriter().uint32(Attr.EventTimestamp, now), 402],
      ['another NAS', 40, keys(nas).ipv4(Attr.NasIpAddress, '192.0.2.1'), 403],
      ['an attribute that cannot be changed', 43, keys(nas).add(Attr.FramedPool, 'other'), 401],
      ['another vendor', 43, keys(nas).vsa(Vendor.Cisco, 1, 'x=y'), 401],
      ['a change in a Disconnect', 40, keys(nas).vsa(Vendor.Mikrotik, 8, '1M'), 401],
      ['a rate that is none', 43, keys(nas).vsa(Vendor.Mikrotik, 8, 'fast'), 407]
    ]
    for (const [what, code, attributes, errorCause] of wrong) {
      const { packet } = await dac.request({ code, attributes: () => attributes.finish() })
      t.match([packet.code, packet.uint32(Attr.ErrorCause)], [code + 2, errorCause], what)
    }
    t.equal(nas.line('alice').state, 'online')
    const stale = () =>
      keys(nas)
        .uint32(Attr.EventTimestamp, now - 301)
        .finish()
    const impatient = { host: '127.0.0.1', port: coaPort, transmissions: 1, intervalMs: 30 }
    const replayer = new RadiusClient({ ...impatient, secret: new Secret(secret) })
    const stranger = new RadiusClient({ ...impatient, secret: new Secret('a guess') })
    await t.rejects(replayer.request({ code: 40, attributes: stale }), { code: 'NAS_NO_ANSWER' }, 'an old request')
    await t.rejects(stranger.request({ code: 40, attributes: () => keys(nas).finish() }), { code: 'NAS_NO_ANSWER' })
    t.equal(nas.line('alice').state, 'online')
    await Promise.all([replayer.close(), stranger.close()])
  }
)

t.test('bad manners: silent, acknowledging without acting, acting without acknowledging, no Stop', async t => {
  const { time, accounting, nas, goOnline, coaPort } = await stage(t)
  const dac = new RadiusClient({
    host: '127.0.0.1',
    port: coaPort,
    secret: new Secret(secret),
    intervalMs: 20,
    again: 'same'
  })
  t.teardown(() => dac.close())
  const disconnect = () => dac.request({ code: Code.DisconnectRequest, attributes: () => keys(nas).finish() })
  await goOnline()
  nas.behave({ coa: 'silent' })
  await t.rejects(disconnect(), { code: 'NAS_NO_ANSWER' })
  t.equal(nas.line('alice').state, 'online')
  nas.behave({ coa: 'ack-only' })
  t.match(await disconnect(), { packet: { code: Code.DisconnectAck } })
  t.equal(nas.line('alice').state, 'online', 'an ACK is no proof')
  nas.behave({ coa: 'act-only' })
  const stopped = accounted(nas, AcctStatusType.Stop)
  await t.rejects(disconnect(), { code: 'NAS_NO_ANSWER' })
  await stopped
  t.equal(nas.line('alice').session, undefined)
  const online = once(nas, 'online')
  time.advance(3000)
  await online
  nas.behave({ coa: 'answer', stops: false })
  await nas.flush()
  const before = accounting.received.length
  const offline = once(nas, 'offline')
  await disconnect()
  await offline
  await nas.stop()
  t.equal(accounting.received.length, before, 'no Stop was sent')
})

t.test('a duplicate of a CoA or Disconnect is answered again, and acted on once', async t => {
  const { nas, coaPort, goOnline } = await stage(t)
  await goOnline()
  let offline = 0
  nas.on('offline', () => offline++)
  const duplicate = new BadLine({ duplicate: 1 }, seededRandom(1), () => () => undefined)
  const dac = new RadiusClient({ host: '127.0.0.1', port: coaPort, secret: new Secret(secret), outgoing: duplicate })
  await dac.request({ code: Code.DisconnectRequest, attributes: () => keys(nas).finish() })
  while ((nas.counts().dae as { duplicates: number }).duplicates === 0) await new Promise(setImmediate)
  t.equal(offline, 1)
  await dac.close()
})

t.test('lost, doubled and reordered datagrams change no total', { timeout: 30_000 }, async t => {
  const access = await Responder.open(t, secret, accept)
  const accounting = await Responder.open(t, secret, acknowledge)
  const nas = new VirtualNas({
    server: { host: '127.0.0.1', authPort: access.port, acctPort: accounting.port },
    secret,
    subscribers: Array.from({ length: 20 }, (_, n) => ({
      userName: `u${n}`,
      password: `u${n}pw`,
      method: n % 2 ? 'chap' : 'pap'
    })),
    habits: { interimMs: 15, retryMs: 10, stopAgainMs: 10 },
    retransmission: { intervalMs: 10, transmissions: 5 },
    faults: { drop: 0.2, duplicate: 0.2, reorder: 0.2, reorderMs: 5 },
    seed: 7
  })
  t.teardown(() => nas.stop({ graceful: false }))
  let online = 0
  const all = new Promise<void>(resolve => nas.on('online', () => ++online === 20 && resolve()))
  await nas.start()
  await all
  for (const line of nas.lines) line.use({ up: 3_000_000_007n, down: 9_000_000_011n })
  while ((await nas.flush()) > 0);
  await nas.stop()
  const { used, acknowledged } = nas.totals()
  t.same(acknowledged, used)
  t.same(octetsAt(accounting), used)
  t.ok(used.down >= 20n * 9_000_000_011n)
  const { outgoing } = nas.counts()
  t.ok(outgoing.dropped > 0 && outgoing.duplicated > 0 && outgoing.reordered > 0, JSON.stringify(outgoing))
})

t.test('a Stop is sent again until it is acknowledged, and switching off does not wait for ever', async t => {
  const { time, accounting, nas, goOnline } = await stage(t, { retransmission: { transmissions: 1 } })
  await goOnline()
  await nas.flush()
  accounting.respond = () => undefined
  const hung = nas.line('alice').hangUp(AcctTerminateCause.UserRequest)
  await accounting.count(3)
  time.advance(1100)
  await new Promise(setImmediate)
  accounting.respond = acknowledge
  time.advance(5000)
  await hung
  t.match(
    [...accounting.received].slice(-2).map(packet => packet.uint32(Attr.AcctDelayTime)),
    [0, 6]
  )
  nas.line('alice').dialAfter(0)
  await goOnline()
  accounting.respond = () => undefined
  const off = nas.stop({ patienceMs: 4000 })
  time.advance(4000)
  await off
  t.equal(nas.line('alice').state, 'idle')
})

t.test(
  'after a reboot sessions are gone without a Stop, ids differ, and a standard NAS says Accounting-On',
  async t => {
    const { time, accounting, nas, goOnline } = await stage(t, { flavour: 'standard' })
    await goOnline()
    await nas.flush()
    const before = nas.line('alice').session?.acctSessionId
    const reboot = nas.reboot()
    t.equal(nas.line('alice').session, undefined)
    await reboot
    await goOnline()
    t.not(nas.line('alice').session?.acctSessionId, before)
    const statuses = accounting.received.map(packet => packet.uint32(Attr.AcctStatusType))
    t.same(statuses.filter(status => status === AcctStatusType.AccountingOn).length, 2)
    t.notOk(statuses.includes(AcctStatusType.Stop))
    time.advance(0)
  }
)

t.test('a session ends at its Session-Timeout and the subscriber dials again', async t => {
  const { time, access, accounting, nas, goOnline } = await stage(t)
  access.respond = () => ({
    code: Code.AccessAccept,
    attributes: new AttributeWriter().uint32(Attr.SessionTimeout, 120)
  })
  await goOnline()
  await nas.flush()
  const stopped = accounted(nas, AcctStatusType.Stop)
  time.advance(120_000)
  await stopped
  t.equal(accounting.received.at(-1)?.uint32(Attr.AcctTerminateCause), AcctTerminateCause.SessionTimeout)
  const online = once(nas, 'online')
  time.advance(3000)
  await online
})

t.test('rates are read as MikroTik writes them', async t => {
  t.same(readRateLimit('10M/50M'), { up: 10_000_000, down: 50_000_000 })
  t.same(readRateLimit('512k/1M 1M/2M 256k/512k 10/10 8 64k/64k'), { up: 512_000, down: 1_000_000 })
  t.same(readRateLimit('2M'), { up: 2_000_000, down: 2_000_000 }, 'one number is both')
  t.same(readRateLimit('0/5M'), { down: 5_000_000 }, '0 is unlimited')
  t.equal(readRateLimit('fast'), undefined)
})

t.test('options that cannot be used are refused by name', async t => {
  const server = { host: '127.0.0.1', authPort: 1, acctPort: 1 }
  t.throws(() => new VirtualNas({ server, secret, subscribers: [alice, alice] }), NasError)
  const { nas } = await stage(t)
  t.throws(() => nas.line('nobody'), { code: 'NAS_BAD_OPTION' })
})

t.test('the same seed gives the same faults', async t => {
  const run = (seed: number): string => {
    const line = new BadLine({ drop: 0.3, duplicate: 0.3, reorder: 0.3 }, seededRandom(seed), () => () => undefined)
    const delivered: number[] = []
    for (let n = 0; n < 50; n++) line.pass(() => delivered.push(n))
    return delivered.join(' ')
  }
  t.equal(run(1), run(1))
  t.not(run(1), run(2))
})

const hasRadclient = existsSync('/usr/bin/radclient')
const skip = hasRadclient || process.env['CI'] === 'true' ? false : 'needs radclient (apt-get install freeradius-utils)'

/** Runs Debian's radclient. @returns what it printed */
async function radclient(port: number, command: string, attributes: string): Promise<string> {
  const child = spawn('radclient', ['-x', '-r', '1', '-t', '3', `127.0.0.1:${port}`, command, secret])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stdin.end(attributes)
  await once(child, 'close')
  return output
}

t.test("Debian's radclient is acknowledged when it changes and disconnects a session", { skip }, async t => {
  const { accounting, nas, coaPort, goOnline } = await stage(t)
  await goOnline()
  const id = nas.line('alice').session?.acctSessionId
  t.match(await radclient(coaPort, 'coa', `Acct-Session-Id="${id}",Mikrotik-Rate-Limit="1M/4M"`), /Received CoA-ACK/)
  t.match(nas.line('alice').session?.grant, { up: 1_000_000, down: 4_000_000 })
  t.match(
    await radclient(coaPort, 'disconnect', 'Acct-Session-Id="none"'),
    /Received Disconnect-NAK[^]*Session-Context-Not-Found/
  )
  const stopped = accounted(nas, AcctStatusType.Stop)
  t.match(
    await radclient(coaPort, 'disconnect', `User-Name="alice",Acct-Session-Id="${id}"`),
    /Received Disconnect-ACK/
  )
  await stopped
  t.equal(accounting.received.at(-1)?.uint32(Attr.AcctTerminateCause), AcctTerminateCause.AdminReset)
})
