import type { Clock, Milliseconds } from '../../agent/model/index.js'

/** What waits. */
type Due = () => void

/** Starts and ends a timer; tests bring their own. */
export interface Timers {
  readonly start: (call: () => void, delay: Milliseconds) => unknown
  readonly stop: (timer: unknown) => void
}

/** Node's timers; none of them keeps the process alive. */
export const systemTimers: Timers = {
  start: (call, delay) => setTimeout(call, delay).unref(),
  stop: timer => clearTimeout(timer as NodeJS.Timeout)
}

/**
 * Replies that wait, all equally long: so they leave in the order in which they came, and one timer serves them all.
 * Nothing else waits here.
 */
export class Delayed {
  readonly #delay: Milliseconds
  readonly #most: number
  readonly #clock: Clock
  readonly #timers: Timers
  #waiting: { readonly due: Milliseconds; readonly call: Due }[] = []
  #first = 0
  #timer: unknown

  /** @param most  how many may wait */
  constructor(delay: Milliseconds, most: number, clock: Clock, timers: Timers) {
    this.#delay = delay
    this.#most = most
    this.#clock = clock
    this.#timers = timers
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length - this.#first
  }

  /**
   * Calls when the delay has passed; at once where there is none.
   * @returns false when too many wait already: it will never be called
   */
  add(call: Due): boolean {
    if (this.#delay === 0) {
      call()
      return true
    }
    if (this.size >= this.#most) return false
    this.#waiting.push({ due: this.#clock() + this.#delay, call })
    if (this.#timer === undefined) this.#arm()
    return true
  }

  /** Calls all that wait, now. */
  flush(): void {
    if (this.#timer !== undefined) this.#timers.stop(this.#timer)
    this.#timer = undefined
    const waiting = this.#waiting.slice(this.#first)
    this.#waiting = []
    this.#first = 0
    for (const { call } of waiting) call()
  }

  // The wait is never longer than the delay, even if the clock is set back meanwhile.
  #arm(): void {
    const next = this.#waiting[this.#first]!
    const left = Math.min(this.#delay, Math.max(1, next.due - this.#clock()))
    this.#timer = this.#timers.start(() => this.#serve(), left)
  }

  #serve(): void {
    this.#timer = undefined
    const now = this.#clock()
    while (this.size > 0) {
      const next = this.#waiting[this.#first]!
      if (next.due > now && next.due <= now + this.#delay) break
      this.#first++
      next.call()
    }
    if (this.#first > 1024 || this.size === 0) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    if (this.size > 0) this.#arm()
  }
}
