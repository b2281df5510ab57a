import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import type {
  AnyDriver,
  Cause,
  Clock,
  DocumentKind,
  EnforcementNotice,
  Grant,
  Nas,
  Refusal,
  Session
} from '../model/index.js'
import { desired, type PolicySettings, render } from '../policy/index.js'
import { Alarms, silenceWords } from './alarms.js'
import { AppliedTable } from './applied.js'
import { Brake, brakeDefaults, type BrakeSettings } from './brakes.js'
import { CommandRunner } from './commands.js'
import { type After, afterMs } from './deadline.js'
import { Decisions } from './decisions.js'
import { Desires } from './desires.js'
import { Dispatch } from './dispatch.js'
import { type EvidenceEntry, EvidenceLog, readEvidence } from './evidence.js'
import { Journal } from './journal.js'
import type { CommandsView, NasesView, PolicyView, ReplicaView, SessionsView } from './needs.js'
import { Orders } from './orders.js'
import { NasQueues, queueDefaults, type QueueLimits } from './queue.js'
import { Replacements } from './replacements.js'
import { Rounds, roundDefaults, type RoundTimes } from './rounds.js'
import { Silences } from './silences.js'
import { Slices } from './slices.js'
import { type EnforcementStatus, statusOf } from './status.js'
import { Store } from './store.js'
import { type TaskTimes, taskTimeDefaults } from './task.js'
import { Watches } from './watches.js'

/** What limits and times enforcement has; each has a default. */
export type EnforcementLimits = QueueLimits & TaskTimes & RoundTimes

export const enforcementDefaults: EnforcementLimits = { ...queueDefaults, ...taskTimeDefaults, ...roundDefaults }

