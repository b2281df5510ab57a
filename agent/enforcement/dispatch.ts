import type { Logger } from 'pino'
import {
  DriverError,
  type AnyDriver,
  type Nas,
  type Session,
  type Subscriber,
  type SubscriberRef,
  type Treatment
} from '../model/index.js'
import type { AppliedTable } from './applied.js'
import type { After } from './deadline.js'
import { ladder, type Rung } from './ladder.js'
import type { NasesView, SessionsView } from './needs.js'
import type { Need } from './order.js'
import { type AppliedTreatment, isVaried, sessionRef, type Step } from './plan.js'
import type { NasQueues } from './queue.js'
import { Task, type TaskEnd, type TaskReport, type TaskTimes } from './task.js'
import type { Watches } from './watches.js'

/** What dispatching needs. */
export interface DispatchOptions {
  readonly sessions: Pick<SessionsView, 'ofSubscriber'>
  readonly nases: NasesView
  /** Drivers of a NAS, the preferred one first. @throws DriverError when the NAS cannot be driven */
  readonly driversFor: (nas: Nas) => readonly AnyDriver[]
  readonly queues: NasQueues
  readonly watches: Watches
  readonly applied: AppliedTable
  readonly times: TaskTimes
  readonly after: After
  readonly random: () => number
  readonly log: Logger
}

/** Whose session it is, and what they have when nothing is held against them. */
export interface Owner {
  readonly id: string
  readonly subscriber: Subscriber | undefined
  readonly full: Treatment
}

/** What the owner of a task hears. */
export interface TaskEars {
  readonly report: (task: Task, report: TaskReport) => void
  readonly ended: (task: Task, end: TaskEnd) => void
}

/** Makes tasks: finds a session's NAS, its drivers and the ways they offer, and lets the task hear what proves it. */
export class Dispatch {
  readonly #options: DispatchOptions

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  /**
   * A task for one session, not started yet.
   * @param only  the ways to use; all that suit when absent
   */
  task(owner: Owner, { session, step, before }: Need, ears: TaskEars, only?: readonly Rung['way'][]): Task {
    const { queues, watches, times, after, random } = this.#options
    const found = this.#drivers(session.nas)
    const drivers = found instanceof DriverError ? [] : found
    const rungs = ladder(step, drivers).filter(({ way }) => only?.includes(way) ?? true)
    const task: Task = new Task({
      session,
      step,
      before,
      who: this.#who(owner, session),
      rungs,
      observers: isReadable(step, before) ? drivers.filter(({ capabilities }) => capabilities.includes('observe')) : [],
      queues,
      times,
      after,
      random,
      ...(found instanceof DriverError && { impossible: found }),
      applied: now => this.#note(session, now),
      report: report => ears.report(task, report),
      ended: end => {
        if (end.end !== 'failed') watches.remove(session, task.watch)
        if (end.end === 'proven') this.#note(session, { kind: step.how.kind, attributes: step.whole })
        ears.ended(task, end)
      }
    })
    watches.add(session, task.watch)
    return task
  }

  /** Gives a task up: nothing of it is sent any more, and it hears nothing. */
  abandon(task: Task): void {
    this.#options.watches.remove(task.session, task.watch)
    task.abandon()
  }

  /** A session that has ended meanwhile has nothing any more. */
  #note(session: Session, now: AppliedTreatment): void {
    const open = this.#options.sessions.ofSubscriber(session.subscriber).some(({ id }) => id === session.id)
    if (open) this.#options.applied.set(session.id, now)
  }

  #drivers(id: string): readonly AnyDriver[] | DriverError {
    const nas = this.#options.nases.byId(id)
    if (nas === undefined) return new DriverError('UNSUPPORTED', `The NAS ${id} is not in the configuration.`)
    try {
      return this.#options.driversFor(nas)
    } catch (error) {
      if (error instanceof DriverError) return error
      this.#options.log.error({ err: error, nas: id }, 'the drivers of a NAS could not be made')
      return new DriverError('UNSUPPORTED', `The drivers of NAS ${id} could not be made; the log tells why.`)
    }
  }

  #who({ id, subscriber, full }: Owner, session: Session): SubscriberRef {
    const here = this.#options.sessions.ofSubscriber(id).filter(({ nas }) => nas === session.nas)
    const port = subscriber?.devices?.[0]?.port
    return {
      id,
      userName: subscriber?.username ?? session.userName,
      macs: subscriber?.credentials?.macs ?? subscriber?.bind?.macs ?? [],
      ...(session.framedIpv4 && { ipv4: session.framedIpv4 }),
      ...(port !== undefined && { port }),
      sessions: here.map(sessionRef),
      full
    }
  }
}

/** A reading tells the kind of treatment: it proves nothing where the session may have another variety of the same. */
function isReadable(step: Step, before: AppliedTreatment): boolean {
  return step.difference !== 'sideways' && !isVaried(step, before)
}
