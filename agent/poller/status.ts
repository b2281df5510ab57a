import type { Milliseconds } from '../model/index.js'
import type { Answer } from './asking.js'
import type { DeviceState } from './reachability.js'

/** One device, for people. */
export interface DeviceStatus {
  readonly device: string
  readonly driver: string
  readonly state: DeviceState | 'unknown'
  /** What it said, or what is the matter: a sentence. */
  readonly detail: string
  /** When it was asked last, and how long that took, ms; 0 before. */
  readonly at: Milliseconds
  readonly took: Milliseconds
  /** Ports that count for a subscriber. */
  readonly counted: number
  /** Ports that count for nobody, where any counts: how many, and the first of them. */
  readonly unclaimed: Answer['unclaimed']
  /** What keeps ports from being billed: sentences. */
  readonly problems: readonly string[]
}

/** Figures of all polls. */
export interface PollerCounts {
  readonly answered: number
  readonly failed: number
  /** Counters that were read. */
  readonly counters: number
  /** Polls that go on, and those that wait for a place. */
  readonly quick: number
  readonly slow: number
  readonly waiting: number
}

/** What the last poll of a device brought. */
export interface Last {
  readonly answer: Answer
  readonly at: Milliseconds
  readonly took: Milliseconds
  /** Ports of subscribers that were not there. */
  readonly missing: readonly string[]
}

/** A device as it stands. */
export function statusOf(of: {
  readonly device: string
  readonly driver: string
  readonly state: DeviceState | undefined
  readonly last: Last | undefined
  readonly counted: number
  readonly contested: readonly string[]
}): DeviceStatus {
  const { device, driver, state = 'unknown', last, counted, contested } = of
  const problems = [
    ...contested.map(port => `${port}: several subscribers have it, so nobody is billed for it.`),
    ...(last?.answer.ambiguous ?? []).map(port => `${port}: several ports of the device are called so.`),
    ...(last?.missing ?? []).map(port => `${port}: the device counts no port of that name.`)
  ]
  return {
    device,
    driver,
    state,
    detail: last?.answer.found.detail ?? 'It was not asked yet.',
    at: last?.at ?? 0,
    took: last?.took ?? 0,
    counted,
    unclaimed: last?.answer.unclaimed ?? { count: 0, first: [] },
    problems
  }
}
