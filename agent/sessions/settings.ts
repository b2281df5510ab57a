import type { Milliseconds } from '../model/index.js'
import { defaultTimeWindow, type TimeWindow } from './accounting.js'

/** What the session table may be told. Times in seconds unless they say otherwise. */
export interface SessionSettings {
  /** How often a NAS is expected to report, until its packets show it. */
  readonly interimInterval: number
  /** The interval that a profile asks for; undefined where it asks for none. */
  readonly intervalOf: (profile: string) => number | undefined
  /** Reports that a NAS may miss before a session counts as stale. */
  readonly missed: number
  /** Silence after which a session is closed synthetically. */
  readonly grace: number
  /** How long a session that ended by its Stop stays findable for late packets. */
  readonly keepEnded: number
  /** How long one that the agent closed itself stays findable: as long as its NAS might go on with it. */
  readonly keepSynthetic: number
  /** How many closed sessions stay findable at most. */
  readonly keepClosed: number
  /** The most that one sweep adds to anybody's silence: a clock that leaps must not silence everybody. */
  readonly sweepStep: number
  /** Subscribers whose last Access-Accepts are remembered, and for how many milliseconds. */
  readonly grants: number
  readonly grantAge: Milliseconds
  /** As given to `readAccounting`: a replay reads the same times. */
  readonly timeWindow: TimeWindow
}

export const defaultSettings: SessionSettings = {
  interimInterval: 600,
  intervalOf: () => undefined,
  missed: 2,
  grace: 86_400,
  keepEnded: 1_800,
  keepSynthetic: 7 * 86_400,
  keepClosed: 50_000,
  sweepStep: 120,
  grants: 200_000,
  grantAge: 86_400_000,
  timeWindow: defaultTimeWindow
}
