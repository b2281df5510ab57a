import {
  Attr,
  decodeSalted,
  decodeUserPassword,
  encodeSalted,
  encodeUserPassword,
  type Packet,
  type Secret,
  Vendor
} from '../../protocols/radius/index.js'

/** What values of a packet are hidden with: the shared secret, and the authenticator of the request. */
export interface Hiding {
  readonly secret: Secret
  readonly authenticator: Buffer
}

/** Which attributes are kept; `vendor` is 0 for those of the RFCs. */
export type Keep = (type: number, vendor: number, vtype: number) => boolean

/** How a value is hidden. `tagged`: the tag stays in front, in the clear. */
type Way = 'password' | 'salted' | 'tagged'

/* RFC 2865 §5.2, RFC 2868 §3.5, RFC 2548 §2.4; Juniper's (ERX) for lawful interception are salted as well. */
const ways: ReadonlyMap<string, Way> = new Map([
  [`0.${Attr.UserPassword}`, 'password'],
  ['0.69', 'tagged'],
  [`${Vendor.Microsoft}.12`, 'password'],
  [`${Vendor.Microsoft}.16`, 'salted'],
  [`${Vendor.Microsoft}.17`, 'salted'],
  [`${Vendor.Juniper}.58`, 'salted'],
  [`${Vendor.Juniper}.59`, 'salted'],
  [`${Vendor.Juniper}.60`, 'salted'],
  [`${Vendor.Juniper}.61`, 'salted']
])
const vendorsThatHide: ReadonlySet<number> = new Set([Vendor.Microsoft, Vendor.Juniper])

const ENTERPRISE = 4
const MPPE_KEYS = 24 // MS-CHAP-MPPE-Keys: zero octets at the end belong to the keys
const MICROSOFT_MPPE_KEYS = `${Vendor.Microsoft}.12`

const all: Keep = () => true

/**
 * The attributes of a packet, with what is hidden in them hidden anew for another peer. Message-Authenticator is left out:
 * whoever sends the packet on signs it. An attribute that cannot be read with `from` is left out too.
 * @param from  what the packet's values are hidden with; undefined: they stand in the clear, as in RADIUS/1.1
 * @param to    what they shall be hidden with; undefined: in the clear
 * @param keep  leaves out what the other peer shall not see
 * @throws RadiusError for a value in the clear that is too long to be hidden
 * @see RFC 9765 §5.1: what is in the clear in RADIUS/1.1
 */
export function rehide(packet: Packet, from: Hiding | undefined, to: Hiding | undefined, keep: Keep = all): Buffer {
  const parts: Buffer[] = []
  for (const { type, value } of packet.entries()) {
    if (type === Attr.MessageAuthenticator) continue
    if (type === Attr.VendorSpecific && value.length > ENTERPRISE) addVendor(parts, value, from, to, keep)
    else if (keep(type, 0, 0)) addAttribute(parts, type, anew(`0.${type}`, value, from, to))
  }
  return Buffer.concat(parts)
}

function addVendor(parts: Buffer[], value: Buffer, from: Hiding | undefined, to: Hiding | undefined, keep: Keep): void {
  const vendor = value.readUInt32BE(0)
  if (!vendorsThatHide.has(vendor)) {
    if (keep(Attr.VendorSpecific, vendor, value[ENTERPRISE]!)) addAttribute(parts, Attr.VendorSpecific, value)
    return
  }
  for (let at = ENTERPRISE; at + 2 <= value.length; ) {
    const vtype = value[at]!
    const end = at + value[at + 1]!
    if (end < at + 2 || end > value.length) return
    const inner = keep(Attr.VendorSpecific, vendor, vtype)
      ? anew(`${vendor}.${vtype}`, value.subarray(at + 2, end), from, to)
      : undefined
    if (inner !== undefined) {
      const header = Buffer.from([vtype, 2 + inner.length])
      addAttribute(parts, Attr.VendorSpecific, Buffer.concat([value.subarray(0, ENTERPRISE), header, inner]))
    }
    at = end
  }
}

function addAttribute(parts: Buffer[], type: number, value: Buffer | undefined): void {
  if (value !== undefined && value.length <= 253) parts.push(Buffer.from([type, 2 + value.length]), value)
}

function anew(name: string, value: Buffer, from: Hiding | undefined, to: Hiding | undefined): Buffer | undefined {
  const way = ways.get(name)
  if (way === undefined) return value
  if (way === 'tagged') {
    const inner = salted(value.subarray(1), from, to)
    return inner === undefined ? undefined : Buffer.concat([value.subarray(0, 1), inner])
  }
  if (way === 'salted') return salted(value, from, to)
  const plain = from === undefined ? value : decodeUserPassword(value, from.authenticator, from.secret)
  if (plain === undefined) return undefined
  const whole = name === MICROSOFT_MPPE_KEYS ? Buffer.concat([plain], Math.max(MPPE_KEYS, plain.length)) : plain
  return to === undefined ? whole : encodeUserPassword(whole, to.authenticator, to.secret)
}

function salted(value: Buffer, from: Hiding | undefined, to: Hiding | undefined): Buffer | undefined {
  const plain = from === undefined ? value : decodeSalted(value, from.authenticator, from.secret)
  if (plain === undefined || to === undefined) return plain
  return encodeSalted(plain, to.authenticator, to.secret)
}
