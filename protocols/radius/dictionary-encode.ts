/* From names to the wire: the value, then its headers from the inside out. */
import type { Attribute, Definitions } from './definitions.js'
import type { Secret } from './digest.js'
import { RadiusError } from './errors.js'
import { ascendSecret, encodeSalted, encodeUserPassword } from './passwords.js'
import { encodeValue, isValueType, type Value } from './values.js'
import { standardFormat } from './vendor-format.js'

/** What `Dictionary.encode` may be told. */
export interface EncodeOptions {
  /** Tag of a tunnel attribute, 0–31; wins over one in the name. RFC 2868 §3.1 */
  readonly tag?: number
  /** For hidden values: the shared secret, */
  readonly secret?: Secret
  /** and the authenticator of the request (the one that is answered, or the one that is sent). */
  readonly authenticator?: Buffer
}

const MAX_VALUE = 253
const MAX_TAG = 0x1f

/** A whole attribute by name; see `Dictionary.encode`. */
export function encodeAttribute(
  dictionary: Definitions,
  name: string,
  value: Value,
  options: EncodeOptions = {}
): Buffer {
  const [, bare = name, digits] = /^(.+):(\d{1,2})$/.exec(name) ?? []
  const attribute = dictionary.require(bare)
  const tag = options.tag ?? (digits === undefined ? undefined : Number(digits))
  try {
    return wrap(attribute, tagged(attribute, tag, hidden(attribute, plainOctets(attribute, value), options)))
  } catch (error) {
    if (error instanceof RadiusError) throw new RadiusError(error.code, `${attribute.name}: ${error.message}`)
    throw error
  }
}

function plainOctets(attribute: Attribute, value: Value): Buffer {
  if (!isValueType(attribute.type)) {
    if (Buffer.isBuffer(value)) return value
    throw new RadiusError('RAD_BAD_VALUE', `a ${attribute.type} holds attributes: set those inside it`)
  }
  const number = typeof value === 'string' ? numberOf(attribute, value) : undefined
  return encodeValue(attribute.type, number ?? value)
}

// The number that a name of a value stands for; of names that differ in case only, the first.
function numberOf(attribute: Attribute, label: string): number | undefined {
  if (attribute.numbers.size === 0) return undefined
  const exact = attribute.numbers.get(label)
  if (exact !== undefined || /^(\d+|0x[0-9a-f]+)$/i.test(label)) return exact
  const similar = [...attribute.numbers].find(([known]) => known.toLowerCase() === label.toLowerCase())
  if (similar !== undefined) return similar[1]
  const known = [...attribute.numbers.keys()]
  const list = known.slice(0, 12).join(', ') + (known.length > 12 ? ', …' : '')
  throw new RadiusError('RAD_BAD_VALUE', `no value is called ${label}; there are ${list}`)
}

function hidden(attribute: Attribute, plain: Buffer, { secret, authenticator }: EncodeOptions): Buffer {
  if (attribute.encrypt === 0) return plain
  if (secret === undefined || authenticator === undefined) throw new RadiusError('RAD_NEEDS_REQUEST')
  switch (attribute.encrypt) {
    case 1:
      return encodeUserPassword(plain, authenticator, secret)
    case 2:
      return encodeSalted(plain, authenticator, secret)
    default:
      return ascendSecret(plain, authenticator, secret)
  }
}

function tagged(attribute: Attribute, tag: number | undefined, octets: Buffer): Buffer {
  if (!attribute.tagged) {
    if (tag !== undefined) throw new RadiusError('RAD_BAD_VALUE', 'takes no tag')
    return octets
  }
  if (tag !== undefined && tag > MAX_TAG) throw new RadiusError('RAD_BAD_VALUE', `a tag is 0 to 31, not ${tag}`)
  if (attribute.type === 'integer' && attribute.encrypt === 0) {
    if (octets[0] !== 0) throw new RadiusError('RAD_BAD_VALUE', 'a tagged number is 0 to 16777215')
    return Buffer.from([tag ?? 0, octets[1]!, octets[2]!, octets[3]!])
  }
  // Text without a tag goes without the octet, unless its first octet would be taken for one. RFC 2868 §3.3
  const needed = tag !== undefined || attribute.encrypt !== 0 || (octets[0] ?? 0) <= MAX_TAG
  return needed ? Buffer.concat([Buffer.from([tag ?? 0]), octets]) : octets
}

function wrap(attribute: Attribute, octets: Buffer): Buffer {
  const { parent, vendor, number } = attribute
  switch (parent?.type) {
    case 'tlv':
      return wrap(parent, plainAttribute(number, octets, 255 - 2))
    case 'extended':
      return plainAttribute(parent.number, Buffer.concat([Buffer.from([number]), octets]))
    case 'long-extended':
      return longExtended(parent.number, number, octets)
    case 'evs':
      return wrap(parent, Buffer.concat([enterprise(vendor!.number), Buffer.from([number]), octets]))
    default:
      if (vendor !== undefined) return vendorSpecific(attribute, octets)
      return attribute.concat ? concatenated(number, octets) : plainAttribute(number, octets)
  }
}

function plainAttribute(type: number, value: Buffer, most = MAX_VALUE): Buffer {
  if (value.length > most) {
    throw new RadiusError('RAD_BAD_VALUE', `takes ${most} octets with all headers inside it, not ${value.length}`)
  }
  return Buffer.concat([Buffer.from([type, 2 + value.length]), value])
}

// RFC 6929 §2.2: fragments of up to 251 octets, all but the last with the More flag
function longExtended(type: number, extendedType: number, value: Buffer): Buffer {
  const fragments = pieces(value, MAX_VALUE - 2)
  return Buffer.concat(
    fragments.map((piece, i) => {
      const more = i < fragments.length - 1 ? 0x80 : 0
      return plainAttribute(type, Buffer.concat([Buffer.from([extendedType, more]), piece]))
    })
  )
}

function concatenated(type: number, value: Buffer): Buffer {
  return Buffer.concat(pieces(value, MAX_VALUE).map(piece => plainAttribute(type, piece)))
}

function vendorSpecific({ vendor, number, concat }: Attribute, value: Buffer): Buffer {
  const { type, length, continuation } = vendor?.format ?? standardFormat
  const header = Buffer.alloc(type + length + (continuation ? 1 : 0))
  const most = MAX_VALUE - 4 - header.length
  const parts = continuation || concat ? pieces(value, most) : [value]
  return Buffer.concat(
    parts.map((piece, i) => {
      header.writeUIntBE(number, 0, type)
      if (length > 0 && piece.length <= most) header.writeUIntBE(header.length + piece.length, type, length)
      if (continuation) header[type + length] = i < parts.length - 1 ? 0x80 : 0
      return plainAttribute(26, Buffer.concat([enterprise(vendor!.number), header, piece]))
    })
  )
}

function enterprise(number: number): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(number)
  return octets
}

function pieces(value: Buffer, most: number): Buffer[] {
  if (value.length === 0) return [value]
  return Array.from({ length: Math.ceil(value.length / most) }, (_, i) => value.subarray(i * most, (i + 1) * most))
}
