import t from 'tap'
import {
  Attr,
  AttributeWriter,
  Code,
  decodeSalted,
  decodeUserPassword,
  encodeRequest,
  encodeSalted,
  md5,
  mppeKeys,
  msChap2Response,
  newAuthenticator,
  ntHash,
  type Packet,
  Secret,
  verifyChap
} from '../../../protocols/radius/index.js'
import { type Answer, type Handler, plain, type Rejected, type RadiusRequest } from '../../../server/radius/index.js'
import {
  Health,
  type PartnerRealm,
  Proxy,
  type ProxyOptions,
  Realms,
  steps
} from '../../../server/radius/proxy/index.js'
import { MemoryLedger } from '../../agent/sessions/memory-ledger.js'
import { type Freeradius, Responder, shared, startFreeradius, states, withoutFreeradius } from './partner.js'
import {
  accountingRequest,
  Client,
  lines,
  nas,
  nextIdentifier,
  pairs,
  papRequest,
  read,
  type Rig,
  rig,
  secret,
  statusServer,
  T0
} from './rig.js'

type Test = Parameters<typeof rig>[0]

interface World extends Rig {
  readonly proxy: Proxy
  readonly ledger: MemoryLedger
  readonly noted: Rejected[]
  /** Requests that our own handlers got. */
  readonly ours: RadiusRequest[]
  readonly client: Client
}

interface Options extends Partial<ProxyOptions> {
  readonly recorded?: () => Answer | Promise<Answer>
}

const TIMES = { again: 40, window: 100, check: 30, rest: 300 }

async function world(t: Test, realms: readonly PartnerRealm[], options: Options = {}): Promise<World> {
  const { recorded = () => plain('recorded'), ledger = new MemoryLedger(), ...rest } = options
  const noted: Rejected[] = []
  const ours: RadiusRequest[] = []
  const handler =
    (answer: () => Answer | Promise<Answer>): Handler =>
    request => {
      ours.push(request)
      return answer()
    }
  const { log, lines: logged } = lines()
  const rejections = { note: (rejected: Rejected) => noted.push(rejected) }
  const proxy = await Proxy.open({ realms, ledger, rejections, clock: () => T0, log, times: TIMES, ...rest })
  const made = await rig(t, {
    access: proxy.access(handler(() => plain('accepted'))),
    accounting: proxy.accounting(handler(recorded))
  })
  t.teardown(() => proxy.close())
  const client = await Client.open(t, made.authentication)
  return Object.assign(made, { proxy, ledger: ledger as MemoryLedger, noted, ours, client, lines: logged })
}

const named = (userName: string, more?: (writer: AttributeWriter) => unknown) =>
  papRequest({ userName, signed: true, ...(more && { more }) })

const usage = (session = 's1', status = 1, userName = 'bob@partner.example') =>
  accountingRequest(writer =>
    writer.add(Attr.UserName, userName).add(Attr.AcctSessionId, session).uint32(Attr.AcctStatusType, status)
  )

const realm = (responders: readonly Responder[], more: Partial<PartnerRealm> = {}): PartnerRealm => ({
  realm: 'partner.example',
  servers: responders.map(({ server }) => server),
  ...more
})

t.test('the realm is behind the last @ or before the first backslash, whatever its case', async t => {
  const realms = new Realms([{ realm: 'Partner.example' }, { realm: 'b' }])
  const of = (name: string) => {
    const found = realms.of(name)
    return found === undefined ? undefined : `${found.user} of ${found.realm.realm}`
  }
  t.equal(of('bob@PARTNER.example'), 'bob of Partner.example')
  t.equal(of('b\\bob'), 'bob of b')
  t.equal(of('b\\bob@partner.example'), 'b\\bob of Partner.example')
  t.equal(of('b\\bob@elsewhere'), 'bob@elsewhere of b')
  t.equal(of('bob@b@elsewhere'), undefined)
  for (const ours of ['bob', 'bob@ours.example', '', '@', 'x@', '\\', 'partner.example']) t.equal(of(ours), undefined)
})

