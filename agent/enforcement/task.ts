import { DriverError, type AnyDriver, type Milliseconds, type Session, type SubscriberRef } from '../model/index.js'
import { type After, GIVEN_UP, pause } from './deadline.js'
import { type Rung, standsUnproven, type Way } from './ladder.js'
import { type AppliedTreatment, isVaried, sessionRef, type Step } from './plan.js'
import { observeUntilProven, type Proven, Watch } from './proof.js'
import type { NasQueues } from './queue.js'
import { retryRule, retryWait } from './retry.js'

/** How long a task waits for what. */
export interface TaskTimes {
  /** For proof after an acknowledgement, before the next way. Default 5,000 ms. */
  readonly proof: Milliseconds
  /** The same after a CoA where no driver can read the device back, so that hardly any proof can come. Default 2,000 ms. */
  readonly unobserved: Milliseconds
}

export const taskTimeDefaults: TaskTimes = { proof: 5000, unobserved: 2000 }

/** What a task says on its way. */
export interface TaskReport {
  readonly state: 'sent' | 'acknowledged'
  readonly way: Way
  readonly detail: string
}

/** How a task ended. `standing`: acknowledged, and nothing more is done for a proof. */
export type TaskEnd =
  | ({ readonly end: 'proven'; readonly way: Way | undefined } & Proven)
  | { readonly end: 'standing'; readonly way: Way; readonly detail: string }
  | { readonly end: 'failed'; readonly error: DriverError; readonly tried: readonly Way[] }

/** What a task needs. */
export interface TaskOptions {
  readonly session: Session
  readonly step: Step
  readonly who: SubscriberRef
  readonly rungs: readonly Rung[]
  /** What the session has when the task is made. */
  readonly before: AppliedTreatment
  /** Drivers of the NAS that can read it back. */
  readonly observers: readonly AnyDriver[]
  readonly queues: NasQueues
  readonly times: TaskTimes
  /** Why there is no way at all, where that is known. */
  readonly impossible?: DriverError
  readonly after: After
  readonly random: () => number
  readonly report: (report: TaskReport) => void
  /** The session now has this, as far as the NAS says. */
  readonly applied: (applied: AppliedTreatment) => void
  /** May be called twice: `failed`, and `proven` when proof comes late. */
  readonly ended: (end: TaskEnd) => void
}

/**
 * Brings one session to its treatment: climbs the ladder way by way until proof comes.
 * Proof may come at any time, also before the answer of the NAS, and ends the climb.
 */
export class Task {
  readonly session: Session
  readonly step: Step
  readonly watch: Watch
  readonly #options: TaskOptions
  readonly #controller = new AbortController()
  readonly #tried: Way[] = []
  #end: TaskEnd | undefined
  /** Reports the call under way as sent, if that was not done yet. */
  #sent: () => void = () => undefined
  #error: DriverError

  constructor(options: TaskOptions) {
    const { session, step, times, after } = options
    this.session = session
    this.step = step
    this.#options = options
    this.#error = options.impossible ?? new DriverError('UNSUPPORTED', 'No driver of this NAS can do it.')
    this.watch = new Watch({
      session,
      want: step.how.kind,
      returnTime: times.proof,
      after,
      gone: () => this.#controller.abort(GIVEN_UP),
      proven: proven => this.#finish({ end: 'proven', way: this.#tried.at(-1), ...proven })
    })
  }

  /** What it was made for. */
  get need(): { session: Session; step: Step; before: AppliedTreatment } {
    const { session, step, before } = this.#options
    return { session, step, before }
  }

  /** How it ended so far. */
  get end(): TaskEnd | undefined {
    return this.#end
  }

