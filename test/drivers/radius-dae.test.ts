import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import {
  type After,
  DriverError,
  type Nas,
  type SessionRef,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { loadDictionary } from '../../config/dictionary/index.js'
import { drivers, isDriverName } from '../../drivers/index.js'
import {
  DaeClient,
  type DialectName,
  dialects,
  errorCauses,
  nextWait,
  radiusDae,
  type RadiusDaeOptions,
  retransmissionDefaults
} from '../../drivers/radius-dae/index.js'
import { Attr, AttributeWriter, Code, encodeResponse, Secret } from '../../protocols/radius/index.js'
import { Das, withSessions } from './das.js'
import { startFreeradius, withoutFreeradius } from './freeradius.js'
import { type Behaviour, type DriverBench, driverSuite } from './suite.js'

const SECRET = 'a secret that nobody tells'
const NOW = Date.UTC(2026, 10, 23, 10)
const dictionary = loadDictionary()
const quick = { initial: 20, longest: 40, transmissions: 3, duration: 100 }

const session: SessionRef = {
  id: 's1',
  nas: 'bras-1',
  acctSessionId: '81000001',
  userName: 'alice',
  framedIpv4: '100.64.0.7',
  callingStation: '02:00:00:00:00:01',
  nasIpv4: '192.0.2.1'
}
const full: Treatment = { kind: 'full', reason: 'active', attributes: [{ name: 'Filter-Id', value: 'home-100' }] }
const fenced: Treatment = { kind: 'walled', reason: 'unpaid', attributes: [{ name: 'Filter-Id', value: 'garden' }] }
const who: SubscriberRef = { id: 'sub-1', userName: 'alice', macs: [], sessions: [session], full }
const forever = new AbortController().signal

function nasAt(port: number | undefined, more: Partial<Nas> = {}): Nas {
  const at = port === undefined ? {} : { coaPort: port }
  return { id: 'bras-1', addresses: ['127.0.0.1'], vendor: 'standard', secretRef: 'env:NONE', ...at, ...more }
}

function driverAt(t: Test, nas: Nas, more: Partial<RadiusDaeOptions> = {}): ReturnType<typeof radiusDae> {
  const driver = radiusDae({ nas, secret: new Secret(SECRET), dictionary, clock: () => NOW, times: quick, ...more })
  t.teardown(() => driver.close())
  return driver
}

async function dasFor(t: Test, secret = SECRET, address?: string): Promise<Das> {
  const das = await Das.open(secret, address)
  t.teardown(() => das.close())
  return das
}

async function closedPort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof DriverError ? error.code : String(error))
  )
}

/** Time that passes only when told to. */
class Timers {
  readonly #waiting: { at: number; run: () => void }[] = []
  now = 0

  readonly after: After = (ms, run) => {
    const timer = { at: this.now + ms, run }
    this.#waiting.push(timer)
    return () => {
      const at = this.#waiting.indexOf(timer)
      if (at >= 0) this.#waiting.splice(at, 1)
    }
  }

