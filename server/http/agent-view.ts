import type { Enforcement, EvidenceCheck, EvidenceEntry } from '../../agent/enforcement/index.js'
import { LedgerError, type LedgerRecord, type LevelLedger } from '../../agent/ledger/index.js'
import {
  type Clock,
  decodeUsage,
  eventTypes,
  type EnforcementNotice,
  type Milliseconds,
  readNotice,
  type Refusal,
  RecordKind,
  type Session,
  type Subscriber,
  type Suspension
} from '../../agent/model/index.js'
import { type AttributeProblems, desired, type RejectCode, rejections } from '../../agent/policy/index.js'
import type { DeviceStatus, Poller } from '../../agent/poller/index.js'
import type { Provisioner, ProvisionOrder } from '../../agent/provisioning/index.js'
import type { AddressLeases } from '../../agent/pool/index.js'
import type { Quotas } from '../../agent/quota/index.js'
import { type Sessions, why } from '../../agent/sessions/index.js'
import type { LearntMacs, Replica } from '../../agent/subscribers/index.js'
import type { Uplink } from '../../agent/uplink/index.js'
import type { RadiusServer, RejectedLately } from '../radius/index.js'
import { ApiError } from './errors.js'
import { deviceAttention, deviceCounts, inNeedFirst, portCounts } from './devices.js'
import { metricsOf } from './figures.js'
import { provisionHere } from './provision-here.js'
import type {
  AgentStatus,
  AgentView,
  DecisionView,
  EvidenceQuery,
  ListenerStatus,
  Metric,
  Page,
  QuarantinedView,
  RejectionView,
  SessionQuery,
  SessionStep,
  SessionStory,
  SubscriberView,
  UsageView
} from './view.js'

/** The parts that the local API shows. `uplink` is absent where no billing is configured. */
export interface AgentParts {
  readonly version: string
  readonly startedAt: Milliseconds
  readonly clock: Clock
  readonly ledger: LevelLedger
  readonly diskBudget: number
  readonly replica: Replica
  readonly quotas: Quotas
  readonly learnt: LearntMacs
  readonly pools: AddressLeases
  readonly problems: AttributeProblems
  readonly sessions: Sessions
  readonly enforcement: Enforcement
  readonly poller: Poller
  readonly provisioner: Provisioner
  readonly radius: RadiusServer
  readonly rejectedLately: RejectedLately
  readonly listeners: () => readonly ListenerStatus[]
  readonly uplink?: Uplink | undefined
  /** What else a person should see to, such as a certificate that runs out. */
  readonly warnings: () => readonly string[]
}

const uplinkStates = {
  ok: 'connected',
  waiting: 'retrying',
  retrying: 'retrying',
  refused: 'refused',
  held: 'refused',
  stopped: 'connecting'
} as const

/** The local API's view of the real agent. */
export class LiveView implements AgentView {
  readonly #parts: AgentParts

  constructor(parts: AgentParts) {
    this.#parts = parts
  }

