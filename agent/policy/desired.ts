import type { Milliseconds, Profile, Subscriber, TreatmentKind } from '../model/index.js'

/** What billing wants done with a subscriber, and why in words for a technician. */
export interface Desired {
  readonly kind: TreatmentKind
  readonly reason: string
}

const ACTIVE: Desired = { kind: 'full', reason: 'active' }
const CLOSED: Desired = { kind: 'blocked', reason: 'closed' }

/**
 * What the documents say should be. A profile that is not known (yet) blocks nobody: the rate is missing, not the right.
 * @param now  decides whether `validUntil` has passed
 */
export function desired(subscriber: Subscriber, profile: Profile | undefined, now: Milliseconds): Desired {
  if (subscriber.status === 'closed') return CLOSED
  if (hasExpired(subscriber, now)) return { kind: 'blocked', reason: `ran out at ${subscriber.validUntil}` }
  if (subscriber.status === 'suspended') return { kind: suspendedTo(subscriber), reason: suspensionWords(subscriber) }
  if (profile === undefined) return { kind: 'full', reason: `active; profile ${subscriber.profile} is not known here` }
  return ACTIVE
}

/** Whether `validUntil` has passed. A time that cannot be read has not. */
export function hasExpired({ validUntil }: Subscriber, now: Milliseconds): boolean {
  return validUntil !== undefined && Date.parse(validUntil) <= now
}

// Where billing does not say how: the gentlest way that still asks for the money.
function suspendedTo({ suspension }: Subscriber): TreatmentKind {
  switch (suspension?.how) {
    case 'reject':
      return 'blocked'
    case 'throttle':
      return 'throttled'
    default:
      return 'walled'
  }
}

function suspensionWords({ suspension }: Subscriber): string {
  const why = [suspension?.reason, suspension?.reference].filter(text => text !== undefined && text !== '')
  return why.length === 0 ? 'suspended' : `suspended: ${why.join(', ')}`
}