  /** Lets the next timer run; gives the time that passed. */
  next(): number {
    this.#waiting.sort((a, b) => a.at - b.at)
    const first = this.#waiting.shift()
    if (first === undefined) throw new Error('nothing is waited for')
    const passed = first.at - this.now
    this.now = first.at
    first.run()
    return passed
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

async function bench(t: Test, behaviour: Behaviour): Promise<DriverBench> {
  const port = behaviour === 'unreachable' ? await closedPort() : undefined
  const das = await dasFor(t)
  const conducts: Record<Behaviour, Das['conduct']> = {
    answers: ({ packet, ...rest }, das) =>
      packet.text(Attr.AcctSessionId) === 'turnpike-health' ? das.nak(packet, 503) : sessions({ packet, ...rest }, das),
    hangs: () => undefined,
    unreachable: () => undefined,
    'wrong-credential': ({ packet }, das) => das.ack(packet, new Secret('another secret')),
    garbage: () => Buffer.from('HTTP/1.1 400 Bad Request')
  }
  const sessions = withSessions(session.acctSessionId)
  das.conduct = conducts[behaviour]
  // Only a device that hangs is left to the signal.
  const times = behaviour === 'hangs' ? { initial: 1000, transmissions: 5 } : quick
  return { driver: driverAt(t, nasAt(port ?? das.port), { times }), who, treatment: fenced, credential: SECRET }
}

driverSuite(t, 'radius-dae', {
  open: bench,
  credential: SECRET,
  bad: {
    'wrong password': {
      code: 'AUTH',
      says: /shared secret/,
      open: async t => (await bench(t, 'wrong-credential')).driver
    },
    'another certificate':
      'over UDP there is none; over RadSec the NAS itself connected, and its certificate was judged then',
    'another make': { code: 'PROTOCOL', says: /RADIUS/, open: async t => (await bench(t, 'garbage')).driver },
    'half a reply': {
      code: 'PROTOCOL',
      says: /RADIUS/,
      open: async t => {
        const das = await dasFor(t)
        das.conduct = ({ packet }, das) => das.nak(packet, 503).subarray(0, 19)
        return driverAt(t, nasAt(das.port))
      }
    },
    'the uplink': 'no port is switched off by this driver'
  }
})

t.test('the list of drivers names them, and nothing else', async t => {
  t.equal(drivers['radius-dae'], radiusDae)
  t.ok(isDriverName('radius-dae'))
  t.notOk(isDriverName('toString'))
})

t.test('RFC 5176 §3: a Disconnect-Request names the session, is dated and signed', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port))
  const applied = await driver.disconnect(session, forever)
  t.match(applied, { result: 'changed', detail: /Disconnect-ACK from port \d+/, proof: undefined })
  t.equal(das.last.code, Code.DisconnectRequest)
  t.equal(das.last.text(Attr.AcctSessionId), '81000001')
  t.equal(das.last.text(Attr.UserName), 'alice')
  t.equal(das.last.uint32(Attr.EventTimestamp), NOW / 1000)
  t.equal(das.last.messageAuthenticatorAt, 22, 'Message-Authenticator is the first attribute')
  t.equal(das.discarded, 0)
})

t.test('Event-Timestamp and Message-Authenticator can be left out for a box that stumbles over them', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port), { differs: { eventTimestamp: false, messageAuthenticator: false } })
  await driver.disconnect(session, forever)
  t.notOk(das.last.has(Attr.EventTimestamp))
  t.equal(das.last.messageAuthenticatorAt, 0)
})

t.test('each vendor is told the keys by which it finds a session, and no others', async t => {
  const das = await dasFor(t)
  const expected: Record<DialectName, Record<number, string>> = {
    standard: { [Attr.UserName]: 'alice', [Attr.AcctSessionId]: '81000001' },
    mikrotik: {
      [Attr.UserName]: 'alice',
      [Attr.AcctSessionId]: '81000001',
      [Attr.FramedIpAddress]: '100.64.0.7',
      [Attr.NasIpAddress]: '192.0.2.1'
    },
    cisco: { [Attr.UserName]: 'alice', [Attr.FramedIpAddress]: '100.64.0.7' },
    'cisco-isg': {},
    juniper: { [Attr.AcctSessionId]: '81000001' },
    huawei: { [Attr.AcctSessionId]: '81000001' },
    h3c: { [Attr.UserName]: 'alice', [Attr.AcctSessionId]: '81000001' },
    zte: { [Attr.UserName]: 'alice' },
    'accel-ppp': { [Attr.AcctSessionId]: '81000001' },
    coova: { [Attr.UserName]: 'alice', [Attr.AcctSessionId]: '81000001' },
    nokia: { [Attr.AcctSessionId]: '81000001' }
  }
  const keys = [
    Attr.UserName,
    Attr.AcctSessionId,
    Attr.FramedIpAddress,
    Attr.NasIpAddress,
    Attr.CallingStationId,
    Attr.NasPort
  ]
  const addresses: number[] = [Attr.FramedIpAddress, Attr.NasIpAddress]
  for (const name of Object.keys(expected) as DialectName[]) {
    await driverAt(t, nasAt(das.port), { dialect: name }).disconnect(session, forever)
    const sent = keys.flatMap(key => {
      const value = addresses.includes(key) ? das.last.ipv4(key) : das.last.text(key)
      return value === undefined ? [] : [[key, value]]
    })
    t.strictSame(Object.fromEntries(sent), expected[name], name)
  }
})

