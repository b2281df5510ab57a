import type { Random } from './time.js'

const BASE = 500
const CAP = 30_000

/** Full jitter: each wait is uniform between 0 and a bound that doubles from 0.5 s to 30 s. There is no last attempt. */
export class Backoff {
  readonly #random: Random
  #bound = BASE

  constructor(random: Random) {
    this.#random = random
  }

  /** @returns ms to wait now */
  next(): number {
    const wait = this.#random() * this.#bound
    this.#bound = Math.min(CAP, this.#bound * 2)
    return wait
  }

  reset(): void {
    this.#bound = BASE
  }
}
