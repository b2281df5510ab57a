import {
  ipv4Octets,
  ipv4PrefixOctets,
  ipv4PrefixText,
  ipv4Text,
  ipv6Octets,
  ipv6PrefixOctets,
  ipv6PrefixText,
  ipv6Text
} from './addresses.js'
import { RadiusError } from './errors.js'
import { textOf } from './text.js'

/**
 * Types of values that fill an attribute. RFC 8044 §3; the names are those of dictionary files.
 *
 * | Type | Octets | In JavaScript |
 * |---|---|---|
 * | string | any | text: UTF-8, else Latin-1 |
 * | octets | any | Buffer |
 * | integer, short, byte, signed | 4, 2, 1, 4 | number |
 * | integer64 | 8 | bigint |
 * | date | 4 | number: seconds since 1970 |
 * | ipaddr, ipv6addr, combo-ip | 4, 16, either | text |
 * | ipv4prefix, ipv6prefix | 6, 2–18 | text `address/length` |
 * | ifid | 8 | text `0:0:0:1`, four groups |
 * | ether | 6 | text `00:11:22:aa:bb:cc` |
 */
export type ValueType =
  | 'string'
  | 'octets'
  | 'integer'
  | 'short'
  | 'byte'
  | 'signed'
  | 'integer64'
  | 'date'
  | 'ipaddr'
  | 'ipv6addr'
  | 'combo-ip'
  | 'ipv4prefix'
  | 'ipv6prefix'
  | 'ifid'
  | 'ether'

/** A value outside the wire; see {@link ValueType} for which type gives what. */
export type Value = string | number | bigint | Buffer

interface Codec {
  /** Octets on the wire, where there is but one size. */
  readonly size?: number
  /** Called with octets of the right size only; undefined if the value cannot be used all the same. */
  decode(octets: Buffer): Value | undefined
  encode(value: Value): Buffer
}

const codecs: Readonly<Record<ValueType, Codec>> = {
  string: { decode: octets => textOf(octets), encode: textOctets },
  octets: { decode: octets => octets, encode: rawOctets },
  integer: unsigned(4),
  short: unsigned(2),
  byte: unsigned(1),
  signed: { size: 4, decode: octets => octets.readInt32BE(), encode: signedOctets },
  integer64: { size: 8, decode: octets => octets.readBigUInt64BE(), encode: unsigned64Octets },
  date: { size: 4, decode: octets => octets.readUInt32BE(), encode: dateOctets },
  ipaddr: { size: 4, decode: octets => ipv4Text(octets), encode: value => ipv4Octets(asText(value)) },
  ipv6addr: { size: 16, decode: octets => ipv6Text(octets), encode: value => ipv6Octets(asText(value)) },
  'combo-ip': { decode: eitherAddress, encode: value => eitherOctets(asText(value)) },
  ipv4prefix: { size: 6, decode: ipv4PrefixText, encode: value => ipv4PrefixOctets(asText(value)) },
  ipv6prefix: { decode: ipv6PrefixText, encode: value => ipv6PrefixOctets(asText(value)) },
  ifid: { size: 8, decode: interfaceText, encode: value => interfaceOctets(asText(value)) },
  ether: { size: 6, decode: etherText, encode: value => etherOctets(asText(value)) }
}

/** Whether a type is one of {@link ValueType}; others, such as `tlv` or `vsa`, hold attributes. */
export function isValueType(type: string): type is ValueType {
  return Object.hasOwn(codecs, type)
}

/**
 * Reads a value.
 * @returns undefined if the octets cannot be a value of this type, above all if they are too many or too few
 */
export function decodeValue(type: ValueType, octets: Buffer): Value | undefined {
  const codec = codecs[type]
  return codec.size === undefined || codec.size === octets.length ? codec.decode(octets) : undefined
}

/**
 * Writes a value. Numbers are taken as text too (`"3600"`), octets as `0x…`, dates as ISO 8601.
 * A Buffer is taken as the octets themselves where it has the type's size.
 * @throws RadiusError `RAD_BAD_VALUE` if the value does not fit the type
 */
