import type { Milliseconds, Profile, Subscriber, TreatmentKind } from '../model/index.js'
import { type QuotaStanding, quotaWords } from './quota.js'

/** What billing wants done with a subscriber, and why in words for a technician. */
export interface Desired {
  readonly kind: TreatmentKind
  readonly reason: string
  /** Id of the profile that takes the place of the subscriber's own: the quota is used up. */
  readonly profile?: string
}

const ACTIVE: Desired = { kind: 'full', reason: 'active' }
const CLOSED: Desired = { kind: 'blocked', reason: 'closed' }

/**
 * What the documents say should be. A profile that is not known (yet) blocks nobody: the rate is missing, not the right.
 * @param now    decides whether `validUntil` has passed
 * @param quota  as it is counted; a suspension goes before it
 */
export function desired(
  subscriber: Subscriber,
  profile: Profile | undefined,
  now: Milliseconds,
  quota?: QuotaStanding
): Desired {
  if (subscriber.status === 'closed') return CLOSED
  if (hasExpired(subscriber, now)) return { kind: 'blocked', reason: `ran out at ${subscriber.validUntil}` }
  if (subscriber.status === 'suspended') return { kind: suspendedTo(subscriber), reason: suspensionWords(subscriber) }
  if (quota?.exhausted === true) return exhausted(subscriber)
  if (profile === undefined) return { kind: 'full', reason: `active; profile ${subscriber.profile} is not known here` }
  return ACTIVE
}

// Another profile is a plan like any other, given whole; without one the throttle of the configuration holds.
function exhausted(subscriber: Subscriber): Desired {
  const { quota } = subscriber
  const reason = quotaWords(subscriber)
  if (quota?.onExhausted !== 'profile') return { kind: 'walled', reason }
  if (quota.profile === undefined) return { kind: 'throttled', reason }
  return { kind: 'full', reason: `${reason}: profile ${quota.profile}`, profile: quota.profile }
}

/** A desire with the profile that it is carried out by. */
export interface Settled {
  readonly kind: TreatmentKind
  readonly reason: string
  readonly profile: Profile | undefined
}

/** Finds the profile of a desire; where the one that takes the own one's place is not known, the throttle holds. */
export function settled(want: Desired, own: Profile | undefined, find: (id: string) => Profile | undefined): Settled {
  const { kind, reason } = want
  if (want.profile === undefined) return { kind, reason, profile: own }
  const profile = find(want.profile)
  return profile === undefined
    ? { kind: 'throttled', reason: `${reason}, which is not known here`, profile: own }
    : { kind, reason, profile }
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
