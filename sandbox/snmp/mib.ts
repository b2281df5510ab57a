import { encoded, encodedNumber, encodedObjectId, Tag } from './ber.js'

/** A value and its type. */
export type Value =
  | { readonly type: 'integer' | 'counter32' | 'gauge32' | 'timeticks' | 'counter64'; readonly value: number | bigint }
  | { readonly type: 'text'; readonly value: string | Buffer }
  | { readonly type: 'objectId'; readonly value: string }

interface Leaf {
  readonly oid: string
  readonly order: readonly number[]
  value: Value
  /** The varbind, ready to be sent. */
  octets: Buffer
}

const tags = {
  integer: Tag.Integer,
  counter32: Tag.Counter32,
  gauge32: Tag.Gauge32,
  timeticks: Tag.TimeTicks,
  counter64: Tag.Counter64
} as const

/** What a device knows, in the order of its object identifiers. */
export class Mib {
  readonly #leaves = new Map<string, Leaf>()
  #sorted: Leaf[] | undefined
  #places = new Map<string, number>()

  /** Puts a leaf, or another value into it. */
  put(oid: string, value: Value): void {
    const octets = varbind(oid, encodedValue(value))
    const leaf = this.#leaves.get(oid)
    if (leaf !== undefined) {
      leaf.value = value
      leaf.octets = octets
      return
    }
    this.#leaves.set(oid, { oid, order: oid.split('.').map(Number), value, octets })
    this.#sorted = undefined
  }

  /** Takes away a leaf, or all below a branch. */
  remove(branch: string): void {
    for (const oid of this.#leaves.keys()) {
      if (oid === branch || oid.startsWith(`${branch}.`)) this.#leaves.delete(oid)
    }
    this.#sorted = undefined
  }

  value(oid: string): Value | undefined {
    return this.#leaves.get(oid)?.value
  }

  /** The varbind of exactly this leaf. */
  get(oid: string): Buffer {
    return this.#leaves.get(oid)?.octets ?? varbind(oid, encoded(Tag.NoSuchInstance))
  }

  /** The leaf behind an object identifier; undefined at the end. */
  next(oid: string): { readonly oid: string; readonly octets: Buffer } | undefined {
    const sorted = this.#sort()
    const place = this.#places.get(oid)
    return sorted[place === undefined ? behind(sorted, oid.split('.').map(Number)) : place + 1]
  }

  #sort(): Leaf[] {
    if (this.#sorted !== undefined) return this.#sorted
    this.#sorted = [...this.#leaves.values()].sort((a, b) => compare(a.order, b.order))
    this.#places = new Map(this.#sorted.map(({ oid }, n) => [oid, n]))
    return this.#sorted
  }
}

/** The varbind that says that there is nothing behind. */
export function endOfMib(oid: string): Buffer {
  return varbind(oid, encoded(Tag.EndOfMibView))
}

function varbind(oid: string, value: Buffer): Buffer {
  return encoded(Tag.Sequence, encodedObjectId(oid), value)
}

function encodedValue(of: Value): Buffer {
  if (of.type === 'text') return encoded(Tag.OctetString, Buffer.from(of.value))
  if (of.type === 'objectId') return encodedObjectId(of.value)
  return encodedNumber(tags[of.type], of.value)
}

/** Place of the first leaf behind an object identifier that is none itself. */
function behind(sorted: readonly Leaf[], order: readonly number[]): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(sorted[middle]?.order ?? [], order) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (let n = 0; n < one.length && n < other.length; n++) {
    const difference = (one[n] ?? 0) - (other[n] ?? 0)
    if (difference !== 0) return difference
  }
  return one.length - other.length
}
