import type { Logger } from 'pino'
import { monotonicFactory } from 'ulid'
import type { Clock, DriverError, Milliseconds } from '../model/index.js'
import { type Alarms, alarmWords } from './alarms.js'
import type { Brake } from './brakes.js'
import type { Decision, Decisions } from './decisions.js'
import type { Desire, Desires } from './desires.js'
import type { Dispatch, Owner } from './dispatch.js'
import type { Journal, OrderFacts, StepFacts } from './journal.js'
import { Order, type OrderEnd } from './order.js'
import { cutsOff, isTighter, keyOfNeed, type Need } from './plan.js'
import type { Task, TaskEnd, TaskReport } from './task.js'

/** What carrying out decisions needs. */
export interface OrdersOptions {
  readonly desires: Desires
  readonly decisions: Decisions
  readonly dispatch: Dispatch
  readonly journal: Journal
  readonly alarms: Alarms
  readonly brake: Brake
  /** Why nobody may be cut off now (the data is stale), or undefined. */
  readonly mayBlock: () => string | undefined
  readonly subscribers: () => number
  readonly clock: Clock
  readonly log: Logger
}

/** How long a change is awaited that somebody at the box announced. */
const ORIGIN_HOLDS: Milliseconds = 10_000

/** One order at most for each subscriber: the last word of billing. A newer one replaces it, wherever it stands. */
export class Orders {
  readonly #options: OrdersOptions
  readonly #orders = new Map<string, Order>()
  // One random part a millisecond: a thousand decisions at once cost no more entropy than one.
  readonly #nextId = monotonicFactory()
  readonly #origins = new Map<string, { readonly who: string; readonly at: Milliseconds }>()

  constructor(options: OrdersOptions) {
    this.#options = options
  }

  /** Orders that are not finished: open, held and failed ones. */
  list(): Iterable<Order> {
    return this.#orders.values()
  }

  /** Whether a decision about this subscriber waits for a person. */
  isHeld(subscriber: string): boolean {
    return this.#orders.get(subscriber)?.state === 'held'
  }

  /** The next order about this subscriber came from `who`, not from billing. */
  expectFrom(subscriber: string, who: string): void {
    this.#origins.set(subscriber, { who, at: this.#options.clock() })
  }

  /** Compares what should be with what is, and sees to the difference. @param by  who caused it, for the evidence */
  consider(id: string, by: string): void {
    const { desires, decisions } = this.#options
    const origin = this.#originOf(id) ?? by
    const desire = desires.of(id)
    if (desire === undefined) return
    const needs = desires.needs(desire)
    const current = this.#orders.get(id)
    if (current !== undefined) {
      const stands =
        current.facts.want === desire.kind && current.covers(session => desires.target(desire, session), needs)
      if (stands) return this.#join(current, desire, needs)
      this.#supersede(current)
    }
    if (needs.length === 0 && decisions.kindOf(id) === desire.kind) return
    this.#begin(desire, needs, origin)
  }

