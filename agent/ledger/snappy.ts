/*
 * Snappy, as far as LevelDB's own repair leaves it behind: it writes tables anew with compression, whatever the store
 * was opened with.
 *
 *   varint octets in all, then elements; the two low bits of an element's first octet tell its kind:
 *   0  literal: the other six bits are its length less one; 60 to 63 stand for a length in the next 1 to 4 octets
 *   1  copy: 3 bits length less four, 11 bits distance back, its low octet follows
 *   2  copy: 6 bits length less one, uint16 distance       3  the same with uint32
 *
 * All numbers are little-endian. See format_description.txt in Snappy's sources.
 */
const MOST = 64 * 1024 * 1024

interface Element {
  readonly length: number
  /** How far back it is copied from; 0 for a literal. */
  readonly distance: number
  /** Where its contents, or the next element, begin. */
  readonly next: number
}

/** Uncompresses a block; undefined when the octets are no such block, or would give more than 64 MiB. */
export function uncompress(octets: Buffer): Buffer | undefined {
  const head = lengthOf(octets)
  if (head === undefined || head.length > MOST) return undefined
  const to = Buffer.alloc(head.length)
  let written = 0
  for (let at = head.next; at < octets.length; ) {
    const { length, distance, next } = elementAt(octets, at)
    if (written + length > to.length || distance > written) return undefined
    if (distance === 0) {
      if (next + length > octets.length) return undefined
      octets.copy(to, written, next, next + length)
    } else {
      // Octet by octet: a copy may overlap what it writes.
      for (let n = 0; n < length; n++) to[written + n] = to[written + n - distance] ?? 0
    }
    written += length
    at = distance === 0 ? next + length : next
  }
  return written === to.length ? to : undefined
}

function lengthOf(octets: Buffer): { readonly length: number; readonly next: number } | undefined {
  let length = 0
  for (let at = 0; at < Math.min(5, octets.length); at++) {
    const octet = octets[at] ?? 0
    length += (octet & 0x7f) * 2 ** (7 * at)
    if (octet < 0x80) return { length, next: at + 1 }
  }
  return undefined
}

// Numbers that the octets are too short for come out too small or as a distance of 0: the caller finds that it does not fit.
function elementAt(octets: Buffer, at: number): Element {
  const tag = octets[at] ?? 0
  const high = tag >>> 2
  switch (tag & 3) {
    case 0: {
      const extra = Math.max(0, high - 59)
      return { length: 1 + (extra === 0 ? high : numberAt(octets, at + 1, extra)), distance: 0, next: at + 1 + extra }
    }
    case 1:
      return copy(4 + (high & 7), ((tag >>> 5) << 8) | numberAt(octets, at + 1, 1), at + 2)
    case 2:
      return copy(1 + high, numberAt(octets, at + 1, 2), at + 3)
    default:
      return copy(1 + high, numberAt(octets, at + 1, 4), at + 5)
  }
}

function copy(length: number, distance: number, next: number): Element {
  // A distance of 0 is damage: no copy may come from where nothing is.
  return { length, distance: distance === 0 ? Infinity : distance, next }
}

function numberAt(octets: Buffer, at: number, count: number): number {
  return at + count <= octets.length ? octets.readUIntLE(at, count) : 0
}
