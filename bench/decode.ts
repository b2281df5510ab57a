/*
 * How many Accounting-Requests of 25 attributes one core reads a second, with the npm package `radius` beside it,
 * and what digests cost. Ends with one line of JSON.
 */
import { createHash, createHmac, hash, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import {
  AttributeWriter,
  Attr,
  Code,
  encodeRequest,
  encodeResponse,
  md5,
  Packet,
  Secret,
  verifyRequest
} from '../protocols/radius/index.js'

interface Peer {
  decode(args: { packet: Buffer; secret: string }): { attributes: Record<string, unknown> }
  decode_without_secret(args: { packet: Buffer }): { attributes: Record<string, unknown> }
}
const peer = createRequire(import.meta.url)('radius') as Peer
const words = 'testing123'
const secret = new Secret(words)

const attributes = new AttributeWriter()
  .uint32(Attr.AcctStatusType, 3)
  .add(Attr.UserName, 'subscriber-004711@example.net')
  .ipv4(Attr.NasIpAddress, '192.0.2.1')
  .add(Attr.NasIdentifier, 'bras-1.example.net')
  .uint32(Attr.NasPort, 15728641)
  .add(Attr.NasPortId, 'ge-0/0/1.100:4711')
  .uint32(Attr.NasPortType, 15)
  .uint32(Attr.ServiceType, 2)
  .uint32(Attr.FramedProtocol, 1)
  .ipv4(Attr.FramedIpAddress, '198.51.100.17')
  .add(Attr.CalledStationId, 'internet')
  .add(Attr.CallingStationId, '00:11:22:aa:bb:cc')
  .add(Attr.AcctSessionId, '81d00c2f')
  .add(Attr.AcctMultiSessionId, '81d00c2f-01')
  .add(Attr.Class, Buffer.from('746b742d3031484d5a', 'hex'))
  .uint32(Attr.AcctAuthentic, 1)
  .uint32(Attr.AcctDelayTime, 0)
  .uint32(Attr.AcctSessionTime, 86400)
  .uint32(Attr.AcctInputOctets, 1290826858)
  .uint32(Attr.AcctOutputOctets, 3551101035)
  .uint32(Attr.AcctInputGigawords, 1)
  .uint32(Attr.AcctOutputGigawords, 12)
  .uint32(Attr.AcctInputPackets, 7403861)
  .uint32(Attr.AcctOutputPackets, 10928170)
  .uint32(Attr.EventTimestamp, 1554155989)
  .finish()
const { datagram } = encodeRequest(Code.AccountingRequest, 7, attributes, secret)

/** What accounting needs of a packet; the sum keeps the work from being optimised away. */
function readFields(packet: Packet): number {
  return (
    packet.uint32(Attr.AcctStatusType)! +
    packet.text(Attr.UserName)!.length +
    packet.text(Attr.AcctSessionId)!.length +
    packet.text(Attr.CallingStationId)!.length +
    packet.text(Attr.NasPortId)!.length +
    packet.octets(Attr.Class)!.length +
    packet.ipv4(Attr.FramedIpAddress)!.length +
    packet.uint32(Attr.NasPort)! +
    packet.uint32(Attr.AcctDelayTime)! +
    packet.uint32(Attr.AcctSessionTime)! +
    packet.uint32(Attr.AcctInputOctets)! +
    packet.uint32(Attr.AcctOutputOctets)! +
    packet.uint32(Attr.AcctInputGigawords)! +
    packet.uint32(Attr.AcctOutputGigawords)! +
    packet.uint32(Attr.EventTimestamp)!
  )
}

function decoded(): Packet {
  const packet = Packet.decode(datagram)
  if (typeof packet === 'string') throw new Error(packet)
  return packet
}

/** Operations a second: the best of five runs, each long enough to count. */
function rate(work: () => unknown, seconds = 0.25): number {
  let best = 0
  for (let run = 0; run < 6; run++) {
    const from = process.hrtime.bigint()
    let done = 0
    let spent = 0
    do {
      for (let i = 0; i < 500; i++) work()
      done += 500
      spent = Number(process.hrtime.bigint() - from) / 1e9
    } while (spent < seconds)
    if (run > 0) best = Math.max(best, done / spent)
  }
  return Math.round(best)
}

function digests(size: number): Record<string, number> {
  const octets = randomBytes(size)
  return {
    octets: size,
    ours: rate(() => md5(octets), 0.1),
    hash_binary: rate(() => hash('md5', octets, 'binary' as 'hex'), 0.1),
    hash_buffer: rate(() => hash('md5', octets, 'buffer'), 0.1),
    createHash: rate(() => createHash('md5').update(octets).digest(), 0.1)
  }
}

const request = decoded()
const reply = new AttributeWriter().finish()
const read = rate(() => readFields(decoded()))
const readPeer = rate(() => peer.decode_without_secret({ packet: datagram }))
const verified = rate(() => {
  const packet = decoded()
  if (verifyRequest(packet, secret) !== undefined) throw new Error('the signature is right')
  return readFields(packet)
})
const verifiedPeer = rate(() => peer.decode({ packet: datagram, secret: words }))
const figures = {
  bench: 'decode',
  node: process.version,
  cpu: cpus()[0]?.model,
  packet: { octets: datagram.length, attributes: request.count, fields: 15 },
  decode_only: rate(decoded),
  decode_and_read: read,
  radius_decode: readPeer,
  ratio: Math.round((read / readPeer) * 10) / 10,
  decode_verify_read: verified,
  radius_decode_verify: verifiedPeer,
  ratio_verified: Math.round((verified / verifiedPeer) * 10) / 10,
  signed_response: rate(() => encodeResponse(request, Code.AccountingResponse, reply, secret)),
  hmac_ours: rate(() => secret.sign(220), 0.1),
  hmac_createHmac: rate(() => createHmac('md5', words).update(datagram).digest(), 0.1),
  md5: [40, 64, 220, 300].map(digests)
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
