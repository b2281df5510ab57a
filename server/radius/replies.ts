import { Code } from '../../protocols/radius/index.js'
import type { DiscardReason } from './discards.js'

/** What a socket is for. */
export type Port = 'authentication' | 'accounting'

/** What became of a request. */
export type Outcome =
  | 'accepted'
  | 'rejected'
  | 'challenged'
  | 'busy'
  | 'uninformed'
  | 'out-of-step'
  | 'alive'
  | 'recorded'
  | 'without-usage'
  | 'unusable'
  | 'unrecorded'
  | 'full'
  | 'unanswered'
  | 'crowded'
  | 'looped'

/** A line of the table: a request with this outcome gets this reply, or none for a reason that is counted. */
export interface ReplyRow {
  readonly port: Port
  readonly request: number
  readonly outcome: Outcome
  readonly reply?: number
  readonly silence?: DiscardReason
  /** The reply waits, against guessing. */
  readonly delayed?: true
}

/**
 * What is answered. What is not here is discarded as `WRONG_PORT`. An accounting record that is not safe gets no answer,
 * so that the NAS keeps it.
 * @see RFC 2865 §4, RFC 2866 §4.1, RFC 5997 §3
 */
export const replies: readonly ReplyRow[] = [
  { port: 'authentication', request: Code.AccessRequest, outcome: 'accepted', reply: Code.AccessAccept },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'challenged', reply: Code.AccessChallenge },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'rejected', reply: Code.AccessReject, delayed: true },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'busy', silence: 'TOO_BUSY' },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'uninformed', silence: 'NO_SUBSCRIBERS_YET' },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'out-of-step', silence: 'EAP_OUT_OF_STEP' },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'unanswered', silence: 'PARTNER_SILENT' },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'crowded', silence: 'PARTNER_CROWDED' },
  { port: 'authentication', request: Code.AccessRequest, outcome: 'looped', silence: 'PROXY_LOOP' },
  { port: 'authentication', request: Code.StatusServer, outcome: 'alive', reply: Code.AccessAccept },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'recorded', reply: Code.AccountingResponse },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'without-usage', reply: Code.AccountingResponse },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'unusable', silence: 'UNUSABLE_ACCOUNTING' },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'unrecorded', silence: 'NOT_RECORDED' },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'full', silence: 'LEDGER_FULL' },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'unanswered', silence: 'PARTNER_SILENT' },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'crowded', silence: 'PARTNER_CROWDED' },
  { port: 'accounting', request: Code.AccountingRequest, outcome: 'looped', silence: 'PROXY_LOOP' },
  { port: 'accounting', request: Code.StatusServer, outcome: 'alive', reply: Code.AccountingResponse }
]

/** The line for a request; undefined where the table has none. */
export function replyRow(port: Port, request: number, outcome: Outcome): ReplyRow | undefined {
  for (const row of replies) if (row.outcome === outcome && row.request === request && row.port === port) return row
  return undefined
}
