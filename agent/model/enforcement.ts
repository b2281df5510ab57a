import type { TreatmentKind } from './treatment.js'
import type { Milliseconds } from './units.js'

/** Where an enforcement stands, as billing sees it. `held` waits for a person to release the brake. */
export type EnforcementState = 'requested' | 'held' | 'sent' | 'acknowledged' | 'proven' | 'failed'

/** What proved it: the NAS's Stop, a fresh Access-Request answered with the new treatment, the device read back, or nothing to act on. */
export type Proof = 'stop' | 'reauthentication' | 'refused' | 'observed' | 'offline'

/** One step of an enforcement, written to the ledger as `turnpike.enforcement`. */
export interface EnforcementNotice {
  readonly subject: string
  /** The same for all steps of one decision. */
  readonly enforcement: string
  readonly state: EnforcementState
  readonly want: TreatmentKind
  readonly username: string
  readonly session?: string
  readonly nas?: string
  /** `coa`, `disconnect`, `api`, `port`, `reauthentication`. */
  readonly way?: string
  readonly proof?: Proof
  readonly errorCause?: number
  /** A sentence for a person. */
  readonly detail: string
  /** Billing's reference: invoice or case. */
  readonly reference?: string
  readonly requestedAt: Milliseconds
  /** Milliseconds since `requestedAt`. */
  readonly afterMs: number
}
