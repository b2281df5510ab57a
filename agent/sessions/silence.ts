import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Milliseconds } from '../model/index.js'
import { closeSynthetically } from './fold.js'
import type { Ledger } from '../ledger/contract.js'
import type { SessionSettings } from './settings.js'
import type { Slot } from './slot.js'
import type { Table } from './table.js'
import type { Change, Writer } from './writer.js'

/** What a sweep did. */
export interface Swept {
  readonly stale: number
  readonly closed: number
  readonly forgotten: number
}

export interface SilenceOptions {
  readonly settings: SessionSettings
  readonly ledger: Ledger
  readonly table: Table
  readonly writer: Writer
  /** Hears of slots that left the table for good. */
  readonly forget: (slot: Slot) => void
}

const JITTER = 1.1
/** Seconds: no NAS may be told to report more often (RFC 2869 §5.16), and sweeps see no less. */
const SHORTEST = 60
const SLICE = 2_000
const CHUNK = 250

/**
 * Measures silence by a time of its own: it passes only from sweep to sweep, never back, and by no more than a step at
 * once. So neither a clock that leaps nor a box that slept makes everybody silent, and a restart of the agent counts
 * for nobody.
 */
export class Silence {
  /** Seconds of this time that have passed. */
  seconds = 0
  #rest: Milliseconds = 0
  #last: Milliseconds | undefined
  #sweeping: Promise<Swept> | undefined
  readonly #settings: SessionSettings
  readonly #ledger: Ledger
  readonly #table: Table
  readonly #writer: Writer
  readonly #forget: (slot: Slot) => void

  constructor({ settings, ledger, table, writer, forget }: SilenceOptions) {
    this.#settings = settings
    this.#ledger = ledger
    this.#table = table
    this.#writer = writer
    this.#forget = forget
  }

  /** One sweep over all slots; asked again meanwhile, it gives the same promise. */
  sweep(now: Milliseconds): Promise<Swept> {
    this.#pass(now)
    this.#sweeping ??= this.#walk(now).finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  #pass(now: Milliseconds): void {
    const step = Math.min(Math.max(0, now - (this.#last ?? now)), this.#settings.sweepStep * 1000) + this.#rest
    this.#last = now
    this.seconds += Math.floor(step / 1000)
    this.#rest = step % 1000
  }

  async #walk(now: Milliseconds): Promise<Swept> {
    const done = { stale: 0, closed: 0, forgotten: this.#forgetMany() }
    let ending: Change[] = []
    let seen = 0
    for (const slot of this.#table.slots()) {
      const fate = this.#fate(slot)
      if (fate === 'stale') {
        this.#table.put(slot, { ...slot.session, state: 'stale' })
        done.stale++
      } else if (fate === 'close') {
        ending.push({ slot, folded: closeSynthetically(slot.session, 'silent') })
        done.closed++
      } else if (fate === 'forget') {
        this.#drop(slot)
        done.forgotten++
      }
      if (ending.length < CHUNK && ++seen % SLICE !== 0) continue
      const closing = ending
      ending = []
      if (closing.length > 0) await this.#writer.changeAll(closing, now)
      await nextTurn()
    }
    if (ending.length > 0) await this.#writer.changeAll(ending, now)
    return done
  }

  #forgetMany(): number {
    const before = this.#table.size
    this.#table.trim(this.#settings.keepClosed, this.#ledger.durableHead, slot => this.#forget(slot))
    return before - this.#table.size
  }

  #drop(slot: Slot): void {
    this.#table.remove(slot)
    this.#forget(slot)
  }

  #fate(slot: Slot): 'stale' | 'close' | 'forget' | undefined {
    const { session } = slot
    const quiet = this.seconds - slot.heard
    const { grace, keepEnded, keepSynthetic } = this.#settings
    if (session.state === 'closed') {
      // A block that is lost later would bring it back to life.
      if (slot.sequence > this.#ledger.durableHead) return undefined
      return quiet > (session.closedBy === 'stop' ? keepEnded : keepSynthetic) ? 'forget' : undefined
    }
    const patience = this.#interval(slot) * this.#settings.missed * JITTER
    if (quiet > Math.max(grace, patience)) return 'close'
    return session.state === 'open' && quiet > patience ? 'stale' : undefined
  }

  #interval(slot: Slot): number {
    if (slot.interval > 0) return Math.max(SHORTEST, slot.interval)
    return this.#settings.intervalOf(slot.session.profile) ?? this.#settings.interimInterval
  }
}
