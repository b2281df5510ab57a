import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Applied, DriverError, type Nas, type SessionRef } from '../../../agent/model/index.js'
import { radiusDae } from '../../../drivers/radius-dae/index.js'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeResponse,
  Packet,
  Secret
} from '../../../protocols/radius/index.js'
import { type Answer, plain, type RadiusRequest } from '../../../server/radius/index.js'
import { sessionKeys } from '../../../server/radius/methods/mppe.js'
import { namesOf, partings, readIdentity, type RadSecError, radSecErrors } from '../../../server/radius/tls/index.js'
import { type Certificate, issue } from './radsec-certificates.js'
import { byName, certificates, Peer, shared, verified, type World, world } from './radsec-world.js'
import { shared as partnerSecret, startRadSecClient, withoutFreeradius } from './partner.js'
import { accountingRequest, Client, dictionary, nextIdentifier, papRequest, read as readReply } from './rig.js'

const made = certificates(t)

const status = () => encodeRequest(Code.StatusServer, nextIdentifier(), Buffer.alloc(0), shared)
const pap = (asking: Parameters<typeof papRequest>[0] = {}) => papRequest({ with: shared, ...asking })
const start = () =>
  accountingRequest(writer => writer.add(Attr.AcctSessionId, 's1').uint32(Attr.AcctStatusType, 1), shared)

t.test('authentication, accounting and Status-Server go over one connection, with TLS 1.2 and 1.3', async t => {
  const { port, granted, lines } = await world(t, made)
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const peer = await Peer.open(t, made, port, made.nas, { minVersion: version, maxVersion: version })
    const access = pap()
    t.equal(verified(await peer.ask(access.datagram), access.authenticator).code, Code.AccessAccept, version)
    const accounting = start()
    t.equal(verified(await peer.ask(accounting.datagram), accounting.authenticator).code, Code.AccountingResponse)
    const probe = status()
    t.equal(verified(await peer.ask(probe.datagram), probe.authenticator).code, Code.AccessAccept)
    t.match(lines.at(-1), { tls: version, version: 'radius/1.0', nas: 'bras-1' })
  }
  t.match(granted, [{ nas: 'bras-1' }, { nas: 'bras-1' }])
})

t.test('a NAS is known by the CN of its certificate, or by a DNS, IP or URI name of its SAN', async t => {
  const named = (id: string, name: string): Nas => ({ ...byName, id, certificateNames: [name] })
  const { port, nases, granted } = await world(t, made)
  for (const name of ['something', 'NAS.example.net', '192.0.2.77', '2001:db8::77', 'urn:nas:77']) {
    nases.list = [named('other', 'other.example.net'), named(`nas ${name}`, name)]
    const peer = await Peer.open(t, made, port, made.byAlternatives)
    await peer.ask(pap().datagram)
    t.equal(granted.at(-1)?.nas, `nas ${name}`)
  }
})

t.test('names are read from what Node prints, and quoted ones cannot smuggle others in', async t => {
  const read = (subjectaltname: string) => [...namesOf({ subject: { CN: 'a' } as never, subjectaltname })]
  t.same(read('DNS:B, IP Address:10.0.0.1, email:x@y, URI:urn:c'), ['a', 'b', '10.0.0.1', 'urn:c'])
  t.same(read('DNS:"b, DNS:evil", DNS:c'), ['a', 'b, dns:evil', 'c'])
  t.same(read('DNS:b", DNS:evil'), ['a'], 'a text that does not add up has no names')
  t.same(
    [...namesOf({ subject: { CN: ['a', 'b'] } as never, subjectaltname: undefined as never })],
    ['a', 'b'],
    'a subject may have several'
  )
})

