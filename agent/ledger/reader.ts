import { decodeBlock } from './block.js'
import type { Damage } from './block.js'
import type { Block, Lost } from './contract.js'
import type { Handle } from './handle.js'
import { Space, behindPrefix, sequenceKey, sequenceOf } from './keys.js'
import { clip } from './ranges.js'
import type { Range } from './ranges.js'
import type { Pair } from './store.js'

const PAGE = 1024 * 1024

/** A value under a block's key that is no block. */
export interface Damaged {
  readonly key: Buffer
  readonly value: Buffer
  readonly reason: Damage | 'overlap'
}

/** Who knows what is missing for a reason, and deals with what is missing for none. */
export interface Gaps {
  /** Told of values that are no blocks, before the reader goes on. */
  damaged(found: readonly Damaged[]): Promise<void>
  /**
   * Told of a range without blocks; it may contain sequences that were never given out.
   * @returns what of it is lost, in order
   */
  missing(range: Range, reasons: readonly string[]): Promise<readonly Lost[]>
}

/**
 * Blocks and losses that touch `bounds`, in order, cut to fit.
 * A range is found to be missing from the end of the last whole block to the start of the next whole one: a damaged
 * block's own numbers are not believed. It is therefore looked for beyond `bounds`, within `extent`.
 */
export async function* readBlocks(
  handle: Handle,
  bounds: Range,
  extent: Range,
  gaps: Gaps,
  signal?: AbortSignal
): AsyncGenerator<Block | { readonly lost: Lost }> {
  const scan = new Scan(handle, await startOf(handle, bounds.from, extent.from, signal), extent.to, gaps)
  for (;;) {
    signal?.throwIfAborted()
    const pairs = scan.expected > extent.to ? [] : await handle.page(scan.span(), PAGE, signal)
    for await (const found of pairs.length === 0 ? scan.end() : scan.take(pairs)) {
      if (firstOf(found) > bounds.to) return
      const piece = cutTo(found, bounds)
      if (piece !== undefined) yield piece
    }
    if (pairs.length === 0 || scan.settledBeyond(bounds.to)) return
  }
}

/** Walks forward over stored blocks and notices what is not there. */
class Scan {
  readonly #handle: Handle
  readonly #head: number
  readonly #gaps: Gaps
  #expected: number
  #seek: Buffer
  #reasons = new Set<string>()

  constructor(handle: Handle, start: number, head: number, gaps: Gaps) {
    this.#handle = handle
    this.#expected = start
    this.#head = head
    this.#gaps = gaps
    this.#seek = sequenceKey(Space.block, start)
  }

  /** The sequence that the next block should begin with. */
  get expected(): number {
    return this.#expected
  }

  span(): { readonly gte: Buffer; readonly lt: Buffer } {
    return { gte: this.#seek, lt: behindPrefix(sequenceKey(Space.block, this.#head)) }
  }

  /** Whether everything up to `sequence` has been given out. */
  settledBeyond(sequence: number): boolean {
    return this.#expected > sequence && this.#reasons.size === 0
  }

  async *take(pairs: readonly Pair[]): AsyncGenerator<Block | { readonly lost: Lost }> {
    this.#seek = Buffer.concat([pairs.at(-1)?.[0] ?? this.#seek, Buffer.of(0)])
    const damaged: Damaged[] = []
    for (const [key, value] of pairs) {
      const block = this.#judge(key, value)
      if (typeof block === 'string') {
        damaged.push({ key, value, reason: block })
        this.#reasons.add(block)
        continue
      }
      await this.#gaps.damaged(damaged.splice(0))
      yield* this.#lostBefore(block.first)
      this.#expected = block.last + 1
      yield block
    }
    await this.#gaps.damaged(damaged)
  }

  /** What is missing behind the last block. */
  end(): AsyncGenerator<Block | { readonly lost: Lost }> {
    return this.#lostBefore(this.#head + 1)
  }

  #judge(key: Buffer, value: Buffer): Block | Damaged['reason'] {
    const block = decodeBlock(sequenceOf(key), value)
    return typeof block !== 'string' && block.first < this.#expected ? 'overlap' : block
  }

  async *#lostBefore(first: number): AsyncGenerator<Block | { readonly lost: Lost }> {
    yield* this.#thinnedMeanwhile(first)
    if (first > this.#expected) {
      const lost = await this.#gaps.missing({ from: this.#expected, to: first - 1 }, [...this.#reasons])
      this.#expected = first
      for (const range of lost) yield { lost: range }
    }
    this.#reasons.clear()
  }

  // Between two pages retention may have put the next blocks into one whose key lies behind us.
  async *#thinnedMeanwhile(first: number): AsyncGenerator<Block> {
    while (this.#expected < first) {
      const lte = sequenceKey(Space.block, this.#expected)
      const [pair] = await this.#handle.page({ gte: Buffer.of(Space.block), lte, reverse: true }, 1)
      const block = pair && decodeBlock(sequenceOf(pair[0]), pair[1])
      if (block === undefined || typeof block === 'string' || block.last < this.#expected) return
      const piece = cutTo(block, { from: this.#expected, to: first - 1 })
      this.#expected = block.last + 1
      if (piece !== undefined && 'first' in piece) yield piece
    }
  }
}

/** First sequence of the last whole block at or before `from`, which may reach over it; `floor` when there is none. */
async function startOf(handle: Handle, from: number, floor: number, signal?: AbortSignal): Promise<number> {
  let bound = { gte: Buffer.of(Space.block), lte: sequenceKey(Space.block, from) }
  for (;;) {
    const [pair] = await handle.page({ ...bound, reverse: true }, 1, signal)
    if (pair === undefined) return floor
    const [key, value] = pair
    const block = decodeBlock(sequenceOf(key), value)
    if (typeof block !== 'string') return block.last + 1 === from ? from : block.first
    bound = { ...bound, lte: before(key) }
  }
}

// The greatest key below: the last octet less one, followed by more than any key of a block has.
function before(key: Buffer): Buffer {
  const sequence = sequenceOf(key)
  if (sequence !== undefined && sequence > 0)
    return Buffer.concat([sequenceKey(Space.block, sequence - 1), Buffer.alloc(16, 0xff)])
  return key.subarray(0, -1)
}

function firstOf(found: Block | { readonly lost: Lost }): number {
  return 'lost' in found ? found.lost.from : found.first
}

function cutTo(found: Block | { readonly lost: Lost }, bounds: Range): Block | { readonly lost: Lost } | undefined {
  if ('lost' in found) {
    const lost = clip(found.lost, bounds)
    return lost && { lost }
  }
  if (found.last < bounds.from) return undefined
  if (found.first >= bounds.from && found.last <= bounds.to) return found
  const first = Math.max(found.first, bounds.from)
  const last = Math.min(found.last, bounds.to)
  return {
    ...found,
    first,
    last,
    records: found.records.filter(({ sequence }) => sequence >= first && sequence <= last)
  }
}