t.test('the table of health: what is silent is a zombie, then dead; three answers bring the dead back', async t => {
  const after = (...what: Parameters<Health['note']>[0][]) => {
    const health = new Health()
    for (const one of what) health.note(one)
    return health.state
  }
  t.equal(after(), 'alive')
  t.equal(after('silent'), 'zombie')
  t.equal(after('silent', 'silent', 'silent', 'silent'), 'zombie', 'a thousand requests may be silent at once')
  t.equal(after('silent', 'answered'), 'alive')
  t.equal(after('silent', 'unchecked', 'unchecked'), 'zombie')
  const dead = ['silent', 'unchecked', 'silent', 'unchecked', 'unchecked'] as const
  t.equal(after(...dead), 'dead')
  t.equal(after(...dead, 'answered', 'answered', 'unchecked', 'answered'), 'dead')
  t.equal(after(...dead, 'answered', 'answered', 'answered'), 'alive')
  t.equal(after(...dead, 'rested'), 'zombie')
  t.equal(new Set(steps.map(({ from, on }) => `${from} ${on}`)).size, steps.length)
})

t.test('names of other realms, and none, stay ours', async t => {
  const partner = await Responder.open(t)
  const { client, ours } = await world(t, [realm([partner])])
  for (const name of ['alice', 'alice@ours.example']) {
    const { datagram, authenticator } = named(name)
    t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessAccept)
  }
  t.equal(ours.length, 2)
  t.equal(partner.asked.length, 0)
})

t.test('a request reaches the partner with its password hidden anew, and Proxy-State goes and comes back', async t => {
  const partner = await Responder.open(t)
  const { client, ours } = await world(t, [realm([partner], { strip: true })])
  const asked = named('bob@partner.example', writer =>
    writer.add(Attr.NasPortId, 'ether1').add(Attr.ProxyState, 'first').add(Attr.ProxyState, 'second')
  )
  const reply = read(await client.ask(asked.datagram), asked.authenticator)
  t.equal(reply.code, Code.AccessAccept)
  t.same(states(reply), ['first', 'second'])
  const [packet] = partner.asked
  t.equal(packet?.text(Attr.UserName), 'bob')
  t.equal(packet?.text(Attr.NasPortId), 'ether1')
  t.ok(packet?.has(Attr.MessageAuthenticator))
  const hidden = packet!.octets(Attr.UserPassword)!
  t.equal(decodeUserPassword(hidden, packet!.authenticator, shared)?.toString(), 'wonderland')
  t.same(states(packet!).slice(0, 2), ['first', 'second'])
  t.equal(states(packet!).length, 3)
  t.equal(ours.length, 0)
})

t.test('CHAP whose challenge was the Request Authenticator still proves the password', async t => {
  const partner = await Responder.open(t)
  const { client } = await world(t, [realm([partner])])
  const authenticator = newAuthenticator()
  const response = Buffer.concat([Buffer.from([7]), md5(Buffer.from([7]), Buffer.from('wonderland'), authenticator)])
  const attributes = new AttributeWriter().add(Attr.UserName, 'bob@partner.example').add(Attr.ChapPassword, response)
  await client.ask(
    encodeRequest(Code.AccessRequest, nextIdentifier(), attributes.finish(), secret, { authenticator }).datagram
  )
  t.ok(verifyChap(partner.asked[0]!, 'wonderland'))
  t.equal(partner.asked[0]!.text(Attr.UserName), 'bob@partner.example', 'without strip the name goes as it came')
})

t.test(
  'what the partner answers is filtered by attribute and by what the NAS speaks, keys are hidden anew',
  async t => {
    const partner = await Responder.open(t)
    const key = Buffer.from('0123456789abcdef')
    partner.answer = ({ authenticator }) => [
      Code.AccessAccept,
      new AttributeWriter()
        .add(Attr.UserName, 'anonymous')
        .uint32(Attr.SessionTimeout, 600)
        .add(Attr.FramedRoute, '0.0.0.0/0 192.0.2.1 1')
        .add(Attr.Class, 'theirs')
        .add(
          Attr.TunnelPassword,
          Buffer.concat([Buffer.from([1]), encodeSalted(Buffer.from('tunnel'), authenticator, shared)])
        )
        .vsa(14988, 8, '1M/2M')
        .vsa(9, 1, 'ip:outacl')
        .vsa(311, 16, encodeSalted(key, authenticator, shared))
        .vsa(311, 10, 'MS-CHAP-Domain')
        .vsa(99999, 1, 'unheard of')
        .finish()
    ]
    const { client } = await world(t, [realm([partner])])
    const { datagram, authenticator } = named('bob@partner.example')
    const reply = read(await client.ask(datagram), authenticator)
    t.same(
      [...reply.entries()].map(({ type }) => type).sort((a, b) => a - b),
      [25, 26, 26, 27, 69, 80]
    )
    t.equal(reply.vsaText(14988, 8), '1M/2M')
    t.equal(decodeSalted(reply.vsa(311, 16)!, authenticator, secret)?.toString(), key.toString())
    t.equal(decodeSalted(reply.octets(Attr.TunnelPassword)!.subarray(1), authenticator, secret)?.toString(), 'tunnel')
    partner.answer = () => [
      Code.AccessReject,
      new AttributeWriter().add(18, 'no').uint32(Attr.SessionTimeout, 1).finish()
    ]
    const again = named('bob@partner.example')
    t.same(pairs(read(await client.ask(again.datagram), again.authenticator)), { 'Reply-Message': 'no' })
  }
)

