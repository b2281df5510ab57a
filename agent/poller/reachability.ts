import type { Milliseconds } from '../model/index.js'

/*
 * Up or down, told once each. A device that goes up and down all the time is told as flapping once, and then no more until
 * it has been calm: every change adds to a penalty that halves in a quarter of an hour. After RFC 2439 §4.
 */

/** What is told of a device. */
export type DeviceState = 'up' | 'down' | 'flapping'

/** What a poll found: nothing wrong, or what. */
export interface Found {
  readonly ok: boolean
  /** A sentence for a person. */
  readonly detail: string
  /** Code of the failure. */
  readonly code?: string
}

/** A change that is worth telling. */
export interface StateChange {
  readonly state: DeviceState
  readonly was: DeviceState | undefined
  readonly detail: string
  readonly code?: string
}

/** When a device counts as down, and as flapping. */
export interface Damping {
  /** Polls that must fail one after the other. */
  readonly failures: number
  /** Each change adds 1,000. */
  readonly suppressAbove: number
  readonly releaseBelow: number
  readonly halfLife: Milliseconds
}

export const dampingDefaults: Damping = { failures: 2, suppressAbove: 3000, releaseBelow: 750, halfLife: 900_000 }

const CHANGE = 1000

/** The state of one device over time. */
export class Reachability {
  readonly #damping: Damping
  #told: DeviceState | undefined
  #actual: 'up' | 'down' | undefined
  #failures = 0
  #penalty = 0
  #penaltyAt: Milliseconds = 0
  #suppressed = false

  /** @param told  what was told last, before the agent started; undefined: nothing */
  constructor(told: DeviceState | undefined, damping: Damping = dampingDefaults) {
    this.#told = told
    this.#actual = told === 'flapping' ? undefined : told
    this.#damping = damping
  }

  /** What was told last; undefined before anything was. */
  get told(): DeviceState | undefined {
    return this.#told
  }

  /** Whether the last poll failed. */
  get suspect(): boolean {
    return this.#failures > 0
  }

  /** Takes the outcome of a poll. @returns what is to be told of it, if anything: again until it was {@link tell told} */
  note(found: Found, at: Milliseconds): StateChange | undefined {
    this.#failures = found.ok ? 0 : this.#failures + 1
    const now = found.ok ? 'up' : this.#failures >= this.#damping.failures ? 'down' : this.#actual
    this.#decay(at)
    if (now === undefined) return undefined
    if (this.#actual !== undefined && now !== this.#actual) this.#penalty += CHANGE
    this.#actual = now
    return this.#change(now, found)
  }

  /** What was to be told is durable. */
  tell(state: DeviceState): void {
    this.#told = state
  }

  #decay(at: Milliseconds): void {
    const passed = Math.max(0, at - this.#penaltyAt)
    this.#penalty *= 2 ** (-passed / this.#damping.halfLife)
    this.#penaltyAt = at
  }

  #change(now: 'up' | 'down', { detail, code }: Found): StateChange | undefined {
    const { suppressAbove, releaseBelow } = this.#damping
    this.#suppressed = this.#penalty > (this.#suppressed ? releaseBelow : suppressAbove)
    const state = this.#suppressed ? 'flapping' : now
    const was = this.#told
    return state === was ? undefined : { state, was, detail, ...(code !== undefined && { code }) }
  }
}
