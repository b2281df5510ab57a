import type { AccessFacts } from '../../agent/policy/index.js'
import { Attr, type Packet, type Secret, Vendor } from '../../protocols/radius/index.js'
import type { RadiusRequest } from './request.js'

const DSL_FORUM = 3561 // RFC 4679
const AV_PAIR = 1

/** An Access-Request as methods and policy read it: from the packet, when they ask. */
export class AccessRequest implements AccessFacts {
  readonly packet: Packet
  readonly secret: Secret
  readonly nas: string
  /** User-Name as it came; '' when absent. */
  readonly userName: string
  #callingStation: string | undefined

  constructor({ packet, source }: RadiusRequest) {
    this.packet = packet
    this.secret = source.secret
    this.nas = source.nas.id
    this.userName = packet.text(Attr.UserName) ?? ''
  }

  get callingStation(): string {
    return (this.#callingStation ??= this.packet.text(Attr.CallingStationId) ?? '')
  }

  get nasPort(): string {
    const number = this.packet.uint32(Attr.NasPort)
    return number === undefined ? this.nasPortId : String(number)
  }

  get nasPortId(): string {
    return this.packet.text(Attr.NasPortId) ?? ''
  }

  get circuitId(): Buffer | undefined {
    return this.packet.vsa(DSL_FORUM, 1) ?? this.#pair('circuit-id-tag=')
  }

  get remoteId(): Buffer | undefined {
    return this.packet.vsa(DSL_FORUM, 2) ?? this.#pair('remote-id-tag=')
  }

  // Cisco: an AVPair of text, `circuit-id-tag=00:04:00:64:00:01` or the relay's own words.
  #pair(name: string): Buffer | undefined {
    for (const octets of this.packet.vsaAll(Vendor.Cisco, AV_PAIR)) {
      const text = octets.toString()
      if (!text.startsWith(name)) continue
      const value = text.slice(name.length)
      const digits = value.replaceAll(/[:.-]/g, '')
      return /^(?:[0-9a-f]{2}){6,}$/i.test(digits) ? Buffer.from(digits, 'hex') : Buffer.from(value)
    }
    return undefined
  }
}
