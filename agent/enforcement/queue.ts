import { type After, type AnyDriver, type Clock, DriverError, type Milliseconds } from '../model/index.js'
import { Circuits } from './circuit.js'
import { within } from './deadline.js'
import type { Difference } from './plan.js'
import { isRadius } from './reach.js'

/** Who goes first: restores, then blocks, then changes of rate, which are paced. */
export const lanes: readonly Difference[] = ['looser', 'tighter', 'sideways']

/** Limits of each NAS's queue. */
export interface QueueLimits {
  /** Calls at a time to one NAS. Default 8. */
  readonly concurrency: number
  /** Time for one call. Default 5,000 ms. */
  readonly callTimeout: Milliseconds
  /** Least time between two changes of rate on one NAS. Default 10 ms. */
  readonly pace: Milliseconds
}

/**
 * Changes of rate at a time by a device's own API. Many such devices do one thing after the other, whoever asks: calls that
 * wait there would spend their time limit, and a restore would stand behind them.
 */
const RATES_AT_ONCE = 2

export const queueDefaults: QueueLimits = { concurrency: 8, callTimeout: 5000, pace: 10 }

/** A call that waits for its turn. */
export interface Call<T> {
  readonly nas: string
  readonly driver: AnyDriver
  readonly lane: Difference
  readonly signal: AbortSignal
  readonly act: (signal: AbortSignal) => Promise<T>
}

interface Waiting {
  readonly signal: AbortSignal
  /** A change of rate by the device's own API. */
  readonly rates: boolean
  start(): void
}

interface Queue {
  running: number
  /** Of those: changes of rate by the device's own API. */
  rating: number
  pacedUntil: Milliseconds
  cancelPace: (() => void) | undefined
  readonly waiting: Record<Difference, Waiting[]>
}

/** What is going on at one NAS. */
export interface QueueStatus {
  readonly nas: string
  readonly running: number
  readonly waiting: number
}

/**
 * One queue a NAS: a few calls at a time, the rest in lanes. A NAS that hangs delays nobody but itself.
 */
export class NasQueues {
  readonly #limits: QueueLimits
  readonly #clock: Clock
  readonly #after: After
  readonly #queues = new Map<string, Queue>()
  readonly #circuits: Circuits
  readonly #silent: (nas: string, driver: AnyDriver, silent: boolean) => void

  /** @param silent  hears when a driver of a NAS stopped answering, and when it answers again */
  constructor(options: {
    limits: QueueLimits
    clock: Clock
    after: After
    silent: (nas: string, driver: AnyDriver, silent: boolean) => void
  }) {
    this.#limits = options.limits
    this.#clock = options.clock
    this.#after = options.after
    this.#silent = options.silent
    this.#circuits = new Circuits(options.clock)
  }

  /**
   * Runs a call when its turn comes.
   * @throws DriverError of the call; `TIMEOUT` when it took too long; `UNREACHABLE` at once while the driver is known
   *   not to answer; the signal's reason when the caller gives up
   */
  run<T>(call: Call<T>): Promise<T> {
    const { nas, driver, lane, signal } = call
    const rates = lane === 'sideways' && !isRadius(driver)
    const queue = this.#queue(nas)
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(signal.reason as Error)
      const start = (): void => {
        queue.running++
        if (rates) queue.rating++
        this.#perform(call)
          .then(resolve, reject)
          .finally(() => {
            // The signal may live as long as the agent.
            signal.removeEventListener('abort', gone)
            queue.running--
            if (rates) queue.rating--
            this.#next(nas, queue)
          })
      }
      if (signal.aborted) return gone()
      signal.addEventListener('abort', gone, { once: true })
      queue.waiting[lane].push({ signal, rates, start })
      this.#next(nas, queue)
    })
  }

  /** Queues that have anything to do. */
  status(): QueueStatus[] {
    return [...this.#queues]
      .map(([nas, { running, waiting }]) => ({
        nas,
        running,
        waiting: lanes.reduce((sum, lane) => sum + waiting[lane].length, 0)
      }))
      .filter(({ running, waiting }) => running + waiting > 0)
  }

  /** Since when a driver of a NAS has not answered; undefined while it does. */
  silentSince(nas: string, driver: string): Milliseconds | undefined {
    return this.#circuits.silentSince(`${nas} (${driver})`)
  }

  async #perform<T>({ nas, driver, signal, act }: Call<T>): Promise<T> {
    const key = `${nas} (${driver.name})`
    const refused = this.#circuits.refuses(key)
    if (refused !== undefined) throw refused
    try {
      const result = await within(this.#limits.callTimeout, this.#after, signal, act)
      if (this.#circuits.worked(key)) this.#silent(nas, driver, false)
      return result
    } catch (error) {
      if (!signal.aborted) this.#note(key, nas, driver, error)
      throw error
    }
  }

  #note(key: string, nas: string, driver: AnyDriver, error: unknown): void {
    const silent = error instanceof DriverError && (error.code === 'UNREACHABLE' || error.code === 'TIMEOUT')
    if (silent && this.#circuits.failed(key)) this.#silent(nas, driver, true)
    if (!silent && this.#circuits.worked(key)) this.#silent(nas, driver, false)
  }

  #queue(nas: string): Queue {
    let queue = this.#queues.get(nas)
    if (queue === undefined) {
      queue = {
        running: 0,
        rating: 0,
        pacedUntil: 0,
        cancelPace: undefined,
        waiting: { looser: [], tighter: [], sideways: [] }
      }
      this.#queues.set(nas, queue)
    }
    return queue
  }

  #next(nas: string, queue: Queue): void {
    for (const lane of lanes) {
      const waiting = queue.waiting[lane]
      while (waiting.length > 0 && queue.running < this.#limits.concurrency) {
        if (waiting[0]?.signal.aborted === false && waiting[0].rates && queue.rating >= RATES_AT_ONCE) return
        if (waiting[0]?.signal.aborted === false && lane === 'sideways' && this.#paced(nas, queue)) return
        const first = waiting.shift()
        if (first?.signal.aborted === false) first.start()
      }
    }
  }

  /** True while the next paced call has to wait; it is woken when its time comes. */
  #paced(nas: string, queue: Queue): boolean {
    const now = this.#clock()
    if (now >= queue.pacedUntil) {
      queue.pacedUntil = now + this.#limits.pace
      return false
    }
    queue.cancelPace ??= this.#after(queue.pacedUntil - now, () => {
      queue.cancelPace = undefined
      this.#next(nas, queue)
    })
    return true
  }
}
