import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import t from 'tap'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeResponse,
  encodeUserPassword,
  isRequest,
  newAuthenticator,
  Packet,
  Secret,
  verifyRequest,
  verifyResponse
} from '../../../protocols/radius/index.js'

interface Peer {
  decode(args: { packet: Buffer; secret: string }): {
    code: string
    identifier: number
    attributes: Record<string, unknown>
  }
  encode(args: object): Buffer
  encode_response(args: object): Buffer
  verify_response(args: object): boolean
}
const peer = createRequire(import.meta.url)('radius') as Peer
const words = 'testing123'
const secret = new Secret(words)
const other = new Secret('testing124')
const none = Buffer.alloc(0)

function read(datagram: Buffer): Packet {
  const packet = Packet.decode(datagram)
  if (typeof packet === 'string') throw new Error(packet)
  return packet
}

const requests = [
  Code.AccessRequest,
  Code.AccountingRequest,
  Code.StatusServer,
  Code.DisconnectRequest,
  Code.CoaRequest
] as const
const attributes = new AttributeWriter().add(Attr.UserName, 'alice').uint32(Attr.NasPort, 3).finish()

t.test('a request of every Code is verified with its secret and refused with another', async t => {
  for (const code of requests) {
    const { datagram, authenticator } = encodeRequest(code, 9, attributes, secret, { messageAuthenticator: true })
    const packet = read(datagram)
    t.same(packet.authenticator, authenticator)
    t.equal([...packet.entries()][0]?.type, Attr.MessageAuthenticator, 'Message-Authenticator comes first')
    t.equal(verifyRequest(packet, secret), undefined, `Code ${code}`)
    t.match(verifyRequest(packet, other), /^RAD_(MESSAGE_)?AUTHENTICATOR_WRONG$/)
  }
})

t.test('a changed octet anywhere in a signed request is noticed', async t => {
  for (const code of requests) {
    const { datagram } = encodeRequest(code, 9, attributes, secret, { messageAuthenticator: true })
    for (let at = 0; at < datagram.length; at++) {
      const changed = Buffer.from(datagram)
      changed[at]! ^= 1
      const packet = Packet.decode(changed)
      if (packet instanceof Packet && isRequest(packet.code) && packet.has(Attr.MessageAuthenticator)) {
        t.ok(verifyRequest(packet, secret), `Code ${code}, octet ${at}`)
      }
    }
  }
})

t.test('a response of every Code is verified against its request, and against no other', async t => {
  for (const code of requests) {
    const { datagram, authenticator } = encodeRequest(code, 9, attributes, secret)
    const response = read(encodeResponse(read(datagram), code + 1, attributes, secret))
    if (code === Code.StatusServer) continue // 13 is Status-Client, a request; see below
    t.equal(response.identifier, 9)
    t.equal([...response.entries()][0]?.type, Attr.MessageAuthenticator, 'Message-Authenticator comes first')
    t.equal(verifyResponse(response, authenticator, secret), undefined, `Code ${code + 1}`)
    t.equal(verifyResponse(response, authenticator, other), 'RAD_AUTHENTICATOR_WRONG')
    t.equal(verifyResponse(response, newAuthenticator(), secret), 'RAD_AUTHENTICATOR_WRONG')
  }
})

t.test('RFC 5997 §4: Status-Server is answered by Access-Accept or Accounting-Response', async t => {
  const { datagram, authenticator } = encodeRequest(Code.StatusServer, 1, none, secret, { messageAuthenticator: false })
  t.ok(read(datagram).has(Attr.MessageAuthenticator), 'it is signed, whatever was asked for')
  for (const code of [Code.AccessAccept, Code.AccountingResponse]) {
    t.equal(verifyResponse(read(encodeResponse(read(datagram), code, none, secret)), authenticator, secret), undefined)
  }
})

t.test('RFC 3579 §3.2: a Response Authenticator made to fit does not save a wrong Message-Authenticator', async t => {
  const { datagram, authenticator } = encodeRequest(Code.AccessRequest, 1, attributes, secret)
  const forged = encodeResponse(read(datagram), Code.AccessAccept, attributes, secret)
  forged[25]! ^= 1
  forged.set(authenticator, 4)
  forged.set(createHash('md5').update(forged).update(words).digest(), 4)
  t.equal(verifyResponse(read(forged), authenticator, secret), 'RAD_MESSAGE_AUTHENTICATOR_WRONG')
})

t.test('requests and responses are not taken for each other', async t => {
  const request = read(encodeRequest(Code.AccessRequest, 1, none, secret).datagram)
  const response = read(encodeResponse(request, Code.AccessReject, none, secret))
  t.equal(verifyRequest(response, secret), 'RAD_NOT_A_REQUEST')
  t.equal(verifyResponse(request, request.authenticator, secret), 'RAD_NOT_A_RESPONSE')
})

t.test('an Access-Request without Message-Authenticator passes, and can be told apart', async t => {
  const { datagram } = encodeRequest(Code.AccessRequest, 1, attributes, secret, { messageAuthenticator: false })
  t.equal(verifyRequest(read(datagram), other), undefined)
  t.notOk(read(datagram).has(Attr.MessageAuthenticator))
})

