import type { AttributeValue, Session, TreatmentKind } from '../model/index.js'
import type { OrderFacts } from './journal.js'
import { keyOfNeed, type Need } from './plan.js'
import type { Task, TaskEnd } from './task.js'

/** What a session is to have. */
export interface Target {
  readonly kind: TreatmentKind
  readonly whole: readonly AttributeValue[]
}

/** What all of an order's tasks together came to. */
export type OrderEnd = { readonly end: 'proven' | 'standing' | 'failed'; readonly task: Task; readonly last: TaskEnd }

/** One decision about one subscriber, on its way: a task for each session that does not have it yet. */
export class Order {
  readonly facts: OrderFacts
  /** By `keyOfNeed`. */
  readonly tasks = new Map<string, Task>()
  state: 'open' | 'held' | 'failed' = 'open'
  /** Why it is held: the hour's cap, which waits for a person, or what `mayBlock` said. */
  heldBy: 'cap' | 'hook' | undefined

  constructor(facts: OrderFacts) {
    this.facts = facts
  }

  /**
   * Whether its tasks are to bring about what is wanted now. Sessions that it does not know yet may join it.
   * @param needs  what is not as it should be now
   */
  covers(target: (session: Session) => Target, needs: readonly Need[]): boolean {
    for (const task of this.tasks.values()) {
      const { session, step } = task
      if (task.need.rate !== undefined && !isRateOf(task, needs)) return false
      if (session === undefined) continue
      if (content(target(session)) !== content({ kind: step.how.kind, whole: step.whole })) return false
    }
    return true
  }

  /** What it came to, once every task has ended; the worst of them counts. */
  get end(): OrderEnd | undefined {
    let worst: OrderEnd | undefined
    for (const task of this.tasks.values()) {
      if (task.end === undefined) return undefined
      if (worst === undefined || rank[task.end.end] >= rank[worst.end])
        worst = { end: task.end.end, task, last: task.end }
    }
    return worst
  }

  /** Whether it has to do with a NAS or a device. */
  concerns(place: string): boolean {
    for (const task of this.tasks.values()) if (task.concerns(place)) return true
    return false
  }
}

/** Whether the rate that a task brings is the one that is wanted; one that is there is wanted no more. */
function isRateOf({ need, key, end }: Task, needs: readonly Need[]): boolean {
  const fresh = needs.find(other => keyOfNeed(other) === key)
  if (fresh === undefined) return end?.end === 'proven'
  return fresh.rate?.up === need.rate?.up && fresh.rate?.down === need.rate?.down
}

const rank = { proven: 0, standing: 1, failed: 2 } as const

function content({ kind, whole }: Target): string {
  return JSON.stringify([kind, whole])
}
