import type { Clock, Milliseconds } from '../model/index.js'
import type { Store } from './store.js'

const TABLE = 'brake'
const KEY = 'window'
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** What limits blocking. */
export interface BrakeSettings {
  /** Blocks an hour that always go through. Default 50. */
  readonly blocksPerHour: number
  /** Share of all subscribers that may be blocked in an hour, where that is more. Default 0.05. */
  readonly shareOfSubscribers: number
}

export const brakeDefaults: BrakeSettings = { blocksPerHour: 50, shareOfSubscribers: 0.05 }

/**
 * Stops a mistake at billing from cutting everybody off: counts decisions that take the service away, by the minute, over
 * the last hour. Restores are never counted and never held. Kept in the ledger's table `brake`.
 */
export class Brake {
  readonly #settings: BrakeSettings
  readonly #clock: Clock
  readonly #store: Store
  readonly #minutes = new Map<number, number>()

  private constructor(settings: BrakeSettings, clock: Clock, store: Store) {
    this.#settings = settings
    this.#clock = clock
    this.#store = store
  }

  static async open(settings: BrakeSettings, clock: Clock, store: Store): Promise<Brake> {
    const brake = new Brake(settings, clock, store)
    for await (const [key, minutes] of store.read<[number, number][]>(TABLE)) {
      if (key === KEY) for (const [minute, blocks] of minutes) brake.#minutes.set(minute, blocks)
    }
    return brake
  }

  /** Blocks in the last hour. */
  get used(): number {
    this.#forget(this.#clock())
    let sum = 0
    for (const blocks of this.#minutes.values()) sum += blocks
    return sum
  }

  /** Blocks an hour that go through, with so many subscribers. */
  limit(subscribers: number): number {
    return Math.max(this.#settings.blocksPerHour, Math.floor(subscribers * this.#settings.shareOfSubscribers))
  }

  /** Takes one block from the hour's allowance. @returns false when it is used up: the block must be held */
  take(subscribers: number): boolean {
    if (this.used >= this.limit(subscribers)) return false
    const minute = Math.floor(this.#clock() / MINUTE)
    this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + 1)
    this.#keep()
    return true
  }

  /** A person looked and said go on: the hour begins anew. */
  release(): void {
    this.#minutes.clear()
    this.#keep()
  }

  #forget(now: Milliseconds): void {
    for (const minute of this.#minutes.keys()) if ((minute + 1) * MINUTE <= now - HOUR) this.#minutes.delete(minute)
  }

  #keep(): void {
    this.#store.put(TABLE, KEY, [...this.#minutes])
  }
}
