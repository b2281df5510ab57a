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

/*
 * What a start finds out before the first record is taken. The end of the log is the dangerous part: LevelDB leaves
 * out a damaged end of its own log without a word, and numbers given twice would make billing drop new usage as
 * duplicates. So the head on disk is held against the mark beside it and against the cursors, and wherever the end is
 * in doubt a new epoch begins.
 */
const LAYOUT = 1
const PAGE = 1024 * 1024

/** Names in the meta space. */
export const Meta = { layout: 'layout', floor: 'floor', service: 'service' } as const

/** The state in which a ledger begins its service. */
export interface Start {
  readonly epochs: readonly EpochStart[]
  readonly durableHead: number
  readonly floor: number
  /** Milliseconds that the ledger has been in service: retention.ts. */
  readonly service: number
  readonly cursors: Map<string, number>
  readonly losses: readonly Loss[]
  /** Keys whose values were damaged, and have been put into quarantine. */
  readonly damaged: readonly Pair[]
}

/** Stores a number of the meta space. */
export function metaOperation (name: string, value: number): Operation {
  const key = nameKey(Space.meta, name)
  return { type: 'put', key, value: seal(key, numberOctets(value)) }
}

/** Stores a cursor. */
export function cursorOperation (consumer: string, sequence: number): Operation {
  const key = nameKey(Space.cursor, consumer)
  return { type: 'put', key, value: seal(key, numberOctets(sequence)) }
}

/** All pairs of a space, a page at a time. */
export async function * pairsOf (store: Store, space: Space): AsyncGenerator<Pair> {
  let range = spaceRange(space)
  for (;;) {
    const page = await readPage(store, range, PAGE)
    yield * page
    const last = page.at(-1)
    if (last === undefined) return
    range = { ...range, gte: Buffer.concat([last[0], Buffer.of(0)]) }
  }
}

/** The sealed pairs of a space; those that are damaged go to `damaged`. */
async function sealedOf (store: Store, space: Space, damaged: Pair[]): Promise<Pair[]> {
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
export async function findTail (store: Store): Promise<Tail> {
  let doubtful = 0
  let range: { gte: Buffer, lt: Buffer } = spaceRange(Space.block)
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
 * Reads the state of a ledger, and begins a new epoch where that is needed.
 * @param mark the durable head as it stands beside the store; 0 when that is unknown
 * @throws LedgerError `LEDGER_VERSION`
 */
export async function start (store: Store, mark: number, clock: Clock): Promise<Start> {
  const damaged: Pair[] = []
  const meta = new Map((await sealedOf(store, Space.meta, damaged)).map(([key, octets]) => [nameOf(key), readNumber(octets, 0)]))
  const layout = meta.get(Meta.layout)
  if (layout !== undefined && layout > LAYOUT) throw new LedgerError('LEDGER_VERSION', `layout ${layout}, known are 1 to ${LAYOUT}`)
  const cursors = new Map((await sealedOf(store, Space.cursor, damaged)).map(([key, octets]) => [nameOf(key), readNumber(octets, 0)]))
  const losses = (await sealedOf(store, Space.loss, damaged)).map(([key, octets]) => decodeLoss(readNumber(key, 1), octets))
  const sound = damaged.length
  const known = (await sealedOf(store, Space.epoch, damaged)).map(([key, octets]) => decodeEpoch(readNumber(key, 1), octets))
  const evidence = Math.max(mark, ...cursors.values())
  const epochs = await epochsAfter(store, known, damaged.length > sound, evidence, clock)
  return {
    epochs: epochs.all,
    durableHead: epochs.durableHead,
    floor: meta.get(Meta.floor) ?? 1,
    service: meta.get(Meta.service) ?? 0,
    cursors,
    losses,
    damaged
  }
}

async function epochsAfter (
  store: Store, known: readonly EpochStart[], damaged: boolean, evidence: number, clock: Clock
): Promise<{ readonly all: readonly EpochStart[], readonly durableHead: number }> {
  const { head, doubtful } = await findTail(store)
  const current = known.at(-1)
  const certain = Math.max(head, current === undefined ? 0 : current.first - 1)
  if (current !== undefined && !damaged && doubtful <= certain && evidence <= certain) return { all: known, durableHead: certain }
  const fresh = nextEpoch(ulid(clock()), Math.max(certain, doubtful, evidence))
  await store.batch([metaOperation(Meta.layout, LAYOUT), epochOperation(fresh)], { sync: true })
  return { all: [...known, fresh], durableHead: fresh.first - 1 }
}
