import { Attr, type Packet } from '../../../protocols/radius/index.js'
import { type Hiding, type Keep, rehide } from '../hidden.js'
import type { RadiusRequest } from '../request.js'
import { repliesKept } from './filter.js'
import type { Named, Realm } from './realms.js'

/** The request as the partner gets it: its name, its passwords hidden for it, our Proxy-State behind the others. */
export function requestFor(
  { packet, source }: RadiusRequest,
  { realm, user }: Named<Realm>,
  mark: Buffer,
  to: Hiding
): Buffer {
  const from: Hiding = { secret: source.secret, authenticator: packet.authenticator }
  const keep: Keep = type => type !== Attr.UserName
  const name = realm.strip === true ? Buffer.from(user) : packet.octets(Attr.UserName)!
  return Buffer.concat([
    attribute(Attr.UserName, name),
    rehide(packet, from, to, keep),
    challenge(packet),
    attribute(Attr.ProxyState, mark)
  ])
}

/** The answer as our NAS gets it. Proxy-State is left out: who signs the reply puts back those of the request. */
export function replyFor(
  { packet: request, source }: RadiusRequest,
  { realm, user }: Named<Realm>,
  answer: Packet,
  from: Hiding
): Buffer {
  const to: Hiding = { secret: source.secret, authenticator: request.authenticator }
  const kept = repliesKept(answer.code, source.nas.vendor)
  // Accounting goes by the name: one without the realm would be taken for a subscriber of ours.
  const name = answer.text(Attr.UserName)?.toLowerCase()
  const keepsRealm = name === `${user}@${realm.realm}`.toLowerCase() || name === `${realm.realm}\\${user}`.toLowerCase()
  return rehide(answer, from, to, (type, vendor, vtype) =>
    type === Attr.UserName ? keepsRealm && kept(type, vendor, vtype) : kept(type, vendor, vtype)
  )
}

/** Attributes to be sent later, when nobody waits for them: without signature and others' Proxy-State. */
export function attributesToKeep({ packet }: RadiusRequest, { realm, user }: Named<Realm>): Buffer {
  const keep: Keep = type => type !== Attr.ProxyState && !(realm.strip === true && type === Attr.UserName)
  const name = realm.strip === true ? attribute(Attr.UserName, Buffer.from(user)) : Buffer.alloc(0)
  return Buffer.concat([name, rehide(packet, undefined, undefined, keep)])
}

/** As they are sent then: Acct-Delay-Time has grown meanwhile. RFC 2866 §5.2 */
export function delayed(packet: Packet, seconds: number, mark: Buffer): Buffer {
  const delay = Buffer.alloc(4)
  delay.writeUInt32BE(Math.min(0xffffffff, (packet.uint32(Attr.AcctDelayTime) ?? 0) + seconds))
  const rest = rehide(packet, undefined, undefined, type => type !== Attr.AcctDelayTime)
  return Buffer.concat([rest, attribute(Attr.AcctDelayTime, delay), attribute(Attr.ProxyState, mark)])
}

// The challenge may be the Request Authenticator, which is another one from here on. RFC 2865 §5.3
function challenge(packet: Packet): Buffer {
  const needed = packet.has(Attr.ChapPassword) && !packet.has(Attr.ChapChallenge)
  return needed ? attribute(Attr.ChapChallenge, packet.authenticator) : Buffer.alloc(0)
}

function attribute(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 2 + value.length]), value])
}