  /** Starts the climb. The first call is made before this returns, when the NAS's queue has room. */
  start(): void {
    this.#climb().catch((error: unknown) => {
      if (!this.#controller.signal.aborted) this.#fail(asDriverError(error))
    })
  }

  /** Gives it up: a newer decision has replaced it. Nothing of it is sent any more. */
  abandon(): void {
    this.watch.end()
    this.#controller.abort(GIVEN_UP)
  }

  async #climb(): Promise<void> {
    const unusable = new Set<AnyDriver>()
    for (const rung of this.#options.rungs) {
      if (unusable.has(rung.driver)) continue
      this.#tried.push(rung.way)
      const error = await this.#attempt(rung)
      if (this.#controller.signal.aborted || this.#end !== undefined) return
      if (error === undefined || error.code === 'NO_SUCH_SESSION') await this.#awaitProof(rung, error)
      if (error !== undefined) {
        this.#error = error
        if (!retryRule(error).driverUsable) unusable.add(rung.driver)
      }
      if (this.#controller.signal.aborted || this.#end !== undefined) return
    }
    this.#fail(this.#error)
  }

  /** One way, with its retries. @returns the failure that remains */
  async #attempt(rung: Rung): Promise<DriverError | undefined> {
    const { after, random } = this.#options
    const { signal } = this.#controller
    for (let tries = 1; ; tries++) {
      const error = await this.#call(rung)
      if (error === undefined || signal.aborted) return undefined
      const rule = retryRule(error)
      if (tries > rule.again) return error
      await pause(retryWait(rule, tries, random()), after, signal)
      if (signal.aborted) return undefined
    }
  }

  async #call(rung: Rung): Promise<DriverError | undefined> {
    const { queues, session, step, report } = this.#options
    const { way, driver } = rung
    try {
      const answer = await queues.run({
        nas: session.nas,
        driver,
        lane: step.difference,
        signal: this.#controller.signal,
        act: signal => this.#send(rung, signal)
      })
      report({ state: 'acknowledged', way, detail: answer.detail })
      this.#took(way)
      if (answer.proof !== undefined) this.watch.settled({ proof: 'observed', detail: answer.proof })
      if (standsUnproven(way, step.difference)) this.#finish({ end: 'standing', way, detail: answer.detail })
      return undefined
    } catch (error) {
      if (this.#controller.signal.aborted) return undefined
      return asDriverError(error)
    }
  }

  #act({ way, driver }: Rung, signal: AbortSignal): Promise<{ detail: string; proof?: string }> {
    const { session, step, who } = this.#options
    const act = {
      coa: () => driver.change?.(sessionRef(session), step.how, signal),
      disconnect: () => driver.disconnect?.(sessionRef(session), signal),
      api: () => this.#blockOrRestore(driver, who, signal),
      port: () => this.#blockOrRestore(driver, who, signal)
    }[way]()
    return (
      act ?? Promise.reject(new DriverError('UNSUPPORTED', `The driver ${driver.name} does not do what it claims.`))
    )
  }

  #blockOrRestore(
    driver: AnyDriver,
    who: SubscriberRef,
    signal: AbortSignal
  ): Promise<{ detail: string; proof?: string }> | undefined {
    const { how } = this.#options.step
    return how.kind === 'full' ? driver.restore?.(who, signal) : driver.block?.(who, how, signal)
  }

  async #send(rung: Rung, signal: AbortSignal): Promise<{ detail: string; proof?: string }> {
    const { before, applied } = this.#options
    if (rung.way === 'coa') applied(this.#unproven())
    const sent = once(() => this.#reportSent(rung.way))
    this.#sent = sent
    const answer = this.#act(rung, signal)
    // A driver that finds that it cannot do this says so before it sends: that is known a moment later.
    const soon = setImmediate(sent)
    try {
      const applied = await answer
      sent()
      return applied
    } catch (error) {
      clearImmediate(soon)
      if (!isUnsent(error)) sent()
      else if (rung.way === 'coa') applied(before)
      throw error
    }
  }

  #reportSent(way: Rung['way']): void {
    this.#options.report({ state: 'sent', way, detail: `${wayWords[way]} to ${this.session.nas}${this.#because()}` })
  }

  #took(way: Way): void {
    const { step, applied } = this.#options
    if (way === 'disconnect') return
    const { kind } = step.how
    applied(standsUnproven(way, step.difference) ? { kind, attributes: step.whole } : this.#unproven())
  }

  #unproven(): AppliedTreatment {
    const { step, before } = this.#options
    const { kind } = step.how
    const again = before.uncertain === true && before.kind === kind
    const was = again ? (before.was ?? kind) : before.kind
    return { kind, attributes: step.whole, uncertain: true, was, ...(isVaried(step, before) && { varied: true }) }
  }

  #because(): string {
    return this.#tried.length < 2 ? '' : `, after ${this.#tried.slice(0, -1).join(', ')}: ${this.#error.message}`
  }

  async #awaitProof(rung: Rung, error: DriverError | undefined): Promise<void> {
    const { times, observers, after, who, session } = this.#options
    if (error !== undefined && session.state === 'stale') {
      this.watch.settled({ proof: 'offline', detail: 'The NAS does not know the session, which had been silent.' })
      return
    }
    if (error !== undefined && rung.way === 'coa') return
    const blind = observers.length === 0 && rung.way === 'coa'
    const window = new AbortController()
    const close = (): void => window.abort(GIVEN_UP)
    this.#controller.signal.addEventListener('abort', close, { once: true })
    for (const driver of observers) void observeUntilProven(driver, who, this.watch, after, window.signal)
    await pause(blind ? times.unobserved : times.proof, after, this.#controller.signal)
    close()
    if (error === undefined)
      this.#error = new DriverError('REJECTED', `${wayWords[rung.way]} was acknowledged, but nothing proved it.`)
  }

  #fail(error: DriverError): void {
    this.#end = { end: 'failed', error, tried: [...new Set(this.#tried)] }
    this.#options.ended(this.#end)
  }

  #finish(end: TaskEnd): void {
    this.#sent()
    this.#end = end
    this.watch.end()
    this.#controller.abort(GIVEN_UP)
    this.#options.ended(end)
  }
}

const wayWords: Readonly<Record<Rung['way'], string>> = {
  coa: 'CoA-Request',
  disconnect: 'Disconnect-Request',
  api: "A call of the device's own API",
  port: 'Switching the port'
}

function asDriverError(error: unknown): DriverError {
  if (error instanceof DriverError) return error
  return new DriverError('PROTOCOL', 'The driver failed in a way that it should not.', { cause: error })
}

function isUnsent(error: unknown): boolean {
  return error instanceof DriverError && error.code === 'UNSUPPORTED' && error.deviceCode === undefined
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    act()
  }
}