t.test('Cisco ISG is logged off by a CoA-Request', async t => {
  const das = await dasFor(t)
  await driverAt(t, nasAt(das.port), { dialect: 'cisco-isg' }).disconnect(session, forever)
  t.equal(das.last.code, Code.CoaRequest)
  t.equal(das.last.vsaText(9, 1), 'subscriber:command=account-logoff')
  t.equal(das.last.vsaText(9, 250), 'S100.64.0.7')
})

t.test('every attribute of the table stands in the dictionary', async t => {
  for (const [name, { changes, keys }] of Object.entries(dialects)) {
    const unknown = [...changes, ...keys].filter(attribute => dictionary.attribute(attribute) === undefined)
    t.strictSame(unknown, [], name)
  }
})

t.test('a session without the key that the box needs is not asked for', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port, { vendor: 'accel-ppp' }))
  t.equal(await codeOf(driver.disconnect({ ...session, acctSessionId: '' }, forever)), 'UNSUPPORTED')
  t.equal(das.received.length, 0)
})

t.test('a CoA-Request carries what the vendor can change, and leaves what only set-up can', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port, { vendor: 'mikrotik' }))
  await driver.change(
    session,
    {
      kind: 'full',
      reason: 'plan',
      attributes: [
        { name: 'Mikrotik-Rate-Limit', value: '5M/50M' },
        { name: 'Framed-Pool', value: 'home' },
        { name: 'Session-Timeout', value: 3600 }
      ]
    },
    forever
  )
  t.equal(das.last.code, Code.CoaRequest)
  t.equal(das.last.vsaText(14988, 8), '5M/50M')
  t.equal(das.last.uint32(Attr.SessionTimeout), 3600)
  t.notOk(das.last.has(Attr.FramedPool))
})

t.test('what the vendor cannot change is refused before anything is sent', async t => {
  const das = await dasFor(t)
  const nas = nasAt(das.port, { vendor: 'mikrotik' })
  const walled: Treatment = {
    kind: 'walled',
    reason: 'unpaid',
    list: 'walled',
    attributes: [{ name: 'Mikrotik-Address-List', value: 'walled' }]
  }
  const driver = driverAt(t, nas)
  t.equal(await codeOf(driver.change(session, walled, forever)), 'UNSUPPORTED', 'address list')
  t.equal(
    await codeOf(driver.change(session, { ...full, kind: 'blocked', attributes: [] }, forever)),
    'UNSUPPORTED',
    'blocked'
  )
  const pool: Treatment = { ...full, attributes: [{ name: 'Framed-Pool', value: 'home' }] }
  t.equal(await codeOf(driver.change(session, pool, forever)), 'UNSUPPORTED', 'nothing to send')
  const unknown: Treatment = { ...full, attributes: [{ name: 'No-Such-Attribute', value: 1 }] }
  t.equal(
    await codeOf(driverAt(t, nas, { alsoChanges: ['No-Such-Attribute'] }).change(session, unknown, forever)),
    'UNSUPPORTED',
    'not in the dictionary'
  )
  t.equal(das.received.length, 0)
  await driverAt(t, nas, { alsoChanges: ['Mikrotik-Address-List'] }).change(session, walled, forever)
  t.equal(das.last.vsaText(14988, 19), 'walled', 'unless this box was found to take it')
})