t.test('without a name the address decides, where it is allowed and the NAS has no names of its own', async t => {
  const there: Nas = { ...byName, id: 'there', addresses: ['127.0.0.1'], certificateNames: [] }
  const allowed = await world(t, made, { list: [there], byAddress: true })
  await (await Peer.open(t, made, allowed.port, made.stranger)).ask(pap().datagram)
  t.equal(allowed.granted[0]?.nas, 'there')
  allowed.nases.list = [{ ...there, certificateNames: ['named'] }]
  await (await Peer.open(t, made, allowed.port, made.stranger)).closed()
  const forbidden = await world(t, made, { list: [there] })
  await (await Peer.open(t, made, forbidden.port, made.stranger)).closed()
  for (const { radsec } of [allowed, forbidden]) t.equal(radsec.counters().parted.UNKNOWN_NAME, 1)
})

t.test('packets are found in the stream however it is cut', async t => {
  const { port } = await world(t, made)
  const peer = await Peer.open(t, made, port)
  const requests = Array.from({ length: 40 }, () => pap())
  peer.send(...requests.map(({ datagram }) => datagram))
  for (const { authenticator } of requests) t.equal(verified(await peer.next(), authenticator).code, Code.AccessAccept)
  const last = pap()
  for (const octet of last.datagram) peer.send(Buffer.from([octet]))
  t.equal(verified(await peer.next(), last.authenticator).code, Code.AccessAccept)
})

t.test('Message-Authenticator and its lock are not demanded inside TLS, a wrong one ends the connection', async t => {
  const { port, radsec, server } = await world(t, made, { messageAuthenticator: 'required' })
  const peer = await Peer.open(t, made, port)
  const proxied = pap({ more: writer => writer.add(Attr.ProxyState, 'p') })
  const reply = verified(await peer.ask(proxied.datagram), proxied.authenticator)
  t.equal(reply.text(Attr.ProxyState), 'p')
  t.ok(reply.has(Attr.MessageAuthenticator), 'replies are signed')
  peer.send(pap({ signed: true, with: new Secret('another') }).datagram)
  await peer.closed()
  t.equal(radsec.counters().parted.MALFORMED, 1)
  t.equal(server.counters().discarded.RAD_MESSAGE_AUTHENTICATOR_WRONG, 1)
})

t.test('rejects that wait hold nothing else up', async t => {
  const { port } = await world(t, made, { rejectDelay: 60_000, limits: { inFlight: 1 } })
  const peer = await Peer.open(t, made, port)
  peer.send(...Array.from({ length: 20 }, () => pap({ password: 'wrong' }).datagram))
  const right = pap()
  t.equal(verified(await peer.ask(right.datagram), right.authenticator).code, Code.AccessAccept)
})

t.test('while too much is worked on nothing more is read, and then it goes on', async t => {
  const waiting: ((answer: Answer) => void)[] = []
  let most = 0
  const accounting = () =>
    new Promise<Answer>(resolve => {
      waiting.push(resolve)
      most = Math.max(most, waiting.length)
    })
  const { port } = await world(t, made, { accounting, limits: { inFlight: 2 } })
  const peer = await Peer.open(t, made, port)
  const requests = Array.from({ length: 9 }, () => start())
  peer.send(...requests.map(({ datagram }) => datagram))
  const probe = await Peer.open(t, made, port)
  await probe.ask(status().datagram)
  for (const { authenticator } of requests) {
    while (waiting.length === 0) await probe.ask(status().datagram)
    waiting.shift()!(plain('recorded'))
    t.equal(verified(await peer.next(), authenticator).code, Code.AccountingResponse)
  }
  t.equal(most, 2)
})

t.test('who does not take replies is not read from, and in the end let go', async t => {
  const { port, radsec } = await world(t, made, { limits: { replies: 4096, packet: 50 } })
  const peer = await Peer.open(t, made, port)
  peer.socket.pause()
  const many = Buffer.concat(Array.from({ length: 20_000 }, () => status().datagram))
  for (let n = 0; n < 4; n++) peer.socket.write(many)
  await new Promise(resolve => {
    const look = () => (radsec.counters().open === 0 ? resolve(undefined) : setImmediate(look))
    look()
  })
  t.equal(radsec.counters().parted.SLOW, 1)
})