t.test('a reject of the partner is noted with its reason', async t => {
  const partner = await Responder.open(t)
  partner.answer = () => [Code.AccessReject]
  const { client, noted } = await world(t, [realm([partner])])
  const { datagram, authenticator } = named('bob@partner.example')
  t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessReject)
  t.match(noted, [{ code: 'PARTNER_REJECTED', userName: 'bob@partner.example', nas: 'bras-1', subscriber: '' }])
})

t.test('a NAS that asks again is not forwarded again; a datagram that is lost is sent again by us', async t => {
  const partner = await Responder.open(t)
  const { client, server } = await world(t, [realm([partner])], { times: { ...TIMES, again: 5000, window: 9000 } })
  let answer: () => void = () => undefined
  partner.answer = () => new Promise(resolve => (answer = () => resolve([Code.AccessAccept])))
  const { datagram, authenticator } = named('bob@partner.example')
  client.send(datagram)
  await partner.heard(1)
  client.send(datagram)
  await client.ask(statusServer())
  t.equal(server.counters().discarded.DUPLICATE_IN_FLIGHT, 1)
  answer()
  t.equal(read(await client.next(), authenticator).code, Code.AccessAccept)
  t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessAccept, 'the same answer once more')
  t.equal(partner.asked.length, 1)

  const lossy = await Responder.open(t)
  lossy.answer = () => (lossy.asked.length < 2 ? undefined : [Code.AccessAccept])
  const other = await world(t, [realm([lossy])], { times: { ...TIMES, window: 5000 } })
  const lost = named('bob@partner.example')
  t.equal(read(await other.client.ask(lost.datagram), lost.authenticator).code, Code.AccessAccept)
  t.same(lossy.asked[0]!.octetsOnWire, lossy.asked[1]!.octetsOnWire, 'unchanged, so that the partner knows it')
})

t.test('a silent server is followed by the next, is left alone, and comes back when it answers a check', async t => {
  const [first, second] = [await Responder.open(t), await Responder.open(t)]
  first.answer = () => undefined
  first.alive = false
  const { client, proxy, lines } = await world(t, [realm([first, second])])
  const ask = async () => {
    const { datagram, authenticator } = named('bob@partner.example')
    return read(await client.ask(datagram), authenticator).code
  }
  t.equal(await ask(), Code.AccessAccept)
  t.equal(second.asked.length, 1)
  t.equal(proxy.status().realms[0]?.servers[0]?.state, 'zombie')
  const before = first.asked.length
  await ask()
  t.equal(first.asked.length, before, 'the second is asked at once')
  first.answer = () => [Code.AccessAccept]
  first.alive = true
  const healed = () => lines.some(line => line['msg'] === "a partner's server answers again")
  while (!healed()) await ask()
  const at = second.asked.length
  await ask()
  t.equal(second.asked.length, at, 'the first is asked again')
})