t.test('block falls back to a Disconnect-Request where CoA cannot say it; restore too', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port, { vendor: 'huawei' }))
  await driver.block({ ...who, full }, { ...fenced, attributes: [{ name: 'Framed-Pool', value: 'garden' }] }, forever)
  t.equal(das.last.code, Code.DisconnectRequest)
  await driver.restore(who, forever)
  t.equal(das.last.code, Code.CoaRequest)
  t.match(await driver.restore({ ...who, sessions: [] }, forever), { result: 'unchanged' })
})

t.test('RFC 5176 §3.5: every Error-Cause becomes an error with words and a remedy, or none', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port))
  for (const [cause, { meaning, words }] of Object.entries(errorCauses)) {
    das.conduct = ({ packet }, das) => das.nak(packet, Number(cause))
    const error = await driver.disconnect({ ...session, id: cause }, forever).catch((error: unknown) => error)
    if (meaning === 'done') t.match(error, { result: 'changed' }, cause)
    else t.match(error, { code: meaning, deviceCode: Number(cause), message: `${cause} ${words}` }, cause)
  }
  t.match(
    [errorCauses[503], errorCauses[401], errorCauses[404], errorCauses[406]].map(cause => cause?.meaning),
    ['NO_SUCH_SESSION', 'UNSUPPORTED', 'REJECTED', 'UNSUPPORTED']
  )
})

t.test('a NAK without Error-Cause, or with one that nobody knows, is a refusal', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port))
  das.conduct = ({ packet }, das) => das.nak(packet)
  await t.rejects(driver.disconnect(session, forever), { code: 'REJECTED', message: /without an Error-Cause/ })
  das.conduct = ({ packet }, das) => das.nak(packet, 999)
  await t.rejects(driver.disconnect(session, forever), { code: 'REJECTED', deviceCode: 999 })
})

t.test('an answer of another kind is an error of the protocol', async t => {
  const das = await dasFor(t)
  das.conduct = ({ packet }, das) => encodeResponse(packet, Code.AccessAccept, Buffer.alloc(0), das.secret)
  t.equal(await codeOf(driverAt(t, nasAt(das.port)).disconnect(session, forever)), 'PROTOCOL')
})

t.test('RFC 5080 §2.2.1: an unanswered request goes out again unchanged, after doubled waits with jitter', async t => {
  const das = await dasFor(t)
  const timers = new Timers()
  das.conduct = (_received, das) => (das.received.length === 3 ? das.ack(das.last) : undefined)
  const driver = driverAt(t, nasAt(das.port), { times: {}, after: timers.after, random: () => 0.5 })
  const done = driver.disconnect(session, forever)
  await until(() => das.received.length === 1)
  t.equal(timers.next(), 2000)
  await until(() => das.received.length === 2)
  t.equal(timers.next(), 4000)
  t.match(await done, { result: 'changed' })
  const [first, second, third] = das.received.map(({ datagram }) => datagram.toString('hex'))
  t.equal(second, first, 'same Identifier, same authenticator')
  t.equal(third, first)
})

t.test('RFC 5080 §2.2.1: five transmissions in all, then the NAS is unreachable', async t => {
  const das = await dasFor(t)
  das.conduct = () => undefined
  const timers = new Timers()
  const driver = driverAt(t, nasAt(das.port), { times: {}, after: timers.after, random: () => 0 })
  const done = driver.disconnect(session, forever)
  const ended = codeOf(done)
  for (let transmissions = 1; transmissions < 5; transmissions++) {
    await until(() => das.received.length === transmissions)
    timers.next()
  }
  await until(() => das.received.length === 5)
  timers.next()
  t.equal(await ended, 'UNREACHABLE')
  t.equal(timers.now, 30_000, 'MRD ends it, before the fifth wait does')
  t.equal(das.received.length, 5)
})

