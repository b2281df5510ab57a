import type {
  Block,
  Ledger,
  LedgerRecord,
  LedgerState,
  Lost,
  ReadOptions,
  Receipt,
  TableChange
} from '../../../agent/ledger/contract.js'
import type { Entry } from '../../../agent/model/index.js'

/** A ledger in memory that outlives its users, so that a restart can be played; it fails on demand. */
export class MemoryLedger implements Ledger {
  epoch = '01J0TESTEPOCH0000000000000'
  floor = 1
  readonly records: LedgerRecord[] = []
  readonly tables = new Map<string, Map<string, Buffer>>()
  readonly cursors = new Map<string, number>()
  readonly lost: Lost[] = []
  /** Blocks as read hold this many records. */
  blockSize = 100
  /** Thrown by writes, appends and advances while set. */
  failing: Error | undefined
  /** Called before each write, append and advance: throws to play a power cut there. */
  before: (step: 'write' | 'append' | 'advance') => void = () => {}
  writes = 0
  reads = 0
  #waiting: { sequence: number; wake: () => void }[] = []

  get next(): number {
    return this.records.length + 1
  }

  get durableHead(): number {
    return this.records.length
  }

  state(): LedgerState {
    return { status: 'ok', words: '' }
  }

  append(entries: readonly Entry[]): Receipt {
    if (this.failing !== undefined) throw this.failing
    this.before('append')
    const first = this.next
    for (const entry of entries) this.records.push({ ...entry, sequence: this.next })
    const ready = this.#waiting.filter(({ sequence }) => sequence <= this.durableHead)
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > this.durableHead)
    for (const { wake } of ready) wake()
    return { first, durable: Promise.resolve() }
  }

  settled(): Promise<void> {
    return Promise.resolve()
  }

  async *read(from: number, options: ReadOptions = {}): AsyncGenerator<Block | { readonly lost: Lost }> {
    let at = Math.max(from, this.floor)
    const end = Math.min(this.durableHead, (options.to ?? Infinity) - 1)
    while (at <= end) {
      await Promise.resolve()
      if (options.signal?.aborted === true) return
      this.reads++
      const gap = this.lost.find(({ from, to }) => from <= at && at <= to)
      if (gap !== undefined) {
        const lost = { ...gap, from: at, to: Math.min(gap.to, end) }
        yield { lost }
        at = lost.to + 1
        continue
      }
      const until = Math.min(at + this.blockSize - 1, end, ...this.lost.filter(l => l.from > at).map(l => l.from - 1))
      yield { epoch: this.epoch, first: at, last: until, records: this.records.slice(at - 1, until) }
      at = until + 1
    }
  }

  reached(sequence: number, signal?: AbortSignal): Promise<void> {
    if (this.durableHead >= sequence || signal?.aborted === true) return Promise.resolve()
    return new Promise(resolve => {
      const waiter = { sequence, wake: resolve }
      this.#waiting.push(waiter)
      signal?.addEventListener('abort', () => {
        this.#waiting = this.#waiting.filter(other => other !== waiter)
        resolve()
      })
    })
  }

  /** Those who wait in `reached`. */
  get waiting(): number {
    return this.#waiting.length
  }

  cursor(consumer: string): number {
    return this.cursors.get(consumer) ?? 0
  }

  async advance(consumer: string, sequence: number): Promise<void> {
    await Promise.resolve()
    if (this.failing !== undefined) throw this.failing
    this.before('advance')
    this.cursors.set(consumer, sequence)
  }

  async write(changes: readonly TableChange[]): Promise<void> {
    await Promise.resolve()
    if (this.failing !== undefined) throw this.failing
    this.before('write')
    this.writes++
    for (const { table, key, value } of changes) {
      const entries = this.tables.get(table) ?? new Map<string, Buffer>()
      this.tables.set(table, entries)
      if (value === undefined) entries.delete(key)
      else entries.set(key, value)
    }
  }

  get(table: string, key: string): Promise<Buffer | undefined> {
    return Promise.resolve(this.tables.get(table)?.get(key))
  }

  async *entries(table: string): AsyncGenerator<readonly [string, Buffer]> {
    await Promise.resolve()
    yield* [...(this.tables.get(table) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
