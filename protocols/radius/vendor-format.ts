/**
 * How a vendor lays out its attributes inside Vendor-Specific (26): octets of the type, octets of the length,
 * and whether an octet with a continuation flag follows. RFC 2865 §5.26 recommends 1,1.
 */
export interface VendorFormat {
  readonly type: 1 | 2 | 4
  /** 0: the one attribute fills what is left of the Vendor-Specific. */
  readonly length: 0 | 1 | 2
  /** WiMAX: bit 0x80 of the octet behind the length says that the value goes on in the next attribute. */
  readonly continuation: boolean
}

/** What RFC 2865 §5.26 recommends and nearly all vendors use. */
export const standardFormat: VendorFormat = { type: 1, length: 1, continuation: false }

/** Vendors that use another layout, by enterprise number; a dictionary may name more. */
export const vendorFormats: ReadonlyMap<number, VendorFormat> = new Map([
  [429, { type: 4, length: 0, continuation: false }], // US Robotics
  [4846, { type: 2, length: 1, continuation: false }], // Lucent
  [8164, { type: 2, length: 2, continuation: false }], // Starent
  [24757, { type: 1, length: 1, continuation: true }] // WiMAX
])

/** Octets of an attribute's header in a format. */
export function headerSize(format: VendorFormat): number {
  return format.type + format.length + (format.continuation ? 1 : 0)
}

/** Reads an unsigned number of `size` octets (0, 1, 2 or 4) at `at`. */
export function readSized(octets: Buffer, at: number, size: number): number {
  let n = 0
  for (let i = 0; i < size; i++) n = n * 256 + octets[at + i]!
  return n
}

/**
 * Where the vendor attribute at `at` ends.
 * @param end  where the attributes of this Vendor-Specific end
 * @returns -1 if its header or its length does not fit: what is left of the Vendor-Specific cannot be used
 */
export function vendorAttributeEnd(octets: Buffer, at: number, end: number, format: VendorFormat): number {
  const header = headerSize(format)
  if (at + header > end) return -1
  if (format.length === 0) return end
  const length = readSized(octets, at + format.type, format.length)
  return length < header || at + length > end ? -1 : at + length
}
