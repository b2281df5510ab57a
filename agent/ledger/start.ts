import type { Clock } from '../model/index.js'
import { ulid } from 'ulid'
import { decodeBlock } from './block.js'
import { decodeEpoch, epochOperation, nextEpoch } from './epochs.js'
import type { EpochStart } from './epochs.js'
import { LedgerError } from './errors.js'
import { Space, nameKey, nameOf, numberOctets, readNumber, sequenceOf, spaceRange } from './keys.js'
import { decodeLoss } from './losses.js'
import type { Loss } from './losses.js'
import { seal, unseal } from './sealed.js'
import { readPage } from './store.js'
import type { Operation, Pair, Store } from './store.js'
import type { Anchor } from './retention.js'

/*
 * What a start finds out before the first record is taken. The end of the log is the dangerous part: LevelDB leaves
 * out a damaged end of its own log without a word, and numbers given twice would make billing drop new usage as
 * duplicates. So the head on disk is held against the mark beside it and against the cursors, and wherever the end is
 * in doubt a new epoch begins.
 */
const LAYOUT = 1
const PAGE = 1024 * 1024

/** Names in the meta space. */
export const Meta = {
  /** Version of the layout. */
  layout: 'layout',
  /** The oldest sequence that is kept. */
  floor: 'floor',
  /** Milliseconds that the ledger has been in service. */
  service: 'service',
  /** The durable head when the store was last opened again after a failure. */
  head: 'head',
  /** When the store was copied or repaired: at the next start a new epoch begins. */
  renew: 'renew',
  /** Followed by the days of a period: everything below has been looked through for it. */
  swept: 'swept '
} as const

/** What a store says about itself. */
export interface Survey {
  readonly epochs: readonly EpochStart[]
  /** The numbers of the meta space, by name. */
  readonly meta: ReadonlyMap<string, number>
  readonly anchors: readonly Anchor[]
  readonly cursors: ReadonlyMap<string, number>
  readonly losses: readonly Loss[]
  /** Keys outside tables and blocks whose values are damaged. */
  readonly damaged: readonly Pair[]
  /** The last sequence that the blocks and the current epoch vouch for. */
  readonly certain: number
  /** The last sequence that may have been given out. */
  readonly possible: number
  /** Whether numbers might be given twice if the current epoch went on. */
  readonly doubt: boolean
}

/** The state in which a ledger begins its service. */
export interface Start extends Survey {
  readonly durableHead: number
}

/** Stores a number of the meta space. */
export function metaOperation(name: string, value: number): Operation {
  const key = nameKey(Space.meta, name)
  return { type: 'put', key, value: seal(key, numberOctets(value)) }
}

/** Stores a cursor. */
export function cursorOperation(consumer: string, sequence: number): Operation {
  const key = nameKey(Space.cursor, consumer)
  return { type: 'put', key, value: seal(key, numberOctets(sequence)) }
}

/** All pairs of a space, a page at a time. */
export async function* pairsOf(store: Store, space: Space): AsyncGenerator<Pair> {
  let range = spaceRange(space)
  for (;;) {
    const page = await readPage(store, range, PAGE)
    yield* page
    const last = page.at(-1)
    if (last === undefined) return
    range = { ...range, gte: Buffer.concat([last[0], Buffer.of(0)]) }
  }
}

/** The sealed pairs of a space; those that are damaged go to `damaged`. */
async function sealedOf(store: Store, space: Space, damaged: Pair[]): Promise<Pair[]> {
  const whole: Pair[] = []
  for await (const [key, value] of pairsOf(store, space)) {
    const octets = unseal(key, value)
    if (octets === undefined) damaged.push([key, value])
    else whole.push([key, octets])
  }
  return whole
}

/** Where the stored blocks end. */
export interface Tail {
  /** The last sequence of the last whole block; 0 without one. */
  readonly head: number
  /** The greatest sequence that a damaged block behind it may begin with; 0 without one. */
  readonly doubtful: number
}

/** Looks for the last whole block. */
export async function findTail(store: Store): Promise<Tail> {
  let doubtful = 0
  let range: { gte: Buffer; lt: Buffer } = spaceRange(Space.block)
  for (;;) {
    const [pair] = await readPage(store, { ...range, reverse: true }, 1)
    if (pair === undefined) return { head: 0, doubtful }
    const sequence = sequenceOf(pair[0])
    const block = decodeBlock(sequence, pair[1])
    if (typeof block !== 'string') return { head: block.last, doubtful }
    if (sequence !== undefined && Number.isSafeInteger(sequence)) doubtful = Math.max(doubtful, sequence)
    range = { ...range, lt: pair[0] }
  }
}

/**
 * Reads what a store says about itself, and changes nothing.
 * @param mark the durable head as it stands beside the store; 0 when that is unknown
 * @throws LedgerError `LEDGER_VERSION`
 */
export async function survey(store: Store, mark: number): Promise<Survey> {
  const damaged: Pair[] = []
  const meta = numbersOf(await sealedOf(store, Space.meta, damaged))
  const layout = meta.get(Meta.layout) ?? LAYOUT
  if (layout > LAYOUT) throw new LedgerError('LEDGER_VERSION', `layout ${layout}, known are 1 to ${LAYOUT}`)
  const cursors = numbersOf(await sealedOf(store, Space.cursor, damaged))
  const anchors = (await sealedOf(store, Space.hour, damaged)).map(([key, octets]) => ({
    next: readNumber(key, 1),
    service: readNumber(octets, 0)
  }))
  const losses = (await sealedOf(store, Space.loss, damaged)).map(([key, octets]) =>
    decodeLoss(readNumber(key, 1), octets)
  )
  const sound = damaged.length
  const epochs = (await sealedOf(store, Space.epoch, damaged)).map(([key, octets]) =>
    decodeEpoch(readNumber(key, 1), octets)
  )
  const { head, doubtful } = await findTail(store)
  const certain = Math.max(head, (epochs.at(-1)?.first ?? 1) - 1)
  const possible = Math.max(certain, doubtful, mark, meta.get(Meta.head) ?? 0, ...cursors.values())
  const doubt = epochs.length === 0 || damaged.length > sound || meta.has(Meta.renew) || possible > certain
  return { epochs, meta, anchors, cursors, losses, damaged, certain, possible, doubt }
}

/**
 * Reads the state of a ledger, and begins a new epoch where that is needed.
 * @param mark the durable head as it stands beside the store; 0 when that is unknown
 * @throws LedgerError `LEDGER_VERSION`
 */
export async function start(store: Store, mark: number, clock: Clock): Promise<Start> {
  const found = await survey(store, mark)
  if (!found.doubt) return { ...found, durableHead: found.certain }
  const fresh = nextEpoch(ulid(clock()), found.possible)
  const durableHead = fresh.first - 1
  // Who had finished with everything has also finished with the numbers that are jumped over.
  const finished = [...found.cursors].filter(([, sequence]) => sequence >= found.possible).map(([consumer]) => consumer)
  const changes: Operation[] = [
    metaOperation(Meta.layout, LAYOUT),
    epochOperation(fresh),
    { type: 'del', key: nameKey(Space.meta, Meta.renew) },
    ...finished.map(consumer => cursorOperation(consumer, durableHead))
  ]
  await store.batch(changes, { sync: true })
  const cursors = new Map([...found.cursors, ...finished.map(consumer => [consumer, durableHead] as const)])
  return { ...found, epochs: [...found.epochs, fresh], cursors, durableHead }
}

function numbersOf(pairs: readonly Pair[]): Map<string, number> {
  return new Map(pairs.map(([key, octets]) => [nameOf(key), readNumber(octets, 0)]))
}
