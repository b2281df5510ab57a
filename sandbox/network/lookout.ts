import { families, type Family } from './addresses.js'
import { tryWeb } from './attempts.js'

/** What somebody who keeps trying the web site sees from a moment on. */
export interface Sight {
  readonly family: Family
  /** As `Attempt.said`. */
  readonly said: string
  /** When it was first seen, ms since 1970. */
  readonly at: number
}

/** How the attempts of a while ended. */
export interface Tally {
  readonly attempts: number
  /** How often what was said, by `Attempt.said`. */
  readonly said: Readonly<Record<string, number>>
  readonly longestMs: number
}

const PAUSE = 20

/** Tries the web site over and over by a new connection each time, over IPv4 and IPv6, and says what changes. */
export class Lookout {
  readonly #sees: (sight: Sight) => void
  #said = new Map<string, number>()
  #longestMs = 0

  constructor(sees: (sight: Sight) => void) {
    this.#sees = sees
    for (const family of families) void this.#watch(family)
  }

  /** What came since it was last asked for. */
  tally(): Tally {
    const said = Object.fromEntries(this.#said)
    const tally = {
      attempts: [...this.#said.values()].reduce((sum, n) => sum + n, 0),
      said,
      longestMs: this.#longestMs
    }
    this.#said = new Map()
    this.#longestMs = 0
    return tally
  }

  async #watch(family: Family): Promise<never> {
    for (let last = ''; ; ) {
      const { said, ms } = await tryWeb(family)
      this.#said.set(said, (this.#said.get(said) ?? 0) + 1)
      this.#longestMs = Math.max(this.#longestMs, ms)
      if (said !== last) this.#sees({ family, said, at: Date.now() })
      last = said
      await new Promise(resolve => setTimeout(resolve, PAUSE))
    }
  }
}
