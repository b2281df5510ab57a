/* The packets of the load: a MikroTik's, about 20 attributes for accounting. */
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeUserPassword,
  md5,
  msChap2Response,
  ntHash,
  type Secret
} from '../../protocols/radius/index.js'

/** What is asked. */
export type Mode = 'pap' | 'chap' | 'mschap' | 'accounting'

/** A signed request. */
export interface Signed {
  readonly datagram: Buffer
  readonly authenticator: Buffer
}

const MICROSOFT = 311
const SIX_DAYS = 6 * 86_400
const challenge = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
const ACCOUNTING_STATUS_AT = 26 // behind session time, both counters and the time of the event

/** Attributes of one subscriber; for accounting, the four that change stand first. */
export function template(mode: Mode, user: number): Buffer {
  const to = new AttributeWriter()
  if (mode === 'accounting') usage(to, user)
  to.add(Attr.UserName, `user${user}`)
    .ipv4(Attr.NasIpAddress, '127.0.0.1')
    .uint32(Attr.NasPort, 15_700_000 + user)
    .add(Attr.NasPortId, 'ether1')
    .uint32(Attr.NasPortType, 15)
    .uint32(Attr.ServiceType, 2)
    .uint32(Attr.FramedProtocol, 1)
    .add(Attr.CallingStationId, macOf(user))
    .add(Attr.CalledStationId, 'pppoe-service')
    .add(Attr.NasIdentifier, 'bench')
  if (mode === 'chap') to.add(Attr.ChapPassword, chapPassword(user)).add(Attr.ChapChallenge, challenge)
  if (mode === 'mschap') to.vsa(MICROSOFT, 11, challenge).vsa(MICROSOFT, 25, msChapPassword(user))
  return to.finish()
}

function usage(to: AttributeWriter, user: number): void {
  to.uint32(Attr.AcctSessionTime, 0).uint32(Attr.AcctInputOctets, 0).uint32(Attr.AcctOutputOctets, 0)
  to.uint32(Attr.EventTimestamp, Math.floor(Date.now() / 1000))
  to.uint32(Attr.AcctStatusType, 3).add(Attr.AcctSessionId, `81${user.toString(16).padStart(6, '0')}`)
  to.uint32(Attr.AcctInputPackets, user).uint32(Attr.AcctOutputPackets, user).uint32(Attr.AcctAuthentic, 1)
  to.uint32(Attr.AcctInputGigawords, 0).uint32(Attr.AcctOutputGigawords, 0).uint32(Attr.AcctDelayTime, 0)
  to.ipv4(Attr.FramedIpAddress, `100.${64 + ((user >> 16) & 63)}.${(user >> 8) & 255}.${user & 255}`)
}

function macOf(user: number): string {
  const hex = user.toString(16).padStart(6, '0').toUpperCase()
  return `00:0C:42:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`
}

function chapPassword(user: number): Buffer {
  const identifier = Buffer.from([7])
  return Buffer.concat([identifier, md5(identifier, Buffer.from(`pw${user}`), challenge)])
}

function msChapPassword(user: number): Buffer {
  const peer = Buffer.alloc(16, user)
  const response = msChap2Response(challenge, peer, `user${user}`, ntHash(`pw${user}`))
  return Buffer.concat([Buffer.from([7, 0]), peer, Buffer.alloc(8), response])
}

/** An Access-Request, signed. @param turn  makes its authenticator another one each time */
export function accessRequest(
  mode: Mode,
  identifier: number,
  user: number,
  attributes: Buffer,
  turn: number,
  secret: Secret
): Signed {
  const authenticator = Buffer.alloc(16, turn)
  authenticator.writeUInt32BE(turn)
  if (mode !== 'pap') return encodeRequest(Code.AccessRequest, identifier, attributes, secret, { authenticator })
  const hidden = encodeUserPassword(Buffer.from(`pw${user}`), authenticator, secret)
  const whole = Buffer.concat([attributes, Buffer.from([Attr.UserPassword, 2 + hidden.length]), hidden])
  return encodeRequest(Code.AccessRequest, identifier, whole, secret, { authenticator })
}

/**
 * An Interim-Update, signed: a second and some octets after the one before. Its session began six days before `epoch`:
 * time for half a million of them until its NAS's clock would be ahead of ours.
 * @param epoch  seconds since 1970, the same for all reports of a session
 * @param round  how many reports of its session went before
 */
export function interimUpdate(
  identifier: number,
  attributes: Buffer,
  epoch: number,
  round: number,
  secret: Secret
): Signed {
  attributes.writeUInt32BE(round, 2)
  attributes.writeUInt32BE((round * 100_003) >>> 0, 8)
  attributes.writeUInt32BE((round * 900_017) >>> 0, 14)
  attributes.writeUInt32BE(epoch - SIX_DAYS + round, 20)
  return encodeRequest(Code.AccountingRequest, identifier, attributes, secret)
}

/** A Start, signed. @param attributes  a template for accounting, and what the Access-Accept said: its Class */
export function accountingStart(identifier: number, attributes: Buffer, secret: Secret): Signed {
  attributes.writeUInt32BE(1, ACCOUNTING_STATUS_AT)
  return encodeRequest(Code.AccountingRequest, identifier, attributes, secret)
}
