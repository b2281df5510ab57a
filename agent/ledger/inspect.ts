import { decodeBlock } from './block.js'
import type { Block, LedgerRecord, Lost } from './contract.js'
import { lastGiven, neverGiven } from './epochs.js'
import type { EpochStart } from './epochs.js'
import type { Handle } from './handle.js'
import { Space, sequenceOf, spaceRange, tableOf } from './keys.js'
import { clip, without } from './ranges.js'
import type { Range } from './ranges.js'
import { readBlocks } from './reader.js'
import type { Damaged, Gaps } from './reader.js'
import { unseal } from './sealed.js'
import { Meta } from './start.js'
import type { Survey } from './start.js'
import type { Pair } from './store.js'

const PAGE = 1024 * 1024
/** Blocks. */
const PROGRESS_EVERY = 64

/** What a walk through everything found. */
export interface LedgerReport {
  readonly epochs: readonly EpochStart[]
  /** The oldest sequence that is kept, and the last one that may have been given out; the second is less where nothing is kept. */
  readonly floor: number
  readonly head: number
  readonly blocks: number
  readonly records: number
  /** All that is missing, what was known before included. */
  readonly lost: readonly Lost[]
  /** Blocks that are damaged and not in quarantine yet. */
  readonly damagedBlocks: number
  /** Small values (tables, cursors and the like) that are damaged and not in quarantine yet. */
  readonly damagedEntries: number
  /** Values in quarantine. */
  readonly quarantined: number
  /** Entries of each table. */
  readonly tables: Readonly<Record<string, number>>
  readonly cursors: Readonly<Record<string, number>>
}

export interface InspectOptions {
  readonly signal?: AbortSignal
  /** Called every 64 blocks, about once a MiB, and at the end: how many sequences of how many are passed. */
  readonly onProgress?: (passed: number, all: number) => void
}

/** A record as it is exported: with the epoch that is part of its id. */
export interface ExportedRecord extends LedgerRecord {
  readonly epoch: string
}

/** Tells how far a walk is: of the sequences that were ever given out. */
class Meter {
  readonly #range: Range
  readonly #notKept: readonly Range[]
  readonly #tell: InspectOptions['onProgress']
  #blocks = 0

  constructor(found: Survey, range: Range, tell: InspectOptions['onProgress']) {
    this.#range = range
    this.#notKept = neverGiven(found.epochs)
    this.#tell = tell
  }

  /** A block was passed, whose last sequence this is. */
  block(last: number): void {
    if (++this.#blocks % PROGRESS_EVERY === 0) this.#tell?.(this.#until(last), this.#until(this.#range.to))
  }

  end(): void {
    this.#tell?.(this.#until(this.#range.to), this.#until(this.#range.to))
  }

  #until(to: number): number {
    const given = without({ from: this.#range.from, to }, this.#notKept)
    return given.reduce((sum, piece) => sum + piece.to - piece.from + 1, 0)
  }
}

/** Notes what is missing, and changes nothing. */
class Noting implements Gaps {
  damagedBlocks = 0
  readonly #known: readonly Lost[]
  readonly #notKept: readonly Range[]

  constructor(known: readonly Lost[], notKept: readonly Range[]) {
    this.#known = known
    this.#notKept = notKept
  }

  damaged(found: readonly Damaged[]): Promise<void> {
    this.damagedBlocks += found.length
    return Promise.resolve()
  }

  missing(range: Range, reasons: readonly string[]): Promise<readonly Lost[]> {
    const known = this.#known.flatMap(loss => clip(loss, range) ?? [])
    const reason = reasons.length === 0 ? 'missing' : reasons.join(', ')
    const fresh = without(range, [...this.#notKept, ...known]).map(piece => ({ ...piece, reason }))
    return Promise.resolve([...known, ...fresh].sort((one, other) => one.from - other.from))
  }
}

function floorOf(found: Survey): number {
  return found.meta.get(Meta.floor) ?? 1
}

function notingOf(found: Survey): Noting {
  return new Noting(found.losses, neverGiven(found.epochs))
}

/** Walks through a whole store. */
export async function inspect(
  handle: Handle,
  found: Survey,
  { signal, onProgress }: InspectOptions = {}
): Promise<LedgerReport> {
  const range = { from: floorOf(found), to: found.possible }
  const gaps = notingOf(found)
  const meter = new Meter(found, range, onProgress)
  const lost: Lost[] = []
  let blocks = 0
  let records = 0
  for await (const piece of readBlocks(handle, range, range, gaps, signal)) {
    if ('lost' in piece) {
      lost.push({ from: piece.lost.from, to: piece.lost.to, reason: piece.lost.reason })
      continue
    }
    blocks++
    records += piece.records.length
    meter.block(piece.last)
  }
  meter.end()
  const entries = await inspectEntries(handle, signal)
  return {
    epochs: found.epochs,
    floor: range.from,
    head: lastGiven(found.epochs, range.to),
    blocks,
    records,
    lost,
    damagedBlocks: gaps.damagedBlocks,
    ...entries,
    damagedEntries: entries.damagedEntries + found.damaged.length,
    cursors: Object.fromEntries(found.cursors)
  }
}

async function inspectEntries(
  handle: Handle,
  signal?: AbortSignal
): Promise<Pick<LedgerReport, 'tables' | 'damagedEntries' | 'quarantined'>> {
  const tables: Record<string, number> = {}
  let damagedEntries = 0
  let quarantined = 0
  for await (const [key, value] of pairs(handle, Space.table, signal)) {
    const { table } = tableOf(key)
    if (unseal(key, value) === undefined) damagedEntries++
    else tables[table] = (tables[table] ?? 0) + 1
  }
  for await (const _ of pairs(handle, Space.quarantine, signal)) quarantined++
  return { tables, damagedEntries, quarantined }
}

async function* pairs(handle: Handle, space: Space, signal?: AbortSignal): AsyncGenerator<Pair> {
  let range = spaceRange(space)
  for (;;) {
    const page = await handle.page(range, PAGE, signal)
    const last = page.at(-1)
    if (last === undefined) return
    yield* page
    range = { ...range, gte: Buffer.concat([last[0], Buffer.of(0)]) }
  }
}

/** Every damaged entry of a table, and every damaged block that no reader can reach because it stands under no sequence. */
export async function* damagedPairs(handle: Handle, head: number): AsyncGenerator<Pair> {
  for await (const pair of pairs(handle, Space.table)) {
    if (unseal(pair[0], pair[1]) === undefined) yield pair
  }
  for await (const pair of pairs(handle, Space.block)) {
    const sequence = sequenceOf(pair[0])
    if ((sequence === undefined || sequence > head) && typeof decodeBlock(sequence, pair[1]) === 'string') yield pair
  }
}

/** Blocks and losses of a store that nobody serves, from a sequence on. */
export async function* blocksOf(
  handle: Handle,
  found: Survey,
  bounds: Partial<Range>,
  { signal, onProgress }: InspectOptions = {}
): AsyncGenerator<Block | { readonly lost: Lost }> {
  const extent = { from: floorOf(found), to: found.possible }
  const range = clip({ from: bounds.from ?? extent.from, to: bounds.to ?? extent.to }, extent)
  if (range === undefined) return
  const meter = new Meter(found, range, onProgress)
  for await (const piece of readBlocks(handle, range, extent, notingOf(found), signal)) {
    yield piece
    if (!('lost' in piece)) meter.block(piece.last)
  }
  meter.end()
}
