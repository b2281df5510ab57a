import * as fc from 'fast-check'
import t from 'tap'
import { loadDictionary } from '../../../config/dictionary/index.js'
import {
  Attr,
  AttributeWriter,
  Code,
  isRequest,
  type Malformed,
  Packet,
  printPacket,
  radiusErrors,
  Secret,
  verifyRequest,
  verifyResponse
} from '../../../protocols/radius/index.js'
import { goldenAttributes, goldenPackets } from './golden.js'

const dictionary = loadDictionary()
const secret = new Secret('testing123')

function packetOf(attributes: Buffer): Packet {
  const packet = Packet.fromAttributes(attributes)
  if (typeof packet === 'string') throw new Error(packet)
  return packet
}

/** Reads a packet in every way there is; what comes does not matter, that nothing is thrown does. */
function readEverything(packet: Packet): void {
  for (let type = 0; type < 256; type++) {
    packet.has(type)
    packet.uint32(type)
    packet.uint64(type)
    packet.octets(type)
    packet.text(type)
    packet.ipv4(type)
    packet.ipv6(type)
    packet.ipv6Prefix(type)
    packet.concat(type)
  }
  for (const vendor of [9, 311, 429, 4846, 8164, 14988, 24757]) packet.vsaAll(vendor, 1)
  dictionary.decode(packet)
  printPacket(packet, dictionary)
  dictionary.decode(packet, { secret })
  if (isRequest(packet.code)) verifyRequest(packet, secret)
  else verifyResponse(packet, packet.authenticator, secret)
}

t.test('an attribute reads as the type that is asked for', async t => {
  const packet = packetOf(
    new AttributeWriter()
      .add(Attr.UserName, 'alice')
      .uint32(Attr.NasPort, 4294967295)
      .ipv4(Attr.FramedIpAddress, '192.0.2.1')
      .ipv6(Attr.NasIpv6Address, '2001:db8::1')
      .ipv6Prefix(Attr.DelegatedIpv6Prefix, '2001:db8:8000::/33')
      .add(124, Buffer.from('0000060000000001', 'hex'))
      .finish()
  )
  t.equal(packet.text(Attr.UserName), 'alice')
  t.equal(packet.uint32(Attr.NasPort), 4294967295)
  t.equal(packet.ipv4(Attr.FramedIpAddress), '192.0.2.1')
  t.equal(packet.ipv6(Attr.NasIpv6Address), '2001:db8::1')
  t.equal(packet.ipv6Prefix(Attr.DelegatedIpv6Prefix), '2001:db8:8000::/33')
  t.equal(packet.uint64(124), 6597069766657n)
  t.equal(packet.count, 6)
  t.ok(packet.has(Attr.UserName))
  t.notOk(packet.has(Attr.UserPassword))
})

t.test('an attribute of the wrong size, or none, reads as undefined', async t => {
  const packet = packetOf(new AttributeWriter().add(1, 'a').finish())
  t.equal(packet.uint32(1), undefined)
  t.equal(packet.uint64(1), undefined)
  t.equal(packet.ipv4(1), undefined)
  t.equal(packet.ipv6(1), undefined)
  t.equal(packet.ipv6Prefix(1), undefined)
  t.same([packet.text(2), packet.octets(2), packet.concat(2), packet.all(2)], [undefined, undefined, undefined, []])
})

t.test('the first of several attributes is read, and all of them in their order', async t => {
  const packet = packetOf(new AttributeWriter().add(1, 'one').add(18, 'x').add(1, 'two').finish())
  t.equal(packet.text(1), 'one')
  t.same(packet.all(1).map(String), ['one', 'two'])
  t.same(
    [...packet.entries()].map(({ type }) => type),
    [1, 18, 1]
  )
})

t.test('RFC 3579 §3.1: EAP-Message is joined over its attributes', async t => {
  const eap = Buffer.alloc(600, 7)
  const packet = packetOf(new AttributeWriter().concat(Attr.EapMessage, eap).finish())
  t.same(
    packet.all(Attr.EapMessage).map(part => part.length),
    [253, 253, 94]
  )
  t.same(packet.concat(Attr.EapMessage), eap)
})

t.test('RFC 2865 §5.26: a vendor attribute is found beside others in one Vendor-Specific', async t => {
  const two = Buffer.from('00003a8c 0306706f6f6c 04060000002a'.replaceAll(' ', ''), 'hex')
  const packet = packetOf(new AttributeWriter().vsa(9, 1, 'a').add(26, two).vsa(9, 1, 'b').finish())
  t.equal(packet.vsaText(14988, 3), 'pool')
  t.equal(packet.vsaUint32(14988, 4), 42)
  t.equal(packet.vsaUint32(14988, 3), 0x706f6f6c)
  t.equal(packet.vsa(14988, 5), undefined)
  t.equal(packet.vsa(14989, 3), undefined)
  t.same(packet.vsaAll(9, 1).map(String), ['a', 'b'])
})

