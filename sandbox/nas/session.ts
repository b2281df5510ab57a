import type { Grant } from './access.js'
import type { Octets } from './meter.js'

/** A session as the box keeps it. */
export interface Session {
  readonly acctSessionId: string
  readonly userName: string
  readonly address: string
  readonly startedAt: number
  grant: Grant
  walled: boolean
  /** Running totals. */
  octets: Octets
  /** Running totals that the server has acknowledged. */
  acknowledged: Octets
  /** When `octets` were brought up to date. */
  countedAt: number
}
