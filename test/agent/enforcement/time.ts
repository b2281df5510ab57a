/** Time that passes only when told to. */
export class Time {
  now = Date.UTC(2026, 10, 23, 10)
  readonly #timers = new Set<{ at: number; run: () => void }>()
  readonly clock = (): number => this.now

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.now + ms, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets time pass, timer by timer, and everything settle that each sets going. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms
    await settle()
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next)
      this.now = Math.max(this.now, next.at)
      next.run()
      await settle()
    }
    this.now = until
  }

  #next(until: number): { at: number; run: () => void } | undefined {
    let first: { at: number; run: () => void } | undefined
    for (const timer of this.#timers)
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer
    return first
  }
}

/** Lets promises and immediates run. */
export async function settle(turns = 8): Promise<void> {
  for (let n = 0; n < turns; n++) await new Promise(resolve => setImmediate(resolve))
}
