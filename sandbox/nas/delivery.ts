import type { Clock } from '../../agent/model/index.js'
import { AcctStatusType, Code } from '../../protocols/radius/index.js'
import { accountingAttributes, type Report } from './accounting.js'
import type { RadiusClient } from './client.js'
import type { Equipment } from './equipment.js'
import { NasError } from './errors.js'
import type { Octets } from './meter.js'
import type { Schedule } from './schedule.js'
import type { Session } from './session.js'

/** What a delivery needs of the box. */
export interface DeliveryContext {
  readonly equipment: Equipment
  readonly accounting: RadiusClient
  readonly clock: Clock
  readonly schedule: Schedule
  readonly signal: AbortSignal
  /** Milliseconds until an unacknowledged Stop is sent again. */
  readonly habits: () => { readonly stopAgainMs: number }
}

/** What is reported of a session at one moment. */
export type Facts = Omit<Report, 'status'>
type Acknowledged = (session: Session, status: number, octets: Octets) => void

const mostStops = 16

/**
 * Brings one line's accounting to the server. A Start or Interim that is not acknowledged is given up, since a later
 * report holds the same totals; a Stop is sent again until it is acknowledged or the box is switched off.
 * One report of a session is on its way at a time.
 */
export class Delivery {
  readonly #context: DeliveryContext
  readonly #acknowledged: Acknowledged
  #current: { readonly controller: AbortController; readonly done: Promise<boolean> } | undefined
  #stops = 0

  constructor(context: DeliveryContext, acknowledged: Acknowledged) {
    this.#context = context
    this.#acknowledged = acknowledged
  }

  /** Whether a Start or Interim is on its way. */
  get busy(): boolean {
    return this.#current !== undefined
  }

  /** Resolves when no Start or Interim is on its way. */
  async idle(): Promise<void> {
    while (this.#current !== undefined) await this.#current.done
  }

  /** @returns whether it was acknowledged */
  start(facts: Facts, session: Session): Promise<boolean> {
    return this.#deliver({ ...facts, status: AcctStatusType.Start }, session)
  }

  /** @returns whether it was acknowledged; false when the session ended meanwhile */
  interim(facts: Facts, session: Session): Promise<boolean> {
    return this.#deliver({ ...facts, status: AcctStatusType.InterimUpdate }, session)
  }

  /** Resolves when it is acknowledged, or never will be: the box is off, or too many wait. */
  async stop(facts: Facts, session: Session): Promise<void> {
    if (this.#stops >= mostStops) return
    this.#stops++
    const report = { ...facts, status: AcctStatusType.Stop }
    while (!this.#context.signal.aborted && !(await this.#send(report, session))) await this.#pause()
    this.#stops--
  }

  /** Gives up the Start or Interim that is on its way. */
  abandon(): void {
    this.#current?.controller.abort(new NasError('NAS_CLOSED', 'the session ended'))
    this.#current = undefined
  }

  #deliver(report: Report, session: Session): Promise<boolean> {
    const controller = new AbortController()
    const done = this.#send(report, session, controller.signal).finally(() => {
      if (this.#current === current) this.#current = undefined
    })
    const current = { controller, done }
    this.#current = current
    return done
  }

  async #send(report: Report, session: Session, signal?: AbortSignal): Promise<boolean> {
    const { accounting, clock, equipment } = this.#context
    try {
      await accounting.request({
        code: Code.AccountingRequest,
        attributes: () =>
          accountingAttributes(report, equipment, Math.max(0, Math.floor((clock() - report.at) / 1000))),
        ...(signal === undefined ? {} : { signal })
      })
    } catch {
      return false
    }
    this.#acknowledged(session, report.status, report.octets)
    return true
  }

  #pause(): Promise<void> {
    const { schedule, signal, habits } = this.#context
    return new Promise(resolve => {
      const done = (): void => {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const cancel = schedule(habits().stopAgainMs, done)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })
  }
}
