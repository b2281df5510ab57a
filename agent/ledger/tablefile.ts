import { crc32c } from './crc32c.js'
import { uncompress } from './snappy.js'

/*
 * LevelDB's table files (*.ldb), as far as they must be understood to keep them from ending the process: LevelDB reads
 * them without looking at its checksums, and stops the process with an assertion where a damaged length makes a key
 * shorter than its own 8 octets, or keys come out of order.
 *
 *   block    entries, restart points (uint32 each), their count (uint32); then a trailer: uint8 compression, uint32 sum
 *   entry    varint octets shared with the key before, varint octets of key that follow, varint octets of value; key; value
 *   index    a block with an entry for each data block: a key not below its last one → its handle
 *   handle   varint offset, varint size without the trailer
 *   footer   handle of the metaindex, handle of the index, zeros up to 40 octets, uint64 magic
 *
 * All numbers are little-endian. A key ends with 8 octets: uint8 type, uint56 version; higher versions come first.
 * The sum is CRC-32C over contents and compression, turned and shifted.
 * See doc/table_format.md in LevelDB's sources.
 */
const MAGIC = Buffer.from('57fb808b247547db', 'hex')
const FOOTER = 48
const TRAILER = 5
const KEY_TAIL = 8
const MASK = 0xa282ead8

interface Span {
  readonly offset: number
  readonly size: number
}

interface Item {
  readonly key: Buffer
  readonly value: Buffer
}

/** What became of a table file. */
export type Mended =
  | { readonly state: 'sound' }
  /** Some of its blocks would end the process: without them it is safe to read. */
  | { readonly state: 'struck'; readonly blocks: number; readonly octets: Buffer }
  /** It cannot be made safe. */
  | { readonly state: 'hopeless' }

/** Looks through a table file and strikes out of its index what LevelDB must not read. */
export function mendTable(octets: Buffer): Mended {
  const footer = readFooter(octets)
  const index = footer && readItems(octets, footer.index, true)
  if (footer === undefined || index === undefined) return { state: 'hopeless' }
  const kept = index.filter((item, place) => isSafe(octets, item, index[place - 1], place === index.length - 1))
  if (kept.length === index.length) return { state: 'sound' }
  const mended = kept.length === 0 ? undefined : withIndex(octets, footer, kept)
  return mended === undefined
    ? { state: 'hopeless' }
    : { state: 'struck', blocks: index.length - kept.length, octets: mended }
}

// A damaged block may stay where its keys are in order all the same: the ledger's own sums find what is wrong in it,
// and keep it. The bounds of the first and the last block of a file are not known here.
function isSafe(octets: Buffer, item: Item, before: Item | undefined, isLast: boolean): boolean {
  const span = readHandle(item.value, 0)?.span
  if (span === undefined) return false
  if (isSummed(octets, span)) return true
  if (before === undefined || isLast) return false
  const items = readItems(octets, span, false)
  const [first, last] = [items?.[0], items?.at(-1)]
  return (
    first !== undefined &&
    last !== undefined &&
    compareKeys(before.key, first.key) < 0 &&
    compareKeys(last.key, item.key) <= 0
  )
}

function isSummed(octets: Buffer, { offset, size }: Span): boolean {
  if (offset + size + TRAILER > octets.length) return false
  return sumOf(octets.subarray(offset, offset + size + 1)) === octets.readUInt32LE(offset + size + 1)
}

function sumOf(octets: Buffer): number {
  const sum = crc32c(octets)
  return (((sum >>> 15) | (sum << 17)) + MASK) >>> 0
}

function readFooter(octets: Buffer): { readonly meta: Span; readonly index: Span } | undefined {
  const start = octets.length - FOOTER
  if (start < 0 || !octets.subarray(octets.length - MAGIC.length).equals(MAGIC)) return undefined
  const meta = readHandle(octets, start)
  const index = meta && readHandle(octets, meta.end)
  return meta && index && { meta: meta.span, index: index.span }
}

function readHandle(octets: Buffer, at: number): { readonly span: Span; readonly end: number } | undefined {
  const offset = readVarint(octets, at, octets.length)
  const size = offset && readVarint(octets, offset.end, octets.length)
  return offset && size && { span: { offset: offset.value, size: size.value }, end: size.end }
}

function readVarint(
  octets: Buffer,
  at: number,
  end: number
): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  let factor = 1
  for (let index = at; index < end && index < at + 7; index++) {
    const octet = octets[index] ?? 0
    value += (octet & 0x7f) * factor
    if (octet < 0x80) return { value, end: index + 1 }
    factor *= 128
  }
  return undefined
}

