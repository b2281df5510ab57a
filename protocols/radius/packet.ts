/*
 * A packet on the wire (RFC 2865 §3): Code 1, Identifier 1, Length 2, Authenticator 16, then attributes,
 * each Type 1, Length 1 (header included), Value 0–253.
 *
 * Decoding checks the whole structure once and notes where each attribute begins; values are read from the
 * datagram when asked for. No attribute that was noted reaches beyond the packet's Length.
 */
import { ipv4Text, ipv6PrefixText, ipv6Text } from './addresses.js'
import { Attr } from './attributes.js'
import { Code, isKnownCode } from './codes.js'
import { MAX_PACKET } from './digest.js'
import type { Malformed } from './errors.js'
import { textOf } from './text.js'
import {
  readSized,
  standardFormat,
  type VendorFormat,
  vendorAttributeEnd,
  vendorFormats,
  headerSize
} from './vendor-format.js'

const HEADER = 20
const MAX_ATTRIBUTES = 200
// An entry of the index: the attribute's type above, where it begins below. A packet's 4096 octets fit 16 bits.
const TYPE_SHIFT = 16
const AT_MASK = 0xffff

/** What {@link Packet.decode} may be told. */
export interface DecodeOptions {
  /** Take Codes that the codec does not know too. Default false: `RAD_UNKNOWN_CODE`. */
  readonly anyCode?: boolean
}

/**
 * A received packet whose structure has been checked. It reads from the datagram and keeps it alive; the views
 * that it hands out are the datagram's own octets. An attribute of the wrong size reads as `undefined`.
 *
 * @example
 * const packet = Packet.decode(datagram)
 * if (typeof packet === 'string') return count(packet)   // RAD_…: discard silently
 * packet.text(Attr.UserName)
 */
export class Packet {
  readonly code: number
  readonly identifier: number
  /** Octets of the packet, 20–4096, without padding behind it. */
  readonly length: number
  readonly #octets: Buffer
  readonly #index: readonly number[]
  // Asked for several times a packet; each view costs as much as reading ten attributes.
  #authenticator: Buffer | undefined

  private constructor(octets: Buffer, length: number, index: readonly number[]) {
    this.code = octets[0]!
    this.identifier = octets[1]!
    this.length = length
    this.#octets = octets
    this.#index = index
  }

  /**
   * Checks a datagram and makes it readable, without copying it.
   * @param datagram  as it arrived; octets behind the packet's Length are padding and ignored
   * @returns the packet, or the reason why it must be discarded silently. Never throws.
   * @see RFC 2865 §3, RFC 3579 §3.1 (EAP-Message demands Message-Authenticator), RFC 5997 §3 (Status-Server too)
   */
  static decode(datagram: Buffer, options?: DecodeOptions): Packet | Malformed {
    if (datagram.length < HEADER) return 'RAD_TOO_SHORT'
    const length = (datagram[2]! << 8) | datagram[3]!
    if (length < HEADER) return 'RAD_LENGTH_TOO_SMALL'
    if (length > MAX_PACKET) return 'RAD_LENGTH_TOO_LARGE'
    if (length > datagram.length) return 'RAD_TRUNCATED'
    if (!isKnownCode(datagram[0]!) && options?.anyCode !== true) return 'RAD_UNKNOWN_CODE'
    const index = indexAttributes(datagram, length)
    if (typeof index === 'string') return index
    return signatureFault(datagram, index) ?? new Packet(datagram, length, index)
  }

  /**
   * Reads attributes that were kept without their packet, such as the evidence in a ledger.
   * @param attributes  as {@link Packet.attributes} gave them
   * @param code        Code of the packet that they came from; default Accounting-Request
   * @returns a packet with Identifier and authenticator zero, or why the attributes cannot be read
   */
  static fromAttributes(attributes: Buffer, code: number = Code.AccountingRequest): Packet | Malformed {
    const length = HEADER + attributes.length
    if (length > MAX_PACKET) return 'RAD_TOO_LONG'
    const octets = Buffer.alloc(length)
    octets[0] = code
    octets.writeUInt16BE(length, 2)
    octets.set(attributes, HEADER)
    const index = indexAttributes(octets, length)
    return typeof index === 'string' ? index : new Packet(octets, length, index)
  }

