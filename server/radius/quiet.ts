import type { Clock, Milliseconds } from '../../agent/model/index.js'

interface Noted {
  at: Milliseconds
  suppressed: number
}

/** Lets one line a minute through for each thing that is logged about, however often it happens. */
export class Quiet {
  readonly #clock: Clock
  readonly #every: Milliseconds
  readonly #most: number
  readonly #noted = new Map<string, Noted>()

  /**
   * @param every  milliseconds between two lines about the same thing
   * @param most   things told apart; beyond that they share one line
   */
  constructor(clock: Clock, every: Milliseconds = 60_000, most = 256) {
    this.#clock = clock
    this.#every = every
    this.#most = most
  }

  /**
   * Whether a line about `key` may be written now.
   * @returns how many lines about it were held back since the last; undefined to hold this one back too
   */
  may(key: string): number | undefined {
    const now = this.#clock()
    const known = this.#noted.get(key)
    if (known === undefined) return this.#first(key, now)
    if (now - known.at < this.#every && now >= known.at) {
      known.suppressed++
      return undefined
    }
    const { suppressed } = known
    this.#noted.delete(key)
    this.#noted.set(key, { at: now, suppressed: 0 })
    return suppressed
  }

  #first(key: string, now: Milliseconds): number | undefined {
    if (this.#noted.size >= this.#most) this.#forget(now)
    if (this.#noted.size >= this.#most && key !== OTHERS) return this.may(OTHERS)
    this.#noted.set(key, { at: now, suppressed: 0 })
    return 0
  }

  #forget(now: Milliseconds): void {
    for (const [key, { at }] of this.#noted) {
      if (now - at < this.#every) return
      this.#noted.delete(key)
    }
  }
}

const OTHERS = '\0others'
