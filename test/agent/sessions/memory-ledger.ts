import type { Block, Ledger, LedgerRecord, Receipt, TableChange } from '../../../agent/ledger/contract.js'
import { decodeUsage, RecordKind, type Entry, type UsageRecord } from '../../../agent/model/index.js'

interface Group {
  readonly records: LedgerRecord[]
  readonly changes: TableChange[]
  readonly durable: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A ledger in memory whose syncs the test holds back or fails. One block a turn of the event loop otherwise. */
export class MemoryLedger implements Ledger {
  readonly epoch = 'test'
  readonly floor = 1
  readonly blocks: Block[] = []
  readonly tables = new Map<string, Map<string, Buffer>>()
  next = 1
  durableHead = 0
  /** While true nothing is synced until `flush`. */
  held = false
  /** Append refuses at once. */
  full = false
  /** How many of the next syncs fail. */
  failures = 0
  #open: Group | undefined
  #sealed: Group[] = []

  append(entries: readonly Entry[]): Receipt {
    if (this.full) throw new Error('LEDGER_FULL')
    const group = this.#group()
    const first = this.next
    for (const { kind, time, payload } of entries) {
      group.records.push({ kind, time, payload: Buffer.from(payload), sequence: this.next++ })
    }
    return { first, durable: group.durable }
  }

  settled(): Promise<void> {
    return this.#open?.durable ?? Promise.resolve()
  }

  write(changes: readonly TableChange[]): Promise<void> {
    const group = this.#group()
    group.changes.push(...changes)
    return group.durable
  }

  /** What waits becomes a block of its own; what comes goes into the next. */
  seal(): void {
    if (this.#open !== undefined) this.#sealed.push(this.#open)
    this.#open = undefined
  }

  /** Syncs what waits, or fails it: the first block and all behind it. */
  flush(): void {
    this.seal()
    const groups = this.#sealed.splice(0)
    if (this.failures === 0 || groups.length === 0) {
      for (const group of groups) this.#store(group)
      return
    }
    this.failures--
    this.next = this.durableHead + 1
    for (const group of groups) group.reject(new Error('the disk is gone'))
  }

  #store(group: Group): void {
    const first = group.records[0]?.sequence
    const last = group.records.at(-1)?.sequence
    if (first !== undefined && last !== undefined) {
      this.blocks.push({ epoch: this.epoch, first, last, records: group.records })
      this.durableHead = last
    }
    for (const { table, key, value } of group.changes) {
      const entries = this.tables.get(table) ?? new Map<string, Buffer>()
      this.tables.set(table, entries)
      if (value === undefined) entries.delete(key)
      else entries.set(key, Buffer.from(value))
    }
    group.resolve()
  }

  /** Everything that is not synced is gone, as after a power cut. The same object goes on as the reopened ledger. */
  crash(): void {
    this.#open = undefined
    this.#sealed = []
    this.next = this.durableHead + 1
  }

  async *read(from: number): AsyncGenerator<Block> {
    for (const block of this.blocks) {
      const records = block.records.filter(record => record.sequence >= from)
      if (records.length > 0) yield { ...block, records }
    }
  }

  async *entries(table: string): AsyncGenerator<readonly [string, Buffer]> {
    for (const entry of this.tables.get(table) ?? []) yield entry
  }

  get(table: string, key: string): Promise<Buffer | undefined> {
    return Promise.resolve(this.tables.get(table)?.get(key))
  }

  state() {
    return { status: 'ok', words: '' } as const
  }

  reached = () => this.settled()
  cursor = () => 0
  advance = () => this.settled()
  close = () => this.settled()

  /** The session records that are durable. */
  usage(): { kind: RecordKind; usage: UsageRecord }[] {
    return this.blocks.flatMap(({ records }) =>
      records.map(({ kind, payload }) => ({ kind, usage: decodeUsage(payload) }))
    )
  }

  #group(): Group {
    if (this.#open !== undefined) return this.#open
    let resolve = () => {}
    let reject: (error: Error) => void = () => {}
    const durable = new Promise<void>((yes, no) => {
      resolve = yes
      reject = no
    })
    durable.catch(() => {})
    this.#open = { records: [], changes: [], durable, resolve, reject }
    if (!this.held) {
      const group = this.#open
      setImmediate(() => {
        if (this.#open === group && !this.held) this.flush()
      })
    }
    return this.#open
  }
}

/** What billing adds up: the octets of the usage records, by session. */
export function bills(ledger: MemoryLedger): Map<string, { up: bigint; down: bigint }> {
  const sums = new Map<string, { up: bigint; down: bigint }>()
  for (const { kind, usage } of ledger.usage()) {
    const sum = sums.get(usage.session) ?? { up: 0n, down: 0n }
    sums.set(usage.session, sum)
    if (kind !== RecordKind.usage) continue
    sum.up += usage.upOctets
    sum.down += usage.downOctets
  }
  return sums
}

/** The octets of all usage records. */
export function billed(ledger: MemoryLedger): { up: bigint; down: bigint } {
  const sum = { up: 0n, down: 0n }
  for (const { up, down } of bills(ledger).values()) {
    sum.up += up
    sum.down += down
  }
  return sum
}