  async status(): Promise<AgentStatus> {
    const { version, startedAt, ledger, diskBudget, replica, sessions, enforcement, listeners } = this.#parts
    const counts = replica.counts()
    const { open, stale } = sessions.counts()
    const { open: pending, held, failed } = enforcement.status()
    return {
      version,
      startedAt,
      attention: this.#attention(),
      listeners: listeners(),
      documents: {
        subscribers: counts.subscriber,
        profiles: counts.profile,
        nases: counts.nas,
        devices: counts.device
      },
      sessions: { open, stale },
      devices: deviceCounts(this.#parts.poller.status()),
      ledger: {
        epoch: ledger.epoch,
        durableHead: ledger.durableHead,
        diskOctets: ledger.diskUse.used,
        diskBudget
      },
      uplink: this.#uplink(),
      rejections: { lastHour: this.#parts.rejectedLately.lastHour() },
      enforcement: { pending, held, failed }
    }
  }

  sessions(query: SessionQuery): Page<Session> {
    const { subscriber, nas, state, limit, cursor = '' } = query
    const owner = subscriber === undefined ? undefined : (this.#find(subscriber)?.id ?? subscriber)
    const wanted = (session: Session): boolean =>
      session.id > cursor &&
      (owner === undefined || session.subscriber === owner || session.userName === subscriber) &&
      (nas === undefined || session.nas === nas) &&
      (state === undefined ? session.state !== 'closed' : session.state === state)
    const found = this.#parts.sessions.first(limit + 1, wanted)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return found.length > limit && last !== undefined ? { items, cursor: last.id } : { items }
  }

  async why(id: string): Promise<SessionStory | undefined> {
    const session = this.#parts.sessions.get(id)
    if (session === undefined) return undefined
    const steps: SessionStep[] = []
    const unbilled = this.#parts.sessions.unbilled(id)
    for await (const line of why(this.#parts.ledger, id, { unbilled })) if (!('lost' in line)) steps.push(line)
    return { session, steps }
  }

  subscriber(idOrUserName: string): SubscriberView | undefined {
    const { replica, sessions, clock } = this.#parts
    const subscriber = this.#find(idOrUserName)
    if (subscriber === undefined) return undefined
    const profile = replica.profile(subscriber.profile)
    const refusal = sessions.refusalOf(subscriber.id)
    return {
      subscriber,
      ...(profile !== undefined && { profile }),
      wanted: desired(subscriber, profile, clock(), this.#parts.quotas.of(subscriber.id)),
      sessions: sessions.ofSubscriber(subscriber.id),
      ...(refusal !== undefined && {
        lastRefusal: { at: refusal.at, nas: refusal.nas, code: refusal.code, words: this.#refusalWords(refusal) }
      })
    }
  }

  async usage(idOrUserName: string, since: Milliseconds): Promise<UsageView | undefined> {
    const { ledger, sessions } = this.#parts
    const subscriber = this.#find(idOrUserName)
    if (subscriber === undefined) return undefined
    const name = Buffer.from(subscriber.id)
    let upOctets = 0n
    let downOctets = 0n
    for await (const block of ledger.read(ledger.floor)) {
      if ('lost' in block) continue
      for (const { kind, payload } of block.records) {
        if (kind !== RecordKind.usage || !payload.includes(name)) continue
        const record = decodeUsage(payload)
        if (record.subscriber !== subscriber.id || record.periodEnd < since) continue
        upOctets += record.upOctets
        downOctets += record.downOctets
      }
    }
    const open = sessions.ofSubscriber(subscriber.id)
    return { subscriber: subscriber.id, username: subscriber.username, since, upOctets, downOctets, sessions: open }
  }

  async suspend(idOrUserName: string, suspension: Suspension): Promise<DecisionView | undefined> {
    return this.#decide(idOrUserName, subscriber => ({ ...subscriber, status: 'suspended', suspension }))
  }

  async restore(idOrUserName: string): Promise<DecisionView | undefined> {
    return this.#decide(idOrUserName, subscriber => {
      const restored: Subscriber = { ...subscriber, status: 'active' }
      delete restored.suspension
      return restored
    })
  }

  async resetMacs(idOrUserName: string): Promise<number | undefined> {
    const subscriber = this.#find(idOrUserName)
    return subscriber === undefined ? undefined : this.#parts.learnt.reset(subscriber.id)
  }

  enforcements({ subscriber, limit }: { subscriber?: string; limit: number }): readonly EnforcementNotice[] {
    const { enforcement } = this.#parts
    const notices = enforcement.history(
      subscriber === undefined ? undefined : (this.#find(subscriber)?.id ?? subscriber)
    )
    return notices.slice(-limit).toReversed()
  }

  async evidence({ subscriber, after, limit }: EvidenceQuery): Promise<readonly EvidenceEntry[]> {
    const id = subscriber === undefined ? undefined : (this.#find(subscriber)?.id ?? subscriber)
    const found: EvidenceEntry[] = []
    for await (const entry of this.#parts.enforcement.evidence(id, after)) {
      found.push(entry)
      if (found.length >= limit) break
    }
    return found
  }

  checkEvidence(): Promise<EvidenceCheck> {
    return this.#parts.enforcement.checkEvidence()
  }

  async releaseBrake(): Promise<number> {
    return this.#parts.enforcement.releaseBrake()
  }

  rejections(limit: number): readonly RejectionView[] {
    return this.#parts.rejectedLately.list(limit)
  }

  async quarantine(): Promise<readonly QuarantinedView[]> {
    const { uplink, ledger } = this.#parts
    const events = (await uplink?.quarantined({ limit: 1000 })) ?? []
    return Promise.all(
      events.map(async ({ sequence, at, reason }) => {
        const record = await recordAt(ledger, sequence)
        const type = record === undefined ? 'no longer kept' : eventTypes[record.kind]
        return { sequence, type, subject: record === undefined ? '' : subjectOf(record), at, reason }
      })
    )
  }

  async resend(sequences: readonly number[] | undefined): Promise<number> {
    const { uplink } = this.#parts
    if (uplink === undefined) return 0
    if (sequences === undefined) return (await uplink.resend()).taken
    const events = await uplink.quarantined({ limit: 10_000 })
    const ids = events.filter(({ sequence }) => sequences.includes(sequence)).map(({ id }) => id)
    return ids.length === 0 ? 0 : (await uplink.resend(ids)).taken
  }

  async backup(directory: string): Promise<number> {
    const { ledger } = this.#parts
    const head = ledger.durableHead
    try {
      await ledger.backupTo(directory)
    } catch (error) {
      const code =
        error instanceof LedgerError && error.code === 'LEDGER_NOT_EMPTY' ? 'API_CONFLICT' : 'API_UNAVAILABLE'
      throw new ApiError(code, error instanceof Error ? error.message : String(error), { cause: error })
    }
    return head
  }

  templates() {
    return this.#parts.provisioner.templates()
  }

  provision(order: ProvisionOrder) {
    return provisionHere(this.#parts.provisioner, order)
  }

  devices(): readonly DeviceStatus[] {
    return inNeedFirst(this.#parts.poller.status())
  }

  metrics(): readonly Metric[] {
    const { ledger, sessions, enforcement, poller, radius, uplink } = this.#parts
    const devices = poller.status()
    return metricsOf({
      ledger: { durableHead: ledger.durableHead, ok: ledger.state().status === 'ok', diskOctets: ledger.diskUse.used },
      sessions: sessions.counts(),
      enforcement: enforcement.status(),
      devices: { states: deviceCounts(devices), ...portCounts(devices), polls: poller.counts() },
      radius: radius.counters(),
      uplink: uplink?.status()
    })
  }

  async #decide(
    idOrUserName: string,
    change: (subscriber: Subscriber) => Subscriber
  ): Promise<DecisionView | undefined> {
    const { replica, sessions, enforcement } = this.#parts
    const subscriber = this.#find(idOrUserName)
    if (subscriber === undefined) return undefined
    const document = change(subscriber)
    enforcement.orderedBy(subscriber.id, 'operator at the gateway')
    await replica.apply([{ kind: 'subscriber', id: subscriber.id, document }])
    return { subscriber: subscriber.id, status: document.status, sessions: sessions.ofSubscriber(subscriber.id).length }
  }

  #refusalWords({ subscriber, code }: Refusal): string {
    const usual = code in rejections ? rejections[code as RejectCode] : code
    return this.#parts.rejectedLately.wordsOf(subscriber, code) ?? usual
  }

  #find(idOrUserName: string): Subscriber | undefined {
    const { replica } = this.#parts
    return replica.subscriber(idOrUserName) ?? replica.subscriberByUserName(idOrUserName)
  }

  #uplink(): AgentStatus['uplink'] {
    const status = this.#parts.uplink?.status()
    if (status === undefined) return { state: 'off', backlog: 0, backlogAgeMs: 0, perSecond: 0, quarantined: 0 }
    const { backlog, backlogAgeMs, perSecond, drainSeconds, quarantined, lastError } = status
    return {
      state: uplinkStates[status.state],
      backlog,
      backlogAgeMs,
      perSecond,
      ...(drainSeconds !== undefined && { drainSeconds }),
      quarantined,
      ...(lastError !== undefined && { lastError })
    }
  }

  #attention(): string[] {
    const { ledger, replica, enforcement, uplink } = this.#parts
    const words = enforcement.status().alarms.map(({ words }) => words)
    const { status, words: ledgerWords } = ledger.state()
    if (status !== 'ok') words.push(`The ledger takes no records: ${ledgerWords}`)
    if (ledger.losses.length > 0) words.push('Records in the ledger are lost; see: turnpike ledger verify.')
    if (replica.held !== undefined)
      words.push(`A snapshot would remove ${replica.held.removes} of ${replica.held.of} subscribers: it waits for you.`)
    words.push(...this.#parts.pools.attention(), ...this.#parts.problems.words(), ...this.#parts.warnings())
    words.push(...openLineAttention(enforcement.openForGood()))
    words.push(...deviceAttention(this.#parts.poller.status()))
    const connection = uplink?.status()
    if (connection?.lastError !== undefined) words.push(`Billing: ${connection.lastError}`)
    return words
  }
}

const NAMED = 3

/** Lines that nothing could shut, before billing finds out. */
function openLineAttention(userNames: Iterable<string>): string[] {
  const all = [...userNames]
  if (all.length === 0) return []
  const named = `${all.slice(0, NAMED).join(', ')}${all.length > NAMED ? ', …' : ''}`
  return [
    `Nothing could shut the line of ${all.length} ${all.length === 1 ? 'subscriber' : 'subscribers'} (${named}): no credentials, no session, and no device that can. A suspension will fail. Have billing send bind.nas or devices in their documents.`
  ]
}

/** The record at a sequence; undefined when it is no longer kept. */
async function recordAt(ledger: LevelLedger, sequence: number) {
  for await (const block of ledger.read(sequence, { to: sequence + 1 }))
    if (!('lost' in block)) return block.records.find(record => record.sequence === sequence)
  return undefined
}

/** Whom a record is about; '' where it does not say. */
function subjectOf({ kind, payload }: LedgerRecord): string {
  if (kind === RecordKind.usage || kind === RecordKind.sessionStarted || kind === RecordKind.sessionEnded)
    return decodeUsage(payload).subscriber
  const { subject } = readNotice(payload)
  return typeof subject === 'string' ? subject : ''
}