t.test('an EAP conversation stays with the server that began it, octet by octet', async t => {
  const [first, second] = [await Responder.open(t), await Responder.open(t)]
  const challenge = Buffer.from('010200160410000102030405060708090a0b0c0d0e0f', 'hex')
  first.answer = () => undefined
  first.alive = false
  second.answer = packet =>
    packet.has(Attr.State)
      ? [Code.AccessAccept, new AttributeWriter().add(Attr.EapMessage, Buffer.from('03020004', 'hex')).finish()]
      : [Code.AccessChallenge, new AttributeWriter().add(Attr.State, 'S').add(Attr.EapMessage, challenge).finish()]
  const { client, proxy } = await world(t, [realm([first, second])])
  const eap = (message: Buffer, state?: string) => {
    const writer = new AttributeWriter().add(Attr.UserName, 'bob@partner.example').add(Attr.EapMessage, message)
    if (state !== undefined) writer.add(Attr.State, state)
    return encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret)
  }
  const identity = eap(Buffer.from('0201000a01626f6240', 'hex'))
  const asked = read(await client.ask(identity.datagram), identity.authenticator)
  t.equal(asked.code, Code.AccessChallenge)
  t.same(asked.octets(Attr.EapMessage), challenge)
  first.alive = true
  first.answer = () => [Code.AccessReject]
  while (proxy.status().realms[0]?.servers[0]?.state !== 'alive') await new Promise(resolve => setImmediate(resolve))
  const long = Buffer.alloc(253, 2)
  const response = eap(long, 'S')
  const done = read(await client.ask(response.datagram), response.authenticator)
  t.equal(done.code, Code.AccessAccept, 'the second began it and ends it')
  t.same(second.asked.at(-1)?.octets(Attr.EapMessage), long)
})

t.test('without an answer nothing is said; once all are dead the subscriber is refused with the reason', async t => {
  const partner = await Responder.open(t)
  partner.answer = () => undefined
  partner.alive = false
  const { client, server, proxy, noted } = await world(t, [realm([partner])])
  client.send(named('bob@partner.example').datagram)
  const state = () => proxy.status().realms[0]?.servers[0]?.state
  while (state() !== 'zombie') await client.ask(statusServer())
  await client.ask(statusServer())
  t.equal(server.counters().discarded.PARTNER_SILENT, 1)
  while (state() !== 'dead') await client.ask(statusServer())
  const refused = named('bob@partner.example')
  t.equal(read(await client.ask(refused.datagram), refused.authenticator).code, Code.AccessReject)
  t.match(noted, [{ code: 'PARTNER_DOWN', words: /No server of the partner/ }])
  // It never answered a check, so that checks prove nothing: after a rest it is tried again.
  partner.answer = () => [Code.AccessAccept]
  while (state() !== 'zombie') await client.ask(statusServer())
  const again = named('bob@partner.example')
  t.equal(read(await client.ask(again.datagram), again.authenticator).code, Code.AccessAccept)
})

t.test('a port where nobody listens is found out at once', async t => {
  const undo: (() => unknown)[] = []
  const gone = await Responder.open({ teardown: close => undo.push(close) })
  for (const close of undo) await close()
  const there = await Responder.open(t)
  const { client } = await world(t, [realm([gone, there])], { times: { again: 60_000, window: 60_000 } })
  const { datagram, authenticator } = named('bob@partner.example')
  t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessAccept)
})

t.test('a hung partner holds up nobody else, and no more than its share waits for it', async t => {
  const [hung, other] = [await Responder.open(t), await Responder.open(t)]
  hung.answer = () => undefined
  const realms = [realm([hung]), { realm: 'other.example', servers: [other.server] }]
  const made = await world(t, realms, { inFlight: 2, times: { ...TIMES, window: 60_000, again: 60_000 } })
  const { client, server, proxy } = made
  for (let n = 0; n < 3; n++) client.send(named('bob@partner.example').datagram)
  for (const name of ['alice', 'carol@other.example']) {
    const { datagram, authenticator } = named(name)
    t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessAccept)
  }
  t.equal(server.counters().discarded.PARTNER_CROWDED, 1)
  t.equal(proxy.status().realms[0]?.servers[0]?.inFlight, 2)
})

