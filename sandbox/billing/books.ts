import { EventEmitter } from 'node:events'
import { ulid } from 'ulid'
import type { BatchAnswer, CloudEvent, FeedMessage, SnapshotLine } from '../../agent/model/edge-api.js'
import type { Clock } from '../../agent/model/index.js'
import type { Account, Invoice, Payment } from './account.js'
import { applyChanges, Draft, newTables, type Resident, type Tables } from './draft.js'
import { BillingError } from './errors.js'
import { Feed, feedKey, type FeedEntry } from './feed.js'
import { takeEvents } from './intake.js'
import { Store, type Change, type State } from './store.js'
import { newTotals, type Totals } from './totals.js'

/*
 * The books: every change is one transaction, stored and synced as a whole before anybody learns of it. Transactions run
 * one after the other; a failed one changes nothing.
 */

/** What happens in the books; each fires once the change is stored. */
export interface BooksEvents {
  /** An event of an agent that counted; duplicates do not fire. */
  event: [event: CloudEvent]
  suspended: [account: Account]
  restored: [account: Account]
}

/** How the books are kept. */
export interface BooksOptions {
  /** LevelDB lives here; made when absent. */
  readonly directory: string
  readonly clock: Clock
  /** How many messages of the feed are kept; older cursors get 410. */
  readonly feedLength: number
}

const mostWaiting = 256
const source = '/billing/sandbox'
const resident: readonly Resident[] = ['account', 'plan', 'nas', 'device', 'stream', 'command', 'meta']

/** The state of billing and its transactions. */
export class Books extends EventEmitter<BooksEvents> {
  readonly #store: Store
  readonly #clock: Clock
  readonly #feedLength: number
  #tables: Tables = newTables()
  #feed = new Feed('', [], 1)
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #closed = false

  private constructor(store: Store, options: BooksOptions) {
    super()
    this.#store = store
    this.#clock = options.clock
    this.#feedLength = options.feedLength
  }

  /** @throws BillingError `BILLING_STORAGE` when the directory cannot be opened */
  static async open(options: BooksOptions): Promise<Books> {
    const books = new Books(await Store.open(options.directory), options)
    await books.#load()
    return books
  }

  get feed(): Feed {
    return this.#feed
  }

  get totals(): Totals {
    return this.#tables.meta.get('totals') ?? newTotals(this.#feed.epoch)
  }

  get<T extends Resident>(table: T, key: string): State[T] | undefined {
    const rows: Map<string, State[T]> = this.#tables[table]
    return rows.get(key)
  }

  /** All entries of a table as they are now. */
  all<T extends Resident>(table: T): ReadonlyMap<string, State[T]> {
    return this.#tables[table]
  }

  payments(subscriber: string): AsyncIterable<readonly [string, Payment]> {
    return this.#store.entries('payment', `${subscriber}!`)
  }

  invoice(id: string): Promise<Invoice | undefined> {
    return this.#store.get('invoice', id)
  }

  payment(subscriber: string, id: string): Promise<Payment | undefined> {
    return this.#store.get('payment', `${subscriber}!${id}`)
  }

  /** Counts a batch of events, each once. @throws BillingError as `transact` */
  async take(batch: readonly unknown[]): Promise<BatchAnswer> {
    const { answer, counted } = await this.transact(draft => takeEvents(draft, batch))
    for (const event of counted) this.emit('event', event)
    return answer
  }

