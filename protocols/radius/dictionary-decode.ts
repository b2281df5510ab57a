/*
 * From the wire to names. Attributes become elements (an OID and octets); elements that continue each other are
 * joined; an element that holds others is taken apart. What does not fit its definition is kept as octets.
 */
import type { Attribute, AttributeType, Definitions } from './definitions.js'
import type { Secret } from './digest.js'
import type { Packet } from './packet.js'
import { ascendSecret, decodeSalted, decodeUserPassword } from './passwords.js'
import { decodeValue, isValueType, type Value, type ValueType } from './values.js'
import { headerSize, readSized, vendorAttributeEnd } from './vendor-format.js'

/** One attribute by name. */
export interface Pair {
  /** The dictionary's name, or `Attr-` and the OID of what no dictionary knows. */
  readonly name: string
  readonly oid: string
  /** Octets where {@link raw} is set, or where the value is hidden and could not be read. */
  readonly value: Value
  /** Name of the value, such as `Framed-User`. */
  readonly label?: string
  /** 1–31; groups the attributes of one tunnel. RFC 2868 §3.1 */
  readonly tag?: number
  readonly attribute?: Attribute
  /** No dictionary knows the attribute, or its octets do not fit its type. */
  readonly raw?: true
}

/** What it takes to read hidden values. */
export interface RevealOptions {
  readonly secret: Secret
  /** The request's authenticator, also for values in its reply; default: the packet's own. */
  readonly authenticator?: Buffer
}

interface Element {
  readonly oid: string
  readonly value: Buffer
  /** The value goes on in the next element of the same OID. */
  readonly more: boolean
}

interface Reading {
  readonly dictionary: Definitions
  readonly reveal: RevealOptions | undefined
  readonly authenticator: Buffer
  readonly pairs: Pair[]
}

const MAX_DEPTH = 8

/** All attributes of a packet by name, in their order; see `Dictionary.decode`. */
export function decodePairs(dictionary: Definitions, packet: Packet, reveal?: RevealOptions): Pair[] {
  const elements: Element[] = []
  for (const { type, value } of packet.entries()) elements.push(...elementsOf(dictionary, type, value))
  const pairs: Pair[] = []
  const reading = { dictionary, reveal, authenticator: reveal?.authenticator ?? packet.authenticator, pairs }
  for (const element of joined(dictionary, elements)) expand(reading, element, 0)
  return pairs
}

function elementsOf(dictionary: Definitions, type: number, value: Buffer): Element[] {
  const whole: Element = { oid: String(type), value, more: false }
  switch (dictionary.attributeByOid(whole.oid)?.type) {
    case 'vsa':
      return vendorElements(dictionary, '26', value) ?? [whole]
    case 'extended':
      return value.length < 1 ? [whole] : [{ oid: `${type}.${value[0]!}`, value: value.subarray(1), more: false }]
    case 'long-extended':
      if (value.length < 2) return [whole]
      return [{ oid: `${type}.${value[0]!}`, value: value.subarray(2), more: (value[1]! & 0x80) !== 0 }]
    default:
      return [whole]
  }
}

// RFC 2865 §5.26. All or nothing: if one attribute does not fit, the layout is not the one we take it for.
function vendorElements(dictionary: Definitions, oid: string, value: Buffer): Element[] | undefined {
  if (value.length < 5) return undefined
  const vendor = value.readUInt32BE(0)
  const format = dictionary.vendorFormat(vendor)
  const elements: Element[] = []
  for (let at = 4; at < value.length; ) {
    const end = vendorAttributeEnd(value, at, value.length, format)
    if (end < 0 || vendor === 0) return undefined
    const from = at + headerSize(format)
    const more = format.continuation && (value[from - 1]! & 0x80) !== 0
    elements.push({
      oid: `${oid}.${vendor}.${readSized(value, at, format.type)}`,
      value: value.subarray(from, end),
      more
    })
    at = end
  }
  return elements
}

// RFC 6929 §2.2: the More flag joins neighbours. RFC 3579 §3.1: EAP-Message and its like join wherever they are.
function joined(dictionary: Definitions, elements: readonly Element[]): Element[] {
  const groups: { oid: string; parts: Buffer[]; more: boolean }[] = []
  for (const { oid, value, more } of elements) {
    const last = groups.at(-1)
    const concat = dictionary.attributeByOid(oid)?.concat === true
    const open = last?.more === true && last.oid === oid ? last : concat ? groups.find(g => g.oid === oid) : undefined
    if (open === undefined) groups.push({ oid, parts: [value], more })
    else {
      open.parts.push(value)
      open.more = more
    }
  }
  return groups.map(({ oid, parts }) => ({
    oid,
    value: parts.length === 1 ? parts[0]! : Buffer.concat(parts),
    more: false
  }))
}

