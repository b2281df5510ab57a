import { isIP } from 'node:net'

/** An address range as numbers: `bits` counts from the left; IPv4 stands apart from IPv6. */
export interface Prefix {
  readonly family: 4 | 6
  readonly address: bigint
  readonly bits: number
}

const V4_MAPPED = 0xffffn << 32n

/**
 * Reads an address or a prefix. IPv4-mapped IPv6 is IPv4; a zone (`%eth0`) is dropped; bits beyond the length are
 * cleared.
 * @param text `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`, `::ffff:192.0.2.1`
 * @returns undefined when it is neither
 * @see RFC 4291 §2.2, §2.5.5.2
 */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/')
  const whole = slash < 0 ? text : text.slice(0, slash)
  const host = whole.replace(/%.*$/, '')
  const kind = isIP(host)
  if (kind === 0) return undefined
  const address = kind === 4 ? parseIPv4(host) : parseIPv6(host)
  const mapped = kind === 6 && address >> 32n === V4_MAPPED >> 32n
  const room = kind === 4 ? 32 : 128
  const length = slash < 0 ? room : readLength(text.slice(slash + 1), room)
  if (length === undefined) return undefined
  if (mapped && length >= 96) return masked(4, address & 0xffffffffn, length - 96)
  return masked(kind === 4 ? 4 : 6, address, length)
}

/** Clears the bits of `address` behind the first `bits`. */
export function mask(family: 4 | 6, address: bigint, bits: number): bigint {
  const rest = BigInt((family === 4 ? 32 : 128) - bits)
  return (address >> rest) << rest
}

function masked(family: 4 | 6, address: bigint, bits: number): Prefix {
  return { family, address: mask(family, address, bits), bits }
}

function readLength(text: string, room: number): number | undefined {
  const length = /^[0-9]{1,3}$/.test(text) ? Number(text) : room + 1
  return length > room ? undefined : length
}

function parseIPv4(text: string): bigint {
  return BigInt(text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0))
}

function parseIPv6(text: string): bigint {
  const [left = '', right] = text.split('::')
  const head = groups(left)
  const tail = right === undefined ? [] : groups(right)
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0n)
  return [...head, ...zeros, ...tail].reduce((sum, group) => (sum << 16n) | group, 0n)
}

function groups(text: string): bigint[] {
  if (text === '') return []
  return text.split(':').flatMap(group => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)]
    const address = parseIPv4(group)
    return [address >> 16n, address & 0xffffn]
  })
}