  /** Takes up a decision that a stop of the agent interrupted. */
  resume(id: string, { enforcement, requestedAt, kind }: Decision): void {
    const { desires } = this.#options
    const desire = desires.of(id)
    if (desire === undefined || desire.kind !== kind || this.#orders.has(id)) return this.consider(id, 'reconciliation')
    const order = new Order({ ...factsOf(desire, 'reconciliation', requestedAt), id: enforcement })
    this.#orders.set(id, order)
    this.#act(order, desire, desires.needs(desire))
  }

  /** Tries failed orders again. */
  repair(which: (order: Order) => boolean): void {
    for (const order of this.#orders.values()) if (order.state === 'failed' && which(order)) this.#again(order)
  }

  /** A person says that the held decisions are right. @returns how many went on */
  release(): number {
    this.#options.brake.release()
    return this.#resumeHeld(() => true)
  }

  /** Looks again at decisions that `mayBlock` held. */
  recheckHeld(): void {
    if (this.#options.mayBlock() === undefined) this.#resumeHeld(order => order.heldBy === 'hook')
  }

  /** Stops everything; nothing more is sent. */
  close(): void {
    for (const order of this.#orders.values()) this.#abandon(order)
    this.#orders.clear()
  }

  #originOf(id: string): string | undefined {
    const origin = this.#origins.get(id)
    this.#origins.delete(id)
    return origin !== undefined && this.#options.clock() - origin.at < ORIGIN_HOLDS ? origin.who : undefined
  }

  #resumeHeld(which: (order: Order) => boolean): number {
    const { desires } = this.#options
    let released = 0
    for (const order of this.#orders.values()) {
      if (order.state !== 'held' || !which(order)) continue
      const desire = desires.of(order.facts.subscriber)
      if (desire === undefined || desire.kind !== order.facts.want) continue
      released++
      this.#act(order, desire, desires.needs(desire))
    }
    return released
  }

  #begin(desire: Desire, needs: readonly Need[], by: string): void {
    const { journal, clock } = this.#options
    const at = clock()
    const order = new Order({ ...factsOf(desire, by, at), id: this.#nextId(at) })
    this.#orders.set(desire.id, order)
    journal.note(order.facts, 'requested', { detail: rateWords(needs) ?? desire.reason })
    if (!this.#hold(order, desire)) this.#act(order, desire, needs)
  }

  #hold(order: Order, desire: Desire): boolean {
    const { brake, mayBlock, decisions, subscribers, journal, log } = this.#options
    const had = decisions.kindOf(desire.id)
    if (!isTighter(desire.kind, had)) return false
    const stale = mayBlock()
    if (stale !== undefined) order.heldBy = 'hook'
    else if (cutsOff(desire.kind) && !cutsOff(had) && !brake.take(subscribers())) order.heldBy = 'cap'
    else return false
    order.state = 'held'
    const cap = `More than ${brake.limit(subscribers())} subscribers would be cut off within an hour. If that is right, release the brake.`
    journal.note(order.facts, 'held', { detail: stale ?? cap })
    log.warn({ subscriber: desire.id, want: desire.kind, why: stale ?? cap }, 'a decision is held')
    return true
  }

  #act(order: Order, desire: Desire, needs: readonly Need[]): void {
    order.state = 'open'
    order.heldBy = undefined
    this.#decide(order, 'open')
    if (needs.length === 0 && order.tasks.size === 0) return this.#nothingToDo(order, desire)
    this.#start(order, desire, needs)
  }

  #nothingToDo(order: Order, desire: Desire): void {
    const words = desire.kind === 'full' ? undefined : this.#options.desires.openForGood(desire)
    if (words !== undefined) return this.#impossible(order, words)
    this.#proven(order, alreadySo(desire, this.#options.desires))
  }

  #impossible(order: Order, words: string): void {
    const { alarms, journal, log } = this.#options
    order.state = 'failed'
    this.#decide(order, 'failed')
    if (!alarms.raise(keyOf(order), words)) return
    journal.note(order.facts, 'failed', { detail: words })
    log.error({ subscriber: order.facts.subscriber }, words)
  }

