import {
  type After,
  afterMs,
  type AnyDriver,
  type Cause,
  type DocumentKind,
  type EnforcementNotice,
  type Grant,
  logsIn,
  type Refusal,
  type Session
} from '../model/index.js'
import { Alarms, silenceWords } from './alarms.js'
import type { CommandRunner } from './commands.js'
import { type EvidenceCheck, type EvidenceEntry, readEvidence, verifyEvidence } from './evidence.js'
import { enforcementDefaults, type EnforcementLimits, type EnforcementOptions } from './options.js'
import { buildParts, isOpen, type Means, type Parts } from './parts.js'
import { type EnforcementStatus, statusOf } from './status.js'
import { Store } from './store.js'
import { Watches } from './watches.js'

/**
 * The closed loop: compares what billing wants with what each session has, sees to the difference through the NAS's
 * drivers, and is content with nothing but proof.
 */
export class Enforcement {
  readonly #options: EnforcementOptions
  readonly #limits: EnforcementLimits
  readonly #after: After
  readonly #random: () => number
  readonly #store: Store
  readonly #alarms: Alarms
  readonly #watches = new Watches()
  #parts: Parts | undefined

  constructor(options: EnforcementOptions) {
    this.#options = options
    this.#limits = { ...enforcementDefaults, ...options.limits }
    this.#after = options.after ?? afterMs
    this.#random = options.random ?? Math.random
    this.#store = new Store(options.ledger, options.log, this.#after)
    this.#alarms = new Alarms(options.clock)
  }

