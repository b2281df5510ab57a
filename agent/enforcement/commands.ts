import type { Logger } from 'pino'
import type { After, Clock, Command, CommandOutcome, Session } from '../model/index.js'
import { alarmWords } from './alarms.js'
import type { Desire, Desires } from './desires.js'
import type { Dispatch, Owner } from './dispatch.js'
import type { Journal, OrderFacts } from './journal.js'
import type { Verb } from './ladder.js'
import type { CommandsView, SessionsView } from './needs.js'
import type { Need, Step } from './plan.js'
import type { Task, TaskEnd } from './task.js'

/** What doing commands needs. */
export interface CommandRunnerOptions {
  readonly commands: CommandsView
  readonly sessions: Pick<SessionsView, 'get' | 'ofSubscriber'>
  readonly desires: Desires
  readonly dispatch: Dispatch
  readonly journal: Journal
  /** Lets held decisions go on; says how many. */
  readonly release: () => number
  readonly clock: Clock
  readonly after: After
  readonly log: Logger
}

/** What ends a session, whatever it has. */
export const cut: Step = {
  difference: 'tighter',
  how: { kind: 'blocked', reason: 'cut by command', attributes: [] },
  whole: [],
  sayable: false
}

/**
 * Does the commands that act on sessions: `disconnect` and `reauthorize` (arguments `session` or `subscriber`, an id),
 * and `release-brake`. Others are left to those whom they concern. Each ends in one outcome, also when it is told twice.
 */
export class CommandRunner {
  readonly #options: CommandRunnerOptions
  readonly #running = new Map<string, () => void>()

  constructor(options: CommandRunnerOptions) {
    this.#options = options
  }

  /** Begins a command; what it came to is told to `commands`. */
  run(command: Command): void {
    if (this.#running.has(command.id)) return
    switch (command.verb) {
      case 'release-brake':
        return this.#complete(command.id, 'done', `${this.#options.release()} held decisions went on.`)
      case 'disconnect':
      case 'reauthorize':
        return this.#onSessions(command)
      default:
    }
  }

  /** Gives up what is under way; it stays pending, and the next start takes it up. */
  close(): void {
    for (const stop of this.#running.values()) stop()
    this.#running.clear()
  }

  #onSessions(command: Command): void {
    const found = this.#find(command)
    if (found === undefined)
      return this.#complete(command.id, 'refused', 'The arguments name neither a session nor a subscriber.')
    if (isOverdue(command, this.#options.clock()))
      return this.#complete(command.id, 'expired', 'Its deadline had passed.')
    if (found.length === 0) return this.#complete(command.id, 'done', 'No session is open: there was nothing to do.')
    const ends = new Map<Task, TaskEnd | undefined>()
    for (const session of found) ends.set(this.#task(command, session, ends), undefined)
    const cancelDeadline = this.#deadline(command)
    this.#running.set(command.id, () => {
      cancelDeadline()
      for (const task of ends.keys()) this.#options.dispatch.abandon(task)
    })
    for (const task of ends.keys()) task.start()
  }

  #find({ arguments: given = {} }: Command): readonly Session[] | undefined {
    const { sessions } = this.#options
    const { session, subscriber } = given
    if (typeof session === 'string') {
      const found = sessions.get(session)
      return found === undefined || found.state === 'closed' ? [] : [found]
    }
    return typeof subscriber === 'string' ? sessions.ofSubscriber(subscriber) : undefined
  }

  #task(command: Command, session: Session, ends: Map<Task, TaskEnd | undefined>): Task {
    const { dispatch, desires, journal } = this.#options
    const desire = desires.of(session.subscriber)
    const facts = factsOf(command, session, desire, this.#options.clock())
    const { need, only } = this.#need(command, session, desire)
    const owner: Owner = {
      id: session.subscriber,
      subscriber: desire?.subscriber,
      full: desire === undefined ? { kind: 'full', reason: '', attributes: [] } : desires.full(desire, session),
      ratedAt: desire && desires.ratedAt(desire)
    }
    const place = { session: session.id, nas: session.nas }
    return dispatch.task(
      owner,
      need,
      {
        report: (_task, { state, way, detail }) => journal.witness(facts, state, { ...place, way, detail }),
        ended: (task, end) => {
          if (end.end === 'proven') journal.witness(facts, 'proven', { ...place, proof: end.proof, detail: end.detail })
          ends.set(task, end)
          this.#settle(command, ends)
        }
      },
      only
    )
  }

  #need(command: Command, session: Session, desire: Desire | undefined): { need: Need; only?: readonly Verb[] } {
    const again =
      command.verb === 'reauthorize' && desire !== undefined ? this.#options.desires.again(desire, session) : undefined
    if (again !== undefined) return { need: again }
    return {
      need: { session, step: cut, before: { kind: 'full', attributes: [], uncertain: true } },
      only: ['disconnect']
    }
  }

  #settle(command: Command, ends: ReadonlyMap<Task, TaskEnd | undefined>): void {
    const all = [...ends]
    if (!this.#running.has(command.id) || all.some(([, end]) => end === undefined)) return
    this.#stop(command.id)
    const failures = all.flatMap(([{ session, place }, end]) =>
      end?.end === 'failed' ? [alarmWords({ userName: session?.userName ?? place, place, session }, end)] : []
    )
    if (failures.length > 0) return this.#complete(command.id, 'failed', failures.join(' '))
    const words = all.flatMap(([, end]) => (end !== undefined && end.end !== 'failed' ? [end.detail] : []))
    this.#complete(command.id, 'done', words.join(' '))
  }

  #deadline(command: Command): () => void {
    if (command.deadline === undefined) return () => undefined
    return this.#options.after(Date.parse(command.deadline) - this.#options.clock(), () => {
      this.#stop(command.id)
      this.#complete(command.id, 'expired', 'Its deadline passed before it was proven.')
    })
  }

  #stop(id: string): void {
    this.#running.get(id)?.()
    this.#running.delete(id)
  }

  #complete(id: string, outcome: CommandOutcome, words: string): void {
    this.#options.commands.complete(id, outcome, words).catch((error: unknown) => {
      this.#options.log.error({ err: error, command: id }, 'the outcome of a command could not be recorded')
    })
  }
}

function isOverdue({ deadline }: Command, now: number): boolean {
  return deadline !== undefined && Date.parse(deadline) <= now
}

function factsOf(command: Command, session: Session, desire: Desire | undefined, now: number): OrderFacts {
  return {
    id: command.id,
    subscriber: session.subscriber,
    userName: session.userName,
    want: desire?.kind ?? 'full',
    reason: `command ${command.verb}`,
    orderedBy: `command ${command.id}`,
    requestedAt: now
  }
}