t.test('answers that are forged, or unsigned by one that signs, are not taken', async t => {
  const partner = await Responder.open(t)
  const { client } = await world(t, [realm([partner])], { times: { ...TIMES, window: 5000, again: 50 } })
  const first = named('bob@partner.example')
  await client.ask(first.datagram)
  let tries = 0
  const unsigned = (packet: Packet) => {
    const reply = Buffer.concat([Buffer.from([Code.AccessAccept, packet.identifier, 0, 20]), packet.authenticator])
    return Buffer.concat([reply.subarray(0, 4), md5(reply, Buffer.from('shared with the partner'))])
  }
  let port = 0
  ;(partner as unknown as { reply: Responder['reply'] }).reply = function (this: Responder, to, at, reply) {
    port = at
    if (++tries === 1) this.raw(unsigned(to), port)
    else if (tries === 2) Responder.prototype.reply.call(this, to, at, reply, new Secret('another'))
    else Responder.prototype.reply.call(this, to, at, [Code.AccessReject])
  }
  const second = named('bob@partner.example')
  t.equal(read(await client.ask(second.datagram), second.authenticator).code, Code.AccessReject)
  t.equal(tries, 3)
})

t.test('what comes back to us is dropped instead of going round', async t => {
  const partner = await Responder.open(t)
  const { client, server, accounting } = await world(t, [realm([partner])])
  await client.ask(named('bob@partner.example').datagram)
  const ours = partner.asked[0]!.all(Attr.ProxyState)[0]!
  const round = named('bob@partner.example', writer => writer.add(Attr.ProxyState, ours))
  t.ok(await client.isSilentOn(round.datagram))
  const meter = await Client.open(t, accounting)
  const record = accountingRequest(writer => writer.add(Attr.UserName, 'b@partner.example').add(Attr.ProxyState, ours))
  t.ok(await meter.isSilentOn(record.datagram))
  t.equal(server.counters().discarded.PROXY_LOOP, 2)
})

t.test('accounting is ours first: durable, then the partner is told, and the NAS does not wait for it', async t => {
  const partner = await Responder.open(t)
  const order: string[] = []
  partner.answer = () => void order.push('theirs')
  let release: (answer: Answer) => void = () => undefined
  const recorded = () =>
    new Promise<Answer>(resolve => {
      release = answer => {
        order.push('ours')
        resolve(answer)
      }
    })
  const made = await world(t, [realm([partner], { strip: true })], {
    recorded,
    times: { ...TIMES, again: 5000, window: 9000 }
  })
  const meter = await Client.open(t, made.accounting)
  const { datagram, authenticator } = usage()
  meter.send(datagram)
  await meter.ask(statusServer())
  t.same(order, [])
  release(plain('recorded'))
  t.equal(read(await meter.next(), authenticator).code, Code.AccountingResponse, 'before the partner has answered')
  await partner.heard(1)
  t.same(order, ['ours', 'theirs'])
  t.equal(partner.asked[0]!.text(Attr.UserName), 'bob')
  t.equal(made.proxy.status().waiting, 1)
  t.equal(made.ledger.tables.get('proxy-accounting')?.size, 1)
})

t.test('without a durable record of ours nothing goes to the partner, nor an answer to the NAS', async t => {
  const partner = await Responder.open(t)
  const ledger = new MemoryLedger()
  let outcome: Answer['outcome'] = 'unrecorded'
  const { accounting, server } = await world(t, [realm([partner])], { ledger, recorded: () => plain(outcome) })
  const meter = await Client.open(t, accounting)
  t.ok(await meter.isSilentOn(usage().datagram))
  outcome = 'recorded'
  ledger.failures = 1
  meter.send(usage('s2').datagram)
  while ((server.counters().discarded.NOT_RECORDED ?? 0) < 2) await meter.ask(statusServer())
  t.equal(partner.asked.length, 0)
})

t.test('what the partner missed is sent after a restart, in order, with the delay told', async t => {
  const partner = await Responder.open(t)
  partner.answer = () => undefined
  partner.alive = false
  const ledger = new MemoryLedger()
  const before = await world(t, [realm([partner])], { ledger, backlog: { again: 60_000 } })
  const meter = await Client.open(t, before.accounting)
  for (const [session, status] of [
    ['s1', 1],
    ['s2', 1],
    ['s1', 3],
    ['s1', 2]
  ] as const) {
    await meter.ask(usage(session, status).datagram)
  }
  t.equal(ledger.tables.get('proxy-accounting')?.size, 4)
  await before.proxy.close()
  partner.answer = () => [Code.AccountingResponse]
  const after = await world(t, [realm([partner])], { ledger, clock: () => T0 + 90_000 })
  while (after.proxy.status().waiting > 0) await new Promise(resolve => setImmediate(resolve))
  // What was on its way at the restart had no delay; on a busy machine a record is sent more than once.
  const late = partner.asked.filter(packet => packet.uint32(Attr.AcctDelayTime) === 90)
  const told = (session: string) => [
    ...new Set(
      late
        .filter(packet => packet.text(Attr.AcctSessionId) === session)
        .map(packet => packet.uint32(Attr.AcctStatusType))
    )
  ]
  t.same([told('s1'), told('s2')], [[1, 3, 2], [1]])
  await after.proxy.close()
  t.equal(ledger.tables.get('proxy-accounting')?.size, 0)
})

