import {
  type After,
  type AnyDriver,
  type Applied,
  DriverError,
  type Milliseconds,
  type Session,
  sessionRef,
  type SubscriberRef
} from '../model/index.js'
import { GIVEN_UP, pause } from './deadline.js'
import { type Keeper, lasts, type Noted } from './keeper.js'
import { type Rung, standsUnproven, type Way } from './ladder.js'
import { type AppliedTreatment, isVaried, keyOfNeed, type Need, type Step } from './plan.js'
import { observeUntilProven, type Proven, Watch } from './proof.js'
import type { NasQueues } from './queue.js'
import type { Reach } from './reach.js'
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
  /** What is to be done; `before` is what the session has when the task is made. */
  readonly need: Need
  /** The subscriber, as a driver is told who it is about. */
  readonly who: (reach: Reach) => SubscriberRef
  readonly rungs: readonly Rung[]
  /** What reaches the NAS itself and can read it back. */
  readonly observers: readonly Reach[]
  /** Whether a reading can prove anything at all. */
  readonly readable: boolean
  readonly keeper: Keeper
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
 * Brings one session, or a line without one, to its treatment: climbs the ladder way by way until proof comes.
 * Proof may come at any time, also before the answer of the NAS, and ends the climb.
 */
export class Task {
  readonly need: Need
  readonly watch: Watch
  readonly #options: TaskOptions
  readonly #controller = new AbortController()
  readonly #tried: Way[] = []
  /** Rungs whose answer was proof: of several ports each must be off. */
  readonly #shut = new Set<Rung>()
  #end: TaskEnd | undefined
  /** Reports the call under way as sent, if that was not done yet. */
  #sent: () => void = () => undefined
  #error: DriverError
  /** The one that was tried last. */
  #rung: Rung | undefined

  constructor(options: TaskOptions) {
    const { need, times, after } = options
    this.need = need
    this.#options = options
    this.#error = options.impossible ?? new DriverError('UNSUPPORTED', 'No driver of this NAS can do it.')
    this.watch = new Watch({
      session: need.session,
      want: need.step.how.kind,
      returnTime: times.proof,
      after,
      gone: () => this.#controller.abort(GIVEN_UP),
      proven: proven => this.#finish({ end: 'proven', way: this.#tried.at(-1), ...proven })
    })
  }

  get session(): Session | undefined {
    return this.need.session
  }

  get step(): Step {
    return this.need.step
  }

  /** What tells it from the other tasks of its order. */
  get key(): string {
    return keyOfNeed(this.need)
  }

  /** Where it acts, for people: the NAS, else the device. */
  get place(): string {
    const { rungs, need } = this.#options
    return need.session?.nas ?? need.device ?? rungs[0]?.place ?? 'no device'
  }

  /** Whether it has to do with a NAS or a device. */
  concerns(place: string): boolean {
    return this.place === place || this.#options.rungs.some(rung => rung.place === place)
  }

