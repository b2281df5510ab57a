import { Type, type Static } from '@sinclair/typebox'
import { Command, Profile, Subscriber, Suspension } from '../../../agent/model/index.js'
import type { Account, Payment, Plan } from '../account.js'
import type { Counter } from '../counter.js'
import { amountPattern, formatAmount } from '../money.js'
import type { CommandEntry } from '../store.js'

/*
 * What the paying API says and hears. Amounts and octets are text: neither loses a digit in any client.
 * Credentials of subscribers are never shown.
 */

const Amount = Type.String({ pattern: amountPattern, description: 'decimal, at most six places: "12.50"' })
const Octets = Type.String({ pattern: '^[0-9]+$' })
const How = Suspension.properties.how

export const ErrorView = Type.Object({ code: Type.String(), message: Type.String() }, { additionalProperties: true })

export const SubscriberView = Type.Object({
  id: Type.String(),
  username: Type.String(),
  status: Type.String(),
  plan: Type.String(),
  balance: Type.String(),
  upOctets: Octets,
  downOctets: Octets,
  usageEvents: Type.Integer(),
  invoice: Type.Optional(Type.String({ description: 'for which the subscriber is suspended' })),
  suspension: Type.Optional(Suspension),
  enforcement: Type.Optional(
    Type.Object({
      state: Type.String(),
      at: Type.String(),
      way: Type.Optional(Type.String()),
      proof: Type.Optional(Type.String()),
      detail: Type.Optional(Type.String())
    })
  )
})
export type SubscriberView = Static<typeof SubscriberView>

export const PaymentView = Type.Object({
  id: Type.String(),
  subscriber: Type.String(),
  amount: Type.String(),
  at: Type.String(),
  balanceAfter: Type.String()
})
export type PaymentView = Static<typeof PaymentView>

export const PlanView = Type.Object({ id: Type.String(), profile: Profile, pricePerGb: Amount, whenSpent: How })
export type PlanView = Static<typeof PlanView>

export const NewSubscriber = Type.Object({ document: Subscriber, balance: Type.Optional(Amount) })
export const NewPayment = Type.Object({
  amount: Amount,
  id: Type.Optional(Type.String({ description: 'the same id again is the same payment' }))
})
export const NewPlan = Type.Object({ profile: Profile, pricePerGb: Amount, whenSpent: How })
export const ChangedPlan = Type.Object({ plan: Type.String() })
export const NewSuspension = Type.Partial(Suspension)
export const NewCommand = Type.Composite([
  Type.Omit(Command, ['id']),
  Type.Object({ id: Type.Optional(Command.properties.id) })
])

export const CommandView = Type.Object({
  command: Command,
  requestedAt: Type.String(),
  outcome: Type.Optional(Type.String()),
  words: Type.Optional(Type.String())
})

export const UsageView = Type.Object({
  events: Type.Integer({ description: 'counted, each once' }),
  duplicates: Type.Integer(),
  rejected: Type.Integer(),
  byType: Type.Record(Type.String(), Type.Integer()),
  upOctets: Octets,
  downOctets: Octets,
  unknownOctets: Octets,
  streams: Type.Array(
    Type.Object({
      source: Type.String(),
      epoch: Type.String(),
      complete: Type.Integer({ description: 'everything up to this sequence is here' }),
      gaps: Type.Array(Type.Object({ from: Type.Integer(), to: Type.Integer() }))
    })
  ),
  subscribers: Type.Record(Type.String(), Type.Object({ upOctets: Octets, downOctets: Octets }))
})
export type UsageView = Static<typeof UsageView>

/** An account without the subscriber's credentials. */
export function viewAccount(account: Account): SubscriberView {
  const { document, balance, upOctets, downOctets, usageEvents, arrears, enforcement } = account
  return {
    id: document.id,
    username: document.username,
    status: document.status,
    plan: document.profile,
    balance: formatAmount(balance),
    upOctets: upOctets.toString(),
    downOctets: downOctets.toString(),
    usageEvents,
    ...(arrears === undefined ? {} : { invoice: arrears }),
    ...(document.suspension === undefined ? {} : { suspension: document.suspension }),
    ...(enforcement === undefined ? {} : { enforcement })
  }
}

export function viewPayment(payment: Payment): PaymentView {
  return { ...payment, amount: formatAmount(payment.amount), balanceAfter: formatAmount(payment.balanceAfter) }
}

export function viewPlan(plan: Plan): PlanView {
  return { ...plan, pricePerGb: formatAmount(plan.pricePerGb) }
}

export function viewCommand(entry: CommandEntry): Static<typeof CommandView> {
  return entry
}

/** The totals with each agent's gaps and each subscriber's octets. */
export function viewUsage(counter: Counter): UsageView {
  const { events, duplicates, rejected, byType, upOctets, downOctets, unknownOctets } = counter.totals()
  const octets = (up: bigint, down: bigint) => ({ upOctets: up.toString(), downOctets: down.toString() })
  return {
    events,
    duplicates,
    rejected,
    byType: { ...byType },
    ...octets(upOctets, downOctets),
    unknownOctets: unknownOctets.toString(),
    streams: counter.streams().map(stream => ({ ...stream, gaps: [...stream.gaps] })),
    subscribers: Object.fromEntries(
      counter.accounts().map(({ document, upOctets: up, downOctets: down }) => [document.id, octets(up, down)])
    )
  }
}