  /** The 16 octets of the Request or Response Authenticator; a view. */
  get authenticator(): Buffer {
    return (this.#authenticator ??= this.#octets.subarray(4, HEADER))
  }

  /** All attributes as they are on the wire, 0–4076 octets; a view. */
  get attributes(): Buffer {
    return this.#octets.subarray(HEADER, this.length)
  }

  /** The whole packet without padding; a view. */
  get octetsOnWire(): Buffer {
    return this.length === this.#octets.length ? this.#octets : this.#octets.subarray(0, this.length)
  }

  /** Number of attributes, 0–200. */
  get count(): number {
    return this.#index.length
  }

  /** Whether an attribute of this type is in the packet. */
  has(type: number): boolean {
    return this.#find(type) > 0
  }

  /** Value of the first attribute of this type as an unsigned 32-bit number; undefined if absent or not 4 octets. */
  uint32(type: number): number | undefined {
    const at = this.#find(type)
    if (at === 0 || this.#octets[at + 1] !== 6) return undefined
    return uint32At(this.#octets, at + 2)
  }

  /** Value of the first attribute of this type as an unsigned 64-bit number; undefined if absent or not 8 octets. */
  uint64(type: number): bigint | undefined {
    const at = this.#find(type)
    if (at === 0 || this.#octets[at + 1] !== 10) return undefined
    return this.#octets.readBigUInt64BE(at + 2)
  }

  /** Value of the first attribute of this type, 0–253 octets; a view. */
  octets(type: number): Buffer | undefined {
    const at = this.#find(type)
    return at === 0 ? undefined : this.#valueAt(at)
  }

  /** Value of the first attribute of this type as text: UTF-8, or Latin-1 where it is not valid UTF-8. */
  text(type: number): string | undefined {
    const at = this.#find(type)
    return at === 0 ? undefined : textOf(this.#octets, at + 2, at + this.#octets[at + 1]!)
  }

  /** Value of the first attribute of this type as `192.0.2.1`; undefined if absent or not 4 octets. */
  ipv4(type: number): string | undefined {
    const at = this.#find(type)
    if (at === 0 || this.#octets[at + 1] !== 6) return undefined
    return ipv4Text(this.#octets, at + 2)
  }

  /** Value of the first attribute of this type as `2001:db8::1`; undefined if absent or not 16 octets. */
  ipv6(type: number): string | undefined {
    const at = this.#find(type)
    if (at === 0 || this.#octets[at + 1] !== 18) return undefined
    return ipv6Text(this.#octets, at + 2)
  }

  /** Value of the first attribute of this type as `2001:db8::/56`; undefined if absent or unusable. RFC 3162 §2.3 */
  ipv6Prefix(type: number): string | undefined {
    const value = this.octets(type)
    return value === undefined ? undefined : ipv6PrefixText(value)
  }

  /** Values of all attributes of this type in their order; views. */
  all(type: number): Buffer[] {
    return this.#index.filter(entry => entry >>> TYPE_SHIFT === type).map(entry => this.#valueAt(entry & AT_MASK))
  }

  /** Values of all attributes of this type joined, as EAP-Message demands; undefined if absent. RFC 3579 §3.1 */
  concat(type: number): Buffer | undefined {
    const parts = this.all(type)
    return parts.length < 2 ? parts[0] : Buffer.concat(parts)
  }

  /** All attributes in their order: type and value; the values are views. */
  *entries(): Generator<{ type: number; value: Buffer }> {
    for (const entry of this.#index) yield { type: entry >>> TYPE_SHIFT, value: this.#valueAt(entry & AT_MASK) }
  }

  /**
   * Value of the first attribute that a vendor numbers `vtype`; a view.
   * @param vendor  IANA enterprise number
   * @param format  layout of the vendor's attributes; default: as `vendorFormats` knows, else RFC 2865's
   */
  vsa(vendor: number, vtype: number, format = vendorFormats.get(vendor) ?? standardFormat): Buffer | undefined {
    for (const entry of this.#index) {
      if (entry >>> TYPE_SHIFT !== Attr.VendorSpecific) continue
      const found = vendorValue(this.#octets, entry & AT_MASK, vendor, vtype, format)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Values of all attributes that a vendor numbers `vtype`, also several in one Vendor-Specific; views. */
  vsaAll(vendor: number, vtype: number, format = vendorFormats.get(vendor) ?? standardFormat): Buffer[] {
    const found: Buffer[] = []
    for (const entry of this.#index) {
      if (entry >>> TYPE_SHIFT !== Attr.VendorSpecific) continue
      vendorValue(this.#octets, entry & AT_MASK, vendor, vtype, format, found)
    }
    return found
  }

  /** As {@link vsa}, as an unsigned 32-bit number; undefined if absent or not 4 octets. */
  vsaUint32(vendor: number, vtype: number): number | undefined {
    const value = this.vsa(vendor, vtype)
    return value?.length === 4 ? uint32At(value, 0) : undefined
  }

  /** As {@link vsa}, as text. */
  vsaText(vendor: number, vtype: number): string | undefined {
    const value = this.vsa(vendor, vtype)
    return value === undefined ? undefined : textOf(value)
  }

  /**
   * Where in {@link octetsOnWire} the value of Message-Authenticator begins, 0 if there is none.
   * The decoder saw to it that there is at most one, of 16 octets.
   */
  get messageAuthenticatorAt(): number {
    const at = this.#find(Attr.MessageAuthenticator)
    return at === 0 ? 0 : at + 2
  }

  // Where the first attribute of a type begins, 0 if there is none: the header lies there.
  #find(type: number): number {
    const index = this.#index
    for (let i = 0; i < index.length; i++) {
      const entry = index[i]!
      if (entry >>> TYPE_SHIFT === type) return entry & AT_MASK
    }
    return 0
  }

  #valueAt(at: number): Buffer {
    return this.#octets.subarray(at + 2, at + this.#octets[at + 1]!)
  }
}

function uint32At(octets: Buffer, at: number): number {
  return ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0
}

// Written over and over, then cut to size: a list that grows costs three times its octets.
const draft: number[] = Array.from({ length: MAX_ATTRIBUTES }, () => 0)

function indexAttributes(octets: Buffer, end: number): Malformed | number[] {
  let count = 0
  let at = HEADER
  while (at < end) {
    if (at + 2 > end) return 'RAD_ATTRIBUTE_STRAY'
    const type = octets[at]!
    if (type === 0) return 'RAD_ATTRIBUTE_ZERO'
    const length = octets[at + 1]!
    if (length < 2) return 'RAD_ATTRIBUTE_LENGTH'
    if (at + length > end) return 'RAD_ATTRIBUTE_OVERFLOW'
    if (count === MAX_ATTRIBUTES) return 'RAD_TOO_MANY_ATTRIBUTES'
    draft[count++] = (type << TYPE_SHIFT) | at
    at += length
  }
  return draft.slice(0, count)
}

function signatureFault(octets: Buffer, index: readonly number[]): Malformed | undefined {
  let signed = false
  let demanded = octets[0] === Code.StatusServer
  for (const entry of index) {
    const type = entry >>> TYPE_SHIFT
    if (type === Attr.EapMessage) demanded = true
    if (type !== Attr.MessageAuthenticator) continue
    if (signed) return 'RAD_MESSAGE_AUTHENTICATOR_TWICE'
    if (octets[(entry & AT_MASK) + 1] !== 18) return 'RAD_MESSAGE_AUTHENTICATOR_SIZE'
    signed = true
  }
  return demanded && !signed ? 'RAD_MESSAGE_AUTHENTICATOR_MISSING' : undefined
}

// The first value with this vtype in the Vendor-Specific at `at`; with `into`, all of them are added there instead.
function vendorValue(
  octets: Buffer,
  at: number,
  vendor: number,
  vtype: number,
  format: VendorFormat,
  into?: Buffer[]
): Buffer | undefined {
  const end = at + octets[at + 1]!
  if (end - at < 7 || uint32At(octets, at + 2) !== vendor) return undefined
  for (let from = at + 6; from < end; ) {
    const to = vendorAttributeEnd(octets, from, end, format)
    if (to < 0) return undefined
    if (readSized(octets, from, format.type) === vtype) {
      const value = octets.subarray(from + headerSize(format), to)
      if (into === undefined) return value
      into.push(value)
    }
    from = to
  }
  return undefined
}