  /** All documents at this moment, and the cursor from which the feed goes on. */
  snapshot(): { documents: SnapshotLine[]; cursor: string; sequence: number } {
    const { account, plan, nas, device } = this.#tables
    const documents: SnapshotLine[] = [
      ...[...plan.values()].map(({ profile }) => ({ kind: 'profile' as const, document: profile })),
      ...[...nas.values()].map(document => ({ kind: 'nas' as const, document })),
      ...[...device.values()].map(document => ({ kind: 'device' as const, document })),
      ...[...account.values()].map(({ document }) => ({ kind: 'subscriber' as const, document }))
    ]
    return { documents, cursor: this.#feed.cursor, sequence: this.#feed.head }
  }

  /**
   * Runs one transaction: `change` fills the draft (reading from disk where it must), then everything is stored at once.
   * What `change` throws drops the draft.
   * @throws BillingError `BILLING_BUSY`, `BILLING_CLOSED`, `BILLING_STORAGE`
   */
  async transact<R>(change: (draft: Draft) => R | Promise<R>): Promise<R> {
    if (this.#closed) throw new BillingError('BILLING_CLOSED', 'the billing is closed')
    if (this.#waiting >= mostWaiting) throw new BillingError('BILLING_BUSY', `${mostWaiting} changes are waiting`)
    this.#waiting++
    const turn = this.#last.then(() => this.#run(change))
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  /** Ends after the transactions that wait. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last
    await this.#store.close()
  }

  async #run<R>(change: (draft: Draft) => R | Promise<R>): Promise<R> {
    if (this.#store.broken) await this.#recover()
    const draft = new Draft(this.#tables, this.#clock())
    const result = await change(draft)
    const entries = this.#entriesOf(draft)
    const changes = [...draft.changes, ...this.#feedChanges(entries)]
    if (changes.length === 0) return result
    await this.#store.write(changes)
    const before = new Map(draft.changes.map(({ key }) => [key, this.#tables.account.get(key)]))
    applyChanges(this.#tables, draft.changes)
    this.#feed.append(entries)
    this.#tell(draft.changes, before)
    return result
  }

  #entriesOf(draft: Draft): FeedEntry[] {
    return draft.announcements.map((announcement, index) => {
      const sequence = this.#feed.head + 1 + index
      const message: FeedMessage = {
        specversion: '1.0',
        source,
        id: this.#feed.cursorOf(sequence),
        sequence: feedKey(sequence),
        time: draft.time,
        datacontenttype: 'application/json',
        ...announcement
      }
      return { sequence, message }
    })
  }

  #feedChanges(entries: readonly FeedEntry[]): Change[] {
    return [
      ...this.#feed.expiring(entries.length).map(sequence => feedChange(sequence, undefined)),
      ...entries.slice(-this.#feedLength).map(entry => feedChange(entry.sequence, entry))
    ]
  }

  #tell(changes: readonly Change[], before: ReadonlyMap<string, Account | undefined>): void {
    for (const { table, key } of changes) {
      const account = table === 'account' ? this.#tables.account.get(key) : undefined
      const was = before.get(key)?.document.status
      if (account === undefined || account.document.status === was) continue
      if (account.document.status === 'suspended') this.emit('suspended', account)
      else if (was === 'suspended') this.emit('restored', account)
    }
  }

  /** After a failed write the disk decides what has happened. */
  async #recover(): Promise<void> {
    await this.#store.reopen()
    await this.#load()
  }

  async #load(): Promise<void> {
    const tables = newTables()
    for (const table of resident) {
      const rows = tables[table] as Map<string, unknown>
      for await (const [key, value] of this.#store.entries(table)) rows.set(key, value)
    }
    const totals = tables.meta.get('totals') ?? newTotals(ulid(this.#clock()))
    if (tables.meta.size === 0) await this.#store.write([{ table: 'meta', key: 'totals', value: totals }])
    tables.meta.set('totals', totals)
    const entries: FeedEntry[] = []
    for await (const [, entry] of this.#store.entries('feed')) entries.push(entry)
    this.#tables = tables
    this.#feed.wake()
    this.#feed = new Feed(totals.feedEpoch, entries.slice(-this.#feedLength), this.#feedLength)
  }
}

function feedChange(sequence: number, value: FeedEntry | undefined): Change<'feed'> {
  return { table: 'feed', key: feedKey(sequence), value }
}
