import { Space, numberOctets, readNumber, sequenceKey } from './keys.js'
import type { Range } from './ranges.js'
import { seal } from './sealed.js'
import type { Operation } from './store.js'

/*
 * A record's id at billing is its epoch and its sequence, so that pair must never name two different records. Within
 * an epoch the sequence sees to it. A new epoch begins whenever it could not: with a new ledger; with one restored
 * from a backup, as the original may have gone on; and where the end of the log is in doubt. Blocks keep the epoch
 * under which they were written, for ever: what is sent again after a restore carries the ids it had before, and
 * billing knows them.
 *
 * A new epoch also jumps to the next thousand million of the sequence, so that not even the bare numbers meet those
 * that the original may have given out. The numbers in between never existed; nothing is lost there.
 */
const JUMP = 1_000_000_000

/** Where an epoch begins. */
export interface EpochStart {
  readonly epoch: string
  /** Its first sequence. */
  readonly first: number
  /** The last sequence that may have been given out before it; 0 in a new ledger. */
  readonly after: number
}

/** The epoch that follows `after`, the last sequence that may have been given out. */
export function nextEpoch(epoch: string, after: number): EpochStart {
  return { epoch, after, first: after === 0 ? 1 : (Math.floor(after / JUMP) + 1) * JUMP + 1 }
}

/** Stores the beginning of an epoch. */
export function epochOperation({ epoch, first, after }: EpochStart): Operation {
  const key = sequenceKey(Space.epoch, first)
  return { type: 'put', key, value: seal(key, Buffer.concat([numberOctets(after), Buffer.from(epoch)])) }
}

/** Reads what `epochOperation` sealed. */
export function decodeEpoch(first: number, octets: Buffer): EpochStart {
  return { epoch: octets.toString('latin1', 8), first, after: readNumber(octets, 0) }
}

/** The sequences that were never given out. */
export function neverGiven(epochs: readonly EpochStart[]): Range[] {
  return epochs.map(({ first, after }) => ({ from: after + 1, to: first - 1 }))
}

/**
 * The last sequence up to `to` that may have been given out: where the numbers before `to` were jumped over, the one
 * before the jump.
 */
export function lastGiven(epochs: readonly EpochStart[], to: number): number {
  return epochs.reduceRight((last, { first, after }) => (last >= first ? last : Math.min(last, after)), to)
}
