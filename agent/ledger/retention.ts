import type { RecordKind } from '../model/index.js'
import { encodeThinned } from './block.js'
import type { Block } from './contract.js'
import { Space, numberOctets, sequenceKey } from './keys.js'
import { seal } from './sealed.js'
import type { Operation } from './store.js'

/*
 * Retention. A record may go when the evidence period of its kind is over and every consumer that holds records back
 * has passed it. Age is the time that the ledger has been in service, not what a clock says: every hour of service
 * leaves an anchor, "at this moment the next sequence was n". A clock that jumps by a year expires nothing, and while the box
 * is off nothing grows older.
 *
 * Kinds differ in their periods, so records go out of the middle: neighbouring blocks are then rewritten as one thinned
 * block that still answers for all their numbers. What remains dense at the bottom is dropped, and the floor rises.
 */
const DAY = 86_400_000
/** As much as goes into one thinned block. */
const RUN_OCTETS = 1024 * 1024
const RUN_BLOCKS = 256

/** How long records are kept. */
export interface RetentionOptions {
  /** Days of service; 90. */
  readonly days?: number
  /** Days for kinds that differ. */
  readonly byKind?: Readonly<Partial<Record<RecordKind, number>>>
  /** Consumers whose cursor must have passed a record before it goes; the uplink. */
  readonly heldBy?: readonly string[]
}

/** At `service` milliseconds of service the next sequence was `next`. */
export interface Anchor {
  readonly service: number
  readonly next: number
}

/** Stores an anchor. */
export function anchorOperation({ service, next }: Anchor): Operation {
  const key = sequenceKey(Space.hour, next)
  return { type: 'put', key, value: seal(key, numberOctets(service)) }
}

/** A pass over the log: records of certain kinds, up to a sequence. */
export interface Pass {
  /** Names the pass among those of a ledger. */
  readonly days: number
  /** Everything below may be touched. */
  readonly below: number
  /** Whether a record of this kind goes. */
  readonly due: (kind: RecordKind) => boolean
  /** Whether nothing stays: the floor may rise. */
  readonly all: boolean
}

/** The passes that are due, shortest period first. */
export function passes(
  { days = 90, byKind = {} }: RetentionOptions,
  anchors: readonly Anchor[],
  service: number
): Pass[] {
  const periodOf = (kind: RecordKind): number => byKind[kind] ?? days
  const periods = [...new Set([days, ...Object.values(byKind)])].sort((one, other) => one - other)
  return periods.map(period => ({
    days: period,
    below: sequenceAt(anchors, service - period * DAY),
    due: kind => periodOf(kind) <= period,
    all: period === periods.at(-1)
  }))
}

/** What the next sequence was at a moment of service, at least. */
function sequenceAt(anchors: readonly Anchor[], moment: number): number {
  return anchors.reduce((below, anchor) => (anchor.service <= moment ? Math.max(below, anchor.next) : below), 0)
}

/** Neighbouring blocks that are thinned together. */
export class Run {
  #blocks: Block[] = []
  #octets = 0

  /** Whether `block` belongs to the same run. */
  takes(block: Block): boolean {
    const previous = this.#blocks.at(-1)
    if (previous === undefined) return true
    return (
      previous.last + 1 === block.first &&
      previous.epoch === block.epoch &&
      this.#octets < RUN_OCTETS &&
      this.#blocks.length < RUN_BLOCKS
    )
  }

  add(block: Block): void {
    this.#blocks.push(block)
    for (const { payload } of block.records) this.#octets += payload.length
  }

  /** The last sequence in it; 0 when it is empty. */
  get last(): number {
    return this.#blocks.at(-1)?.last ?? 0
  }

  /** Changes that take the due records out; none when there is nothing to gain. */
  thin(due: (kind: RecordKind) => boolean): Operation[] {
    const [first] = this.#blocks
    if (first === undefined) return []
    const records = this.#blocks.flatMap(block => block.records)
    const kept = records.filter(({ kind }) => !due(kind))
    if (kept.length === records.length) return []
    const [, ...others] = this.drop()
    const value = encodeThinned(first.epoch, first.first, this.last, kept)
    return [{ type: 'put', key: sequenceKey(Space.block, first.first), value }, ...others]
  }

  /** Changes that take all of it out. */
  drop(): Operation[] {
    return this.#blocks.map(block => ({ type: 'del', key: sequenceKey(Space.block, block.first) }))
  }
}
