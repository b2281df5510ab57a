import { ulid } from 'ulid'
import type { Command, Device, Nas, Subscriber, Suspension } from '../../agent/model/index.js'
import type { Account, Invoice, Payment, Plan } from './account.js'
import type { Books } from './books.js'
import { BillingError } from './errors.js'
import type { Micro } from './money.js'
import type { CommandEntry } from './store.js'
import { gaps, type Range } from './stream.js'
import type { Totals } from './totals.js'
import * as transactions from './transactions.js'

const mostPayments = 1000

/** One agent's ledger as billing has it. */
export interface StreamView {
  readonly source: string
  readonly epoch: string
  /** Everything up to this sequence is here. */
  readonly complete: number
  /** What is missing above it, below the highest sequence seen. */
  readonly gaps: readonly Range[]
}

/** The counter: where accounts are opened, paid, changed and looked at. Each call is one transaction of the books. */
export class Counter {
  readonly #books: Books

  constructor(books: Books) {
    this.#books = books
  }

  /** Everything counted so far. */
  totals(): Totals {
    return this.#books.totals
  }

  /** What came of each agent's ledger, and what is missing. */
  streams(): StreamView[] {
    return [...this.#books.all('stream')].map(([name, stream]) => {
      const at = name.lastIndexOf(' ')
      return { source: name.slice(0, at), epoch: name.slice(at + 1), complete: stream.watermark, gaps: gaps(stream) }
    })
  }

  /** @throws BillingError `BILLING_NOT_FOUND` */
  account(id: string): Account {
    return found(this.#books.get('account', id), `no subscriber ${id}`)
  }

  /** Up to `limit` accounts by id, those behind `after`. */
  accounts(after = '', limit = Infinity): Account[] {
    const ids = [...this.#books.all('account').keys()].filter(id => id > after).toSorted()
    return ids.slice(0, limit).map(id => this.account(id))
  }

  plans(): Plan[] {
    return [...this.#books.all('plan').values()]
  }

  invoice(id: string): Promise<Invoice | undefined> {
    return this.#books.invoice(id)
  }

  /** The last payments of a subscriber, at most 1,000, by id. @throws BillingError `BILLING_NOT_FOUND` */
  async payments(subscriber: string): Promise<Payment[]> {
    this.account(subscriber)
    const payments: Payment[] = []
    for await (const [, payment] of this.#books.payments(subscriber)) {
      payments.push(payment)
      if (payments.length > mostPayments) payments.shift()
    }
    return payments
  }

  /** @throws BillingError `BILLING_EXISTS`, `BILLING_NOT_FOUND` (the plan), `BILLING_BAD_DOCUMENT` */
  addSubscriber(document: Subscriber, balance: Micro = 0n): Promise<Account> {
    return this.#books.transact(draft => transactions.addSubscriber(draft, document, balance))
  }

  /** @throws BillingError `BILLING_NOT_FOUND` */
  removeSubscriber(id: string): Promise<void> {
    return this.#books.transact(draft => transactions.removeSubscriber(draft, id))
  }

  /** Pays. The same payment id again changes nothing. @throws BillingError `BILLING_NOT_FOUND`, `BILLING_BAD_AMOUNT` */
  pay(subscriber: string, amount: Micro, id: string = ulid()): Promise<Payment> {
    return this.#books.transact(async draft =>
      transactions.pay(draft, subscriber, amount, id, await this.#books.payment(subscriber, id))
    )
  }

  /** @throws BillingError `BILLING_NOT_FOUND` */
  changePlan(subscriber: string, plan: string): Promise<Account> {
    return this.#books.transact(draft => transactions.changePlan(draft, subscriber, plan))
  }

  /** Suspends by hand, as the plan says unless told how. @throws BillingError `BILLING_NOT_FOUND` */
  suspend(subscriber: string, suspension: Partial<Suspension> = {}): Promise<Account> {
    return this.#books.transact(draft => transactions.suspend(draft, subscriber, suspension))
  }

  /** @throws BillingError `BILLING_NOT_FOUND` */
  restore(subscriber: string): Promise<Account> {
    return this.#books.transact(draft => transactions.restore(draft, subscriber))
  }

  /** @throws BillingError `BILLING_BAD_DOCUMENT` */
  putPlan(plan: Plan): Promise<void> {
    return this.#books.transact(draft => transactions.putPlan(draft, plan))
  }

  /** @throws BillingError `BILLING_BAD_DOCUMENT` */
  putNas(nas: Nas): Promise<void> {
    return this.#books.transact(draft => transactions.putNas(draft, nas))
  }

  /** @throws BillingError `BILLING_BAD_DOCUMENT` */
  putDevice(device: Device): Promise<void> {
    return this.#books.transact(draft => transactions.putDevice(draft, device))
  }

  /** @throws BillingError `BILLING_NOT_FOUND` */
  removeEquipment(kind: 'nas' | 'device', id: string): Promise<void> {
    return this.#books.transact(draft => transactions.removeEquipment(draft, kind, id))
  }

  /** Sends a command to the agent; it gets an id when it has none. The newest 1,000 are remembered. */
  command(order: Omit<Command, 'id'> & { id?: string }): Promise<Command> {
    return this.#books.transact(draft => {
      const [oldest] = this.#books.all('command').keys()
      return transactions.request(draft, order, oldest)
    })
  }

  /** A command and how it ended. @throws BillingError `BILLING_NOT_FOUND` */
  commandEntry(id: string): CommandEntry {
    return found(this.#books.get('command', id), `no command ${id}`)
  }
}

function found<T>(value: T | undefined, otherwise: string): T {
  if (value === undefined) throw new BillingError('BILLING_NOT_FOUND', otherwise)
  return value
}