/** What enforcement is built from. */
export interface EnforcementOptions {
  readonly ledger: Ledger
  readonly replica: ReplicaView
  readonly sessions: SessionsView
  readonly commands: CommandsView
  readonly nases: NasesView
  /** Tests bring their own. */
  readonly policy?: PolicyView
  readonly settings: PolicySettings
  /** Drivers of a NAS in the order to prefer; made once and kept by the caller. @throws DriverError when it cannot be driven */
  readonly driversFor: (nas: Nas) => readonly AnyDriver[]
  readonly clock: Clock
  readonly log: Logger
  readonly brakes?: Partial<BrakeSettings>
  /** Why nobody may be treated worse now, in words (the data is stale, a snapshot is held), or undefined. */
  readonly mayBlock?: () => string | undefined
  readonly limits?: Partial<EnforcementLimits>
  readonly after?: After
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random?: () => number
}

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
    const parts = await this.#build()
    this.#parts = parts
    this.#listen('on')
    const everybody = this.#meetEverybody(parts)
    for (const [id, decision] of parts.decisions.unfinished()) parts.orders.resume(id, decision)
    parts.slices.add(everybody, 'reconciliation')
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

  /** The last steps concerning a subscriber, or everybody, since the agent started; oldest first. */
  history(subscriber?: string): readonly EnforcementNotice[] {
    return this.#parts?.journal.history(subscriber) ?? []
  }

  /** The evidence log of a subscriber, or of all. */
  evidence(subscriber?: string): AsyncIterable<EvidenceEntry> {
    return readEvidence(this.#options.ledger, subscriber)
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

  async #build(): Promise<Parts> {
    const { ledger, replica, sessions, commands, nases, settings, driversFor, clock, log, brakes } = this.#options
    const policy = this.#options.policy ?? { desired, render }
    const store = this.#store
    const after = this.#after
    const random = this.#random
    const applied = await AppliedTable.open(store, id => isOpen(sessions.get(id)))
    const decisions = await Decisions.open(store)
    const brake = await Brake.open({ ...brakeDefaults, ...brakes }, clock, store)
    const evidence = await EvidenceLog.open(store)
    const journal = new Journal({ ledger, evidence, clock, log, after })
    const silences: Silences = new Silences({
      limits: this.#limits,
      clock,
      after,
      random,
      probe: (nas, driver) => this.#probe(nas, driver),
      back: nas => this.#repair(nas)
    })
    const queues = new NasQueues({
      limits: this.#limits,
      clock,
      after,
      silent: (nas, driver, silent) => this.#silent(nas, driver, silent)
    })
    const desires = new Desires({ replica, sessions, nases, policy, settings, applied, decisions, clock })
    const dispatch = new Dispatch({
      sessions,
      nases,
      driversFor,
      queues,
      watches: this.#watches,
      applied,
      times: this.#limits,
      after,
      random,
      log
    })
    const orders = new Orders({
      desires,
      decisions,
      dispatch,
      journal,
      brake,
      clock,
      log,
      alarms: this.#alarms,
      mayBlock: this.#options.mayBlock ?? (() => undefined),
      subscribers: () => replica.counts().subscriber
    })
    const runner = new CommandRunner({
      commands,
      sessions,
      desires,
      dispatch,
      journal,
      clock,
      after,
      log,
      release: () => orders.release()
    })
    const replacements = new Replacements({ dispatch, desires, journal, alarms: this.#alarms, clock, log })
    const slices = new Slices((id, by) => this.#consider(id, by), log)
    const rounds = new Rounds({ times: this.#limits, ledger, sessions, desires, orders, slices, clock, after, log })
    return {
      applied,
      decisions,
      brake,
      evidence,
      journal,
      silences,
      queues,
      desires,
      orders,
      runner,
      replacements,
      slices,
      rounds
    }
  }

  /** At the first start everybody is taken as found; later, who is new and offline has nothing to be enforced. */
  #meetEverybody({ decisions, desires }: Parts): readonly string[] {
    const { replica, sessions } = this.#options
    for (const [id, { removed }] of decisions.entries())
      if (removed === true && replica.subscriber(id) === undefined) desires.removed(id, true)
    const first = decisions.takeBaseline()
    const ids: string[] = []
    for (const { id } of replica.subscribers()) {
      ids.push(id)
      if (!first || sessions.ofSubscriber(id).length > 0) decisions.meet(id)
    }
    return ids
  }

  #consider(id: string, by: string): void {
    const parts = this.#parts
    if (parts === undefined) return
    const { decisions, desires, orders } = parts
    const isNew = decisions.meet(id)
    if (!isNew || desires.isOnline(id)) return orders.consider(id, by)
    const desire = desires.of(id)
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
    for (const { kind, id, document } of changes) {
      if (kind === 'profile') profiles.add(id)
      if (kind === 'nas') parts.orders.repair(order => order.concerns(id))
      if (kind !== 'subscriber') continue
      parts.desires.removed(id, document === undefined)
      ids.add(id)
    }
    parts.slices.add(ids, 'billing')
    if (profiles.size > 0) parts.slices.add(this.#onlineWith(profiles), 'billing')
    parts.orders.recheckHeld()
    parts.rounds.note(ids)
  };

  *#onlineWith(profiles: ReadonlySet<string>): Iterable<string> {
    const { sessions, replica } = this.#options
    for (const session of sessions.list()) {
      const profile = isOpen(session) ? replica.subscriber(session.subscriber)?.profile : undefined
      if (profile !== undefined && profiles.has(profile)) yield session.subscriber
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
      if (same) parts.applied.set(session.id, parts.desires.granted(grant))
    }
    this.#watches.granted(grant)
  }

  readonly #refused = (refusal: Refusal): void => {
    this.#watches.refused(refusal)
  }

  #silent(nas: string, driver: string, silent: boolean): void {
    const key = `nas:${nas}/${driver}`
    if (silent) {
      this.#alarms.raise(key, silenceWords(nas, driver))
      this.#options.log.error({ nas, driver }, 'a NAS does not answer')
      this.#parts?.silences.began(nas, driver)
    } else {
      this.#alarms.clear(key)
      this.#options.log.info({ nas, driver }, 'a NAS answers again')
      this.#parts?.silences.ended(nas, driver)
    }
  }

  async #probe(nas: string, name: string): Promise<void> {
    const found = this.#options.nases.byId(nas)
    const driver = found && this.#options.driversFor(found).find(driver => driver.name === name)
    if (driver === undefined) return
    const { signal } = new AbortController()
    await this.#parts?.queues.run({ nas, driver, lane: 'looser', signal, act: inner => driver.health(inner) })
  }

  #repair(nas: string): void {
    const parts = this.#parts
    if (parts === undefined) return
    parts.orders.repair(order => order.concerns(nas))
    const ids = new Set<string>()
    for (const session of this.#options.sessions.list()) {
      if (session.nas === nas && session.subscriber !== '' && isOpen(session)) ids.add(session.subscriber)
    }
    parts.slices.add(ids, 'reconciliation')
  }
}

interface Parts {
  readonly applied: AppliedTable
  readonly decisions: Decisions
  readonly brake: Brake
  readonly evidence: EvidenceLog
  readonly journal: Journal
  readonly silences: Silences
  readonly queues: NasQueues
  readonly desires: Desires
  readonly orders: Orders
  readonly runner: CommandRunner
  readonly replacements: Replacements
  readonly slices: Slices
  readonly rounds: Rounds
}

function isOpen(session: Session | undefined): boolean {
  return session !== undefined && session.state !== 'closed'
}