const refused: readonly [string, Certificate | undefined, keyof typeof partings][] = [
  ['without a certificate', undefined, 'NO_CERTIFICATE'],
  ['with a certificate of another CA', made.forged, 'UNTRUSTED'],
  ['with a certificate that ran out', made.expired, 'EXPIRED'],
  ['with a certificate that no NAS has', made.stranger, 'UNKNOWN_NAME']
]
for (const [who, certificate, reason] of refused) {
  t.test(`a peer ${who} is let go, and the log says why`, async t => {
    const { port, radsec, lines, server } = await world(t, made)
    const options = certificate === undefined ? { cert: undefined, key: undefined } : {}
    const peer = new Peer((await Peer.open(t, made, port, certificate ?? made.nas, options)).socket)
    peer.send(status().datagram)
    await peer.closed()
    t.same(radsec.counters().parted, { [reason]: 1 })
    t.match(
      lines.find(line => line['reason'] === reason),
      { address: '127.0.0.1', msg: new RegExp(partings[reason].slice(0, 20)) }
    )
    t.equal(server.counters().received.authentication, 0)
  })
}

t.test('a certificate that two NASes name is nobody’s', async t => {
  const { port, radsec } = await world(t, made, { list: [byName, { ...byName, id: 'twin' }] })
  await (await Peer.open(t, made, port)).closed()
  t.same(radsec.counters().parted, { AMBIGUOUS_NAME: 1 })
})

