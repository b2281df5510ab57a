import type { Logger } from 'pino'
import type { Clock } from '../agent/model/index.js'
import type { Config, SecretStore } from '../config/index.js'
import type { Dictionary } from '../protocols/radius/index.js'
import type { Closers } from './closers.js'
import type { Renewals } from './renewals.js'

/** What every piece of the wiring may need. */
export interface Base {
  readonly config: Config
  readonly secrets: SecretStore
  readonly dictionary: Dictionary
  readonly clock: Clock
  readonly log: Logger
  readonly version: string
  readonly closers: Closers
  readonly renewals: Renewals
}