/** The entries of a block that LevelDB can read without harm; undefined when it cannot. */
function readItems(octets: Buffer, span: Span, summed: boolean): Item[] | undefined {
  if (span.offset + span.size + TRAILER > octets.length || span.size < 4) return undefined
  if (summed && !isSummed(octets, span)) return undefined
  const block = contentsOf(octets, span, summed)
  if (block === undefined || block.length < 4) return undefined
  const restarts = block.readUInt32LE(block.length - 4)
  const end = block.length - 4 * (restarts + 1)
  if (restarts < 1 || end < 0) return undefined
  const starts = restartsOf(block, end, restarts)
  const items = walk(block, end, starts)
  return items !== undefined && starts.size === 0 ? items : undefined
}

/** The store does not compress, but LevelDB's repair does. Nobody can say what a damaged block would uncompress to. */
function contentsOf(octets: Buffer, { offset, size }: Span, summed: boolean): Buffer | undefined {
  const block = octets.subarray(offset, offset + size)
  const compression = octets[offset + size]
  if (compression === 0) return block
  return compression === 1 && summed ? uncompress(block) : undefined
}

function restartsOf(block: Buffer, end: number, count: number): Set<number> {
  return new Set(Array.from({ length: count }, (_, index) => block.readUInt32LE(end + 4 * index)))
}

// Takes the restart points that it comes by out of `starts`.
function walk(block: Buffer, end: number, starts: Set<number>): Item[] | undefined {
  const items: Item[] = []
  let key: Buffer = Buffer.alloc(0)
  let at = 0
  if (end === 0) starts.delete(0)
  while (at < end) {
    const shared = readVarint(block, at, end)
    const own = shared && readVarint(block, shared.end, end)
    const length = own && readVarint(block, own.end, end)
    if (shared === undefined || own === undefined || length === undefined) return undefined
    if (starts.delete(at) && shared.value !== 0) return undefined
    const value = length.end + own.value
    const next = value + length.value
    if (shared.value > key.length || shared.value + own.value < KEY_TAIL || next > end) return undefined
    const grown = Buffer.concat([key.subarray(0, shared.value), block.subarray(length.end, value)])
    if (items.length > 0 && compareKeys(key, grown) >= 0) return undefined
    key = grown
    items.push({ key, value: block.subarray(value, next) })
    at = next
  }
  return items
}

function compareKeys(one: Buffer, other: Buffer): number {
  const order = Buffer.compare(one.subarray(0, -KEY_TAIL), other.subarray(0, -KEY_TAIL))
  return order === 0 ? Number(tailOf(other) - tailOf(one)) : order
}

function tailOf(key: Buffer): bigint {
  return key.readBigUInt64LE(key.length - KEY_TAIL)
}

/**
 * The file with a shorter index in the old one's place; its size must not change, as LevelDB remembers it.
 * @returns undefined where the old one was compressed, and the shorter one is larger all the same
 */
function withIndex(
  octets: Buffer,
  footer: { readonly meta: Span; readonly index: Span },
  kept: readonly Item[]
): Buffer | undefined {
  const block = Buffer.concat([indexBlock(kept), Buffer.of(0)])
  if (footer.index.offset + block.length + 4 > octets.length - FOOTER) return undefined
  const mended = Buffer.from(octets)
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(sumOf(block))
  mended.fill(0, footer.index.offset)
  block.copy(mended, footer.index.offset)
  sum.copy(mended, footer.index.offset + block.length)
  const handles = [footer.meta.offset, footer.meta.size, footer.index.offset, block.length - 1].map(varint)
  Buffer.concat(handles).copy(mended, mended.length - FOOTER)
  MAGIC.copy(mended, mended.length - MAGIC.length)
  return mended
}

function indexBlock(items: readonly Item[]): Buffer {
  const entries: Buffer[] = []
  const tail = Buffer.alloc(4 * (items.length + 1))
  let at = 0
  for (const [index, { key, value }] of items.entries()) {
    const entry = Buffer.concat([varint(0), varint(key.length), varint(value.length), key, value])
    tail.writeUInt32LE(at, 4 * index)
    entries.push(entry)
    at += entry.length
  }
  tail.writeUInt32LE(items.length, 4 * items.length)
  return Buffer.concat([...entries, tail])
}

function varint(value: number): Buffer {
  const octets: number[] = []
  let left = value
  while (left >= 128) {
    octets.push((left % 128) + 128)
    left = Math.floor(left / 128)
  }
  return Buffer.from([...octets, left])
}