  #start(order: Order, desire: Desire, needs: readonly Need[]): void {
    const { dispatch, desires } = this.#options
    const tasks = needs.map(need => {
      const owner: Owner = {
        id: desire.id,
        subscriber: desire.subscriber,
        full: desires.full(desire, need.session),
        ratedAt: desires.ratedAt(desire)
      }
      const task = dispatch.task(owner, need, {
        report: (task, report) => this.#report(order, task, report),
        ended: (_task, end) => this.#ended(order, end)
      })
      order.tasks.set(task.key, task)
      return task
    })
    for (const task of tasks) task.start()
  }

  /** The order stands already; sessions that came since join it. */
  #join(order: Order, desire: Desire, needs: readonly Need[]): void {
    if (order.state === 'held') return
    if (order.tasks.size === 0) return this.#act(order, desire, needs)
    const fresh = needs.filter(need => !order.tasks.has(keyOfNeed(need)))
    if (fresh.length === 0) return
    order.state = 'open'
    this.#start(order, desire, fresh)
  }

  #again(order: Order): void {
    const { desires, dispatch } = this.#options
    const desire = desires.of(order.facts.subscriber)
    if (desire === undefined) return
    const fresh = desires.needs(desire)
    if (order.tasks.size === 0) return this.#act(order, desire, fresh)
    const failed = [...order.tasks.values()].filter(({ end }) => end?.end === 'failed')
    const needs = failed.map(task => fresh.find(need => keyOfNeed(need) === task.key) ?? task.need)
    for (const task of failed) dispatch.abandon(task)
    order.state = 'open'
    this.#start(order, desire, needs)
  }

  #report(order: Order, task: Task, { state, way, detail }: TaskReport): void {
    const step: StepFacts = { ...whereOf(task), way, detail }
    if (this.#isCurrent(order)) this.#options.journal.note(order.facts, state, step)
    else this.#options.journal.witness(order.facts, state, step)
  }

  #ended(order: Order, last: TaskEnd): void {
    if (!this.#isCurrent(order)) return
    const result = order.end
    if (result === undefined) return
    if (result.end === 'failed') this.#failed(order, result)
    else if (result.end === 'standing') this.#finish(order, 'acknowledged')
    else if (last.end === 'proven') {
      const { proof, detail, way } = last
      this.#proven(order, { ...whereOf(result.task), ...(way !== undefined && { way }), proof, detail })
    }
  }

  #proven(order: Order, step: StepFacts): void {
    const { journal, log, clock } = this.#options
    this.#finish(order, 'proven')
    journal.note(order.facts, 'proven', step)
    const { subscriber, want, requestedAt } = order.facts
    log.info({ subscriber, want, proof: step.proof, afterMs: clock() - requestedAt }, 'a decision is proven')
  }

  #failed(order: Order, { task, last }: OrderEnd): void {
    if (last.end !== 'failed') return
    const { alarms, journal, log } = this.#options
    const { error, tried } = last
    const { place, session } = task
    const words = alarmWords({ userName: order.facts.userName, place, session }, last)
    order.state = 'failed'
    this.#decide(order, 'failed')
    if (!alarms.raise(keyOf(order), words)) return
    const way = tried.at(-1)
    journal.note(order.facts, 'failed', {
      ...whereOf(task),
      ...(way !== undefined && { way }),
      ...causeOf(error),
      detail: words
    })
    log.error({ err: error, subscriber: order.facts.subscriber, nas: place, code: error.code }, words)
  }

  #supersede(order: Order): void {
    const { journal } = this.#options
    const told = order.state === 'failed'
    const detail =
      order.state === 'held'
        ? 'Withdrawn by a newer decision before anything was done.'
        : 'Superseded by a newer decision before it was proven.'
    this.#abandon(order)
    this.#orders.delete(order.facts.subscriber)
    this.#options.alarms.clear(keyOf(order))
    if (!told) journal.note(order.facts, 'failed', { way: 'superseded', detail })
  }

  #finish(order: Order, state: 'proven' | 'acknowledged'): void {
    this.#decide(order, state)
    this.#abandon(order)
    this.#orders.delete(order.facts.subscriber)
    this.#options.alarms.clear(keyOf(order))
  }

  #abandon(order: Order): void {
    for (const task of order.tasks.values()) this.#options.dispatch.abandon(task)
  }

  #decide(order: Order, state: Decision['state']): void {
    const { decisions, clock, desires } = this.#options
    const { subscriber, want, id, requestedAt } = order.facts
    const removed = desires.isRemoved(subscriber)
    decisions.set(subscriber, {
      kind: want,
      state,
      at: clock(),
      enforcement: id,
      requestedAt,
      ...(removed && { removed })
    })
  }

  #isCurrent(order: Order): boolean {
    return this.#orders.get(order.facts.subscriber) === order
  }
}

function factsOf(desire: Desire, orderedBy: string, requestedAt: Milliseconds): Omit<OrderFacts, 'id'> {
  const { id, userName, kind, reason, reference, noticeAt } = desire
  return {
    subscriber: id,
    userName,
    want: kind,
    reason,
    ...(reference !== undefined && { reference }),
    ...(noticeAt !== undefined && { noticeAt }),
    orderedBy,
    requestedAt
  }
}

/** What is said where nothing needs doing. */
function alreadySo(desire: Desire, desires: Desires): StepFacts {
  const { id, kind } = desire
  if (desires.isOnline(id)) return { proof: 'reauthentication', detail: `Every open session has "${kind}" already.` }
  if (!desires.isDeviceOnly(desire) && desires.openForGood(desire) === undefined)
    return { proof: 'offline', detail: `No session is open; the next Access-Request is answered with "${kind}".` }
  return kind === 'full'
    ? { proof: 'offline', detail: 'No session is open, and nothing of ours stands at a device against them.' }
    : { proof: 'observed', detail: `No session is open; the device had said that the line has "${kind}".` }
}

/** What is said of an order that is about nothing but rates of lines. */
function rateWords(needs: readonly Need[]): string | undefined {
  if (needs.length === 0) return undefined
  const words = needs.flatMap(({ device, rate }) => {
    if (rate === undefined) return []
    return rate === null
      ? `the line has no rate at ${device} any more`
      : `the line has ${rate.up} bit/s up and ${rate.down} bit/s down at ${device}`
  })
  return words.length < needs.length ? undefined : words.join('; ')
}

function whereOf({ session, place }: Task): Pick<StepFacts, 'session' | 'nas'> {
  return { ...(session !== undefined && { session: session.id }), nas: place }
}

function keyOf(order: Order): string {
  return `subscriber:${order.facts.subscriber}`
}

function causeOf({ deviceCode }: DriverError): { errorCause?: number } {
  return deviceCode === undefined ? {} : { errorCause: deviceCode }
}