t.test('TLS 1.1, unknown ALPN, plain RADIUS and garbage do not get past the handshake', async t => {
  const { port, radsec } = await world(t, made)
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await t.rejects(Peer.open(t, made, port, made.nas, old))
  await t.rejects(Peer.open(t, made, port, made.nas, { ALPNProtocols: ['http/1.1'] }), /no application protocol/)
  for (const octets of [pap().datagram, Buffer.alloc(100, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(octets)
    await new Promise(resolve => socket.once('close', resolve))
  }
  t.same(radsec.counters().parted, { HANDSHAKE: 5 })
})

t.test('openssl s_client meets a server that asks for a certificate', async t => {
  const { port } = await world(t, made)
  const run = promisify(execFile)('openssl', [
    's_client',
    '-connect',
    `127.0.0.1:${port}`,
    '-CAfile',
    made.ca.certificate
  ])
  run.child.stdin?.end()
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  t.match(stdout, /Acceptable client certificate CA names\s+CN = ca/)
  t.match(stdout, /Verification: OK|Verify return code: 0/)
})

t.test('who is slow to shake hands, or to finish a packet, is let go', async t => {
  const { port, radsec } = await world(t, made, { limits: { handshake: 50, packet: 50 } })
  const silent = connectTcp(port, '127.0.0.1')
  silent.on('error', () => undefined)
  silent.resume()
  await new Promise(resolve => silent.once('close', resolve))
  const peer = await Peer.open(t, made, port)
  peer.send(pap().datagram.subarray(0, 30))
  await peer.closed()
  t.same(radsec.counters().parted, { HANDSHAKE: 1, SLOW: 1 })
})

t.test('who says nothing for too long is let go', async t => {
  const { port, radsec } = await world(t, made, { limits: { idle: 50 } })
  await (await Peer.open(t, made, port)).closed()
  t.same(radsec.counters().parted, { IDLE: 1 })
})

t.test('a Length that cannot be, and a packet that is none, end the connection', async t => {
  const { port, radsec } = await world(t, made)
  const withLength = (length: number) => Buffer.from([1, 1, length >>> 8, length & 0xff])
  const stray = Buffer.from([1, 1, 0, 21, ...Buffer.alloc(16), 1])
  const cases = [
    withLength(19),
    withLength(4097),
    Buffer.from('GET / HTTP/1.1\r\n'),
    stray,
    Buffer.from([99, 1, 0, 20, ...Buffer.alloc(16)])
  ]
  for (const octets of cases) {
    const peer = await Peer.open(t, made, port)
    peer.send(octets)
    await peer.closed()
  }
  t.same(radsec.counters().parted, { BAD_LENGTH: 3, MALFORMED: 2 })
})

t.test('connections are limited per address and in all', async t => {
  const each = await world(t, made, { limits: { perAddress: 2 } })
  const held = [await Peer.open(t, made, each.port), await Peer.open(t, made, each.port)]
  await t.rejects(Peer.open(t, made, each.port))
  const elsewhere = await Peer.open(t, made, each.port, made.nas, { localAddress: '127.0.0.7' } as object)
  await elsewhere.ask(status().datagram)
  t.same(each.radsec.counters().parted, { TOO_MANY_OF_ADDRESS: 1 })
  held[0]!.socket.destroy()
  const all = await world(t, made, { limits: { connections: 1 } })
  await Peer.open(t, made, all.port)
  await t.rejects(Peer.open(t, made, all.port, made.nas, { localAddress: '127.0.0.7' } as object))
  t.same(all.radsec.counters().parted, { TOO_MANY: 1 })
})

t.test('a NAS that is removed or renamed loses its connection with the next packet', async t => {
  const { port, nases, radsec } = await world(t, made)
  const peer = await Peer.open(t, made, port)
  nases.list = [{ ...byName, vendor: 'cisco' }]
  await peer.ask(status().datagram)
  nases.list = [{ ...byName, certificateNames: ['another'] }]
  peer.send(status().datagram)
  await peer.closed()
  t.same(radsec.counters().parted, { WITHDRAWN: 1 })
})

t.test('RADIUS/1.1: a Token, nothing signed and nothing hidden', async t => {
  const keys = { send: Buffer.alloc(16, 1), receive: Buffer.alloc(16, 0) }
  const asked: RadiusRequest[] = []
  const access = (request: RadiusRequest): Answer => {
    asked.push(request)
    const attributes = sessionKeys(keys.send, keys.receive, request.packet.authenticator, request.source.secret)
    return { outcome: 'accepted', attributes }
  }
  const open = async (port: number) =>
    Peer.open(t, made, port, made.nas, { ALPNProtocols: ['radius/1.0', 'radius/1.1'] })
  const real = await world(t, made)
  const peer = await open(real.port)
  t.equal(peer.socket.alpnProtocol, 'radius/1.1')
  const clear = new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.UserPassword, 'wonderland').finish()
  const reply = await peer.ask(request11(Code.AccessRequest, 0xfedcba98, clear))
  t.same([...reply.subarray(0, 2)], [Code.AccessAccept, 0])
  t.equal(reply.subarray(4, 20).toString('hex'), `fedcba98${'00'.repeat(12)}`)
  t.notOk(attributes11(reply).has(Attr.MessageAuthenticator))
  t.ok(attributes11(reply).has(Attr.Class))
  const wrong = new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.UserPassword, 'w'.repeat(128)).finish()
  t.equal((await peer.ask(request11(Code.AccessRequest, 1, wrong)))[0], Code.AccessReject)
  t.equal((await peer.ask(request11(Code.StatusServer, 2, Buffer.alloc(0))))[0], Code.AccessAccept)
  const usage = new AttributeWriter().add(Attr.AcctSessionId, 's').uint32(Attr.AcctStatusType, 1).finish()
  const recorded = await peer.ask(request11(Code.AccountingRequest, 3, usage))
  t.equal(recorded.toString('hex'), `05000014${'00000003'}${'00'.repeat(12)}`)

  const made11 = await world(t, made, { access })
  const other = await open(made11.port)
  const signed = Buffer.concat([clear, Buffer.from([Attr.MessageAuthenticator, 18]), Buffer.alloc(16, 9)])
  const accept = attributes11(await other.ask(request11(Code.AccessRequest, 7, signed)))
  t.equal(accept.vsa(311, 16)?.toString('hex'), keys.send.toString('hex'), 'keys stand in the clear')
  t.equal(accept.vsa(311, 17)?.toString('hex'), keys.receive.toString('hex'))
  t.equal(asked[0]?.packet.text(Attr.UserName), 'alice', 'a Message-Authenticator means nothing')
  const eap = new AttributeWriter().add(Attr.EapMessage, Buffer.from('0201000501', 'hex')).finish()
  await other.ask(request11(Code.AccessRequest, 8, eap))
  t.ok(asked[1]?.packet.has(Attr.EapMessage), 'EAP needs none')
})

