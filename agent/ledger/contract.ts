import type { Entry } from '../model/index.js'

/** A record with its place: dense, from 1, never reused within an epoch. */
export interface LedgerRecord extends Entry {
  readonly sequence: number
}

/** What one append gives: where its records stand, and the moment at which they are safe. */
export interface Receipt {
  /** Sequence of the first record of this append. */
  readonly first: number
  /**
   * Settles when the block that holds them has been synced. Shared by everything in the block.
   * Rejects with LedgerError when the block could not be stored: then none of it was, and the numbers are given again.
   */
  readonly durable: Promise<void>
}

/** Records that were written together. */
export interface Block {
  /** Epoch under which they were written: with the sequence it is the record's id, whatever was restored since. */
  readonly epoch: string
  readonly first: number
  /** The last sequence that this block answers for; a consumer that has finished with the block advances to it. */
  readonly last: number
  /** In order. Dense, except in blocks that retention has thinned. */
  readonly records: readonly LedgerRecord[]
}

/** A range that cannot be read any more, and why. */
export interface Lost {
  readonly from: number
  readonly to: number
  readonly reason: string
}

/** Whether the ledger takes records, and what is the matter when it does not. */
export interface LedgerState {
  readonly status: 'ok' | 'degraded'
  /** For people: what is wrong and what the ledger waits for. */
  readonly words: string
}

/** One change of a table; `value` undefined removes the key. */
export interface TableChange {
  readonly table: string
  readonly key: string
  readonly value: Buffer | undefined
}

export interface ReadOptions {
  /** Stop before this sequence; the durable head when absent. */
  readonly to?: number
  readonly signal?: AbortSignal
}

/**
 * The durable log: one writer, dense sequence numbers, blocks that share one fsync; and small tables for state
 * that must survive beside it (replica, cursors, checkpoint, commands).
 */
export interface Ledger {
  /** Changes when the ledger is restored from a backup, so that ids are never given twice. */
  readonly epoch: string
  /** Sequence that the next appended record gets. */
  readonly next: number
  /** The last sequence that is synced; 0 when empty. */
  readonly durableHead: number
  /** The oldest sequence that is kept; older ones were dropped by retention. 1 at first. */
  readonly floor: number
  state(): LedgerState

  /**
   * Puts records behind each other into the next block: all or none become durable.
   * @throws LedgerError at once, and nothing was taken: `LEDGER_FULL` when too much is waiting, `LEDGER_BROKEN` and
   * `LEDGER_NO_SPACE` while the ledger is degraded, `LEDGER_BAD_ENTRY`, `LEDGER_CLOSED`
   */
  append(entries: readonly Entry[]): Receipt

  /** Settles when everything appended so far is durable; rejects when any of it was lost. The same promise for all who ask meanwhile. */
  settled(): Promise<void>

  /** Blocks from `from` (inclusive; the first may begin in the middle of a stored block), then ends. Damage comes as `lost`. */
  read(from: number, options?: ReadOptions): AsyncIterable<Block | { readonly lost: Lost }>

  /** Resolves when `durableHead >= sequence`, or the signal aborts. Rejects with `LEDGER_CLOSED` when the ledger closes first. */
  reached(sequence: number, signal?: AbortSignal): Promise<void>

  /** The last sequence that `consumer` has finished with; 0 at first. */
  cursor(consumer: string): number
  /**
   * Durable. Never goes back: a sequence at or below the cursor changes nothing.
   * @throws LedgerError `LEDGER_BAD_CURSOR` for a sequence that is not durable yet
   */
  advance(consumer: string, sequence: number): Promise<void>

  /** Atomic and synced: all changes or none, across tables. After a rejection the tables are as they were before. */
  write(changes: readonly TableChange[]): Promise<void>
  get(table: string, key: string): Promise<Buffer | undefined>
  /** All entries of a table, by key. */
  entries(table: string): AsyncIterable<readonly [string, Buffer]>

  /** Flushes what is waiting and releases the directory. */
  close(): Promise<void>
}
