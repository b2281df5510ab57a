import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import {
  type After,
  type Clock,
  type EnforcementNotice,
  type EnforcementState,
  type Entry,
  type Milliseconds,
  noticeEntry,
  type Proof,
  RecordKind,
  type TreatmentKind
} from '../model/index.js'
import type { EvidenceLog } from './evidence.js'

/** What is the same for all steps of one decision. */
export interface OrderFacts {
  /** ULID. */
  readonly id: string
  readonly subscriber: string
  readonly userName: string
  readonly want: TreatmentKind
  /** Why, in policy's words. */
  readonly reason: string
  readonly reference?: string
  readonly noticeAt?: string
  readonly orderedBy: string
  readonly requestedAt: Milliseconds
}

/** What is told of one step. */
export interface StepFacts {
  readonly session?: string
  readonly nas?: string
  readonly way?: string
  readonly proof?: Proof
  readonly errorCause?: number
  readonly detail: string
}

const STEPS_KEPT = 20
const SUBSCRIBERS_KEPT = 10_000
const WAITING_KEPT = 10_000
const RETRY = 1000

/** Tells every step to billing (by the ledger) and to the evidence log, and remembers the last ones of each subscriber. */
export class Journal {
  readonly #ledger: Pick<Ledger, 'append'>
  readonly #evidence: EvidenceLog
  readonly #clock: Clock
  readonly #log: Logger
  readonly #after: After
  readonly #history = new Map<string, EnforcementNotice[]>()
  /** Notices that the ledger did not take. */
  #waiting: Entry[] = []
  #cancelRetry: (() => void) | undefined

  constructor(options: {
    ledger: Pick<Ledger, 'append'>
    evidence: EvidenceLog
    clock: Clock
    log: Logger
    after: After
  }) {
    this.#ledger = options.ledger
    this.#evidence = options.evidence
    this.#clock = options.clock
    this.#log = options.log
    this.#after = options.after
  }

  /** One step of a decision. */
  note(order: OrderFacts, state: EnforcementState, step: StepFacts): void {
    const at = this.#clock()
    this.#witness(order, state, step, at)
    const { id, subscriber, userName, want, reference, requestedAt } = order
    const notice: EnforcementNotice = {
      subject: subscriber,
      enforcement: id,
      state,
      want,
      username: userName,
      ...step,
      ...(reference !== undefined && { reference }),
      requestedAt,
      afterMs: at - requestedAt
    }
    this.#remember(notice)
    this.#append(noticeEntry(RecordKind.enforcement, at, { ...notice }))
  }

  /** A step that billing is told otherwise, or not at all, but that the evidence log must hold. */
  witness(order: OrderFacts, state: EnforcementState, step: StepFacts): void {
    this.#witness(order, state, step, this.#clock())
  }

  /** The last steps of a subscriber since the start of the agent, oldest first. */
  history(subscriber?: string): readonly EnforcementNotice[] {
    if (subscriber !== undefined) return this.#history.get(subscriber) ?? []
    return [...this.#history.values()].flat().sort((a, b) => a.requestedAt + a.afterMs - b.requestedAt - b.afterMs)
  }

  /** Stops retrying. */
  close(): void {
    this.#cancelRetry?.()
    if (this.#waiting.length > 0)
      this.#log.error({ notices: this.#waiting.length }, 'enforcement notices were not recorded')
  }

  #witness(order: OrderFacts, state: EnforcementState, step: StepFacts, at: Milliseconds): void {
    const { id, subscriber, userName, want, reason, reference, noticeAt, orderedBy } = order
    const { session, nas, way, proof, detail } = step
    this.#evidence.append({
      at,
      subscriber,
      userName,
      enforcement: id,
      orderedBy,
      ...(reference !== undefined && { reference }),
      ...(noticeAt !== undefined && { noticeAt }),
      want,
      reason,
      state,
      ...(session !== undefined && { session }),
      ...(nas !== undefined && { nas }),
      ...(way !== undefined && { way }),
      ...(proof !== undefined && { proof }),
      detail
    })
  }

  #remember(notice: EnforcementNotice): void {
    const kept = this.#history.get(notice.subject) ?? []
    this.#history.delete(notice.subject)
    this.#history.set(notice.subject, [...kept.slice(-(STEPS_KEPT - 1)), notice])
    if (this.#history.size <= SUBSCRIBERS_KEPT) return
    for (const oldest of this.#history.keys()) {
      this.#history.delete(oldest)
      return
    }
  }

  #append(entry: Entry): void {
    if (this.#waiting.length > 0) this.#keep(entry)
    else this.#try([entry])
  }

  #try(entries: Entry[]): void {
    try {
      this.#ledger.append(entries).durable.catch(() => entries.forEach(entry => this.#keep(entry)))
    } catch {
      entries.forEach(entry => this.#keep(entry))
    }
  }

  #keep(entry: Entry): void {
    if (this.#waiting.length >= WAITING_KEPT) this.#waiting.shift()
    this.#waiting.push(entry)
    this.#cancelRetry ??= this.#after(RETRY, () => {
      this.#cancelRetry = undefined
      this.#log.warn({ notices: this.#waiting.length }, 'recording enforcement notices that the ledger did not take')
      this.#try(this.#waiting.splice(0))
    })
  }
}