function expand(reading: Reading, element: Element, depth: number): void {
  const attribute = reading.dictionary.attributeByOid(element.oid)
  const nested = depth < MAX_DEPTH && attribute !== undefined ? nestedElements(attribute.type, element) : []
  if (nested !== undefined && nested.length > 0) for (const inner of nested) expand(reading, inner, depth + 1)
  else reading.pairs.push(pairOf(reading, element, attribute))
}

function nestedElements(type: AttributeType, element: Element): Element[] | undefined {
  if (type === 'tlv') return tlvElements(element)
  return type === 'evs' ? evsElements(element) : []
}

// RFC 6929 §2.3: type, length, value, one behind the other; all or nothing.
function tlvElements({ oid, value }: Element): Element[] | undefined {
  const elements: Element[] = []
  for (let at = 0; at < value.length; ) {
    const end = at + (value[at + 1] ?? 0)
    if (end < at + 2 || end > value.length) return undefined
    elements.push({ oid: `${oid}.${value[at]!}`, value: value.subarray(at + 2, end), more: false })
    at = end
  }
  return elements
}

// RFC 6929 §2.4: vendor, one octet of type, and the value as far as it goes
function evsElements({ oid, value }: Element): Element[] | undefined {
  if (value.length < 6) return undefined
  return [{ oid: `${oid}.${value.readUInt32BE(0)}.${value[4]!}`, value: value.subarray(5), more: false }]
}

function pairOf(reading: Reading, { oid, value }: Element, attribute: Attribute | undefined): Pair {
  if (attribute === undefined) return { name: `Attr-${oid}`, oid, value, raw: true }
  const known = { name: attribute.name, oid, attribute }
  if (!isValueType(attribute.type)) return { ...known, value, raw: true }
  const { tag, octets } = untagged(attribute, value)
  const plain = attribute.encrypt === 0 ? octets : revealed(reading, attribute, octets)
  const tagged = tag > 0 ? { ...known, tag } : known
  if (plain === undefined) return { ...tagged, value, raw: true }
  if (plain === HIDDEN) return { ...tagged, value: octets ?? value }
  return typedPair(tagged, attribute.type, plain, value)
}

function typedPair(
  known: { name: string; oid: string; attribute: Attribute; tag?: number },
  type: ValueType,
  plain: Buffer,
  value: Buffer
): Pair {
  const decoded = decodeValue(type, plain)
  if (decoded === undefined) return { ...known, value, raw: true }
  const label = typeof decoded === 'number' ? known.attribute.labels.get(decoded) : undefined
  return label === undefined ? { ...known, value: decoded } : { ...known, value: decoded, label }
}

// RFC 2868 §3.1–3.6: a number's first octet is always its tag; a text's only up to 0x1F; a hidden value's always.
function untagged(attribute: Attribute, value: Buffer): { tag: number; octets: Buffer | undefined } {
  if (!attribute.tagged) return { tag: 0, octets: value }
  const tag = value[0] ?? 0
  if (attribute.encrypt !== 0) return { tag: tag > 0x1f ? 0 : tag, octets: value.subarray(1) }
  if (attribute.type === 'integer') {
    if (value.length !== 4 || tag > 0x1f) return { tag: 0, octets: undefined }
    return { tag, octets: Buffer.from([0, value[1]!, value[2]!, value[3]!]) }
  }
  return tag > 0x1f || value.length === 0 ? { tag: 0, octets: value } : { tag, octets: value.subarray(1) }
}

const HIDDEN = Buffer.alloc(0)

// The value in clear; HIDDEN without a secret; undefined if it cannot be read with the secret given.
function revealed(reading: Reading, attribute: Attribute, octets: Buffer | undefined): Buffer | undefined {
  if (octets === undefined) return undefined
  if (reading.reveal === undefined) return HIDDEN
  const { secret } = reading.reveal
  switch (attribute.encrypt) {
    case 1:
      return decodeUserPassword(octets, reading.authenticator, secret)
    case 2:
      return decodeSalted(octets, reading.authenticator, secret)
    default:
      return octets.length === 16 ? ascendSecret(octets, reading.authenticator, secret) : undefined
  }
}