  /** Loads what was applied and decided, repairs what happened meanwhile, and listens from then on. @throws LedgerError */
  async start(): Promise<void> {
    const parts = await buildParts(this.#options, this.#means())
    this.#parts = parts
    this.#listen('on')
    this.#meetEverybody(parts)
    for (const [id, decision] of parts.decisions.unfinished()) parts.orders.resume(id, decision)
    parts.slices.sweep(this.#everybody(parts))
    void parts.drift.look()
    parts.rounds.start()
    for (const command of this.#options.commands.pending()) parts.runner.run(command)
  }

  /** Stops: nothing more is sent, and the state is written. @throws LedgerError when it cannot be written */
  async close(): Promise<void> {
    const parts = this.#parts
    if (parts === undefined) return
    this.#parts = undefined
    this.#listen('off')
    parts.rounds.close()
    parts.drift.close()
    parts.silences.close()
    parts.slices.close()
    parts.runner.close()
    parts.replacements.close()
    parts.orders.close()
    parts.journal.close()
    await this.#store.close()
  }

  /** What is under way, what waits, and what a person must look at. */
  status(): EnforcementStatus {
    const parts = this.#parts
    const subscribers = this.#options.replica.counts().subscriber
    return statusOf({
      orders: parts?.orders.list() ?? [],
      queues: parts?.queues.status() ?? [],
      alarms: this.#alarms.list(),
      brake: parts?.brake,
      subscribers,
      evidence: parts?.evidence.head
    })
  }

  /**
   * Subscribers whom billing could not suspend: nobody asks who they are, and no device is known that could shut their line.
   * Whoever has left is none of them.
   */
  *openForGood(): Iterable<string> {
    const { replica } = this.#options
    for (const subscriber of replica.subscribers())
      if (subscriber.status !== 'closed' && this.#parts?.lines.isOpenForGood(subscriber) === true)
        yield subscriber.username
  }

  /** The last steps concerning a subscriber, or everybody, since the agent started; oldest first. */
  history(subscriber?: string): readonly EnforcementNotice[] {
    return this.#parts?.journal.history(subscriber) ?? []
  }

  /** The evidence log of a subscriber, or of all. @param after  only entries with a higher sequence */
  evidence(subscriber?: string, after = 0): AsyncIterable<EvidenceEntry> {
    return readEvidence(this.#options.ledger, subscriber, after)
  }

  /** Recomputes the chain of the whole evidence log. */
  checkEvidence(): Promise<EvidenceCheck> {
    return verifyEvidence(this.#options.ledger)
  }

  /** Whether a decision to cut this subscriber off waits for a person: until then they keep what they have. */
  isHeld(subscriber: string): boolean {
    return this.#parts?.orders.isHeld(subscriber) ?? false
  }

  /** A person says that the held decisions are right. @returns how many went on */
  releaseBrake(): number {
    return this.#parts?.orders.release() ?? 0
  }

  /** The next change of this subscriber is ordered by `who`, for the evidence: an operator at the box. */
  orderedBy(subscriber: string, who: string): void {
    this.#parts?.orders.expectFrom(subscriber, who)
  }

  /** Something that decides what a subscriber should have has changed beside the documents. @param by  for the evidence */
  reconsider(subscriber: string, by: string): void {
    this.#parts?.slices.add([subscriber], by)
  }

  /** Ends sessions whose place another takes; told to billing step by step, and proven like any decision. */
  replace(sessions: readonly Session[]): void {
    this.#parts?.replacements.begin(sessions)
  }

  /** A packet of a NAS arrived. The first after a silence makes up for what could not be done meanwhile. Cheap. */
  nasSeen(nas: string): void {
    this.#parts?.silences.seen(nas)
  }

  /** At the first start everybody is taken as found; later, who is new and offline has nothing to be enforced. */
  #meetEverybody({ decisions, desires, standing, rates }: Parts): void {
    const { replica, sessions } = this.#options
    for (const id of [...standing.departed(), ...rates.departed()])
      if (replica.subscriber(id) === undefined) desires.removed(id, true)
    for (const [id, { removed }] of decisions.entries())
      if (removed === true && replica.subscriber(id) === undefined) desires.removed(id, true)
    const first = decisions.takeBaseline()
    for (const { id } of replica.subscribers()) if (!first || sessions.ofSubscriber(id).length > 0) decisions.meet(id)
  }

  *#everybody({ standing, rates }: Parts): Generator<string> {
    yield* standing.subscribers()
    yield* rates.departed()
    for (const { id } of this.#options.replica.subscribers()) yield id
  }

  #means(): Means {
    return {
      limits: this.#limits,
      after: this.#after,
      random: this.#random,
      store: this.#store,
      alarms: this.#alarms,
      watches: this.#watches,
      probe: (nas, driver) => this.#probe(nas, driver),
      back: nas => this.#repair(nas),
      silent: (nas, driver, silent) => this.#silent(nas, driver, silent),
      consider: (id, by) => this.#consider(id, by)
    }
  }

  #consider(id: string, by: string): void {
    const parts = this.#parts
    if (parts === undefined) return
    const { decisions, desires, orders } = parts
    const isNew = decisions.meet(id)
    const desire = desires.of(id)
    const isAtDevice = desire !== undefined && desires.isDeviceOnly(desire)
    if (!isNew || isAtDevice || desires.isOnline(id)) return orders.consider(id, by)
    if (desire === undefined || desire.kind === decisions.kindOf(id)) return
    const at = this.#options.clock()
    decisions.set(id, { kind: desire.kind, state: 'proven', at, enforcement: '', requestedAt: at })
  }

  #listen(how: 'on' | 'off'): void {
    const { replica, sessions, commands } = this.#options
    replica[how]('changed', this.#changed)
    sessions[how]('opened', this.#opened)
    sessions[how]('closed', this.#closed)
    sessions[how]('granted', this.#granted)
    sessions[how]('refused', this.#refused)
    commands[how]('requested', this.#requested)
  }

  readonly #requested = (command: Parameters<CommandRunner['run']>[0]): void => this.#parts?.runner.run(command)

  readonly #changed = (changes: readonly { kind: DocumentKind; id: string; document: unknown }[]): void => {
    const parts = this.#parts
    if (parts === undefined) return
    const ids = new Set<string>()
    const profiles = new Set<string>()
    const places = new Set<string>()
    for (const { kind, id, document } of changes) {
      if (kind === 'profile') profiles.add(id)
      if (kind === 'nas' || kind === 'device') {
        places.add(id)
        parts.orders.repair(order => order.concerns(id))
      }
      if (kind !== 'subscriber') continue
      parts.desires.removed(id, document === undefined)
      parts.standing.removed(id, document === undefined)
      parts.rates.removed(id, document === undefined)
      ids.add(id)
    }
    parts.slices.add(ids, 'billing')
    // Their port or address may be another's now.
    parts.slices.add(parts.standing.departed(), 'reconciliation')
    if (profiles.size > 0) parts.slices.add(this.#onlineWith(profiles), 'billing')
    if (profiles.size + places.size > 0) parts.slices.add(this.#linesOf(profiles, places), 'billing')
    parts.orders.recheckHeld()
    parts.rounds.note(ids)
  };

  *#onlineWith(profiles: ReadonlySet<string>): Iterable<string> {
    const { sessions, replica } = this.#options
    for (const { subscriber } of sessions.list(isOpen)) {
      const profile = replica.subscriber(subscriber)?.profile
      if (profile !== undefined && profiles.has(profile)) yield subscriber
    }
  }

  /** Lines that nobody authenticates, with one of these profiles or behind one of these devices. */
  *#linesOf(profiles: ReadonlySet<string>, places: ReadonlySet<string>): Iterable<string> {
    const { replica, nases } = this.#options
    for (const subscriber of replica.subscribers()) {
      if (logsIn(subscriber)) continue
      const { id, profile, quota, bind: { nas = '' } = {}, devices = [] } = subscriber
      const behind = [nas, nases.byId(nas)?.device, ...devices.map(({ device }) => device)]
      const plans = [profile, quota?.profile]
      if (behind.some(place => places.has(place ?? '')) || plans.some(plan => profiles.has(plan ?? ''))) yield id
    }
  }

  readonly #opened = (session: Session): void => {
    const parts = this.#parts
    if (parts === undefined) return
    const known = parts.applied.of(session.id) !== undefined
    const grant = known ? undefined : this.#options.sessions.grantOf(session)
    if (grant !== undefined) parts.applied.set(session.id, parts.desires.granted(grant))
    if (session.subscriber !== '') parts.slices.add([session.subscriber], 'reconciliation')
    this.nasSeen(session.nas)
  }

  readonly #closed = (session: Session, cause: Cause): void => {
    this.#parts?.applied.remove(session.id)
    this.#watches.closed(session, cause)
    if (cause !== 'silent') this.nasSeen(session.nas)
  }

  readonly #granted = (grant: Grant): void => {
    const parts = this.#parts
    if (parts === undefined) return
    for (const session of this.#options.sessions.ofSubscriber(grant.subscriber)) {
      const same =
        session.nas === grant.nas && session.callingStation !== '' && session.callingStation === grant.callingStation
      if (!same || parts.desires.hasGranted(session, grant)) continue
      parts.applied.set(session.id, parts.desires.granted(grant))
    }
    this.#watches.granted(grant)
  }

  readonly #refused = (refusal: Refusal): void => {
    this.#watches.refused(refusal)
  }

  #silent(nas: string, by: AnyDriver, silent: boolean): void {
    const driver = by.name
    const key = `nas:${nas}/${driver}`
    if (silent) {
      this.#alarms.raise(key, silenceWords(nas, by))
      this.#options.log.error({ nas, driver }, 'a NAS does not answer')
      this.#parts?.silences.began(nas, driver)
    } else {
      this.#alarms.clear(key)
      this.#options.log.info({ nas, driver }, 'a NAS answers again')
      this.#parts?.silences.ended(nas, driver)
    }
  }

  async #probe(nas: string, name: string): Promise<void> {
    const parts = this.#parts
    const driver = parts?.reaches.atPlace(nas).find(driver => driver.name === name)
    if (parts === undefined || driver === undefined) return
    const { signal } = new AbortController()
    await parts.queues.run({ nas, driver, lane: 'looser', signal, act: inner => driver.health(inner) })
  }

  #repair(nas: string): void {
    const parts = this.#parts
    if (parts === undefined) return
    parts.orders.repair(order => order.concerns(nas))
    void parts.drift.look(nas)
    const ids = new Set<string>()
    const there = (session: Session) => session.nas === nas && session.subscriber !== '' && isOpen(session)
    for (const { subscriber } of this.#options.sessions.list(there)) ids.add(subscriber)
    parts.slices.add(ids, 'reconciliation')
  }
}
