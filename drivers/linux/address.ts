import { isIP } from 'node:net'

/** An address or a prefix, as nftables keeps it: lower case, host bits zero. */
export interface Address {
  readonly family: 4 | 6
  readonly text: string
  /** Bits of the prefix; 32 or 128 for one address. */
  readonly length: number
}

/**
 * Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1` or `2001:db8::/64`.
 * @returns undefined for anything else, and for a prefix without bits
 */
export function parseAddress(text: string): Address | undefined {
  const [address = '', digits, ...rest] = text.split('/')
  const family = isIP(address)
  if ((family !== 4 && family !== 6) || address.includes('%') || rest.length > 0) return undefined
  const bits = family === 4 ? 32 : 128
  if (digits !== undefined && !/^\d{1,3}$/.test(digits)) return undefined
  const length = digits === undefined ? bits : Number(digits)
  if (length < 1 || length > bits) return undefined
  return { family, text: masked(address, family, length), length }
}

/**
 * Whether somebody may have this address: no loopback, link-local, multicast or unspecified one. A subscriber's record that
 * names one of those must not fence the box off.
 */
export function isSubscriber({ family, text, length }: Address): boolean {
  if (family === 4) return length === 32 && !/^(0|127|22[4-9]|2[3-5]\d|169\.254)\./.test(text)
  return length >= 32 && !/^(::|::1|fe[89ab].*|ff.*)$/.test(text)
}

/** Whether one holds the other. */
export function covers(outer: Address, inner: Address): boolean {
  return (
    outer.family === inner.family &&
    outer.length <= inner.length &&
    masked(inner.text, inner.family, outer.length) === outer.text
  )
}

function masked(address: string, family: 4 | 6, length: number): string {
  const [width, words] = family === 4 ? [8, octets(address)] : [16, hextets(address)]
  const kept = words.map((word, index) => {
    const bits = Math.min(Math.max(length - index * width, 0), width)
    return word & (((1 << bits) - 1) << (width - bits))
  })
  return family === 4 ? kept.join('.') : compressed(kept)
}

function octets(address: string): number[] {
  return address.split('.').map(Number)
}

function hextets(address: string): number[] {
  const plain = address.replace(/[\d.]+$/, tail => {
    if (!tail.includes('.')) return tail
    const [a = 0, b = 0, c = 0, d = 0] = octets(tail)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail] = plain.split('::')
  const words = (part: string) => (part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16)))
  const [left, right] = [words(head), words(tail ?? '')]
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

// RFC 5952: the form in which nft prints it, so that what is read back compares.
function compressed(words: readonly number[]): string {
  const url = new URL(`http://[${words.map(word => word.toString(16)).join(':')}]/`)
  return url.hostname.slice(1, -1)
}
