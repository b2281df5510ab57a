import { DriverError, type Clock, type Milliseconds } from '../model/index.js'

interface State {
  failures: number
  silentSince: Milliseconds
  probeAt: Milliseconds
  wait: Milliseconds
}

const FAILURES = 3
const FIRST_WAIT = 1000
const LONGEST_WAIT = 30_000

/**
 * Remembers which boxes do not answer, so that a thousand requests to one that hangs fail at once instead of one after
 * the other. Open after 3 failures in a row; then one request at a time is let through to see, after 1 s, 2 s … 30 s.
 */
export class Circuits {
  readonly #clock: Clock
  readonly #states = new Map<string, State>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether a request may go: undefined, or the error to give instead. A request let through as a probe takes the next ones' turn. */
  refuses(key: string): DriverError | undefined {
    const state = this.#states.get(key)
    if (state === undefined || state.failures < FAILURES) return undefined
    const now = this.#clock()
    if (now >= state.probeAt) {
      state.wait = Math.min(LONGEST_WAIT, state.wait * 2)
      state.probeAt = now + state.wait
      return undefined
    }
    return new DriverError(
      'UNREACHABLE',
      `${key} has not answered since ${new Date(state.silentSince).toISOString()}; trying it from time to time.`
    )
  }

  /** A request got no answer. @returns true when that opened the circuit */
  failed(key: string): boolean {
    const now = this.#clock()
    const state = this.#states.get(key) ?? { failures: 0, silentSince: now, probeAt: 0, wait: FIRST_WAIT }
    this.#states.set(key, state)
    state.failures++
    if (state.failures !== FAILURES) return false
    state.probeAt = now + state.wait
    return true
  }

  /** A request was answered. @returns true when the circuit had been open */
  worked(key: string): boolean {
    const open = this.silentSince(key) !== undefined
    this.#states.delete(key)
    return open
  }

  /** Since when a box has been silent; undefined while it answers. */
  silentSince(key: string): Milliseconds | undefined {
    const state = this.#states.get(key)
    return state !== undefined && state.failures >= FAILURES ? state.silentSince : undefined
  }
}
