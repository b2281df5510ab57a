import { randomFillSync } from 'node:crypto'
import { ipv4Octets, ipv6Octets, ipv6PrefixOctets } from './addresses.js'
import { Attr } from './attributes.js'
import { authenticatorOf, messageAuthenticatorOf } from './authenticators.js'
import { Code, hasDigestAuthenticator } from './codes.js'
import { MAX_PACKET, type Secret } from './digest.js'
import { RadiusError } from './errors.js'
import type { Packet } from './packet.js'

const HEADER = 20
const MAX_VALUE = 253
const SIGNATURE = 18 // a Message-Authenticator with its header
const zeros = Buffer.alloc(16)

/**
 * Builds the attributes of a packet, one behind the other. Every method returns the writer.
 * Message-Authenticator is not written here: the encoders below place and sign it.
 *
 * @example
 * new AttributeWriter().uint32(Attr.SessionTimeout, 3600).ipv4(Attr.FramedIpAddress, '192.0.2.1').finish()
 */
export class AttributeWriter {
  #octets = Buffer.allocUnsafe(256)
  #length = 0

  /**
   * An attribute with this value; text is written as UTF-8.
   * @throws RadiusError `RAD_BAD_VALUE` above 253 octets, or for Message-Authenticator; `RAD_TOO_LONG` above 4076 in all
   */
  add(type: number, value: Buffer | string): this {
    const octets = typeof value === 'string' ? Buffer.from(value) : value
    if (octets.length > MAX_VALUE) {
      throw new RadiusError('RAD_BAD_VALUE', `attribute ${type} takes 253 octets, not ${octets.length}`)
    }
    if (type === Attr.MessageAuthenticator) throw new RadiusError('RAD_BAD_VALUE', 'the encoder signs the packet')
    const at = this.#grow(2 + octets.length)
    this.#octets[at] = type
    this.#octets[at + 1] = 2 + octets.length
    this.#octets.set(octets, at + 2)
    return this
  }

  /** An attribute with an unsigned 32-bit number. @throws RadiusError `RAD_BAD_VALUE` outside 0–4294967295 */
  uint32(type: number, value: number): this {
    return this.add(type, uint32Octets(value))
  }

  /** An attribute with an IPv4 address. @throws RadiusError `RAD_BAD_VALUE` */
  ipv4(type: number, address: string): this {
    return this.add(type, ipv4Octets(address))
  }

  /** An attribute with an IPv6 address. @throws RadiusError `RAD_BAD_VALUE` */
  ipv6(type: number, address: string): this {
    return this.add(type, ipv6Octets(address))
  }

  /** An attribute with an IPv6 prefix such as `2001:db8::/56`. @throws RadiusError `RAD_BAD_VALUE` */
  ipv6Prefix(type: number, prefix: string): this {
    return this.add(type, ipv6PrefixOctets(prefix))
  }

  /** As many attributes as it takes to hold the value, as EAP-Message demands. RFC 3579 §3.1 */
  concat(type: number, value: Buffer): this {
    for (let at = 0; at === 0 || at < value.length; at += MAX_VALUE) this.add(type, value.subarray(at, at + MAX_VALUE))
    return this
  }

  /**
   * One vendor's attribute in a Vendor-Specific of its own, in the layout that RFC 2865 §5.26 recommends.
   * @param vendor  IANA enterprise number
   * @throws RadiusError `RAD_BAD_VALUE` above 247 octets
   */
  vsa(vendor: number, vtype: number, value: Buffer | string): this {
    const octets = typeof value === 'string' ? Buffer.from(value) : value
    const header = Buffer.from([0, 0, 0, 0, vtype, 2 + octets.length])
    header.writeUInt32BE(vendor)
    return this.add(Attr.VendorSpecific, Buffer.concat([header, octets]))
  }

  /** As {@link vsa}, with an unsigned 32-bit number. */
  vsaUint32(vendor: number, vtype: number, value: number): this {
    return this.vsa(vendor, vtype, uint32Octets(value))
  }

  /** Whole attributes, headers included, such as a profile's that were encoded ahead. They are not checked. */
  raw(attributes: Buffer): this {
    const at = this.#grow(attributes.length)
    this.#octets.set(attributes, at)
    return this
  }

  /** All attributes written so far, 0–4076 octets. Writing on leaves them as they are. */
  finish(): Buffer {
    return Buffer.from(this.#octets.subarray(0, this.#length))
  }

  #grow(more: number): number {
    const at = this.#length
    if (at + more > MAX_PACKET - HEADER) throw new RadiusError('RAD_TOO_LONG')
    this.#length = at + more
    if (this.#length > this.#octets.length) {
      this.#octets = Buffer.concat([this.#octets], Math.max(this.#length, 2 * this.#octets.length))
    }
    return at
  }
}