t.test('the waits stay within a tenth of what they should be, and below the longest', async t => {
  t.equal(nextWait(undefined, retransmissionDefaults, 0), 1800)
  t.equal(Math.round(nextWait(undefined, retransmissionDefaults, 0.999999)), 2200)
  t.equal(nextWait(2000, retransmissionDefaults, 0.5), 4000)
  t.equal(nextWait(12_000, retransmissionDefaults, 0.5), 16_000)
  t.equal(nextWait(12_000, retransmissionDefaults, 0), 14_400)
})

t.test('the port that answers is found by trying, and remembered', async t => {
  const silent = await dasFor(t)
  const das = await dasFor(t)
  silent.conduct = () => undefined
  const options = { address: '127.0.0.1', ports: [silent.port, das.port], secret: new Secret(SECRET), times: quick }
  const client = new DaeClient(options)
  t.teardown(() => client.close())
  const attributes = new AttributeWriter().add(Attr.AcctSessionId, 'x').finish()
  const { port } = await client.request(Code.DisconnectRequest, attributes, forever)
  t.equal(port, das.port)
  t.equal(client.port, das.port)
  const before = silent.received.length
  await client.request(Code.DisconnectRequest, attributes, forever)
  t.equal(silent.received.length, before, 'the other port is left alone from then on')
})

t.test('a port that refuses makes the next one be tried at once', async t => {
  const das = await dasFor(t)
  const timers = new Timers()
  const client = new DaeClient({
    address: '127.0.0.1',
    ports: [await closedPort(), das.port],
    secret: new Secret(SECRET),
    after: timers.after
  })
  t.teardown(() => client.close())
  const { port } = await client.request(Code.DisconnectRequest, Buffer.alloc(0), forever)
  t.equal(port, das.port)
  t.equal(timers.now, 0, 'no time had to pass')
})

t.test('duplicate and late answers are counted and dropped', async t => {
  const das = await dasFor(t)
  das.conduct = ({ packet }, das) => [das.ack(packet), das.ack(packet), das.ack(packet)]
  const client = new DaeClient({ address: '127.0.0.1', ports: [das.port], secret: new Secret(SECRET), times: quick })
  t.teardown(() => client.close())
  await client.request(Code.CoaRequest, Buffer.alloc(0), forever)
  await until(() => client.counters().late === 2)
  t.match(client.counters(), { transmissions: 1, answers: 1, late: 2, forged: 0, garbage: 0 })
})

t.test('a forged answer does not end the wait for the true one', async t => {
  const das = await dasFor(t)
  das.conduct = ({ packet }, das) => [das.ack(packet, new Secret('forger')), das.nak(packet, 503)]
  t.equal(await codeOf(driverAt(t, nasAt(das.port)).disconnect(session, forever)), 'NO_SUCH_SESSION')
})

t.test('256 requests may be in flight; the next is refused, not mixed up', async t => {
  const das = await dasFor(t)
  const held: Buffer[] = []
  das.conduct = ({ packet, from }, das) => {
    held.push(das.ack(packet))
    if (held.length === 256) for (const answer of held.toReversed()) das.send(answer, from)
    return undefined
  }
  const client = new DaeClient({ address: '127.0.0.1', ports: [das.port], secret: new Secret(SECRET) })
  t.teardown(() => client.close())
  const names = Array.from({ length: 256 }, (_, n) => new AttributeWriter().uint32(Attr.NasPort, n).finish())
  const all = names.map(attributes => client.request(Code.CoaRequest, attributes, new AbortController().signal))
  t.equal(await codeOf(client.request(Code.CoaRequest, Buffer.alloc(0), forever)), 'UNREACHABLE')
  const identifiers = new Set((await Promise.all(all)).map(({ packet }) => packet.identifier))
  t.equal(identifiers.size, 256)
})

t.test('accel-ppp gets one request at a time for a session', async t => {
  const das = await dasFor(t)
  let inFlight = 0
  let most = 0
  das.conduct = ({ packet, from }, das) => {
    most = Math.max(most, ++inFlight)
    setImmediate(() => {
      inFlight--
      das.send(das.ack(packet), from)
    })
    return undefined
  }
  const driver = driverAt(t, nasAt(das.port, { vendor: 'accel-ppp' }), { times: {} })
  await Promise.all([
    driver.disconnect(session, forever),
    driver.disconnect(session, forever),
    driver.disconnect(session, forever)
  ])
  t.equal(das.received.length, 3)
  t.equal(most, 1)
})

