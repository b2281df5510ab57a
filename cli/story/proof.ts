import type { CloudEvent } from '../../agent/model/edge-api.js'
import type { EnforcementNotice, TreatmentKind } from '../../agent/model/index.js'
import type { BillingCloud } from '../../sandbox/billing/index.js'
import { happens } from './awaiting.js'

/** The event with which the agent tells billing that a subscriber now has this treatment, and what proved it. */
export async function proofAtBilling(
  billing: BillingCloud,
  subscriber: string,
  want: TreatmentKind
): Promise<EnforcementNotice> {
  const noticeOf = (event: CloudEvent) => event.data as unknown as EnforcementNotice
  const [event] = await happens<[CloudEvent]>(billing.events, 'event', ([candidate]) => {
    if (candidate.type !== 'turnpike.enforcement' || candidate.subject !== subscriber) return false
    return noticeOf(candidate).state === 'proven' && noticeOf(candidate).want === want
  })
  return noticeOf(event)
}
