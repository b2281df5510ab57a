/*
 * What TTLS carries inside (RFC 5281 §10.1): Code 4, Flags 1 (0x80: a vendor follows; 0x40: must be understood),
 * Length 3 (header included, padding not), Vendor-Id 4 where flagged, data, padding to a multiple of four.
 */
const VENDOR = 0x80
const MANDATORY = 0x40
const MOST = 64

/** An attribute-value pair; RADIUS attributes keep their numbers. */
export interface Avp {
  readonly code: number
  /** IANA enterprise number; 0 for the IETF's. */
  readonly vendor: number
  readonly mandatory: boolean
  readonly data: Buffer
}

/** Reads AVPs to the end. @returns undefined where a length is wrong, or there are more than 64. Never throws. */
export function decodeAvps(octets: Buffer): Avp[] | undefined {
  const found: Avp[] = []
  for (let at = 0; at < octets.length; ) {
    if (octets.length - at < 8 || found.length === MOST) return undefined
    const flags = octets[at + 4]!
    const header = (flags & VENDOR) === 0 ? 8 : 12
    const length = octets.readUIntBE(at + 5, 3)
    if (length < header || at + length > octets.length) return undefined
    found.push({
      code: octets.readUInt32BE(at),
      vendor: header === 8 ? 0 : octets.readUInt32BE(at + 8),
      mandatory: (flags & MANDATORY) !== 0,
      data: octets.subarray(at + header, at + length)
    })
    at += (length + 3) & ~3 // a peer may leave out the padding behind the last one
  }
  return found
}

/** One AVP, padded. */
export function encodeAvp({ code, vendor, mandatory, data }: Avp): Buffer {
  const header = vendor === 0 ? 8 : 12
  const octets = Buffer.alloc((header + data.length + 3) & ~3)
  octets.writeUInt32BE(code)
  octets[4] = (vendor === 0 ? 0 : VENDOR) | (mandatory ? MANDATORY : 0)
  octets.writeUIntBE(header + data.length, 5, 3)
  if (vendor !== 0) octets.writeUInt32BE(vendor, 8)
  data.copy(octets, header)
  return octets
}