t.test('over IPv6', async t => {
  const das = await dasFor(t, SECRET, '::1')
  const driver = driverAt(t, nasAt(das.port, { addresses: ['::1/128'] }))
  t.match(await driver.disconnect(session, forever), { result: 'changed' })
})

t.test('from the address that the NAS takes CoA from', async t => {
  const das = await dasFor(t)
  const driver = driverAt(t, nasAt(das.port), { localAddress: '127.0.0.2' })
  await driver.disconnect(session, forever)
  t.equal(das.received[0]?.from.address, '127.0.0.2')
  const stray = driverAt(t, nasAt(das.port), { localAddress: '192.0.2.77' })
  t.equal(await codeOf(stray.disconnect(session, forever)), 'UNREACHABLE', 'an address that is not ours')
})

t.test('CoA goes to no link, group or metadata service', async t => {
  const options = { secret: new Secret(SECRET), dictionary, clock: () => NOW }
  for (const address of ['169.254.169.254', 'fe80::1', '224.0.0.1', '::ffff:169.254.169.254', 'fd00:ec2::254'])
    t.throws(() => radiusDae({ nas: nasAt(1, { addresses: ['192.0.2.1'], coaAddress: address }), ...options }), {
      code: 'UNSUPPORTED',
      message: /NAS bras-1: .* Correct its coaAddress/
    })
})

t.test('a NAS that is known by a prefix needs a coaAddress', async t => {
  const options = { secret: new Secret(SECRET), dictionary, clock: () => NOW }
  t.throws(() => radiusDae({ nas: nasAt(1, { addresses: ['10.0.0.0/8'] }), ...options }), {
    code: 'UNSUPPORTED',
    message: /coaAddress/
  })
  const das = await dasFor(t)
  const nas = nasAt(das.port, { addresses: ['10.0.0.0/8'], coaAddress: '127.0.0.1' })
  t.match(await driverAt(t, nas).disconnect(session, forever), { result: 'changed' })
})

t.test(
  'FreeRADIUS accepts a Disconnect-Request and a CoA-Request, and says 503 for a stranger',
  { skip: withoutFreeradius ?? false },
  async t => {
    const secret = 'freeradius-secret'
    const server = await startFreeradius(t.testdir(), secret, session.acctSessionId)
    t.teardown(() => server.stop())
    const driver = driverAt(t, nasAt(server.port), { secret: new Secret(secret), clock: Date.now, times: {} })
    t.match(await driver.disconnect(session, forever), { result: 'changed', detail: /Disconnect-ACK/ })
    t.match(await driver.change(session, fenced, forever), { result: 'changed', detail: /CoA-ACK/ })
    await t.rejects(driver.disconnect({ ...session, id: 's2', acctSessionId: 'other' }, forever), {
      code: 'NO_SUCH_SESSION',
      deviceCode: 503
    })
    await server.heard(/Sent Disconnect-NAK/)
    const log = server.log()
    t.match(log, /Received Disconnect-Request/)
    t.match(log, /Acct-Session-Id = "81000001"/)
    t.match(log, /Filter-Id = "garden"/)
    t.match(log, /Message-Authenticator = 0x/)
  }
)

t.test(
  'FreeRADIUS drops what is signed with another secret, and the NAS counts as unreachable',
  { skip: withoutFreeradius ?? false },
  async t => {
    const server = await startFreeradius(t.testdir(), 'freeradius-secret', session.acctSessionId)
    t.teardown(() => server.stop())
    const driver = driverAt(t, nasAt(server.port))
    await t.rejects(driver.disconnect(session, forever), {
      code: 'UNREACHABLE',
      message: /wrong shared secret looks the same/
    })
  }
)
