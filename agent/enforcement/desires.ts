import {
  addressesOf,
  type Clock,
  type Granted,
  isPolled,
  logsIn,
  type Milliseconds,
  type Profile,
  type Session,
  type Subscriber,
  type Treatment,
  type TreatmentKind,
  type Vendor
} from '../model/index.js'
import { type PolicySettings, type Settled, settled } from '../policy/index.js'
import type { AppliedTable } from './applied.js'
import type { Decisions } from './decisions.js'
import type { Lines } from './lines.js'
import type { NasesView, PolicyView, ReplicaView, SessionsView } from './needs.js'
import type { Target } from './order.js'
import { type AppliedTreatment, compare, inForce, isTighter, type Need, type Step } from './plan.js'
import { isRadius, type Reaches } from './reach.js'
import type { Mark, Standing } from './standing.js'

/** What a device does is not said in attributes: the vocabulary that can say everything leaves every kind as it is. */
const ANY_DEVICE: Vendor = 'mikrotik'

/** What should be, for one subscriber, now. */
export interface Desire {
  readonly id: string
  readonly userName: string
  readonly kind: TreatmentKind
  readonly reason: string
  readonly reference?: string
  readonly noticeAt?: string
  /** Undefined when billing removed the subscriber. */
  readonly subscriber: Subscriber | undefined
  readonly profile: Profile | undefined
}

/** What working out desires needs. */
export interface DesiresOptions {
  readonly replica: Pick<ReplicaView, 'subscriber' | 'profile' | 'subscribers'>
  readonly sessions: Pick<SessionsView, 'ofSubscriber'>
  readonly nases: NasesView
  readonly policy: PolicyView
  readonly settings: PolicySettings
  readonly applied: AppliedTable
  readonly decisions: Decisions
  readonly reaches: Reaches
  readonly standing: Standing
  readonly lines: Lines
  readonly clock: Clock
}

/** Desired against applied: what billing's documents ask for, and which sessions do not have it. */
export class Desires {
  readonly #options: DesiresOptions
  readonly #removed = new Set<string>()

  constructor(options: DesiresOptions) {
    this.#options = options
  }

  /** Whether billing took the subscriber away. Absence alone is no such word: the replica may be incomplete. */
  removed(id: string, removed: boolean): void {
    if (removed) this.#removed.add(id)
    else this.#removed.delete(id)
  }

  isRemoved(id: string): boolean {
    return this.#removed.has(id)
  }

  isOnline(id: string): boolean {
    return this.#options.sessions.ofSubscriber(id).length > 0
  }

  /** What a subscriber should have; undefined for somebody of whom nothing was ever said. */
  of(id: string): Desire | undefined {
    const subscriber = this.#options.replica.subscriber(id)
    if (subscriber === undefined) return this.#removed.has(id) ? this.#gone(id) : undefined
    const { kind, reason, profile } = this.#wanted(subscriber)
    const { reference, noticeAt } = subscriber.suspension ?? {}
    return {
      id,
      userName: subscriber.username,
      kind,
      reason,
      ...(reference !== undefined && kind !== 'full' && { reference }),
      ...(noticeAt !== undefined && kind !== 'full' && { noticeAt }),
      subscriber,
      profile
    }
  }

  /**
   * What is not as it should be: sessions, what stands at devices, the line of somebody who has no session, and the rates
   * that devices hold.
   */
  needs(desire: Desire): readonly Need[] {
    const sessions = this.#sessionNeeds(desire)
    const { id, subscriber, profile, kind } = desire
    // A profile that is not known yet says nothing about the rate.
    const whole = () => (profile !== undefined && kind === 'full' ? this.full(desire) : undefined)
    return [
      ...sessions,
      ...this.#undoing(desire, sessions),
      ...this.#lineNeed(desire),
      ...this.#options.lines.needs(id, subscriber, whole)
    ]
  }

