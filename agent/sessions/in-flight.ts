import type { Session } from '../model/index.js'
import type { Slot } from './slot.js'

/*
 * What has been folded and is not durable yet. When a block is lost, everything folded since is lost with it, newest
 * first: then the NAS's retransmission meets the table as it was, and is folded and billed as if it came first.
 */

/** A slot as it was; `session` undefined means that it was not there. */
export interface Before {
  readonly slot: Slot
  readonly session: Session | undefined
  readonly sequence: number
  readonly boot: number
}

/** What to tell once it is durable. */
export interface News {
  readonly what: 'opened' | 'closed'
  readonly session: Session
}

interface Batch {
  readonly durable: Promise<void>
  readonly before: Before[]
  readonly news: News[]
}

export class InFlight {
  readonly #batches: Batch[] = []
  readonly #restore: (slot: Slot, session: Session | undefined) => void
  readonly #tell: (news: readonly News[]) => void

  /**
   * @param restore  puts a slot back to a session, or takes it out
   * @param tell     hears what became durable; must not throw
   */
  constructor(restore: (slot: Slot, session: Session | undefined) => void, tell: (news: readonly News[]) => void) {
    this.#restore = restore
    this.#tell = tell
  }

  /** Blocks that are waited for. */
  get size(): number {
    return this.#batches.length
  }

  /** How the slots that wait for a block were when all was durable. */
  durable(): Map<Slot, Before> {
    const states = new Map<Slot, Before>()
    for (const { before } of this.#batches) {
      for (const was of before) if (!states.has(was.slot)) states.set(was.slot, was)
    }
    return states
  }

  /** Remembers how a slot was before it changes by a record in the block of `durable`. */
  note(durable: Promise<void>, slot: Slot, session: Session | undefined): Batch {
    const batch = this.#of(durable)
    batch.before.push({ slot, session, sequence: slot.sequence, boot: slot.boot })
    return batch
  }

  #of(durable: Promise<void>): Batch {
    const last = this.#batches.at(-1)
    if (last?.durable === durable) return last
    const batch: Batch = { durable, before: [], news: [] }
    this.#batches.push(batch)
    durable.then(
      () => this.#stored(batch),
      () => this.#lost(batch)
    )
    return batch
  }

  #stored(batch: Batch): void {
    const at = this.#batches.indexOf(batch)
    if (at < 0) return
    this.#batches.splice(at, 1)
    if (batch.news.length > 0) this.#tell(batch.news)
  }

  #lost(batch: Batch): void {
    const at = this.#batches.indexOf(batch)
    if (at < 0) return
    for (const { before } of this.#batches.splice(at).toReversed()) {
      for (const was of before.toReversed()) {
        this.#restore(was.slot, was.session)
        was.slot.sequence = was.sequence
        was.slot.boot = was.boot
      }
    }
  }
}
