import { ulid } from 'ulid'
import type { Command, Device, Nas, Subscriber, Suspension } from '../../agent/model/index.js'
import { openAccount, suspend as suspended, type Account, type Payment, type Plan } from './account.js'
import { judge, keep, settle } from './decisions.js'
import type { Draft } from './draft.js'
import { BillingError } from './errors.js'
import type { Micro } from './money.js'

/*
 * What somebody at the counter may do. Each function fills a draft; the feed learns what the agent must know.
 */

const mostCommands = 1000
/** Ids become parts of keys and URLs. */
const idShape = /^[A-Za-z0-9._:@-]{1,128}$/

/** The account of a subscriber. @throws BillingError `BILLING_NOT_FOUND` */
export function accountOf(draft: Draft, id: string): Account {
  const account = draft.get('account', id)
  if (account === undefined) throw new BillingError('BILLING_NOT_FOUND', `no subscriber ${id}`)
  return account
}

/** Opens an account. @throws BillingError `BILLING_EXISTS`, `BILLING_NOT_FOUND` (the plan), `BILLING_BAD_DOCUMENT` */
export function addSubscriber(draft: Draft, document: Subscriber, balance: Micro): Account {
  checkId(document.id)
  requirePlan(draft, document.profile)
  if (draft.get('account', document.id) !== undefined)
    throw new BillingError('BILLING_EXISTS', `there is a subscriber ${document.id} already`)
  return keep(draft, judge(draft, openAccount(document, balance)))
}

/** Closes an account for good; its payments stay. @throws BillingError `BILLING_NOT_FOUND` */
export function removeSubscriber(draft: Draft, id: string): void {
  accountOf(draft, id)
  draft.put('account', id, undefined)
  draft.announce({ type: 'subscriber.removed', subject: id, data: { id } })
}

/**
 * Puts money on an account, and restores who was suspended for want of it.
 * @param known  the payment of the same id where there is one already: then nothing happens and it is the answer
 * @throws BillingError `BILLING_NOT_FOUND`, `BILLING_BAD_AMOUNT`
 */
export function pay(draft: Draft, subscriber: string, amount: Micro, id: string, known?: Payment): Payment {
  if (known !== undefined) return known
  checkId(id)
  if (amount <= 0n) throw new BillingError('BILLING_BAD_AMOUNT', 'a payment is above zero')
  const account = accountOf(draft, subscriber)
  const balanceAfter = account.balance + amount
  keep(draft, judge(draft, { ...account, balance: balanceAfter }))
  const payment = { id, subscriber, amount, at: draft.time, balanceAfter }
  draft.put('payment', `${subscriber}!${id}`, payment)
  return payment
}

/** Changes the plan; usage that was made under the old one keeps its price. @throws BillingError `BILLING_NOT_FOUND` */
export function changePlan(draft: Draft, subscriber: string, plan: string): Account {
  requirePlan(draft, plan)
  const account = accountOf(draft, subscriber)
  if (account.document.profile === plan) return account
  return keep(draft, judge(draft, { ...account, document: { ...account.document, profile: plan } }))
}

/** Suspends by hand, as the plan says unless told how: only `restore` ends it, no payment does. @throws BillingError `BILLING_NOT_FOUND` */
export function suspend(draft: Draft, subscriber: string, suspension: Partial<Suspension>): Account {
  const account = accountOf(draft, subscriber)
  const how = draft.get('plan', account.document.profile)?.whenSpent ?? 'reject'
  return keep(draft, suspended(account, { how, noticeAt: draft.time, ...suspension }))
}

/** Ends any suspension. Where the money is spent, the next usage suspends again. @throws BillingError `BILLING_NOT_FOUND` */
export function restore(draft: Draft, subscriber: string): Account {
  const account = accountOf(draft, subscriber)
  return account.document.status === 'active' ? account : keep(draft, settle(draft, account))
}

/** Adds a plan or replaces it; the agent gets its profile. @throws BillingError `BILLING_BAD_DOCUMENT` */
export function putPlan(draft: Draft, plan: Plan): void {
  checkId(plan.id)
  if (plan.profile.id !== plan.id)
    throw new BillingError('BILLING_BAD_DOCUMENT', `the profile of plan ${plan.id} has another id`)
  draft.put('plan', plan.id, plan)
  draft.announce({ type: 'profile.changed', subject: plan.id, data: plan.profile })
}

/** Adds a NAS or replaces it. @throws BillingError `BILLING_BAD_DOCUMENT` */
export function putNas(draft: Draft, nas: Nas): void {
  checkId(nas.id)
  draft.put('nas', nas.id, nas)
  draft.announce({ type: 'nas.changed', subject: nas.id, data: nas })
}

/** Adds a device or replaces it. @throws BillingError `BILLING_BAD_DOCUMENT` */
export function putDevice(draft: Draft, device: Device): void {
  checkId(device.id)
  draft.put('device', device.id, device)
  draft.announce({ type: 'device.changed', subject: device.id, data: device })
}

/** Takes a NAS or device away. @throws BillingError `BILLING_NOT_FOUND` */
export function removeEquipment(draft: Draft, kind: 'nas' | 'device', id: string): void {
  if (draft.get(kind, id) === undefined) throw new BillingError('BILLING_NOT_FOUND', `no ${kind} ${id}`)
  draft.put(kind, id, undefined)
  draft.announce({ type: `${kind}.removed`, subject: id, data: { id } })
}

/**
 * Sends a command to the agent. One with an id that exists is not sent again.
 * @param oldest  the id of the command to forget when there are too many
 */
export function request(draft: Draft, order: Omit<Command, 'id'> & { id?: string }, oldest?: string): Command {
  const command: Command = { ...order, id: order.id ?? ulid(draft.now) }
  checkId(command.id)
  const known = draft.get('command', command.id)
  if (known !== undefined) return known.command
  if (draft.count('command') >= mostCommands && oldest !== undefined) draft.put('command', oldest, undefined)
  draft.put('command', command.id, { command, requestedAt: draft.time })
  draft.announce({ type: 'command.requested', subject: command.id, data: command })
  return command
}

function requirePlan(draft: Draft, id: string): void {
  if (draft.get('plan', id) === undefined) throw new BillingError('BILLING_NOT_FOUND', `no plan ${id}`)
}

function checkId(id: string): void {
  if (!idShape.test(id))
    throw new BillingError('BILLING_BAD_DOCUMENT', 'an id has 1 to 128 letters, digits or . _ : @ -')
}
