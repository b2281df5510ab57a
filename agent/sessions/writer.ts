import type { Ledger } from '../ledger/contract.js'
import { encodeUsage } from '../model/index.js'
import type { Entry, Milliseconds } from '../model/index.js'
import type { Folded, FoldRecord } from './fold.js'
import { type Before, InFlight, type News } from './in-flight.js'
import type { Slot } from './slot.js'
import type { Table } from './table.js'

/** A slot and what it shall become. */
export interface Change {
  readonly slot: Slot
  readonly folded: Folded
}

export interface WriterOptions {
  readonly ledger: Ledger
  readonly table: Table
  /** Hears of every slot that changed. */
  readonly changed: (slot: Slot) => void
  /** Hears of what became durable; must not throw. */
  readonly tell: (news: News) => void
}

/** Puts folded sessions into the ledger and the table together, and takes them back when the ledger could not. */
export class Writer {
  readonly #ledger: Ledger
  readonly #table: Table
  readonly #changed: (slot: Slot) => void
  readonly #inFlight: InFlight

  constructor({ ledger, table, changed, tell }: WriterOptions) {
    this.#ledger = ledger
    this.#table = table
    this.#changed = changed
    this.#inFlight = new InFlight(
      (slot, session) => {
        if (session === undefined) table.remove(slot)
        else table.put(slot, session)
      },
      news => news.forEach(tell)
    )
  }

  /** @see changeAll */
  change(slot: Slot, folded: Folded, time: Milliseconds): Promise<void> {
    const { first, durable } = this.#ledger.append(entriesOf(folded.records, time))
    this.#apply(slot, folded, durable, first + folded.records.length - 1)
    return durable
  }

  /**
   * All changes in one append: all or none.
   * @param time  when they were made, by our clock
   * @returns settles when they are durable
   * @throws LedgerError at once when the ledger takes none; nothing has changed then
   */
  changeAll(changes: readonly Change[], time: Milliseconds): Promise<void> {
    const entries = changes.flatMap(({ folded }) => entriesOf(folded.records, time))
    const { first, durable } = this.#ledger.append(entries)
    for (const { slot, folded } of changes) this.#apply(slot, folded, durable, first + entries.length - 1)
    return durable
  }

  /** Settles when everything folded so far is durable. */
  settled(): Promise<void> {
    return this.#ledger.settled()
  }

  /** How the slots that wait for the ledger were when all was durable. */
  durable(): Map<Slot, Before> {
    return this.#inFlight.durable()
  }

  #apply(slot: Slot, { session, verdict }: Folded, durable: Promise<void>, sequence: number): void {
    const isNew = verdict === 'opened'
    const { news } = this.#inFlight.note(durable, slot, isNew ? undefined : slot.snapshot())
    if (isNew) this.#table.add(slot)
    else this.#table.put(slot, session)
    slot.sequence = sequence
    this.#changed(slot)
    if (verdict === 'opened' || verdict === 'reopened') news.push({ what: 'opened', session })
    if (session.state === 'closed') news.push({ what: 'closed', session })
  }
}

function entriesOf(records: readonly FoldRecord[], time: Milliseconds): Entry[] {
  return records.map(({ kind, usage }) => ({ kind, time, payload: encodeUsage(usage) }))
}
