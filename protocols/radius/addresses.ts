import { isIPv4, isIPv6 } from 'node:net'
import { RadiusError } from './errors.js'

/** Text of the IPv4 address at `at`, such as `192.0.2.1`. */
export function ipv4Text(octets: Buffer, at = 0): string {
  return `${octets[at]!}.${octets[at + 1]!}.${octets[at + 2]!}.${octets[at + 3]!}`
}

/**
 * The four octets of an IPv4 address.
 * @throws RadiusError `RAD_BAD_VALUE`
 */
export function ipv4Octets(text: string): Buffer {
  if (!isIPv4(text)) throw new RadiusError('RAD_BAD_VALUE', `not an IPv4 address: ${text}`)
  return Buffer.from(text.split('.').map(Number))
}

/** Text of the IPv6 address at `at` in its canonical form, such as `2001:db8::1`. RFC 5952 §4. */
export function ipv6Text(octets: Buffer, at = 0): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(at + 2 * i))
  const { from, count } = longestZeros(groups)
  if (count < 2) return hex(groups)
  return `${hex(groups.slice(0, from))}::${hex(groups.slice(from + count))}`
}

function hex(groups: readonly number[]): string {
  return groups.map(group => group.toString(16)).join(':')
}

// RFC 5952 §4.2.3: the longest run of zero groups, the first of equals
function longestZeros(groups: readonly number[]): { from: number; count: number } {
  let best = { from: 0, count: 0 }
  let from = 0
  groups.forEach((group, i) => {
    if (group !== 0) from = i + 1
    else if (i + 1 - from > best.count) best = { from, count: i + 1 - from }
  })
  return best
}

/**
 * The sixteen octets of an IPv6 address; the forms with `::` and a dotted end are taken, a zone (`%eth0`) is not.
 * @throws RadiusError `RAD_BAD_VALUE`
 */
export function ipv6Octets(text: string): Buffer {
  if (!isIPv6(text) || text.includes('%')) throw new RadiusError('RAD_BAD_VALUE', `not an IPv6 address: ${text}`)
  const [head = '', tail] = text.split('::')
  const left = groupsOf(head)
  const right = tail === undefined ? [] : groupsOf(tail)
  const octets = Buffer.alloc(16)
  left.forEach((group, i) => octets.writeUInt16BE(group, 2 * i))
  right.forEach((group, i) => octets.writeUInt16BE(group, 16 - 2 * (right.length - i)))
  return octets
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const v4 = ipv4Octets(group)
    return [v4.readUInt16BE(0), v4.readUInt16BE(2)]
  })
}

/** Clears the bits of `address` behind the first `length`, in place. */
export function clearHostBits(address: Buffer, length: number): Buffer {
  for (let i = 0; i < address.length; i++) {
    const kept = Math.min(8, Math.max(0, length - 8 * i))
    address[i]! &= 0xff << (8 - kept)
  }
  return address
}

/**
 * Text of an IPv6 prefix value (reserved octet, length, up to 16 octets), such as `2001:db8::/32`.
 * Bits behind the length are taken as zero. Octets left off are zero where the sender leaves off trailing zeros,
 * as many NASes do; a value that still ends in a zero octet was cut short and is refused.
 * @returns undefined if the value cannot be used: not 2–18 octets, length above 128, cut short
 * @see RFC 3162 §2.3
 */
export function ipv6PrefixText(octets: Buffer): string | undefined {
  const size = octets.length - 2
  if (size < 0 || size > 16) return undefined
  const length = octets[1]!
  if (length > 128 || (size > 0 && size * 8 < length && octets[octets.length - 1] === 0)) return undefined
  const address = Buffer.alloc(16)
  octets.copy(address, 0, 2)
  return `${ipv6Text(clearHostBits(address, length))}/${length}`
}

/**
 * IPv6 prefix value of `address/length`, in the fewest octets that hold the length; host bits are cleared.
 * @throws RadiusError `RAD_BAD_VALUE`
 * @see RFC 3162 §2.3
 */
export function ipv6PrefixOctets(text: string): Buffer {
  const { address, length } = splitPrefix(text, 128)
  const octets = clearHostBits(ipv6Octets(address), length)
  return Buffer.concat([Buffer.from([0, length]), octets.subarray(0, Math.ceil(length / 8))])
}

/**
 * Text of an IPv4 prefix value (reserved octet, length, 4 octets), such as `192.0.2.0/24`.
 * @returns undefined if the value cannot be used: not 6 octets, length above 32, reserved octet not zero
 * @see RFC 8044 §3.11
 */
export function ipv4PrefixText(octets: Buffer): string | undefined {
  if (octets.length !== 6 || octets[0] !== 0 || octets[1]! > 32) return undefined
  const address = clearHostBits(Buffer.from(octets.subarray(2)), octets[1]!)
  return `${ipv4Text(address)}/${octets[1]!}`
}

/**
 * IPv4 prefix value of `address/length`; host bits are cleared.
 * @throws RadiusError `RAD_BAD_VALUE`
 * @see RFC 8044 §3.11
 */
export function ipv4PrefixOctets(text: string): Buffer {
  const { address, length } = splitPrefix(text, 32)
  return Buffer.concat([Buffer.from([0, length]), clearHostBits(ipv4Octets(address), length)])
}

function splitPrefix(text: string, most: number): { address: string; length: number } {
  const [address = '', digits = String(most), ...rest] = text.split('/')
  const length = /^\d{1,3}$/.test(digits) ? Number(digits) : -1
  if (rest.length > 0 || length < 0 || length > most) {
    throw new RadiusError('RAD_BAD_VALUE', `not a prefix of 0 to ${most} bits: ${text}`)
  }
  return { address, length }
}
