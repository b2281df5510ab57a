import type { Profile, Subscriber, Suspension } from '../../agent/model/index.js'
import { charge, type Micro } from './money.js'

/** What a subscriber bought: the profile that the network enforces, its price, and what happens when the money is spent. */
export interface Plan {
  /** Also the id of the profile. */
  readonly id: string
  readonly profile: Profile
  /** Micro-units per 10^9 octets, both directions counted. */
  readonly pricePerGb: Micro
  readonly whenSpent: Suspension['how']
}

/** The last step of an enforcement that the agent reported. */
export interface EnforcementStep {
  readonly state: string
  readonly at: string
  readonly way?: string
  readonly proof?: string
  readonly detail?: string
}

/** A subscriber's account. Immutable: each change is a new object. */
export interface Account {
  readonly document: Subscriber
  readonly balance: Micro
  /** Billionths of a micro-unit that are not charged yet. */
  readonly carry: bigint
  readonly upOctets: bigint
  readonly downOctets: bigint
  /** How many usage events were counted. */
  readonly usageEvents: number
  /** The invoice for which the subscriber is suspended now. */
  readonly arrears?: string
  readonly enforcement?: EnforcementStep
}

/** Asks a subscriber for money; opened when the balance is spent, settled when it is above zero again. */
export interface Invoice {
  readonly id: string
  readonly subscriber: string
  readonly openedAt: string
  readonly settledAt?: string
}

/** Money that came in. */
export interface Payment {
  readonly id: string
  readonly subscriber: string
  readonly amount: Micro
  readonly at: string
  readonly balanceAfter: Micro
}

/** Octets of one usage event, from the subscriber's view. */
export interface Usage {
  readonly up: bigint
  readonly down: bigint
}

/** A fresh account with money on it. */
export function openAccount(document: Subscriber, balance: Micro): Account {
  return { document, balance, carry: 0n, upOctets: 0n, downOctets: 0n, usageEvents: 0 }
}

/** Counts and charges usage. `pricePerGb` is that of the plan under which it was used. */
export function rate(account: Account, usage: Usage, pricePerGb: Micro): Account {
  const { amount, carry } = charge(usage.up + usage.down, pricePerGb, account.carry)
  return {
    ...account,
    balance: account.balance - amount,
    carry,
    upOctets: account.upOctets + usage.up,
    downOctets: account.downOctets + usage.down,
    usageEvents: account.usageEvents + 1
  }
}

/** Whether the money is spent and the network does not know yet. */
export function isOverdue(account: Account): boolean {
  return account.balance <= 0n && account.document.status === 'active'
}

/** Whether a suspension for money has lost its ground. A suspension for another reason stays. */
export function isSettled(account: Account): boolean {
  return account.balance > 0n && account.arrears !== undefined
}

/** The account with its subscriber suspended; `arrears` names the invoice when money is the reason. */
export function suspend(account: Account, suspension: Suspension, arrears?: string): Account {
  const { arrears: _, ...rest } = account
  const document: Subscriber = { ...account.document, status: 'suspended', suspension }
  return arrears === undefined ? { ...rest, document } : { ...rest, document, arrears }
}

/** The account with its subscriber active again. */
export function restore(account: Account): Account {
  const { arrears: _, ...rest } = account
  const { suspension: __, ...document } = account.document
  return { ...rest, document: { ...document, status: 'active' } }
}
