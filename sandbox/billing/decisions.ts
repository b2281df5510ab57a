import type { Subscriber, Suspension } from '../../agent/model/index.js'
import { isOverdue, isSettled, restore, suspend, type Account } from './account.js'
import type { Draft } from './draft.js'
import { newTotals, type Totals } from './totals.js'

/*
 * Billing's decisions about a subscriber: each changes the account and says so on the feed, in one transaction.
 */

/** The totals of a draft; there is always one entry. */
export function totalsOf(draft: Draft): Totals {
  return draft.get('meta', 'totals') ?? newTotals('')
}

/** Keeps the account and tells the agent when the subscriber's document changed. */
export function keep(draft: Draft, account: Account): Account {
  const { id } = account.document
  const before = draft.get('account', id)?.document
  draft.put('account', id, account)
  if (before !== account.document) announceSubscriber(draft, account.document)
  return account
}

/** Suspends when the money of a priced plan is spent, restores when an arrear is settled; else leaves the account as it is. */
export function judge(draft: Draft, account: Account): Account {
  const plan = draft.get('plan', account.document.profile)
  if (isSettled(account)) return settle(draft, account)
  if (plan === undefined || plan.pricePerGb === 0n || !isOverdue(account)) return account
  const invoice = openInvoice(draft, account.document.id)
  const suspension: Suspension = {
    how: plan.whenSpent,
    reason: 'the prepaid balance is spent',
    reference: invoice,
    noticeAt: draft.time
  }
  return suspend(account, suspension, invoice)
}

/** Makes the subscriber active; an open invoice for money counts as settled. */
export function settle(draft: Draft, account: Account): Account {
  const { arrears, document } = account
  if (arrears !== undefined) {
    const invoice = { id: arrears, subscriber: document.id, openedAt: document.suspension?.noticeAt ?? draft.time }
    draft.put('invoice', arrears, { ...invoice, settledAt: draft.time })
  }
  return restore(account)
}

/** Puts a whole subscriber document on the feed. */
export function announceSubscriber(draft: Draft, document: Subscriber): void {
  draft.announce({ type: 'subscriber.changed', subject: document.id, data: document })
}

function openInvoice(draft: Draft, subscriber: string): string {
  const totals = totalsOf(draft)
  const number = totals.invoices + 1
  const id = `INV-${number.toString().padStart(6, '0')}`
  draft.put('meta', 'totals', { ...totals, invoices: number })
  draft.put('invoice', id, { id, subscriber, openedAt: draft.time })
  return id
}
