import type { Logger } from 'pino'
import type { Clock } from '../model/index.js'
import type { LedgerState, Lost } from './contract.js'
import type { DiskUse } from './disk.js'
import type { Backoff } from './recovery.js'
import type { RetentionOptions } from './retention.js'
import { openStore } from './store.js'
import type { OpenStore } from './store.js'

const MIB = 1024 * 1024

/** How a ledger is opened. */
export interface LedgerOptions {
  /** Where it lives; made when absent. Nothing else may be in there. */
  readonly directory: string
  readonly log?: Logger
  readonly clock?: Clock
  /** A block is closed when it reaches this many octets; 1 MiB. */
  readonly blockOctets?: number
  /** How many octets may wait for the disk before records are refused; 64 MiB. */
  readonly queueOctets?: number
  /** How long a block may be kept that nobody needs any more. */
  readonly retention?: RetentionOptions
  /** How much of the disk the ledger may take; 16 GiB. */
  readonly budgetOctets?: number
  /** Free space below which `onLowSpace` is called; 256 MiB. */
  readonly lowWaterOctets?: number
  /** Room that is kept for hard times; 16 MiB, 0 for none. */
  readonly reserveOctets?: number
  /** Between attempts to open LevelDB again; 100 ms up to 5 s. */
  readonly backoff?: Backoff
  /**
   * Whether to look through all files of LevelDB's before it reads them, which takes about 3 s a GiB. Done in any case
   * when the last three starts ended within a minute, since LevelDB may end the process where a file is damaged.
   */
  readonly checkFiles?: boolean
  /** How long `close` waits for the disk, milliseconds; 4000. */
  readonly closeTimeout?: number
  /** Milliseconds that only ever grow; `performance.now`. */
  readonly monotonic?: () => number
  /** Told once of each range that turns out to be lost. */
  readonly onLost?: (lost: Lost) => void
  /** Told of each entry of a table that turns out to be damaged: it is gone, and its owner should fetch it again. */
  readonly onDamagedEntry?: (table: string, key: string) => void
  /** Told of each change of `Ledger.state()`. */
  readonly onState?: (state: LedgerState) => void
  /** Told when the disk or the budget runs low, once until there is room again. */
  readonly onLowSpace?: (use: DiskUse) => void
  /** Opens LevelDB. Tests put a failing one here. */
  readonly openStore?: OpenStore
}

const defaults = {
  blockOctets: MIB,
  queueOctets: 64 * MIB,
  budgetOctets: 16 * 1024 * MIB,
  lowWaterOctets: 256 * MIB,
  reserveOctets: 16 * MIB,
  backoff: { first: 100, most: 5000 },
  checkFiles: false,
  closeTimeout: 4000,
  retention: {},
  clock: Date.now,
  monotonic: () => performance.now(),
  openStore
}

/** Options with nothing left open that has a default. */
export type Settings = LedgerOptions & Required<Pick<LedgerOptions, keyof typeof defaults>>

/** Fills in what was left out. */
export function settle(options: LedgerOptions): Settings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...(Object.fromEntries(given) as unknown as LedgerOptions) }
}