t.test('RFC 2865 §5.33: Proxy-State is copied to the reply unchanged and in order, behind all else', async t => {
  const states = ['first', 'second', 'third']
  const writer = new AttributeWriter().add(Attr.UserName, 'alice')
  for (const state of states) writer.add(Attr.ProxyState, state)
  const request = read(encodeRequest(Code.AccessRequest, 1, writer.finish(), secret).datagram)
  const response = read(encodeResponse(request, Code.AccessAccept, attributes, secret))
  t.same(response.all(Attr.ProxyState).map(String), states)
  t.same(
    [...response.entries()].map(({ type }) => type),
    [80, 1, 5, 33, 33, 33]
  )
})

t.test('no packet exceeds 4096 octets', async t => {
  const writer = new AttributeWriter()
  t.throws(
    () => {
      for (;;) writer.add(18, 'x'.repeat(253))
    },
    { code: 'RAD_TOO_LONG' }
  )
  const full = Buffer.alloc(4076 - 18, Buffer.from([18, 2]))
  const request = read(encodeRequest(Code.AccessRequest, 1, none, secret).datagram)
  t.equal(encodeResponse(request, Code.AccessAccept, full, secret).length, 4096)
  t.throws(() => encodeResponse(request, Code.AccessAccept, Buffer.alloc(4060, 2), secret), { code: 'RAD_TOO_LONG' })
  t.throws(() => encodeRequest(Code.AccessRequest, 1, Buffer.alloc(4060, 2), secret), { code: 'RAD_TOO_LONG' })
})

t.test('a writer refuses what no attribute can hold, and names it', async t => {
  const writer = new AttributeWriter()
  t.throws(() => writer.add(1, 'x'.repeat(254)), { code: 'RAD_BAD_VALUE', message: /attribute 1 .* 254/ })
  t.throws(() => writer.uint32(5, -1), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.uint32(5, 4294967296), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.uint32(5, 1.5), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.ipv4(8, '192.0.2'), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.ipv6(95, 'fe80::1%eth0'), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.ipv6Prefix(97, '2001:db8::/129'), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.vsa(9, 1, 'x'.repeat(248)), { code: 'RAD_BAD_VALUE' })
  t.throws(() => writer.add(80, Buffer.alloc(16)), { code: 'RAD_BAD_VALUE' })
  t.equal(writer.finish().length, 0, 'and nothing of it was written')
  t.throws(() => encodeRequest(1, 1, none, secret, { authenticator: Buffer.alloc(15) }), { code: 'RAD_BAD_VALUE' })
})

t.test('what a writer builds is what a packet reads, in order', async () => {
  const values = fc.array(
    fc.tuple(
      fc.integer({ min: 1, max: 255 }).filter(type => type !== Attr.MessageAuthenticator && type !== Attr.EapMessage),
      fc.uint8Array({ maxLength: 60 })
    ),
    { maxLength: 60 }
  )
  fc.assert(
    fc.property(values, fc.constantFrom(...requests), fc.nat(255), (list, code, identifier) => {
      const writer = new AttributeWriter()
      for (const [type, value] of list) writer.add(type, Buffer.from(value))
      const packet = read(encodeRequest(code, identifier, writer.finish(), secret).datagram)
      const entries = [...packet.entries()].filter(({ type }) => type !== Attr.MessageAuthenticator)
      return (
        packet.identifier === identifier &&
        verifyRequest(packet, secret) === undefined &&
        entries.length === list.length &&
        entries.every(({ type, value }, i) => type === list[i]![0] && value.equals(list[i]![1]))
      )
    })
  )
})

t.test('the npm package radius reads what we write', async t => {
  const authenticator = newAuthenticator()
  const writer = new AttributeWriter()
    .add(Attr.UserName, 'alice')
    .add(Attr.UserPassword, encodeUserPassword('alicepw', authenticator, secret))
    .ipv4(Attr.NasIpAddress, '192.0.2.1')
  const access = encodeRequest(Code.AccessRequest, 5, writer.finish(), secret, { authenticator })
  const read = peer.decode({ packet: access.datagram, secret: words })
  t.equal(read.code, 'Access-Request')
  t.match(read.attributes, { 'User-Name': 'alice', 'User-Password': 'alicepw', 'NAS-IP-Address': '192.0.2.1' })
  const start = new AttributeWriter().uint32(Attr.AcctStatusType, 1).add(Attr.AcctSessionId, 'a1').finish()
  const accounting = encodeRequest(Code.AccountingRequest, 6, start, secret)
  t.match(peer.decode({ packet: accounting.datagram, secret: words }).attributes, { 'Acct-Status-Type': 'Start' })
})

t.test('we read what the npm package radius writes, and it takes our response', async t => {
  const request = peer.encode({
    code: 'Access-Request',
    secret: words,
    identifier: 3,
    attributes: [
      ['User-Name', 'bob'],
      ['NAS-IP-Address', '192.0.2.7']
    ],
    add_message_authenticator: true
  })
  const packet = read(request)
  t.equal(packet.text(Attr.UserName), 'bob')
  t.equal(packet.ipv4(Attr.NasIpAddress), '192.0.2.7')
  t.equal(verifyRequest(packet, secret), undefined)
  const response = encodeResponse(packet, Code.AccessAccept, attributes, secret)
  t.ok(peer.verify_response({ request, response, secret: words }))
  t.notOk(peer.verify_response({ request, response, secret: 'other' }))
})

t.test('we take the response of the npm package radius', async t => {
  const { datagram, authenticator } = encodeRequest(Code.AccountingRequest, 4, attributes, secret)
  const packet = peer.decode({ packet: datagram, secret: words })
  const response = peer.encode_response({ packet, code: 'Accounting-Response', secret: words })
  t.equal(verifyResponse(read(response), authenticator, secret), undefined)
})
