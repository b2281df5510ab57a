import type { Milliseconds, Profile, Session, Subscriber, TreatmentKind, Vendor } from '../model/index.js'
import { brokenBinding } from './bindings.js'
import { type Desired, desired, hasExpired } from './desired.js'
import type { AccessFacts } from './facts.js'
import { macOf } from './mac.js'
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
}

export interface Rejection {
  readonly accept: false
  readonly code: RejectCode
  /** A sentence for a technician. */
  readonly words: string
}

const NONE: readonly Session[] = []

/** Decides on a subscriber whose credential was right. Pure, in memory, at once. */
export function decide(
  facts: AccessFacts,
  subscriber: Subscriber | undefined,
  profile: Profile | undefined,
  context: DecisionContext
): Decision {
  if (subscriber === undefined) return rejected('UNKNOWN_SUBSCRIBER')
  const want = desired(subscriber, profile, context.now)
  const kind = want.kind === 'full' ? want.kind : feasible(want.kind, context.vendor, context.settings)
  if (kind === 'blocked') return blocked(subscriber, want, context)
  const broken = brokenBinding(subscriber, facts)
  if (broken !== undefined) return rejected(broken)
  const { simultaneousUse } = subscriber
  if (simultaneousUse === undefined) return { accept: true, kind, reason: want.reason, replaces: NONE }
  const others = context.sessionsOf(subscriber.id).filter(session => competes(session, facts))
  const excess = others.length + 1 - simultaneousUse
  if (excess <= 0) return { accept: true, kind, reason: want.reason, replaces: NONE }
  if (subscriber.onExcess !== 'replace' || !context.mayReplace) return tooMany(others, simultaneousUse)
  return {
    accept: true,
    kind,
    reason: want.reason,
    replaces: others.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, excess)
  }
}

/** A reject with the table's words, and what is particular about this case behind them. */
export function rejected(code: RejectCode, detail?: string): Rejection {
  return { accept: false, code, words: detail === undefined ? rejections[code] : `${rejections[code]} ${detail}` }
}

function blocked(subscriber: Subscriber, want: Desired, { vendor, now }: DecisionContext): Rejection {
  if (want.kind !== 'blocked') {
    return rejected('SUSPENDED', `Billing says «${want.kind}», and a ${vendor} NAS cannot be told so as configured.`)
  }
  if (subscriber.status === 'closed') return rejected('CLOSED')
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
