import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import type { After, Clock, Milliseconds } from '../model/index.js'
import type { Desires } from './desires.js'
import type { Drift } from './drift.js'
import { pruneEvidence } from './evidence.js'
import type { SessionsView } from './needs.js'
import type { Orders } from './orders.js'
import { silenceDefaults, type SilenceTimes } from './silences.js'
import type { Slices } from './slices.js'

const DAY = 86_400_000
/** Beyond this a timer is armed in steps. */
const LONGEST_TIMER = 3_600_000
const SLICE = 500

/** How often what is looked at without being asked. */
export interface RoundTimes extends SilenceTimes {
  /** Between two looks over all open sessions. Default 30,000 ms. */
  readonly round: Milliseconds
  /** Between two attempts at a decision that failed, and two readings of what stands at devices. Default 300,000 ms. */
  readonly repair: Milliseconds
  /** How long evidence is kept. Default 1,096 days: the limitation period of three years. */
  readonly evidence: Milliseconds
}

export const roundDefaults: RoundTimes = { ...silenceDefaults, round: 30_000, repair: 300_000, evidence: 1096 * DAY }

/** What the rounds need. */
export interface RoundsOptions {
  readonly times: RoundTimes
  readonly ledger: Ledger
  readonly sessions: Pick<SessionsView, 'list'>
  readonly desires: Desires
  readonly orders: Orders
  readonly slices: Slices
  readonly drift: Drift
  readonly clock: Clock
  readonly after: After
  readonly log: Logger
}

/** What happens by the clock: validities that end, sessions that slipped through, failures tried again, old evidence dropped. */
export class Rounds {
  readonly #options: RoundsOptions
  #cancelRound: () => void = () => undefined
  #cancelExpiry: () => void = () => undefined
  #expiredUntil: Milliseconds
  #armedFor: Milliseconds = Infinity
  #repairedAt: Milliseconds
  #prunedAt = -Infinity
  #closed = false

  constructor(options: RoundsOptions) {
    this.#options = options
    this.#expiredUntil = options.clock()
    this.#repairedAt = options.clock()
  }

  start(): void {
    this.#arm(this.#options.desires.nextExpiry(this.#expiredUntil))
    this.#next()
  }

  close(): void {
    this.#closed = true
    this.#cancelRound()
    this.#cancelExpiry()
  }

  /** These documents changed: one of them may end before any other. */
  note(ids: Iterable<string>): void {
    for (const id of ids) {
      const at = this.#options.desires.expiryOf(id)
      if (at > this.#expiredUntil && at < this.#armedFor) this.#arm(at)
    }
  }

  #arm(at: Milliseconds): void {
    this.#cancelExpiry()
    if (this.#closed) return
    this.#armedFor = at
    const wait = Math.min(LONGEST_TIMER, Math.max(0, at - this.#options.clock()))
    this.#cancelExpiry = this.#options.after(wait, () => this.#expire())
  }

  #expire(): void {
    const { desires, slices, clock } = this.#options
    const now = clock()
    const expired = [...desires.expired(this.#expiredUntil, now)]
    this.#expiredUntil = now
    slices.add(expired, 'clock')
    this.#arm(desires.nextExpiry(now))
  }

  #next(): void {
    const { after, times, log } = this.#options
    if (this.#closed) return
    this.#cancelRound = after(times.round, () => {
      this.#round()
        .catch((error: unknown) => log.error({ err: error }, 'a round of enforcement failed'))
        .finally(() => this.#next())
    })
  }

  async #round(): Promise<void> {
    const { sessions, desires, orders, slices, drift, clock, times, ledger } = this.#options
    orders.recheckHeld()
    let looked = 0
    for (const session of sessions.list()) {
      if (++looked % SLICE === 0) await new Promise(resolve => setImmediate(resolve))
      if (this.#closed) return
      if (session.state !== 'closed' && session.subscriber !== '' && desires.differs(session))
        slices.add([session.subscriber], 'reconciliation')
    }
    const now = clock()
    if (now - this.#repairedAt >= times.repair) {
      this.#repairedAt = now
      orders.repair(() => true)
      void drift.look()
    }
    if (now - this.#prunedAt >= DAY) {
      this.#prunedAt = now
      await pruneEvidence(ledger, now - times.evidence)
    }
  }
}