t.test('the backlog is bounded by number and age, and what is given up is told', async t => {
  const partner = await Responder.open(t)
  partner.answer = () => undefined
  partner.alive = false
  let now = T0
  const made = await world(t, [realm([partner])], {
    clock: () => now,
    backlog: { most: 2, again: 20, age: 1000 },
    times: { ...TIMES, window: 20 }
  })
  const meter = await Client.open(t, made.accounting)
  for (const session of ['a', 'b', 'c']) await meter.ask(usage(session).datagram)
  t.same({ ...made.proxy.status(), realms: undefined }, { realms: undefined, waiting: 2, lost: 1 })
  now += 2000
  while (made.proxy.status().waiting > 0) await meter.ask(statusServer())
  t.equal(made.proxy.status().lost, 3)
  t.match(
    made.lines.findLast(line => line['lost'] === 3),
    { realm: 'partner.example', msg: /given up/ }
  )
})

t.test('accounting that is theirs alone is answered when they have it', async t => {
  const partner = await Responder.open(t)
  const { accounting, ours, server, ledger } = await world(t, [realm([partner], { accounting: 'theirs' })])
  const meter = await Client.open(t, accounting)
  const { datagram, authenticator } = usage()
  t.equal(read(await meter.ask(datagram), authenticator).code, Code.AccountingResponse)
  partner.answer = () => undefined
  meter.send(usage('s2').datagram)
  while (server.counters().discarded.PARTNER_SILENT === undefined) await meter.ask(statusServer())
  t.equal(ours.length, 0)
  t.equal(ledger.tables.get('proxy-accounting'), undefined)
})

const theirServer = ({ port, acctPort }: Freeradius): PartnerRealm => ({
  realm: 'partner.example',
  servers: [{ address: '127.0.0.1', authPort: port, acctPort, secret: shared }],
  strip: true
})

