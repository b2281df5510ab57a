import type { Logger } from 'pino'
import { monotonicFactory } from 'ulid'
import type { Clock, Session } from '../model/index.js'
import { type Alarms, alarmWords } from './alarms.js'
import { cut } from './commands.js'
import type { Desires } from './desires.js'
import type { Dispatch } from './dispatch.js'
import type { Journal, OrderFacts } from './journal.js'
import type { Task, TaskEnd } from './task.js'

/** What ending sessions for others needs. */
export interface ReplacementsOptions {
  readonly dispatch: Dispatch
  readonly desires: Desires
  readonly journal: Journal
  readonly alarms: Alarms
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Ends the sessions that a newer one replaces (`onExcess: replace`), by Disconnect and with proof. A session is ended
 * once, however often its successor asks; one that cannot be ended is an alarm until it is gone.
 */
export class Replacements {
  readonly #options: ReplacementsOptions
  readonly #running = new Map<string, Task>()
  readonly #nextId = monotonicFactory()

  constructor(options: ReplacementsOptions) {
    this.#options = options
  }

  begin(sessions: readonly Session[]): void {
    for (const session of sessions) if (!this.#running.has(session.id)) this.#end(session)
  }

  /** Nothing more is sent. */
  close(): void {
    for (const task of this.#running.values()) this.#options.dispatch.abandon(task)
    this.#running.clear()
  }

  #end(session: Session): void {
    const { dispatch, desires, journal, clock } = this.#options
    const at = clock()
    const facts = factsOf(session, this.#nextId(at), at)
    const desire = desires.of(session.subscriber)
    const place = { session: session.id, nas: session.nas }
    const task = dispatch.task(
      {
        id: session.subscriber,
        subscriber: desire?.subscriber,
        full: desire === undefined ? cut.how : desires.full(desire, session)
      },
      { session, step: cut, before: { kind: 'full', attributes: [], uncertain: true } },
      {
        report: (_task, { state, way, detail }) => journal.note(facts, state, { ...place, way, detail }),
        ended: (_task, end) => this.#ended(session, facts, end)
      },
      ['disconnect']
    )
    this.#running.set(session.id, task)
    journal.note(facts, 'requested', { ...place, detail: facts.reason })
    task.start()
  }

  #ended(session: Session, facts: OrderFacts, end: TaskEnd): void {
    const { journal, alarms, log } = this.#options
    const key = `replaced:${session.id}`
    const place = { session: session.id, nas: session.nas }
    if (end.end === 'failed') {
      const words = alarmWords({ userName: session.userName, place: session.nas, session }, end)
      // Its successor may ask again: then it is tried again.
      this.#running.delete(session.id)
      if (alarms.raise(key, words)) journal.note(facts, 'failed', { ...place, detail: words })
      return log.warn({ subscriber: session.subscriber, session: session.id }, words)
    }
    this.#running.delete(session.id)
    alarms.clear(key)
    const { detail } = end
    if (end.end === 'proven') journal.note(facts, 'proven', { ...place, proof: end.proof, detail })
    else journal.note(facts, 'acknowledged', { ...place, detail })
  }
}

function factsOf({ subscriber, userName }: Session, id: string, requestedAt: number): OrderFacts {
  const reason = 'replaced: the subscription is in use as often as it may be, and a newer login takes its place'
  return { id, subscriber, userName, want: 'blocked', reason, orderedBy: 'policy', requestedAt }
}
