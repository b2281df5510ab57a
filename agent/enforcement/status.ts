import type { TreatmentKind } from '../model/index.js'
import type { Alarm } from './alarms.js'
import type { Brake } from './brakes.js'
import type { Order } from './order.js'
import type { QueueStatus } from './queue.js'

/** One unfinished decision. */
export interface OrderStatus {
  readonly enforcement: string
  readonly subscriber: string
  readonly userName: string
  readonly want: TreatmentKind
  readonly state: Order['state']
  readonly reason: string
  readonly requestedAt: number
  readonly sessions: number
}

/** What enforcement is doing, for the API. Lists are cut at 200; the counts are whole. */
export interface EnforcementStatus {
  readonly open: number
  readonly held: number
  readonly failed: number
  readonly orders: readonly OrderStatus[]
  readonly queues: readonly QueueStatus[]
  readonly alarms: readonly Alarm[]
  readonly brake: { readonly used: number; readonly limit: number }
  /** The last entry of the evidence log; its hash vouches for all before it. */
  readonly evidence: { readonly sequence: number; readonly hash: string } | undefined
}

const SHOWN = 200

/** Puts the status together. */
export function statusOf(of: {
  readonly orders: Iterable<Order>
  readonly queues: readonly QueueStatus[]
  readonly alarms: readonly Alarm[]
  readonly brake: Brake | undefined
  readonly subscribers: number
  readonly evidence: EnforcementStatus['evidence']
}): EnforcementStatus {
  const counts = { open: 0, held: 0, failed: 0 }
  const orders: OrderStatus[] = []
  for (const order of of.orders) {
    counts[order.state]++
    if (orders.length < SHOWN) orders.push(orderStatus(order))
  }
  return {
    ...counts,
    orders,
    queues: of.queues.slice(0, SHOWN),
    alarms: of.alarms.slice(0, SHOWN),
    brake: { used: of.brake?.used ?? 0, limit: of.brake?.limit(of.subscribers) ?? 0 },
    evidence: of.evidence
  }
}

function orderStatus({ facts, state, tasks }: Order): OrderStatus {
  const { id, subscriber, userName, want, reason, requestedAt } = facts
  return { enforcement: id, subscriber, userName, want, state, reason, requestedAt, sessions: tasks.size }
}
