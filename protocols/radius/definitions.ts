import type { ValueType } from './values.js'
import type { VendorFormat } from './vendor-format.js'

/** What an attribute holds: a value, or other attributes (RFC 6929, RFC 2865 §5.26). */
export type AttributeType = ValueType | 'tlv' | 'vsa' | 'extended' | 'long-extended' | 'evs'

/** How a value is hidden: 0 not, 1 User-Password, 2 with a salt, 3 Ascend's secrets. */
export type Hiding = 0 | 1 | 2 | 3

/** An attribute as dictionaries define it. */
export interface Attribute {
  /** RFC or vendor spelling, such as `Mikrotik-Rate-Limit`. */
  readonly name: string
  /** Numbers from the outside in, joined by dots: `27`, `26.14988.8`, `241.5.1`, `245.26.1.6`. */
  readonly oid: string
  /** The last number of the OID. */
  readonly number: number
  readonly type: AttributeType
  /** What it lies in: a TLV or an extended attribute; undefined for an attribute of the packet or of a vendor. */
  readonly parent: Attribute | undefined
  /** Whose attribute it is; undefined for IETF attributes. */
  readonly vendor: DictionaryVendor | undefined
  /** The value begins with a tag, 0–31, that groups attributes of one tunnel. RFC 2868 §3.1 */
  readonly tagged: boolean
  readonly encrypt: Hiding
  /** A long value goes over several attributes. */
  readonly concat: boolean
  /** Not to be shown to people: a password or what follows from one. */
  readonly secret: boolean
  /** Names of values by number, and numbers by name. */
  readonly labels: ReadonlyMap<number, string>
  readonly numbers: ReadonlyMap<string, number>
}

/** A vendor as dictionaries define it. */
export interface DictionaryVendor {
  readonly name: string
  /** IANA enterprise number. */
  readonly number: number
  readonly format: VendorFormat
}

/** What a dictionary answers to those who translate with it. */
export interface Definitions {
  /** The attribute with these numbers, such as `26.14988.8`. */
  attributeByOid(oid: string): Attribute | undefined
  /** Layout of a vendor's attributes; RFC 2865's for a vendor that is not known. */
  vendorFormat(number: number): VendorFormat
  /** The attribute of this name. @throws RadiusError `RAD_UNKNOWN_ATTRIBUTE` */
  require(name: string): Attribute
}
