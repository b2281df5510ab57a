import type { Random } from './random.js'
import type { Cancel, Schedule } from './schedule.js'

/** What befalls datagrams on their way, each a probability from 0 to 1. */
export interface Faults {
  readonly drop?: number
  readonly duplicate?: number
  /** The datagram waits until the next one has passed, at most `reorderMs`. */
  readonly reorder?: number
  /** Milliseconds; 50 by default. */
  readonly reorderMs?: number
}

/** How often each fault happened. */
export interface FaultCounts {
  passed: number
  dropped: number
  duplicated: number
  reordered: number
}

const REORDER_MS = 50

/** One direction of a bad line: datagrams go in, and come out late, twice or never. At most one waits at a time. */
export class BadLine {
  readonly counts: FaultCounts = { passed: 0, dropped: 0, duplicated: 0, reordered: 0 }
  readonly #faults: Faults
  readonly #random: Random
  readonly #schedule: Schedule
  #held: { deliver: () => void; cancel: Cancel } | undefined

  constructor(faults: Faults, random: Random, schedule: Schedule) {
    this.#faults = faults
    this.#random = random
    this.#schedule = schedule
  }

  /** Lets one datagram through, or not. `deliver` runs 0, 1 or 2 times. */
  pass(deliver: () => void): void {
    const { drop = 0, duplicate = 0, reorder = 0 } = this.#faults
    if (this.#happens(drop)) {
      this.counts.dropped++
      return
    }
    this.counts.passed++
    if (this.#held === undefined && this.#happens(reorder)) {
      this.counts.reordered++
      this.#hold(deliver)
      return
    }
    deliver()
    if (this.#happens(duplicate)) {
      this.counts.duplicated++
      deliver()
    }
    this.#release()
  }

  /** Forgets the datagram that waits. */
  close(): void {
    this.#held?.cancel()
    this.#held = undefined
  }

  #hold(deliver: () => void): void {
    const cancel = this.#schedule(this.#faults.reorderMs ?? REORDER_MS, () => this.#release())
    this.#held = { deliver, cancel }
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    held?.cancel()
    held?.deliver()
  }

  /** Draws only where the fault can happen, so that one fault's share does not move another's. */
  #happens(share: number): boolean {
    return share > 0 && this.#random() < share
  }
}