t.test('RADIUS/1.1: more than 256 requests are told apart', async t => {
  const answers: ((answer: Answer) => void)[] = []
  const { port } = await world(t, made, { accounting: () => new Promise(resolve => answers.push(resolve)) })
  const peer = await Peer.open(t, made, port, made.nas, { ALPNProtocols: ['radius/1.1'] })
  const usage = (n: number) => new AttributeWriter().add(Attr.AcctSessionId, `s${n}`).uint32(Attr.AcctStatusType, 1)
  for (let n = 0; n < 600; n++) peer.send(request11(Code.AccountingRequest, n, usage(n).finish()))
  const probe = await Peer.open(t, made, port)
  while (answers.length < 600) await probe.ask(status().datagram)
  for (const answer of answers) answer(plain('recorded'))
  const tokens = new Set<number>()
  for (let n = 0; n < 600; n++) tokens.add((await peer.next()).readUInt32BE(4))
  t.equal(tokens.size, 600)
})

t.test('RADIUS/1.1: CHAP needs a CHAP-Challenge, and an oversize password is no request', async t => {
  const { port, radsec } = await world(t, made)
  const peer = await Peer.open(t, made, port, made.nas, { ALPNProtocols: ['radius/1.1'] })
  const chap = new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.ChapPassword, Buffer.alloc(17, 1)).finish()
  t.equal((await peer.ask(request11(Code.AccessRequest, 1, chap)))[0], Code.AccessReject)
  const long = new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.UserPassword, 'w'.repeat(129)).finish()
  peer.send(request11(Code.AccessRequest, 2, long))
  await peer.closed()
  t.same(radsec.counters().parted, { MALFORMED: 1 })
})

const session: SessionRef = {
  id: 'x',
  acctSessionId: 'A1',
  userName: 'alice',
  nas: 'bras-1',
  subscriber: 'sub_1'
} as unknown as SessionRef
const never = new AbortController().signal

function driverTo({ radsec }: World, nas: Nas = byName) {
  const clock = Date.now
  return radiusDae({ nas, secret: shared, dictionary, clock, reverse: () => radsec.reverse(nas.id) })
}

for (const [version, ALPNProtocols] of [
  ['radius/1.0', undefined],
  ['radius/1.1', ['radius/1.1']]
] as const) {
  t.test(`Disconnect and CoA go over the NAS’s own connection (${version})`, async t => {
    const made2 = await world(t, made)
    const driver = driverTo(made2)
    const peer = await Peer.open(t, made, made2.port, made.nas, ALPNProtocols && { ALPNProtocols: [...ALPNProtocols] })
    await peer.ask(version === 'radius/1.0' ? status().datagram : request11(Code.StatusServer, 9, Buffer.alloc(0)))
    const reply = (request: Buffer, code: number, attributes: Buffer = Buffer.alloc(0)) =>
      version === 'radius/1.0'
        ? encodeResponse(Packet.decode(request) as Packet, code, attributes, shared)
        : request11(code, request.readUInt32BE(4), attributes)
    const done: Promise<Applied> = driver.disconnect(session, never)
    const request = await peer.next()
    t.equal(request[0], Code.DisconnectRequest)
    t.equal(attributes11(request).text(Attr.AcctSessionId), 'A1')
    t.equal(attributes11(request).has(Attr.MessageAuthenticator), version === 'radius/1.0')
    peer.send(reply(request, Code.DisconnectAck))
    t.match(await done, { result: 'changed', detail: /Disconnect-ACK over its own connection/ })

    const refused = driver.disconnect({ ...session, id: 'y' }, never)
    const cause = new AttributeWriter().uint32(Attr.ErrorCause, 503).finish()
    peer.send(reply(await peer.next(), Code.DisconnectNak, cause))
    await t.rejects(refused, { code: 'NO_SUCH_SESSION', deviceCode: 503 })

    const cut = driver.disconnect({ ...session, id: 'z' }, never)
    await peer.next()
    peer.socket.destroy()
    await t.rejects(cut, { name: 'DriverError', code: 'UNREACHABLE', message: /connection of the NAS ended/ })
    t.equal(made2.radsec.reverse('bras-1'), undefined)
    await driver.close()
  })
}