t.test(
  'Debian’s FreeRADIUS as the partner: PAP, CHAP, MS-CHAPv2 with its keys, EAP-MD5, accounting',
  withoutFreeradius,
  async t => {
    const freeradius = await startFreeradius(t)
    const times = { again: 2000, window: 5000 }
    const { client, accounting, proxy } = await world(t, [theirServer(freeradius)], { times })
    const name = 'bob@partner.example'
    const ask = async (write: (writer: AttributeWriter, authenticator: Buffer) => unknown) => {
      const authenticator = newAuthenticator()
      const writer = new AttributeWriter().add(Attr.UserName, name)
      write(writer, authenticator)
      const { datagram } = encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret, {
        authenticator
      })
      return { reply: read(await client.ask(datagram), authenticator), authenticator }
    }
    const pap = named(name)
    const accepted = pairs(read(await client.ask(pap.datagram), pap.authenticator))
    t.match(accepted, { 'Reply-Message': 'bob', 'Mikrotik-Rate-Limit': '1M/2M' })
    t.notOk('Framed-Route' in accepted || 'Cisco-AVPair' in accepted, 'what is not for this NAS stays outside')
    const wrong = papRequest({ userName: name, password: 'wrong', signed: true })
    t.equal(read(await client.ask(wrong.datagram), wrong.authenticator).code, Code.AccessReject)

    const chap = await ask((writer, authenticator) =>
      writer.add(
        Attr.ChapPassword,
        Buffer.concat([Buffer.from([1]), md5(Buffer.from([1]), Buffer.from('wonderland'), authenticator)])
      )
    )
    t.equal(chap.reply.code, Code.AccessAccept)

    const [challenge, peer, hash] = [Buffer.alloc(16, 3), Buffer.alloc(16, 5), ntHash('wonderland')]
    const response = msChap2Response(challenge, peer, 'bob', hash)
    const { reply, authenticator } = await ask(writer =>
      writer.vsa(311, 11, challenge).vsa(311, 25, Buffer.concat([Buffer.from([9, 0]), peer, Buffer.alloc(8), response]))
    )
    t.match(reply.vsaText(311, 26), /S=[0-9A-F]{40}/)
    const keys = mppeKeys(hash, response)
    t.same(decodeSalted(reply.vsa(311, 16)!, authenticator, secret), keys.send, 'the NAS can read the keys')
    t.same(decodeSalted(reply.vsa(311, 17)!, authenticator, secret), keys.receive)

    const identity = Buffer.from(`0201000801${Buffer.from('bob').toString('hex')}`, 'hex')
    const begun = (await ask(writer => writer.add(Attr.EapMessage, identity))).reply
    t.equal(begun.code, Code.AccessChallenge)
    const request = begun.octets(Attr.EapMessage)!
    const proof = md5(request.subarray(1, 2), Buffer.from('wonderland'), request.subarray(6, 22))
    const eap = Buffer.concat([Buffer.from([2, request[1]!, 0, 22, 4, 16]), proof])
    const done = await ask(writer => writer.add(Attr.EapMessage, eap).add(Attr.State, begun.octets(Attr.State)!))
    t.equal(done.reply.code, Code.AccessAccept)
    t.equal(done.reply.octets(Attr.EapMessage)?.[0], 3, 'EAP-Success')

    const meter = await Client.open(t, accounting)
    const record = usage()
    t.equal(read(await meter.ask(record.datagram), record.authenticator).code, Code.AccountingResponse)
    while (proxy.status().waiting > 0) await new Promise(resolve => setImmediate(resolve))
    t.match(freeradius.log(), /Received Accounting-Request[^]*Acct-Session-Id = "s1"/)
  }
)

t.test(
  'Debian’s FreeRADIUS in front of us: a chain of two proxies, each takes its own Proxy-State away',
  withoutFreeradius,
  async t => {
    const partner = await Responder.open(t)
    partner.answer = packet =>
      packet.code === Code.AccessRequest
        ? [Code.AccessAccept, new AttributeWriter().uint32(Attr.SessionTimeout, 77).finish()]
        : [Code.AccountingResponse]
    const realms = [realm([partner])]
    const proxyMade = await Proxy.open({
      realms,
      ledger: new MemoryLedger(),
      rejections: { note: () => undefined },
      clock: () => T0,
      log: lines().log
    })
    t.teardown(() => proxyMade.close())
    const made = await rig(t, {
      access: proxyMade.access(() => plain('accepted')),
      accounting: proxyMade.accounting(() => plain('recorded')),
      nases: [nas],
      secretOf: () => shared
    })
    const front = await startFreeradius(t, { port: made.authentication, acctPort: made.accounting })
    const client = await Client.open(t, front.port)
    const asked = papRequest({ userName: 'bob@partner.example', signed: true, with: shared })
    const reply = read(await client.ask(asked.datagram), asked.authenticator, shared)
    t.equal(reply.code, Code.AccessAccept)
    t.equal(reply.uint32(Attr.SessionTimeout), 77)
    t.equal(states(reply).length, 0)
    const [packet] = partner.asked
    t.equal(states(packet!).length, 2, "FreeRADIUS' and ours")
    t.equal(
      decodeUserPassword(packet!.octets(Attr.UserPassword)!, packet!.authenticator, shared)?.toString(),
      'wonderland'
    )
    const local = papRequest({ userName: 'alice', signed: true, with: shared })
    t.equal(
      read(await client.ask(local.datagram), local.authenticator, shared).code,
      Code.AccessAccept,
      'ours, proxied to us'
    )
    const meter = await Client.open(t, front.acctPort)
    const record = accountingRequest(
      writer =>
        writer.add(Attr.UserName, 'bob@partner.example').add(Attr.AcctSessionId, 'c1').uint32(Attr.AcctStatusType, 1),
      shared
    )
    t.equal(read(await meter.ask(record.datagram), record.authenticator, shared).code, Code.AccountingResponse)
    await partner.heard(2)
    t.equal(partner.asked[1]!.text(Attr.AcctSessionId), 'c1')
  }
)