function uint32Octets(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RadiusError('RAD_BAD_VALUE', `not an unsigned 32-bit number: ${value}`)
  }
  return Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])
}

/**
 * The reply to a request: Message-Authenticator first, then `attributes`, then the request's Proxy-State in order;
 * signed and ready to send. All replies are signed, which is what defeats forged ones (CVE-2024-3596).
 * @param request     the request as it was received
 * @param code        Code of the reply
 * @param attributes  as an {@link AttributeWriter} or a dictionary built them
 * @throws RadiusError `RAD_TOO_LONG` above 4096 octets
 * @see RFC 2865 §3 and §5.33, RFC 3579 §3.2, RFC 5176 §3.1 and §3.4
 */
export function encodeResponse(request: Packet, code: number, attributes: Buffer, secret: Secret): Buffer {
  const states = request.has(Attr.ProxyState) ? request.all(Attr.ProxyState) : []
  const stateSize = states.reduce((sum, state) => sum + 2 + state.length, 0)
  const response = blank(code, request.identifier, SIGNATURE + attributes.length + stateSize)
  let at = HEADER + SIGNATURE
  response.set(attributes, at)
  at += attributes.length
  for (const state of states) {
    response[at] = Attr.ProxyState
    response[at + 1] = 2 + state.length
    response.set(state, at + 2)
    at += 2 + state.length
  }
  sign(response, request.authenticator, secret)
  response.set(authenticatorOf(response, request.authenticator, secret), 4)
  return response
}

/** What {@link encodeRequest} may be told. */
export interface RequestOptions {
  /**
   * Put a Message-Authenticator first. Default: true, but false for Accounting-Request, where the authenticator
   * proves as much and some servers refuse the attribute. Status-Server has one always.
   */
  readonly messageAuthenticator?: boolean
  /** Request Authenticator of an Access-Request or Status-Server, 16 octets; default random. See {@link newAuthenticator}. */
  readonly authenticator?: Buffer
}

/** A request ready to send, and the authenticator that its response must be verified with. */
export interface EncodedRequest {
  readonly datagram: Buffer
  readonly authenticator: Buffer
}

/**
 * A request, signed and ready to send.
 * @param identifier  0–255
 * @throws RadiusError `RAD_TOO_LONG` above 4096 octets; `RAD_BAD_VALUE` for an authenticator that is not 16 octets
 * @see RFC 2865 §3, RFC 2866 §3, RFC 3579 §3.2, RFC 5176 §2.3, RFC 5997 §3
 */
export function encodeRequest(
  code: number,
  identifier: number,
  attributes: Buffer,
  secret: Secret,
  options: RequestOptions = {}
): EncodedRequest {
  const signed = code === Code.StatusServer || (options.messageAuthenticator ?? code !== Code.AccountingRequest)
  const size = signed ? SIGNATURE : 0
  const datagram = blank(code, identifier, size + attributes.length)
  datagram.set(attributes, HEADER + size)
  const digest = hasDigestAuthenticator(code)
  const authenticator = digest ? zeros : (options.authenticator ?? newAuthenticator())
  if (authenticator.length !== 16) throw new RadiusError('RAD_BAD_VALUE', 'an authenticator holds 16 octets')
  datagram.set(authenticator, 4)
  if (signed) sign(datagram, authenticator, secret)
  if (digest) datagram.set(authenticatorOf(datagram, zeros, secret), 4)
  return { datagram, authenticator: Buffer.from(datagram.subarray(4, HEADER)) }
}

/** Sixteen random octets: the Request Authenticator that hides the password of the same Access-Request. RFC 2865 §3. */
export function newAuthenticator(): Buffer {
  return randomFillSync(Buffer.allocUnsafe(16))
}

function blank(code: number, identifier: number, attributes: number): Buffer {
  const length = HEADER + attributes
  if (length > MAX_PACKET) throw new RadiusError('RAD_TOO_LONG')
  const packet = Buffer.alloc(length)
  packet[0] = code
  packet[1] = identifier
  packet[2] = length >>> 8
  packet[3] = length
  return packet
}

// Message-Authenticator, as the first attribute. The authenticator is written later and plays no part here.
function sign(packet: Buffer, authenticator: Buffer, secret: Secret): void {
  packet[HEADER] = Attr.MessageAuthenticator
  packet[HEADER + 1] = SIGNATURE
  packet.set(messageAuthenticatorOf(packet, HEADER + 2, authenticator, secret), HEADER + 2)
}