  /** Whether what it did last stands at a device, and the session itself has what it had. */
  get outlives(): boolean {
    return this.#rung !== undefined && this.#overlays(this.#rung)
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
      this.#rung = rung
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
    const { queues, report } = this.#options
    const { way, driver, place, verb } = rung
    const { difference } = this.step
    try {
      const answer = await queues.run({
        nas: place,
        driver,
        lane: difference,
        signal: this.#controller.signal,
        act: signal => this.#send(rung, signal)
      })
      report({ state: 'acknowledged', way, detail: answer.detail })
      this.#took(rung)
      if (answer.proof !== undefined) this.#shut.add(rung)
      if (answer.proof !== undefined && !this.#leavesPorts(rung))
        this.watch.settled({ proof: 'observed', detail: answer.proof })
      else if (standsUnproven(verb, difference)) this.#finish({ end: 'standing', way, detail: answer.detail })
      return undefined
    } catch (error) {
      if (this.#controller.signal.aborted) return undefined
      return asDriverError(error)
    }
  }

  #act(rung: Rung, signal: AbortSignal): Promise<Applied> {
    const { verb, driver } = rung
    const { session, step } = this.need
    const who = this.#options.who(rung)
    const ref = session && sessionRef(session)
    const act = {
      change: () => ref && driver.change?.(ref, step.how, signal),
      disconnect: () => ref && driver.disconnect?.(ref, signal),
      block: () => driver.block?.(who, step.how, signal),
      restore: () => driver.restore?.(who, signal),
      setRate: () => driver.setRate?.(who, this.need.rate ?? undefined, signal)
    }[verb]()
    return (
      act ?? Promise.reject(new DriverError('UNSUPPORTED', `The driver ${driver.name} does not do what it claims.`))
    )
  }

  async #send(rung: Rung, signal: AbortSignal): Promise<Applied> {
    const { applied } = this.#options
    const { before } = this.need
    if (rung.way === 'coa') applied(this.#unproven())
    let noted: Noted | undefined
    if (lasts(rung)) {
      noted = await this.#options.keeper.note(rung, this.need)
      signal.throwIfAborted()
    }
    const sent = once(() => this.#reportSent(rung))
    this.#sent = sent
    const answer = this.#act(rung, signal)
    // A driver that finds that it cannot do this says so before it sends: that is known a moment later.
    const soon = setImmediate(sent)
    try {
      const applied = await answer
      noted?.done(applied)
      sent()
      return applied
    } catch (error) {
      clearImmediate(soon)
      noted?.failed(error)
      if (!isUnsent(error)) sent()
      else if (rung.way === 'coa') applied(before)
      throw error
    }
  }

  #reportSent({ way, place }: Rung): void {
    this.#options.report({ state: 'sent', way, detail: `${wayWords[way]} to ${place}${this.#because()}` })
  }

  #took(rung: Rung): void {
    const { step } = this.need
    if (rung.verb === 'disconnect' || this.#overlays(rung)) return
    const { kind } = step.how
    const stands = standsUnproven(rung.verb, step.difference)
    this.#options.applied(stands ? { kind, attributes: step.whole } : this.#unproven())
  }

  /** What stands at a device is kept apart from what the session itself has. */
  #overlays(rung: Rung): boolean {
    return lasts(rung) && this.step.how.kind !== 'full'
  }

  #leavesPorts(rung: Rung): boolean {
    return rung.way === 'port' && this.#options.rungs.some(other => other.way === 'port' && !this.#shut.has(other))
  }

  #unproven(): AppliedTreatment {
    const { step, before } = this.need
    const { kind } = step.how
    const again = before.uncertain === true && before.kind === kind
    const was = again ? (before.was ?? kind) : before.kind
    return { kind, attributes: step.whole, uncertain: true, was, ...(isVaried(step, before) && { varied: true }) }
  }

  #because(): string {
    return this.#tried.length < 2 ? '' : `, after ${this.#tried.slice(0, -1).join(', ')}: ${this.#error.message}`
  }

  async #awaitProof(rung: Rung, error: DriverError | undefined): Promise<void> {
    const { times, after, who } = this.#options
    if (error !== undefined && this.session?.state === 'stale' && rung.driver.sees === 'all') {
      this.watch.settled({ proof: 'offline', detail: 'The NAS does not know the session, which had been silent.' })
      return
    }
    if ((error !== undefined && rung.verb === 'change') || this.#shut.has(rung)) return
    const observers = this.#observers(rung)
    const blind = observers.length === 0 && rung.verb === 'change'
    const window = new AbortController()
    const close = (): void => window.abort(GIVEN_UP)
    this.#controller.signal.addEventListener('abort', close, { once: true })
    for (const reach of observers) void observeUntilProven(reach.driver, who(reach), this.watch, after, window.signal)
    await pause(blind ? times.unobserved : times.proof, after, this.#controller.signal)
    close()
    if (error === undefined)
      this.#error = new DriverError('REJECTED', `${wayWords[rung.way]} was acknowledged, but nothing proved it.`)
  }

  /** Who can tell whether it took effect. */
  #observers(rung: Rung): readonly Reach[] {
    const { observers, readable } = this.#options
    if (!readable) return []
    const others = observers.filter(({ driver }) => driver !== rung.driver && driver.sees === 'all')
    const own = rung.driver.capabilities.includes('observe')
    return own ? [rung, ...others] : others
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
  return new DriverError('PROTOCOL', 'The driver failed in a way that it should not; the log of the agent tells why.', {
    cause: error
  })
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