t.test('the way back: a forged answer ends the connection, a late one is dropped, an aborted wait is told', async t => {
  const made2 = await world(t, made)
  const peer = await Peer.open(t, made, made2.port)
  await peer.ask(status().datagram)
  const driver = driverTo(made2)
  const giveUp = new AbortController()
  const given = driver.disconnect(session, giveUp.signal)
  const request = await peer.next()
  giveUp.abort()
  await t.rejects(given, { code: 'TIMEOUT' })
  peer.send(encodeResponse(Packet.decode(request) as Packet, Code.DisconnectAck, Buffer.alloc(0), shared))
  await peer.ask(status().datagram)
  const next = driver.disconnect(session, never)
  const forged = Packet.decode(await peer.next()) as Packet
  peer.send(encodeResponse(forged, Code.DisconnectAck, Buffer.alloc(0), new Secret('another')))
  await t.rejects(next, { code: 'UNREACHABLE' })
  await peer.closed()
  t.same(made2.radsec.counters().parted, { MALFORMED: 1 })
})

t.test('the connection heard from last is the way back, 256 at a time; coaAddress sends CoA elsewhere', async t => {
  const { radsec, port } = await world(t, made)
  const [one, two] = [await Peer.open(t, made, port), await Peer.open(t, made, port)]
  await two.ask(status().datagram)
  await one.ask(status().datagram)
  // Each with a signal of its own, as every call of a driver has.
  const stops = Array.from({ length: 256 }, () => new AbortController())
  const channel = radsec.reverse('bras-1')!
  const asked = stops.map(({ signal }) => channel.request(Code.CoaRequest, Buffer.alloc(0), signal))
  await t.rejects(channel.request(Code.CoaRequest, Buffer.alloc(0), never), { code: 'RADSEC_CROWDED' })
  const identifiers = new Set<number>()
  for (let n = 0; n < 256; n++) identifiers.add((await one.next())[1]!)
  t.equal(identifiers.size, 256)
  for (const stop of stops) stop.abort()
  t.ok((await Promise.allSettled(asked)).every(({ status }) => status === 'rejected'))
  const elsewhere: Nas = { ...byName, coaAddress: '127.0.0.1', coaPort: 9 }
  let back = 0
  const driver = radiusDae({
    nas: elsewhere,
    secret: shared,
    dictionary,
    clock: Date.now,
    reverse: () => void back++
  })
  await t.rejects(driver.disconnect(session, never), DriverError)
  t.equal(back, 0)
  await driver.close()
})

