import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Ledger, TableChange } from '../ledger/contract.js'
import { encodeEntry } from './checkpoint-entry.js'
import type { Before } from './in-flight.js'
import type { Slot } from './slot.js'
import type { Table } from './table.js'
import type { Unbilled } from './unbilled.js'

/*
 * The checkpoint: table `sessions`, an entry a session by its id; table `sessions-checkpoint`, key `state`:
 * { sequence, stored } as JSON.
 *
 * Everything up to `sequence` is in the entries; each entry says up to which sequence it goes itself, and replay skips
 * what is at or below that. So a checkpoint need not be of one moment: it is written chunk by chunk while packets go
 * on, each chunk atomic, and a crash between two of them costs nothing. Only durable states are written: an entry that
 * holds what the ledger then loses would never be billed. `stored` counts the entries, so that a loss shows.
 */
export const entriesTable = 'sessions'
export const stateTable = 'sessions-checkpoint'
export const stateKey = 'state'
// Small, so that a checkpoint of many sessions never keeps packets waiting for more than a millisecond or two.
const CHUNK = 100

/** What the checkpoint says about itself. */
export interface CheckpointState {
  readonly sequence: number
  readonly stored: number
}

export interface CheckpointOptions {
  readonly ledger: Ledger
  readonly table: Table
  readonly unbilled: Unbilled
  /** How the slots that wait for the ledger were when all was durable. */
  readonly durable: () => ReadonlyMap<Slot, Before>
}

export class Checkpoint {
  readonly #ledger: Ledger
  readonly #table: Table
  readonly #unbilled: Unbilled
  readonly #durable: () => ReadonlyMap<Slot, Before>
  #state: CheckpointState = { sequence: 0, stored: 0 }
  #changed: Slot[] = []
  #forgotten: Slot[] = []
  #writing: Promise<void> | undefined

  constructor({ ledger, table, unbilled, durable }: CheckpointOptions) {
    this.#ledger = ledger
    this.#table = table
    this.#unbilled = unbilled
    this.#durable = durable
  }

  /** Goes on from what was found on disk. */
  resume(state: CheckpointState): void {
    this.#state = state
  }

  /** A slot has changed and must be written. */
  note(slot: Slot): void {
    if (slot.changed) return
    slot.changed = true
    this.#changed.push(slot)
  }

  /** A slot is gone from the table for good. */
  forget(slot: Slot): void {
    this.#unbilled.forget(slot.session.id)
    if (slot.stored) this.#forgotten.push(slot)
  }

  /**
   * Writes what changed since the last time; asked again meanwhile, it gives the same promise.
   * @throws LedgerError when a chunk could not be written: what is left is written the next time
   */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #write(): Promise<void> {
    const sequence = this.#ledger.durableHead
    const slots = this.#changed
    const forgotten = this.#forgotten
    if (slots.length === 0 && forgotten.length === 0) return
    this.#changed = []
    this.#forgotten = []
    let done = 0
    let deleted = 0
    try {
      while (done < slots.length || deleted < forgotten.length) {
        const chunk = slots.slice(done, done + CHUNK)
        const gone = forgotten.slice(deleted, deleted + CHUNK)
        const last = done + chunk.length >= slots.length && deleted + gone.length >= forgotten.length
        await this.#writeChunk(chunk, gone, last ? sequence : this.#state.sequence)
        done += chunk.length
        deleted += gone.length
        await nextTurn()
      }
    } catch (error) {
      this.#changed = [...new Set([...slots.slice(done), ...this.#changed])]
      for (const slot of this.#changed) slot.changed = true
      this.#forgotten.push(...forgotten.slice(deleted))
      throw error
    }
  }

  async #writeChunk(chunk: readonly Slot[], gone: readonly Slot[], sequence: number): Promise<void> {
    const changes: TableChange[] = []
    const added: Slot[] = []
    const waiting = this.#durable()
    for (const slot of chunk) {
      slot.changed = false
      if (this.#table.get(slot.session.id) !== slot) continue
      const before = waiting.get(slot)
      if (before !== undefined) this.note(slot)
      const { session, sequence } = before ?? slot
      // Opened in a block that is not durable yet.
      if (session === undefined) continue
      if (!slot.stored) added.push(slot)
      const { interval } = slot
      const value = encodeEntry({ session, sequence, interval, unbilled: this.#unbilled.of(session.id) })
      changes.push({ table: entriesTable, key: session.id, value })
    }
    for (const slot of gone) changes.push({ table: entriesTable, key: slot.session.id, value: undefined })
    const state = { sequence, stored: this.#state.stored + added.length - gone.length }
    changes.push({ table: stateTable, key: stateKey, value: Buffer.from(JSON.stringify(state)) })
    await this.#ledger.write(changes)
    this.#state = state
    for (const slot of added) slot.stored = true
  }
}
