import { isIPv4, isIPv6 } from 'node:net'

/*
 * What a pool gives out: IPv4 addresses (`100.64.0.0/22`, `10.0.0.10-10.0.0.250`, `192.0.2.7`), or IPv6 prefixes of one
 * length cut out of larger ones (`2001:db8:100::/40`). Each is known by its text, so that ranges may be changed later.
 */

/** A row of addresses or prefixes; `at` gives the text of each, 0 to `size` - 1. */
export interface Range {
  readonly size: number
  at(index: number): string
  /** Whether an address or prefix, as `at` spells it, is one of these. */
  has(address: string): boolean
}

const MOST = 1 << 24

/**
 * Reads a range.
 * @param prefixLength  of the prefixes that are cut out of an IPv6 prefix
 * @returns undefined where it is none, or holds more than 16 million
 */
export function readRange(text: string, prefixLength = 56): Range | undefined {
  const [first = '', last, more] = text.split('-').map(part => part.trim())
  if (more !== undefined) return undefined
  if (last !== undefined) return isIPv4(first) && isIPv4(last) ? ipv4Range(number4(first), number4(last)) : undefined
  const [base = '', length] = first.split('/')
  if (isIPv4(base)) return length === undefined ? ipv4Range(number4(base), number4(base)) : ipv4Prefix(base, length)
  return isIPv6(base) && length !== undefined ? ipv6Range(base, Number(length), prefixLength) : undefined
}

// Network and broadcast address of a prefix are left out: some devices take neither.
function ipv4Prefix(base: string, length: string): Range | undefined {
  const bits = /^\d{1,2}$/.test(length) ? Number(length) : 33
  if (bits > 32) return undefined
  const size = 2 ** (32 - bits)
  const first = Math.floor(number4(base) / size) * size
  return size <= 2 ? ipv4Range(first, first + size - 1) : ipv4Range(first + 1, first + size - 2)
}

function ipv4Range(first: number, last: number): Range | undefined {
  const size = last - first + 1
  if (size < 1 || size > MOST) return undefined
  return {
    size,
    at: index => text4(first + index),
    has: address => isIPv4(address) && number4(address) >= first && number4(address) <= last
  }
}

function ipv6Range(base: string, length: number, prefixLength: number): Range | undefined {
  const more = prefixLength - length
  if (!(length >= 16 && more >= 0 && more <= 24 && prefixLength <= 64)) return undefined
  // At most 64 bits count: the upper half of the address.
  const step = 1n << BigInt(64 - prefixLength)
  const first = (upperHalf(base) >> BigInt(64 - length)) << BigInt(64 - length)
  const size = 2 ** more
  const at = (index: number): string => `${text6(first + BigInt(index) * step)}/${prefixLength}`
  const ending = `/${prefixLength}`
  return {
    size,
    at,
    has: prefix => {
      if (!prefix.endsWith(ending) || !isIPv6(prefix.slice(0, -ending.length))) return false
      const half = upperHalf(prefix.slice(0, -ending.length))
      return half >= first && half < first + BigInt(size) * step && (half - first) % step === 0n
    }
  }
}

function number4(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}

function text4(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.')
}

function upperHalf(address: string): bigint {
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const whole =
    tail === undefined
      ? groups
      : [...groups, ...Array.from({ length: 8 - groups.length - rest.length }, () => '0'), ...rest]
  return whole.slice(0, 4).reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

// RFC 5952: no leading zeros, and the zeros at the end as ::
function text6(half: bigint): string {
  const groups = [48n, 32n, 16n, 0n].map(shift => ((half >> shift) & 0xffffn).toString(16))
  while (groups.at(-1) === '0') groups.pop()
  return `${groups.join(':')}::`
}
