import type { Milliseconds, Profile, Session, Subscriber, TreatmentKind, Vendor } from '../model/index.js'
import { checkBindings } from './bindings.js'
import { desired, hasExpired, type Settled, settled } from './desired.js'
import type { AccessFacts } from './facts.js'
import { openUntil } from './hours.js'
import { type Limits, limitsOf } from './limits.js'
import { macOf } from './mac.js'
import type { QuotaStanding } from './quota.js'
import { type RejectCode, rejections } from './reject.js'
import type { PolicySettings } from './settings.js'
import { feasible } from './wants.js'

/** What a decision looks at beside the documents. */
export interface DecisionContext {
  readonly now: Milliseconds
  readonly vendor: Vendor
  readonly settings: PolicySettings
  /** Open and stale sessions of a subscriber. */
  readonly sessionsOf: (subscriber: string) => readonly Session[]
  /** Whether somebody ends the sessions in `replaces`; without, `onExcess: replace` refuses too. */
  readonly mayReplace: boolean
  /** How a subscriber stands with the quota; undefined for one who has none. */
  readonly quotaOf?: (subscriber: string) => QuotaStanding | undefined
  /** MAC addresses that earlier logins have bound. */
  readonly learntOf?: (subscriber: string) => readonly string[]
  /** Finds the profile that takes the place of one's own when the quota is used up. */
  readonly profile?: (id: string) => Profile | undefined
}

/** The answer to somebody whose credential was right. */
export type Decision = Acceptance | Rejection

export interface Acceptance {
  readonly accept: true
  readonly kind: TreatmentKind
  /** Why this treatment, in words for a technician. */
  readonly reason: string
  /** Sessions that must end because this one takes their place. */
  readonly replaces: readonly Session[]
  /** What it is given by: the subscriber's own, or what takes its place when the quota is used up. */
  readonly profile: Profile | undefined
  /** What ends the session by itself. */
  readonly limits: Limits
  /** A MAC address to which the subscriber is bound from now on. */
  readonly learns?: string
}

export interface Rejection {
  readonly accept: false
  readonly code: RejectCode
  /** A sentence for a technician. */
  readonly words: string
}

const NONE: readonly Session[] = []
const NONE_LEARNT: readonly string[] = []
const unknown = () => undefined

/** Decides on a subscriber whose credential was right. Pure, in memory, at once. */
export function decide(
  facts: AccessFacts,
  subscriber: Subscriber | undefined,
  profile: Profile | undefined,
  context: DecisionContext
): Decision {
  if (subscriber === undefined) return rejected('UNKNOWN_SUBSCRIBER')
  const { now, vendor, settings } = context
  const quota = context.quotaOf?.(subscriber.id)
  const want = settled(desired(subscriber, profile, now, quota), profile, context.profile ?? unknown)
  const kind = want.kind === 'full' ? want.kind : feasible(want.kind, vendor, settings)
  if (kind === 'blocked') return blocked(subscriber, want, context)
  const open = openUntil(subscriber.hours, now)
  if (open === 'closed') return rejected('OUTSIDE_HOURS', `It may be used ${subscriber.hours?.join(', ')}.`)
  const bound = checkBindings(subscriber, facts, vendor, context.learntOf?.(subscriber.id) ?? NONE_LEARNT)
  if (bound.broken !== undefined) return rejected(bound.broken.code, bound.broken.words)
  const replaces = inTheWay(facts, subscriber, context)
  if ('accept' in replaces) return replaces
  return {
    accept: true,
    kind,
    reason: want.reason,
    profile: want.profile,
    replaces,
    limits: limitsOf(subscriber, kind, now, open, quota),
    ...(bound.learns !== undefined && { learns: bound.learns })
  }
}

// The sessions that must end for this one, the oldest; or the reject, where none may.
function inTheWay(
  facts: AccessFacts,
  subscriber: Subscriber,
  context: DecisionContext
): readonly Session[] | Rejection {
  const { simultaneousUse } = subscriber
  if (simultaneousUse === undefined) return NONE
  const others = context.sessionsOf(subscriber.id).filter(session => competes(session, facts))
  const excess = others.length + 1 - simultaneousUse
  if (excess <= 0) return NONE
  if (subscriber.onExcess !== 'replace' || !context.mayReplace) return tooMany(others, simultaneousUse)
  return others.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, excess)
}

/** A reject with the table's words, and what is particular about this case behind them. */
export function rejected(code: RejectCode, detail?: string): Rejection {
  return { accept: false, code, words: detail === undefined ? rejections[code] : `${rejections[code]} ${detail}` }
}

function blocked(subscriber: Subscriber, want: Settled, { vendor, now }: DecisionContext): Rejection {
  if (want.kind !== 'blocked') {
    const code = subscriber.status === 'suspended' ? 'SUSPENDED' : 'QUOTA_EXHAUSTED'
    return rejected(code, `Billing says «${want.kind}», and a ${vendor} NAS cannot be told so as configured.`)
  }
  if (subscriber.status === 'closed') return rejected('CLOSED')
  if (subscriber.status === 'active' && !hasExpired(subscriber, now)) return rejected('QUOTA_EXHAUSTED')
  return rejected(hasExpired(subscriber, now) ? 'EXPIRED' : 'SUSPENDED', `Billing says «${want.reason}».`)
}

// A stale session is not counted, and one from the same place on the same NAS is this login's own predecessor.
function competes(session: Session, { nas, nasPort, callingStation }: AccessFacts): boolean {
  if (session.state !== 'open') return false
  if (session.nas !== nas) return true
  if (callingStation !== '') return !sameStation(session.callingStation, callingStation)
  return session.callingStation !== '' || nasPort === '' || session.nasPort !== nasPort
}

function sameStation(a: string, b: string): boolean {
  return a === b || (macOf(a) ?? a) === (macOf(b) ?? b)
}

function tooMany(others: readonly Session[], most: number): Rejection {
  const where = [...new Set(others.map(session => session.nas))].slice(0, 3).join(', ')
  return rejected('TOO_MANY_SESSIONS', `${most} may be open, ${others.length} are, on ${where}.`)
}
