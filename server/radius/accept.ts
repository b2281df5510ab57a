import type { Subscriber } from '../../agent/model/index.js'
import type { Encoded } from '../../agent/policy/index.js'
import { Attr, ServiceType } from '../../protocols/radius/index.js'
import type { AccessRequest } from './access-request.js'

const PPP = 1
// Cisco authorises PPP only where both are there; others take them as said.
const FRAMED_PPP = Buffer.from([Attr.ServiceType, 6, 0, 0, 0, ServiceType.Framed, Attr.FramedProtocol, 6, 0, 0, 0, PPP])
const NOTHING = Buffer.alloc(0)

/** What is not in the treatment. */
export interface Extra {
  readonly limit?: number | undefined
  readonly personal?: Buffer | undefined
  readonly added?: Buffer | undefined
}

/**
 * The attributes of an Access-Accept: the session ticket, what the treatment says, and what the request asks back.
 * User-Name is there where the subscriber's is another than the request's: NASes account under it. RFC 2865 §5.1
 * @param ticket   value of Class
 * @param limit    seconds after which something ends the session that the profile does not know of; Infinity for none
 * @param personal attributes of this session only
 * @param added    what the method adds
 */
export function acceptAttributes(
  asked: AccessRequest,
  subscriber: Subscriber,
  ticket: Buffer,
  { octets, interim, timeout }: Encoded,
  { limit = Infinity, personal = NOTHING, added = NOTHING }: Extra = {}
): Buffer {
  const seconds = Math.min(timeout > 0 ? timeout : Infinity, limit)
  const times = (interim > 0 ? 6 : 0) + (seconds < Infinity ? 6 : 0)
  const name = subscriber.username === asked.userName ? 0 : Buffer.byteLength(subscriber.username)
  const ppp = asked.packet.uint32(Attr.FramedProtocol) === PPP ? FRAMED_PPP : NOTHING
  const size =
    2 + ticket.length + octets.length + times + personal.length + (name > 0 ? 2 + name : 0) + ppp.length + added.length
  const to = Buffer.allocUnsafe(size)
  let at = header(to, 0, Attr.Class, ticket.length)
  at += ticket.copy(to, at)
  at += octets.copy(to, at)
  at += personal.copy(to, at)
  if (seconds < Infinity) at = to.writeUInt32BE(seconds, header(to, at, Attr.SessionTimeout, 4))
  if (interim > 0) at = to.writeUInt32BE(interim, header(to, at, Attr.AcctInterimInterval, 4))
  if (name > 0) at = header(to, at, Attr.UserName, name) + to.write(subscriber.username, at + 2)
  at += ppp.copy(to, at)
  added.copy(to, at)
  return to
}

function header(to: Buffer, at: number, type: number, size: number): number {
  to[at] = type
  to[at + 1] = 2 + size
  return at + 2
}