t.test('vendors with a layout of their own are read in it', async t => {
  const hex = '1a0d 000012ee 0002 07 00000009 1a0d 00001fe4 0002 0007 6c6163 1a0e 000001ad 0000bfbe 0000002b'
  const packet = packetOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  t.equal(packet.vsaUint32(4846, 2), 9, 'Lucent 2,1')
  t.equal(packet.vsaText(8164, 2), 'lac', 'Starent 2,2')
  t.equal(packet.vsaUint32(429, 0xbfbe), 43, 'US Robotics 4,0')
})

t.test('200 attributes are read, one more is refused', async t => {
  const attributes = Buffer.alloc(400, Buffer.from([1, 2]))
  t.equal(packetOf(attributes).count, 200)
  t.equal(Packet.fromAttributes(Buffer.concat([attributes, Buffer.from([1, 2])])), 'RAD_TOO_MANY_ATTRIBUTES')
})

t.test('RFC 2865 §3: 4096 octets are read, more cannot be', async t => {
  const datagram = Buffer.alloc(5000)
  datagram[0] = Code.AccessRequest
  datagram.writeUInt16BE(4096, 2)
  for (let at = 20; at < 4096; at += 2 + datagram[at + 1]! - 2) {
    datagram[at] = 18
    datagram[at + 1] = Math.min(255, 4096 - at)
  }
  const packet = Packet.decode(datagram)
  t.ok(packet instanceof Packet && packet.length === 4096 && packet.octetsOnWire.length === 4096)
  t.equal(Packet.fromAttributes(Buffer.alloc(4077)), 'RAD_TOO_LONG')
})

t.test('a Code that nobody knows is taken only where all are', async t => {
  const datagram = Buffer.from('06070014000102030405060708090a0b0c0d0e0f', 'hex')
  t.equal(Packet.decode(datagram), 'RAD_UNKNOWN_CODE')
  const packet = Packet.decode(datagram, { anyCode: true })
  t.ok(packet instanceof Packet && packet.code === 6)
})

t.test('attributes kept as evidence read as they did in their packet', async t => {
  for (const datagram of goldenPackets()) {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string') continue
    const again = Packet.fromAttributes(Buffer.from(packet.attributes), packet.code)
    t.ok(again instanceof Packet && again.attributes.equals(packet.attributes) && again.code === packet.code)
  }
})

t.test('no mutation of a golden packet throws, and whatever is refused is refused for a known reason', async t => {
  const seeds = goldenPackets().filter(seed => seed.length > 0)
  const edits = fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 6 })
  const outcomes = new Set<Malformed | 'decoded'>()
  fc.assert(
    fc.property(fc.constantFrom(...seeds), edits, fc.nat(20), (seed, changes, cut) => {
      const datagram = Buffer.from(seed.subarray(0, Math.max(0, seed.length - (cut > 15 ? cut : 0))))
      for (const [at, octet] of changes) if (datagram.length > 0) datagram[at % datagram.length] = octet
      const packet = Packet.decode(datagram)
      outcomes.add(typeof packet === 'string' ? packet : 'decoded')
      if (packet instanceof Packet) readEverything(packet)
      return packet instanceof Packet || Object.hasOwn(radiusErrors, packet)
    }),
    { numRuns: 3000, seed: 2865 }
  )
  t.ok(outcomes.has('decoded') && outcomes.size > 5, [...outcomes].join(', '))
})

t.test('no mutation of golden attributes throws', async t => {
  const edits = fc.array(fc.tuple(fc.nat(4075), fc.nat(255)), { maxLength: 4 })
  const seeds = goldenAttributes().filter(seed => seed.length > 0)
  let read = 0
  fc.assert(
    fc.property(fc.constantFrom(...seeds), edits, (seed, changes) => {
      const attributes = Buffer.from(seed)
      for (const [at, octet] of changes) attributes[at % attributes.length] = octet
      const packet = Packet.fromAttributes(attributes)
      if (packet instanceof Packet) {
        readEverything(packet)
        read++
      }
      return packet instanceof Packet || Object.hasOwn(radiusErrors, packet)
    }),
    { numRuns: 3000, seed: 6929 }
  )
  t.ok(read > 500, `${read} of 3000 could be read`)
})

t.test('no datagram of chance octets throws', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), array => {
      const packet = Packet.decode(Buffer.from(array), { anyCode: true })
      return packet instanceof Packet || Object.hasOwn(radiusErrors, packet)
    }),
    { numRuns: 2000 }
  )
})
