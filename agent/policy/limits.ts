import type { Milliseconds, Subscriber, TreatmentKind } from '../model/index.js'
import type { QuotaStanding } from './quota.js'

/** What ends a session by itself, beside the profile's own timeouts. */
export interface Limits {
  /** Seconds from now; undefined where nothing ends it. */
  readonly seconds?: number
  /** Octets, up and down together, that may still pass. */
  readonly octets?: number
}

const LEAST_SECONDS = 1
const LONGEST = 0xffffffff

/**
 * The end of a session that is let on now: of the window of hours, of the validity, of the quota. NASes hold only a
 * quota that ends in a suspension: one that ends in another profile is changed on the open session, by CoA.
 * @param open  what `openUntil` said, where it is not closed
 */
export function limitsOf(
  subscriber: Subscriber,
  kind: TreatmentKind,
  now: Milliseconds,
  open: Milliseconds | undefined,
  quota: QuotaStanding | undefined
): Limits {
  const expires = subscriber.validUntil === undefined ? NaN : Date.parse(subscriber.validUntil)
  const ends = Math.min(open ?? Infinity, Number.isNaN(expires) ? Infinity : expires)
  const counted = quota !== undefined && kind === 'full' && subscriber.quota?.onExhausted === 'suspend'
  return {
    ...(ends < now + LONGEST * 1000 && { seconds: Math.max(LEAST_SECONDS, Math.ceil((ends - now) / 1000)) }),
    ...(counted && { octets: Math.max(1, quota.octets - quota.used) })
  }
}
