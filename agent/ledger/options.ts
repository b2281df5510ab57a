import type { Logger } from 'pino'
import type { Clock } from '../model/index.js'
import type { LedgerState, Lost } from './contract.js'
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
  /** Told once of each range that turns out to be lost. */
  readonly onLost?: (lost: Lost) => void
  /** Told of each entry of a table that turns out to be damaged: it is gone, and its owner should fetch it again. */
  readonly onDamagedEntry?: (table: string, key: string) => void
  /** Told of each change of `Ledger.state()`. */
  readonly onState?: (state: LedgerState) => void
  /** Opens LevelDB. Tests put a failing one here. */
  readonly openStore?: OpenStore
}

export const defaults = {
  blockOctets: MIB,
  queueOctets: 64 * MIB
} as const
