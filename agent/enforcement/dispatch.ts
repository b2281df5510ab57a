import {
  type After,
  DriverError,
  isPolled,
  type Session,
  sessionRef,
  type Subscriber,
  type SubscriberRef,
  subscriberRef,
  type Treatment
} from '../model/index.js'
import type { AppliedTable } from './applied.js'
import { Keeper } from './keeper.js'
import { ladder, rating, type Rung, undoing, type Verb } from './ladder.js'
import type { SessionsView } from './needs.js'
import { type AppliedTreatment, isVaried, type Need, type Step } from './plan.js'
import type { NasQueues } from './queue.js'
import type { Rates } from './rates.js'
import type { Reach, Reaches } from './reach.js'
import type { Standing } from './standing.js'
import { Task, type TaskEnd, type TaskReport, type TaskTimes } from './task.js'
import { Turns } from './turns.js'
import type { Watches } from './watches.js'

/** What dispatching needs. */
export interface DispatchOptions {
  readonly sessions: Pick<SessionsView, 'ofSubscriber'>
  readonly reaches: Reaches
  readonly standing: Standing
  readonly rates: Rates
  readonly queues: NasQueues
  readonly watches: Watches
  readonly applied: AppliedTable
  readonly times: TaskTimes
  readonly after: After
  readonly random: () => number
}

/** Whose session it is, and what they have when nothing is held against them. */
export interface Owner {
  readonly id: string
  readonly subscriber: Subscriber | undefined
  readonly full: Treatment
  /** The device that holds the rate of their line, since nobody authenticates them. */
  readonly ratedAt?: string | undefined
}

/** What the owner of a task hears. */
export interface TaskEars {
  readonly report: (task: Task, report: TaskReport) => void
  readonly ended: (task: Task, end: TaskEnd) => void
}

/** Makes tasks: finds what reaches a session or a line and the ways that offers, and lets the task hear what proves it. */
export class Dispatch {
  readonly #options: DispatchOptions
  readonly #turns = new Turns()

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  /**
   * A task for one need, not started yet.
   * @param only  the calls to make; all that suit when absent
   */
  task(owner: Owner, need: Need, ears: TaskEars, only?: readonly Verb[]): Task {
    const { queues, watches, times, after, random, standing, rates } = this.#options
    const { session, step, before } = need
    const found = this.#reaches(owner, need)
    const reaches = found instanceof DriverError ? [] : found
    const task: Task = new Task({
      need,
      who: reach => this.who(owner, session, reach),
      rungs: rungsOf(need, reaches).filter(({ verb }) => only?.includes(verb) ?? true),
      observers: reaches.filter(({ driver, beside }) => !beside && driver.capabilities.includes('observe')),
      readable: isReadable(step, before),
      keeper: new Keeper({ standing, rates, turns: this.#turns }, owner, session),
      queues,
      times,
      after,
      random,
      ...(found instanceof DriverError && { impossible: found }),
      applied: now => this.#note(session, now),
      report: report => ears.report(task, report),
      ended: end => {
        if (end.end !== 'failed' && session !== undefined) watches.remove(session, task.watch)
        if (end.end === 'proven' && !task.outlives) this.#note(session, { kind: step.how.kind, attributes: step.whole })
        ears.ended(task, end)
      }
    })
    if (session !== undefined) watches.add(session, task.watch)
    return task
  }

  /** Gives a task up: nothing of it is sent any more, and it hears nothing. */
  abandon(task: Task): void {
    if (task.session !== undefined) this.#options.watches.remove(task.session, task.watch)
    task.abandon()
  }

  /** A subscriber as the driver at a place must find them there. */
  who(owner: Owner, session: Session | undefined, { place, ports }: Reach): SubscriberRef {
    const { id, subscriber, full } = owner
    const { sessions, standing } = this.#options
    const open = sessions.ofSubscriber(id)
    const here = session === undefined ? open : open.filter(({ nas }) => nas === session.nas)
    const mark = standing.at(id, place)
    const known = {
      id,
      userName: subscriber?.username ?? session?.userName ?? id,
      ports: [...new Set([...ports, ...(mark?.ports ?? [])])],
      sessions: [...here.map(sessionRef), ...endedOf(mark?.names ?? [], here, place)],
      full
    }
    const who = subscriberRef(subscriber, known, session?.framedIpv4)
    return place === owner.ratedAt ? rated(who) : who
  }

  /** A session that has ended meanwhile has nothing any more. */
  #note(session: Session | undefined, now: AppliedTreatment): void {
    if (session === undefined) return
    const open = this.#options.sessions.ofSubscriber(session.subscriber).some(({ id }) => id === session.id)
    if (open) this.#options.applied.set(session.id, now)
  }

  #reaches({ id, subscriber }: Owner, { session, device }: Need): readonly Reach[] | DriverError {
    const { reaches, standing } = this.#options
    if (session !== undefined) return reaches.ofSession(session, subscriber)
    if (device === undefined) return subscriber === undefined ? [] : reaches.ofSubscriber(subscriber)
    const { ports = [] } = standing.at(id, device) ?? {}
    const reach = reaches.at(device, ports)
    return reach === undefined
      ? new DriverError(
          'UNSUPPORTED',
          `The document of device ${device} is gone, and something of ours stands there. Send it again, or take that back on the device by hand.`
        )
      : [reach]
  }
}

function rungsOf({ session, device, rate, step }: Need, reaches: readonly Reach[]): readonly Rung[] {
  if (rate !== undefined) return reaches.flatMap(rating)
  if (device !== undefined) return reaches.flatMap(reach => undoing(step, reach))
  return ladder(step, reaches, session !== undefined)
}

/** A line by its document alone, at the device that holds its rate: what is polled there is no session to look for. */
function rated(who: SubscriberRef): SubscriberRef {
  return { ...who, rated: true, sessions: who.sessions.filter(({ acctSessionId }) => !isPolled({ acctSessionId })) }
}

/** Sessions that have ended, by the user name alone: their addresses may be somebody else's by now. */
function endedOf(names: readonly string[], here: readonly Session[], nas: string): SubscriberRef['sessions'] {
  const ended = names.filter(name => !here.some(({ userName }) => userName === name))
  return ended.map(userName => ({ id: '', nas, acctSessionId: '', userName }))
}

/** A reading tells the kind of treatment: it proves nothing where the session may have another variety of the same. */
function isReadable(step: Step, before: AppliedTreatment): boolean {
  return step.difference !== 'sideways' && !isVaried(step, before)
}
