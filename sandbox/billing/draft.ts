import type { FeedMessage, FeedType } from '../../agent/model/edge-api.js'
import type { Milliseconds } from '../../agent/model/index.js'
import type { Change, State, Table } from './store.js'

/** The tables that live in memory as a whole; the others are read from disk when asked for. */
export type Resident = Extract<Table, 'account' | 'plan' | 'nas' | 'device' | 'stream' | 'command' | 'meta'>
export type Tables = { readonly [T in Resident]: Map<string, State[T]> }

/** What the feed will say once the transaction is stored. */
export type Announcement = {
  [T in FeedType]: {
    readonly type: T
    readonly subject: string
    readonly data: Extract<FeedMessage, { type: T }>['data']
  }
}[FeedType]

/** Empty tables. */
export function newTables(): Tables {
  return {
    account: new Map(),
    plan: new Map(),
    nas: new Map(),
    device: new Map(),
    stream: new Map(),
    command: new Map(),
    meta: new Map()
  }
}

/**
 * A transaction in the making: reads see its own changes, nobody else does. It becomes real when its changes have been
 * stored and applied; when it is dropped, nothing has happened.
 */
export class Draft {
  readonly now: Milliseconds
  readonly announcements: Announcement[] = []
  readonly #tables: Tables
  readonly #changes = new Map<string, Change>()

  constructor(tables: Tables, now: Milliseconds) {
    this.#tables = tables
    this.now = now
  }

  /** ISO 8601, UTC. */
  get time(): string {
    return new Date(this.now).toISOString()
  }

  get changes(): Change[] {
    return [...this.#changes.values()]
  }

  get<T extends Resident>(table: T, key: string): State[T] | undefined {
    const change = this.#changes.get(`${table}!${key}`)
    if (change !== undefined) return change.value as State[T] | undefined
    const rows: Map<string, State[T]> = this.#tables[table]
    return rows.get(key)
  }

  /** How many entries a table would have, removals not deducted. */
  count(table: Resident): number {
    const added = this.changes.filter(change => change.table === table && !this.#tables[table].has(change.key))
    return this.#tables[table].size + added.length
  }

  put<T extends Table>(table: T, key: string, value: State[T] | undefined): void {
    this.#changes.set(`${table}!${key}`, { table, key, value })
  }

  announce(announcement: Announcement): void {
    this.announcements.push(announcement)
  }
}

/** Brings stored changes into the tables in memory. */
export function applyChanges(tables: Tables, changes: readonly Change[]): void {
  for (const { table, key, value } of changes) {
    if (!(table in tables)) continue
    const rows = tables[table as Resident] as Map<string, unknown>
    if (value === undefined) rows.delete(key)
    else rows.set(key, value)
  }
}