t.test('what is wrong with the certificates is told at the start, in words', async t => {
  const { folder, ca, server, nas, intermediate } = made
  const below = issue(folder, 'below', { ca: intermediate })
  const file = (name: string, text: string) => (writeFileSync(join(folder, name), text), join(folder, name))
  const text = ({ certificate }: Certificate) => readFileSync(certificate, 'utf8')
  const key =
    ({ key }: Certificate) =>
    () =>
      readFileSync(key, 'utf8')
  const good = { certificate: server.certificate, ca: ca.certificate, key: key(server) }
  const identity = (changed: Partial<typeof good>, clock = Date.now) => readIdentity({ ...good, ...changed }, clock)
  const wrong: [string, () => unknown][] = [
    ['RADSEC_FILE_UNREADABLE', () => identity({ certificate: '/nowhere.pem' })],
    ['RADSEC_NO_CERTIFICATE', () => identity({ certificate: server.key })],
    [
      'RADSEC_NO_CERTIFICATE',
      () => identity({ ca: file('bad.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n') })
    ],
    ['RADSEC_CERTIFICATE_EXPIRED', () => identity({}, () => Date.now() + 31 * 86_400_000)],
    ['RADSEC_CERTIFICATE_NOT_YET', () => identity({}, () => Date.parse('2020-01-01'))],
    ['RADSEC_KEY_MISMATCH', () => identity({ key: key(nas) })],
    ['RADSEC_KEY_UNREADABLE', () => identity({ key: () => 'hunter2' })],
    ['RADSEC_CHAIN_BROKEN', () => identity({ certificate: file('mixed.pem', text(server) + text(nas)) })],
    ['RADSEC_CHAIN_INCOMPLETE', () => identity({ certificate: below.certificate, key: key(below) })]
  ]
  for (const [code, attempt] of wrong) {
    const error = t.throws(attempt, { name: 'RadSecError', code }, code) as RadSecError
    t.notMatch(error.message, /hunter2|PRIVATE/)
    t.ok(error.message.startsWith(radSecErrors[code as keyof typeof radSecErrors]))
  }
  const whole = file('whole.pem', text(below) + text(intermediate))
  t.ok(identity({ certificate: whole, key: key(below) }).validTo > new Date())
  const { port } = await world(t, made, { own: { certificate: whole, key: below.key } })
  const peer = await Peer.open(t, made, port, made.nas, { checkServerIdentity: () => undefined })
  t.equal(peer.socket.authorized, true, 'the chain is sent')
})

t.test('certificates are read again while connections stay; a bad file changes nothing', async t => {
  const own = issue(made.folder, 'renewed', { ca: made.ca, alternatives: 'IP:127.0.0.1' })
  const { port, radsec } = await world(t, made, { own })
  const before = await Peer.open(t, made, port)
  const fingerprint = (peer: Peer) => peer.socket.getPeerCertificate().fingerprint256
  issue(made.folder, 'renewed', { ca: made.ca, alternatives: 'IP:127.0.0.1' })
  radsec.reload()
  const after = await Peer.open(t, made, port)
  t.not(fingerprint(after), fingerprint(before))
  await before.ask(status().datagram)
  copyFileSync(made.nas.key, own.key)
  t.throws(() => radsec.reload(), { code: 'RADSEC_KEY_MISMATCH' })
  t.equal(fingerprint(await Peer.open(t, made, port)), fingerprint(after))
})

const PROXY = '/usr/sbin/radsecproxy'
const proxyMissing =
  existsSync(PROXY) && existsSync('/usr/bin/radclient')
    ? undefined
    : 'needs radsecproxy and radclient (apt-get install radsecproxy freeradius-utils)'

t.test(
  'Debian’s radsecproxy brings what radclient asks by UDP over TLS to us',
  process.env['CI'] === 'true' || proxyMissing === undefined ? {} : { skip: proxyMissing },
  async t => {
    const made2 = await world(t, made, { rejectDelay: 0 })
    const proxy = await startProxy(t, made2.port)
    const ask = async (what: string, attributes: string) => {
      const run = promisify(execFile)('radclient', [
        '-x',
        '-r',
        '3',
        '-t',
        '2',
        `127.0.0.1:${proxy.port}`,
        what,
        'testing123'
      ])
      run.child.stdin?.end(attributes)
      const { stdout } = await run.catch((error: { stdout: string }) => error)
      return stdout
    }
    const accepted = await ask('auth', 'User-Name=alice\nUser-Password=wonderland\nMessage-Authenticator=0x00\n')
    t.match(accepted, /Received Access-Accept/)
    t.match(accepted, /Mikrotik-Rate-Limit|Class = /)
    t.match(await ask('auth', 'User-Name=alice\nUser-Password=wrong\n'), /Received Access-Reject/)
    const usage = 'User-Name=alice\nAcct-Status-Type=Start\nAcct-Session-Id=r1\nNAS-IP-Address=192.0.2.9\n'
    t.match(await ask('acct', usage), /Received Accounting-Response/)
    t.match(made2.granted, [{ nas: 'bras-1', userName: 'alice' }])

    // It knows no way back: what it did not ask for it drops, and the connection stays.
    const stop = new AbortController()
    const coa = made2.radsec.reverse('bras-1')!.request(Code.CoaRequest, Buffer.alloc(0), stop.signal)
    t.match(await ask('auth', 'User-Name=alice\nUser-Password=wonderland\n'), /Received Access-Accept/)
    stop.abort()
    await t.rejects(coa)
  }
)

