import type { After, Clock, Milliseconds } from '../model/index.js'
import { firstDelay, nextDelay, type Schedule } from './schedule.js'

export interface TurnsOptions {
  readonly schedule: Schedule
  readonly clock: Clock
  readonly after: After
  readonly random: () => number
  /** Asks the device once; must not reject. */
  readonly poll: () => Promise<void>
}

/** The turns of one device: it is asked at its times, by one at a time, and whatever else concerns it waits for that. */
export class Turns {
  readonly #options: TurnsOptions
  /** Aborts when the device is not to be asked any more. */
  readonly stopping = new AbortController()
  #cancel: () => void = () => undefined
  #tail: Promise<void>

  /** @param before  what goes on with the device already */
  constructor(options: TurnsOptions, before: Promise<void>) {
    this.#options = options
    this.#tail = before
    this.#later(firstDelay(options.schedule, options.random))
  }

  /** Does something between polls. It must not reject. */
  do(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(work)
  }

  /** Asks no more, and gives up what is under way. Settles when all has ended. */
  stop(): Promise<void> {
    this.#cancel()
    this.stopping.abort()
    return this.#tail
  }

  #later(delay: Milliseconds): void {
    const { clock, after, poll, schedule, random } = this.#options
    const due = clock() + delay
    this.#cancel = after(delay, () =>
      this.do(async () => {
        await poll()
        if (!this.stopping.signal.aborted) this.#later(nextDelay(schedule, clock() - due, random))
      })
    )
  }
}