export function encodeValue(type: ValueType, value: Value): Buffer {
  const codec = codecs[type]
  if (!Buffer.isBuffer(value) || type === 'octets' || type === 'string') return codec.encode(value)
  if (decodeValue(type, value) === undefined) throw new RadiusError('RAD_BAD_VALUE', `octets that are no ${type}`)
  return value
}

function bad(expected: string, value: Value): RadiusError {
  const shown = typeof value === 'object' ? `${value.length} octets` : JSON.stringify(String(value))
  return new RadiusError('RAD_BAD_VALUE', `expected ${expected}, not ${shown}`)
}

function asText(value: Value): string {
  if (typeof value !== 'string') throw bad('text', value)
  return value
}

function textOctets(value: Value): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value))
}

function rawOctets(value: Value): Buffer {
  if (Buffer.isBuffer(value)) return value
  const text = asText(value)
  if (!text.startsWith('0x')) return Buffer.from(text)
  if (!/^0x([0-9a-f]{2})*$/i.test(text)) throw bad('pairs of hexadecimal digits behind 0x', value)
  return Buffer.from(text.slice(2), 'hex')
}

// A whole number between the bounds, from a number, a bigint or decimal or 0x digits.
function whole(value: Value, least: bigint, most: bigint): bigint {
  const number = toBigInt(value)
  if (number === undefined || number < least || number > most) throw bad(`a whole number ${least} to ${most}`, value)
  return number
}

function toBigInt(value: Value): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value !== 'string' || !/^(-?\d+|0x[0-9a-f]+)$/i.test(value)) return undefined
  return BigInt(value)
}

function unsigned(size: 1 | 2 | 4): Codec {
  return {
    size,
    decode: octets => octets.readUIntBE(0, size),
    encode: value => {
      const octets = Buffer.alloc(size)
      octets.writeUIntBE(Number(whole(value, 0n, (1n << BigInt(8 * size)) - 1n)), 0, size)
      return octets
    }
  }
}

function signedOctets(value: Value): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeInt32BE(Number(whole(value, -(2n ** 31n), 2n ** 31n - 1n)))
  return octets
}

function unsigned64Octets(value: Value): Buffer {
  const octets = Buffer.alloc(8)
  octets.writeBigUInt64BE(whole(value, 0n, 2n ** 64n - 1n))
  return octets
}

function dateOctets(value: Value): Buffer {
  const isDate = typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value)
  const seconds = isDate ? Math.floor(Date.parse(value) / 1000) : value
  if (Number.isNaN(seconds)) throw bad('a date such as 2026-01-31T12:00:00Z', value)
  return codecs.integer.encode(seconds)
}

function eitherAddress(octets: Buffer): string | undefined {
  if (octets.length === 4) return ipv4Text(octets)
  return octets.length === 16 ? ipv6Text(octets) : undefined
}

function eitherOctets(text: string): Buffer {
  return text.includes(':') ? ipv6Octets(text) : ipv4Octets(text)
}

function interfaceText(octets: Buffer): string {
  return [0, 2, 4, 6].map(at => octets.readUInt16BE(at).toString(16)).join(':')
}

function interfaceOctets(text: string): Buffer {
  if (!/^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}$/i.test(text)) throw bad('an interface id such as 0:0:0:1', text)
  const octets = Buffer.alloc(8)
  text.split(':').forEach((group, i) => octets.writeUInt16BE(Number.parseInt(group, 16), 2 * i))
  return octets
}

function etherText(octets: Buffer): string {
  return Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join(':')
}

function etherOctets(text: string): Buffer {
  const digits = text.replaceAll(/[:.-]/g, '')
  if (!/^[0-9a-f]{12}$/i.test(digits)) throw bad('a MAC address such as 00:11:22:aa:bb:cc', text)
  return Buffer.from(digits, 'hex')
}
