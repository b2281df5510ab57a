import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import type { After, AnyDriver, Clock, Nas } from '../model/index.js'
import type { PolicySettings } from '../policy/index.js'
import type { BrakeSettings } from './brakes.js'
import type { CommandsView, NasesView, PolicyView, ReplicaView, SessionsView } from './needs.js'
import { queueDefaults, type QueueLimits } from './queue.js'
import { roundDefaults, type RoundTimes } from './rounds.js'
import { type TaskTimes, taskTimeDefaults } from './task.js'

/** What limits and times enforcement has; each has a default. */
export type EnforcementLimits = QueueLimits & TaskTimes & RoundTimes

export const enforcementDefaults: EnforcementLimits = { ...queueDefaults, ...taskTimeDefaults, ...roundDefaults }

/** What enforcement is built from. */
export interface EnforcementOptions {
  readonly ledger: Ledger
  readonly replica: ReplicaView
  readonly sessions: SessionsView
  readonly commands: CommandsView
  readonly nases: NasesView
  /** Tests bring their own. */
  readonly policy?: PolicyView
  readonly settings: PolicySettings
  /** Drivers of a NAS in the order to prefer; made once and kept by the caller. @throws DriverError when it cannot be driven */
  readonly driversFor: (nas: Nas) => readonly AnyDriver[]
  /** The driver of a device by the id of its document: what subscribers' documents and `Nas.device` name. Default none. */
  readonly driverOf?: (device: string) => AnyDriver | undefined
  /** Whether a certificate alone lets subscribers on (EAP-TLS): then one without credentials may log in all the same. Default true. */
  readonly certificates?: boolean
  readonly clock: Clock
  readonly log: Logger
  readonly brakes?: Partial<BrakeSettings>
  /** Why nobody may be treated worse now, in words (the data is stale, a snapshot is held), or undefined. */
  readonly mayBlock?: () => string | undefined
  readonly limits?: Partial<EnforcementLimits>
  readonly after?: After
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random?: () => number
}