t.test(
  'Debian’s FreeRADIUS as the NAS: one connection, which a CoA that it does not take leaves alone',
  withoutFreeradius,
  async t => {
    const made2 = await world(t, made)
    const { nas, ca } = made
    const freeradius = await startRadSecClient(t, made2.port, { ...nas, ca: ca.certificate })
    const [client, meter] = [await Client.open(t, freeradius.port), await Client.open(t, freeradius.acctPort)]
    const ask = async (password: string) => {
      const { datagram, authenticator } = papRequest({ password, signed: true, with: partnerSecret })
      return readReply(await client.ask(datagram), authenticator, partnerSecret).code
    }
    t.equal(await ask('wonderland'), Code.AccessAccept)
    const stop = new AbortController()
    const coa = made2.radsec.reverse('bras-1')!.request(Code.CoaRequest, Buffer.alloc(0), stop.signal)
    t.equal(await ask('wrong'), Code.AccessReject)
    stop.abort()
    await t.rejects(coa)
    const { datagram, authenticator } = accountingRequest(
      writer => writer.add(Attr.AcctSessionId, 's1').uint32(Attr.AcctStatusType, 1),
      partnerSecret
    )
    t.equal(readReply(await meter.ask(datagram), authenticator, partnerSecret).code, Code.AccountingResponse)
    t.equal(made2.radsec.counters().accepted, 1)
  }
)

async function startProxy(t: { teardown(undo: () => unknown): unknown }, tlsPort: number): Promise<{ port: number }> {
  const { folder, nas, ca } = made
  const port = await freePort()
  const config = join(folder, 'radsecproxy.conf')
  writeFileSync(config, '')
  const lines = [
    `ListenUDP 127.0.0.1:${port}`,
    'LogLevel 2\nLogDestination file:///dev/stderr',
    `tls default {\n CACertificateFile ${ca.certificate}\n CertificateFile ${nas.certificate}\n CertificateKeyFile ${nas.key}\n}`,
    'client 127.0.0.1 {\n type udp\n secret testing123\n}',
    `server 127.0.0.1 {\n type tls\n port ${tlsPort}\n secret radsec\n certificateNameCheck off\n statusServer on\n}`,
    'realm * {\n server 127.0.0.1\n accountingServer 127.0.0.1\n}\n'
  ]
  appendFileSync(config, lines.join('\n'))
  const child = spawn(PROXY, ['-f', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`radsecproxy ended with ${code}: ${said}`)))
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (/connected to server|connection .*(up|established)|tlsconnect: TLS connection/i.test(said)) resolve()
    })
  })
  return { port }
}

async function freePort(): Promise<number> {
  const { createSocket } = await import('node:dgram')
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>(resolve => socket.close(() => resolve()))
  return port
}

function request11(code: number, token: number, attributes: Buffer): Buffer {
  const octets = Buffer.alloc(20 + attributes.length)
  octets[0] = code
  octets.writeUInt16BE(octets.length, 2)
  octets.writeUInt32BE(token, 4)
  octets.set(attributes, 20)
  return octets
}

function attributes11(octets: Buffer): Packet {
  return Packet.fromAttributes(octets.subarray(20), octets[0]) as Packet
}
