import { Level } from 'level'
import type { Command, Device, Nas } from '../../agent/model/index.js'
import type { Account, Invoice, Payment, Plan } from './account.js'
import { BillingError } from './errors.js'
import type { FeedEntry } from './feed.js'
import type { Stream } from './stream.js'
import type { Totals } from './totals.js'

/*
 * LevelDB keys are `table!key`; values are JSON, where a BigInt is its decimal digits as text (`bigints` below).
 * Every transaction is one synced batch, and every value is absolute: writing it again after a failure changes nothing.
 */

/** A command that was sent to the agent, and how it ended. */
export interface CommandEntry {
  readonly command: Command
  readonly requestedAt: string
  readonly outcome?: string
  readonly words?: string
}

/** Everything that billing keeps, by table. */
export interface State {
  account: Account
  plan: Plan
  nas: Nas
  device: Device
  /** By `source epoch`. */
  stream: Stream
  invoice: Invoice
  /** By `subscriber!payment`. */
  payment: Payment
  command: CommandEntry
  /** By feed sequence, 16 digits. */
  feed: FeedEntry
  /** One entry, `totals`. */
  meta: Totals
}
export type Table = keyof State

/** One change; `value` undefined removes the key. */
export interface Change<T extends Table = Table> {
  readonly table: T
  readonly key: string
  readonly value: State[T] | undefined
}

/** The fields that are BigInt. */
const bigints: Readonly<Record<Table, readonly string[]>> = {
  account: ['balance', 'carry', 'upOctets', 'downOctets'],
  plan: ['pricePerGb'],
  nas: [],
  device: [],
  stream: [],
  invoice: [],
  payment: ['amount', 'balanceAfter'],
  command: [],
  feed: [],
  meta: ['upOctets', 'downOctets', 'unknownOctets']
}

const END = '\uffff'

/** The tables on disk. */
export class Store {
  readonly #directory: string
  #level: Level
  #broken = false

  private constructor(directory: string, level: Level) {
    this.#directory = directory
    this.#level = level
  }

  /** @throws BillingError `BILLING_STORAGE` when the directory cannot be opened, for instance because another process has it */
  static async open(directory: string): Promise<Store> {
    return new Store(directory, await openLevel(directory))
  }

  /** True after a write failed: LevelDB refuses every later one until the directory is opened anew. */
  get broken(): boolean {
    return this.#broken
  }

  /** All entries of a table whose key begins with `prefix`, by key. @throws BillingError `BILLING_STORAGE` */
  async *entries<T extends Table>(table: T, prefix = ''): AsyncIterable<readonly [string, State[T]]> {
    const range = { gte: `${table}!${prefix}`, lt: `${table}!${prefix}${END}` }
    try {
      for await (const [key, value] of this.#level.iterator(range))
        yield [key.slice(table.length + 1), decode(table, value)]
    } catch (error) {
      throw new BillingError('BILLING_STORAGE', 'the state could not be read', error)
    }
  }

  /** @throws BillingError `BILLING_STORAGE` */
  async get<T extends Table>(table: T, key: string): Promise<State[T] | undefined> {
    const value = await this.#level.get(`${table}!${key}`).catch((error: unknown) => {
      throw new BillingError('BILLING_STORAGE', 'the state could not be read', error)
    })
    return value === undefined ? undefined : decode(table, value)
  }

  /**
   * All changes or none, synced before it resolves. Once it has failed, nobody knows how much has reached the disk:
   * `reopen`, then read everything again.
   * @throws BillingError `BILLING_STORAGE`
   */
  async write(changes: readonly Change[]): Promise<void> {
    try {
      await this.#level.batch(changes.map(operation), { sync: true })
    } catch (error) {
      this.#broken = true
      throw new BillingError('BILLING_STORAGE', 'the change could not be written', error)
    }
  }

  /** Opens the directory anew after a failure. @throws BillingError `BILLING_STORAGE` while it cannot be */
  async reopen(): Promise<void> {
    await this.#level.close().catch(() => undefined)
    this.#level = await openLevel(this.#directory)
    this.#broken = false
  }

  close(): Promise<void> {
    return this.#level.close()
  }
}

async function openLevel(directory: string): Promise<Level> {
  const level = new Level(directory)
  try {
    await level.open()
  } catch (error) {
    throw new BillingError(
      'BILLING_STORAGE',
      `${directory} cannot be opened: is the disk full, or another billing running on it?`,
      error
    )
  }
  return level
}

function operation({ table, key, value }: Change) {
  const place = `${table}!${key}`
  return value === undefined
    ? ({ type: 'del', key: place } as const)
    : ({ type: 'put', key: place, value: encode(value) } as const)
}

function encode(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))
}

function decode<T extends Table>(table: T, text: string): State[T] {
  const value = JSON.parse(text) as Record<string, unknown>
  for (const field of bigints[table]) value[field] = BigInt(value[field] as string)
  return value as unknown as State[T]
}
