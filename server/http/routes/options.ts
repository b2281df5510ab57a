import type { Clock } from '../../../agent/model/index.js'
import type { AgentView } from '../view.js'

/** What each route needs. */
export interface RouteOptions {
  readonly view: AgentView
  readonly clock: Clock
  /** Route options of everything that changes something. */
  readonly changing: { readonly rateLimit: { readonly max: number; readonly timeWindow: number } }
}
