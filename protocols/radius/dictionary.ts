import { decodePairs, type Pair, type RevealOptions } from './dictionary-decode.js'
import { encodeAttribute, type EncodeOptions } from './dictionary-encode.js'
import { DictionaryReader, type DictionarySource, type IncludeSource } from './dictionary-reader.js'
import type { Attribute, Definitions, DictionaryVendor } from './definitions.js'
import { RadiusError } from './errors.js'
import type { Packet } from './packet.js'
import type { Value } from './values.js'
import { standardFormat, type VendorFormat } from './vendor-format.js'

/**
 * Attributes by name and number, compiled from dictionary files. Translates between the wire and names.
 *
 * @example
 * const dictionary = Dictionary.parse([{ name: 'ietf.dict', text }])
 * dictionary.encode('Mikrotik-Rate-Limit', '2M/10M')   // a whole attribute, to be kept with the profile
 */
export class Dictionary implements Definitions {
  readonly #byName: ReadonlyMap<string, Attribute>
  readonly #byOid: ReadonlyMap<string, Attribute>
  readonly #vendors: ReadonlyMap<number, DictionaryVendor>

  private constructor(reader: DictionaryReader) {
    this.#byName = reader.byName
    this.#byOid = reader.byOid
    this.#vendors = new Map([...reader.vendors.values()].map(vendor => [vendor.number, vendor]))
  }

  /**
   * Compiles dictionary files; a later file may add to what an earlier one defined.
   * @param include  finds the source that a `$INCLUDE` names; without it, `$INCLUDE` is refused
   * @throws RadiusError `RAD_DICTIONARY` with file, line and what was expected there
   */
  static parse(sources: readonly DictionarySource[], include?: IncludeSource): Dictionary {
    const reader = new DictionaryReader(include)
    for (const source of sources) reader.read(source)
    return new Dictionary(reader)
  }

  /** Number of attributes by name. */
  get size(): number {
    return this.#byName.size
  }

  /** All attributes in the order of their definition. */
  attributes(): Iterable<Attribute> {
    return this.#byName.values()
  }

  /** The attribute of this name; the exact spelling only. */
  attribute(name: string): Attribute | undefined {
    return this.#byName.get(name)
  }

  /** The attribute with these numbers, such as `26.14988.8`. */
  attributeByOid(oid: string): Attribute | undefined {
    return this.#byOid.get(oid)
  }

  /** The vendor with this enterprise number. */
  vendor(number: number): DictionaryVendor | undefined {
    return this.#vendors.get(number)
  }

  /** Layout of a vendor's attributes; RFC 2865's for a vendor that is not known. */
  vendorFormat(number: number): VendorFormat {
    return this.#vendors.get(number)?.format ?? standardFormat
  }

  /**
   * The attribute of this name.
   * @throws RadiusError `RAD_UNKNOWN_ATTRIBUTE`, with the right spelling where only the case differs
   */
  require(name: string): Attribute {
    const found = this.#byName.get(name)
    if (found !== undefined) return found
    const similar = [...this.#byName.keys()].find(known => known.toLowerCase() === name.toLowerCase())
    const hint = similar === undefined ? '' : `; it is spelt ${similar}`
    throw new RadiusError('RAD_UNKNOWN_ATTRIBUTE', `no dictionary knows the attribute ${name}${hint}`)
  }

  /** Name of a value, such as `Interim-Update` of Acct-Status-Type 3; undefined where none is known. */
  valueName(attribute: string, value: number): string | undefined {
    return this.#byName.get(attribute)?.labels.get(value)
  }

  /**
   * All attributes of a packet by name, nested ones too. Never throws: what cannot be used comes as octets.
   * @param options  shared secret and authenticator, to read what is hidden; otherwise it comes as octets
   */
  decode(packet: Packet, options?: RevealOptions): Pair[] {
    return decodePairs(this, packet, options)
  }

  /**
   * A whole attribute, with its header and its vendor's: to be sent as it is, and kept.
   * @param name   `Session-Timeout`; a tag may follow, as in `Tunnel-Type:1`
   * @param value  as its type demands, or the name of a value (`Framed`)
   * @returns one attribute, or several where the type lets a long value go over several
   * @throws RadiusError `RAD_UNKNOWN_ATTRIBUTE`, `RAD_BAD_VALUE`, `RAD_NEEDS_REQUEST` for a hidden value without options
   */
  encode(name: string, value: Value, options?: EncodeOptions): Buffer {
    return encodeAttribute(this, name, value, options)
  }
}