  /** Why nothing can shut the line of a subscriber, and what to do about it; undefined where something can. */
  openForGood({ subscriber, userName }: Desire): string | undefined {
    if (!this.#options.lines.isOpenForGood(subscriber)) return undefined
    return `${userName}: nothing can shut this line. ${openLineWords(subscriber)}`
  }

  /** The device that holds the rate of a subscriber's line; undefined where RADIUS does, or nothing. */
  ratedAt({ subscriber }: Desire): string | undefined {
    return this.#options.lines.deviceOf(subscriber)
  }

  /** Whether a device must shut the line of a subscriber, since they are never asked who they are. */
  isDeviceOnly({ id, subscriber }: Desire): boolean {
    if (subscriber === undefined || this.isOnline(id)) return false
    return !logsIn(subscriber) && this.#options.reaches.ofSubscriber(subscriber).length > 0
  }

  /** What a session is to have. */
  target(desire: Desire, session: Session): Target {
    const { kind, attributes } = this.treatment(desire, desire.kind, this.#vendor(session))
    return { kind, whole: inForce(attributes) }
  }

  /** What everybody could have back: the whole profile. */
  full(desire: Desire, session?: Session): Treatment {
    return this.treatment(desire, 'full', session === undefined ? ANY_DEVICE : this.#vendor(session))
  }

  /**
   * As `needs`, for one session that is to be told everything again, or for the line that it was polled on; undefined where
   * there is nothing to tell.
   */
  again(desire: Desire, session: Session): Need | undefined {
    if (desire.kind === 'full' && this.#isRatedLine(session, desire))
      return desire.profile && this.#options.lines.again(desire.subscriber, this.full(desire))
    const before: AppliedTreatment = { ...this.#appliedOf(session, desire), uncertain: true }
    const step = compare(before, this.treatment(desire, desire.kind, this.#vendor(session)))
    return step && { session, step, before }
  }

  /** Whether a session is treated as another kind than desired: a quick look for the rounds. */
  differs(session: Session): boolean {
    const desire = this.of(session.subscriber)
    if (desire === undefined || this.#kindOf(session) === desire.kind) return false
    return !this.#stands(session, desire)
  }

  /** What an Access-Accept gave, by the documents that decided it. */
  granted({ subscriber: id, treatment: kind, nas, given }: Granted): AppliedTreatment {
    const { subscriber, profile } = given ?? this.#documents(id)
    const desire = { id, userName: '', kind, reason: '', subscriber, profile }
    const vendor = this.#vendorOf(nas)
    const attributes = inForce(this.treatment(desire, kind, vendor).attributes)
    return { kind, attributes, ...(subscriber !== undefined && { from: { subscriber, profile, vendor } }) }
  }

  /** Whether a session is known to have what a grant gives it: then there is nothing to work out, and nothing to write. */
  hasGranted({ id }: Session, { treatment, nas, given }: Granted): boolean {
    const known = this.#options.applied.of(id)
    if (given === undefined || known?.from === undefined) return false
    const { kind, uncertain = false, from } = known
    if (uncertain || kind !== treatment || from.vendor !== this.#vendorOf(nas)) return false
    return from.subscriber === given.subscriber && from.profile === given.profile
  }

  #documents(id: string): Pick<Desire, 'subscriber' | 'profile'> {
    const subscriber = this.#options.replica.subscriber(id)
    return { subscriber, profile: subscriber && this.#wanted(subscriber).profile }
  }

  /** When a subscriber's validity ends, ms; -Infinity where it does not or has no end. */
  expiryOf(id: string): Milliseconds {
    const subscriber = this.#options.replica.subscriber(id)
    return subscriber === undefined ? -Infinity : expiryOf(subscriber)
  }

  /** When the next validity ends after a time, ms; Infinity when none does. */
  nextExpiry(after: Milliseconds): Milliseconds {
    let next = Infinity
    for (const subscriber of this.#options.replica.subscribers()) {
      const at = expiryOf(subscriber)
      if (at > after && at < next) next = at
    }
    return next
  }

  /** Those whose validity ended between two times (the first exclusive). */
  *expired(from: Milliseconds, to: Milliseconds): Iterable<string> {
    for (const subscriber of this.#options.replica.subscribers()) {
      const at = expiryOf(subscriber)
      if (at > from && at <= to) yield subscriber.id
    }
  }

  treatment({ subscriber, profile, reason }: Desire, kind: TreatmentKind, vendor: Vendor): Treatment {
    const { policy, settings } = this.#options
    if (subscriber === undefined) return { kind, reason, attributes: [] }
    return policy.render(subscriber, profile, kind, reason, vendor, settings)
  }

  #sessionNeeds(desire: Desire): readonly (Need & { session: Session })[] {
    return this.#options.sessions.ofSubscriber(desire.id).flatMap(session => {
      if (this.#isAsDesired(session, desire) || this.#stands(session, desire)) return []
      const before = this.#appliedOf(session, desire)
      const step = compare(before, this.treatment(desire, desire.kind, this.#vendor(session)))
      if (step?.difference === 'sideways' && this.#isRatedLine(session, desire)) return []
      return step === undefined ? [] : [{ session, step, before }]
    })
  }

  /** Whether the session was polled on a line that a device holds to its rate: no change of the session says that rate. */
  #isRatedLine(session: Session, desire: Desire): boolean {
    return isPolled(session) && this.ratedAt(desire) !== undefined
  }

  /** Whether a device holds the session to what is wanted already, whatever RADIUS gave it. */
  #stands({ nas }: Session, { id, kind }: Desire): boolean {
    return kind !== 'full' && this.#options.standing.covers(id, kind, nas)
  }

  /** What stands at devices and is worse than what is wanted. RADIUS brings the rest to those whom it serves. */
  #undoing(desire: Desire, sessions: readonly (Need & { session: Session })[]): readonly Need[] {
    const kind = this.isDeviceOnly(desire) ? desire.kind : 'full'
    const served = new Set(sessions.flatMap(({ session }) => this.#devicesOf(session, desire.subscriber)))
    return this.#options.standing
      .of(desire.id)
      .filter(mark => mark.found !== true && !served.has(mark.device))
      .filter(mark => isTighter(mark.kind, desire.kind) || (desire.subscriber === undefined && this.#isTaken(mark)))
      .map(({ device, kind: was }) => ({ device, step: this.#deviceStep(desire, kind, 'looser'), before: bare(was) }))
  }

  /** Whether the port or the address of somebody who is gone is another's by now: nobody suffers for who was there before. */
  #isTaken({ device, ports, addresses }: Mark): boolean {
    for (const { devices = [], ...other } of this.#options.replica.subscribers()) {
      if (devices.some(one => one.device === device && ports.includes(one.port))) return true
      if (addressesOf(other).some(address => addresses.includes(address))) return true
    }
    return false
  }

  /** Devices at which the session's own task sees to what stands there: those of a NAS that takes no CoA. */
  #devicesOf(session: Session, subscriber: Subscriber | undefined): readonly string[] {
    const reaches = this.#options.reaches.ofSession(session, subscriber)
    if (!Array.isArray(reaches) || reaches.some(({ driver }) => isRadius(driver))) return []
    return reaches.filter(({ beside }) => !beside).map(({ place }) => place)
  }

  #lineNeed(desire: Desire): readonly Need[] {
    const { id, kind } = desire
    if (kind === 'full' || !this.isDeviceOnly(desire) || this.#options.standing.covers(id, kind)) return []
    if (this.#options.standing.of(id).some(mark => isTighter(mark.kind, kind))) return []
    return [{ step: this.#deviceStep(desire, kind, 'tighter'), before: bare('full') }]
  }

  #deviceStep(desire: Desire, kind: TreatmentKind, difference: Step['difference']): Step {
    return { difference, how: this.treatment(desire, kind, ANY_DEVICE), whole: [], sayable: false }
  }

  #wanted(subscriber: Subscriber): Settled {
    const { replica, policy, clock } = this.#options
    const own = replica.profile(subscriber.profile)
    return settled(policy.desired(subscriber, own, clock()), own, id => replica.profile(id))
  }

  #gone(id: string): Desire {
    const [session] = this.#options.sessions.ofSubscriber(id)
    const reason = 'no longer a subscriber: billing removed the document'
    return { id, userName: session?.userName ?? id, kind: 'blocked', reason, subscriber: undefined, profile: undefined }
  }

  // Most sessions that open have just been granted what the documents say: that is seen without working it out again.
  #isAsDesired(session: Session, { subscriber, profile, kind }: Desire): boolean {
    const known = this.#options.applied.of(session.id)
    if (known === undefined) return this.#kindOf(session) === kind
    const { from } = known
    if (known.kind !== kind || from === undefined) return false
    return from.subscriber === subscriber && from.profile === profile && from.vendor === this.#vendor(session)
  }

  #appliedOf(session: Session, desire: Desire): AppliedTreatment {
    const known = this.#options.applied.of(session.id)
    if (known !== undefined) return known
    const kind = this.#kindOf(session)
    return { kind, attributes: inForce(this.treatment(desire, kind, this.#vendor(session)).attributes) }
  }

  /**
   * What a session has. Where nobody remembers (its grant was lost with a restart): what was last proven for the
   * subscriber, when the session began after that; else the whole profile. RADIUS gave nothing to a session that is polled.
   */
  #kindOf(session: Session): TreatmentKind {
    const known = this.#options.applied.of(session.id)
    if (known !== undefined) return known.kind
    if (isPolled(session)) return 'full'
    const last = this.#options.decisions.get(session.subscriber)
    const since = last?.state === 'proven' && last.at <= session.startedAt && last.kind !== 'blocked'
    return since ? last.kind : 'full'
  }

  #vendor(session: Session): Vendor {
    return isPolled(session) ? ANY_DEVICE : this.#vendorOf(session.nas)
  }

  #vendorOf(nas: string): Vendor {
    return this.#options.nases.byId(nas)?.vendor ?? 'standard'
  }
}

function openLineWords({ bind, devices = [] }: Partial<Subscriber> = {}): string {
  const named = [...new Set([bind?.nas ?? [], devices.map(({ device }) => device)].flat())]
  const cause = 'Its document has no credentials, so nobody asks RADIUS for it, no session is open, and'
  return named.length === 0
    ? `${cause} it names neither bind.nas nor devices. Have billing send the gateway behind which the line is (bind.nas) or its ports (devices); the order is then carried out by itself.`
    : `${cause} of what it names (${named.join(', ')}) nothing has a driver that can shut a line. Have billing send the document of that device, or name another; the order is then carried out by itself.`
}

function bare(kind: TreatmentKind): AppliedTreatment {
  return { kind, attributes: [] }
}

function expiryOf({ validUntil }: Subscriber): Milliseconds {
  const at = validUntil === undefined ? NaN : Date.parse(validUntil)
  return Number.isNaN(at) ? -Infinity : at
}
