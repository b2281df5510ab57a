import type { Block, Ledger, LedgerRecord, Lost } from '../ledger/contract.js'
import type { Clock } from '../model/index.js'
import { toEvent } from './events.js'
import { firstOf, type Sleep } from './time.js'
import type { WireEvent } from './transport.js'

/** How large a batch may become, and how long its first event waits for others. */
export interface BatchLimits {
  readonly events: number
  /** Of the JSON array, brackets and commas included. */
  readonly octets: number
  readonly ageMs: number
}

/** Events that travel together, and how far the ledger has been read with them. */
export interface Batch {
  readonly events: readonly WireEvent[]
  /** The cursor once this batch is dealt with. */
  readonly through: number
  /** Ranges in between that will never travel. */
  readonly lost: readonly Lost[]
}

export interface BatchOptions {
  readonly ledger: Ledger
  readonly source: string
  readonly limits: BatchLimits
  readonly clock: Clock
  readonly sleep: Sleep
}

/**
 * Batches from `from` on, for ever: at the end of the ledger it waits. With `to` it ends there (included) instead.
 * Holds one batch and what the ledger reads ahead. Ends when `signal` aborts.
 */
export async function* batches(
  options: BatchOptions,
  range: { readonly from: number; readonly to?: number },
  signal: AbortSignal
): AsyncGenerator<Batch, void> {
  const draft = new Draft(options, range.from)
  while (!signal.aborted) {
    for await (const part of options.ledger.read(draft.next, readTo(range.to, signal))) {
      for (const record of draft.open(part)) {
        const event = draft.read(record)
        if (!draft.hasRoomFor(event)) yield draft.take()
        draft.add(record, event)
      }
      draft.finish(part)
      if (draft.hasLost) yield draft.take()
    }
    if (range.to !== undefined) {
      if (draft.moved) yield draft.take()
      return
    }
    if (!draft.isEmpty && !draft.isDue) await draft.waitForMore(signal)
    else if (draft.moved) yield draft.take()
    else await options.ledger.reached(draft.next, signal)
  }
}

function readTo(to: number | undefined, signal: AbortSignal): { to?: number; signal: AbortSignal } {
  return to === undefined ? { signal } : { to: to + 1, signal }
}

/** The batch that is being filled. */
class Draft {
  readonly #options: BatchOptions
  #events: WireEvent[] = []
  #lost: Lost[] = []
  #octets = 1
  #since = 0
  #epoch = ''
  /** The next sequence to read. */
  next: number
  #taken: number

  constructor(options: BatchOptions, from: number) {
    this.#options = options
    this.next = from
    this.#taken = from
  }

  get isEmpty(): boolean {
    return this.#events.length === 0
  }

  get hasLost(): boolean {
    return this.#lost.length > 0
  }

  /** Whether there is anything to advance the cursor over. */
  get moved(): boolean {
    return this.next > this.#taken
  }

  get isDue(): boolean {
    return this.#options.clock() - this.#since >= this.#options.limits.ageMs || this.#since > this.#options.clock()
  }

  /** @returns the records of this part that are not in a batch yet */
  open(part: Block | { readonly lost: Lost }): readonly LedgerRecord[] {
    if ('lost' in part) return []
    this.#epoch = part.epoch
    return part.records
  }

  /** @returns the record's event, or why there is none */
  read(record: LedgerRecord): WireEvent | Lost {
    try {
      return toEvent(record, this.#epoch, this.#options.source)
    } catch (error) {
      return { from: record.sequence, to: record.sequence, reason: `unreadable record: ${String(error)}` }
    }
  }

  hasRoomFor(event: WireEvent | Lost): boolean {
    if (this.isEmpty || 'reason' in event) return true
    const { events, octets } = this.#options.limits
    return this.#events.length < events && this.#octets + sizeOf(event) <= octets
  }

  add(record: LedgerRecord, event: WireEvent | Lost): void {
    this.next = record.sequence + 1
    if ('reason' in event) this.#lost.push(event)
    else {
      if (this.isEmpty) this.#since = this.#options.clock()
      this.#events.push(event)
      this.#octets += sizeOf(event)
    }
  }

  finish(part: Block | { readonly lost: Lost }): void {
    if ('lost' in part) this.#lost.push(part.lost)
    this.next = Math.max(this.next, ('lost' in part ? part.lost.to : part.last) + 1)
  }

  take(): Batch {
    const batch = { events: this.#events, through: this.next - 1, lost: this.#lost }
    this.#events = []
    this.#lost = []
    this.#octets = 1
    this.#taken = this.next
    return batch
  }

  /** Until another record is durable or the first event is old enough. */
  async waitForMore(signal: AbortSignal): Promise<void> {
    const { ledger, sleep, limits, clock } = this.#options
    const left = this.#since + limits.ageMs - clock()
    await firstOf(
      signal,
      child => ledger.reached(this.next, child),
      child => sleep(left, child)
    )
  }
}

/** In the array, its comma included. */
function sizeOf({ json }: WireEvent): number {
  return json.length + 1
}
