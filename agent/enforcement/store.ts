import { type After, afterMs } from '../model/index.js'
import type { Logger } from 'pino'
import type { Ledger, TableChange } from '../ledger/contract.js'

const RETRY = 1000

/**
 * Enforcement's tables in the ledger, written behind: what changes while one write is under way goes into the next,
 * so that a thousand decisions cost a few writes. A crash loses the last moments; reconciliation makes up for them.
 */
export class Store {
  readonly #ledger: Pick<Ledger, 'write' | 'entries'>
  readonly #log: Logger
  readonly #after: After
  #dirty = new Map<string, TableChange>()
  #writing: Promise<void> | undefined
  #closed = false

  constructor(ledger: Pick<Ledger, 'write' | 'entries'>, log: Logger, after: After = afterMs) {
    this.#ledger = ledger
    this.#log = log
    this.#after = after
  }

  /** Everything in a table, as it was last written. @throws LedgerError */
  async *read<T>(table: string): AsyncIterable<readonly [string, T]> {
    for await (const [key, value] of this.#ledger.entries(table)) {
      const parsed = this.#parse(table, key, value)
      if (parsed !== undefined) yield [key, parsed as T]
    }
  }

  /** Sets a key, in time; undefined removes it. */
  put(table: string, key: string, value: unknown): void {
    this.putOctets(table, key, value === undefined ? undefined : Buffer.from(JSON.stringify(value)))
  }

  /** As `put`, with the octets given. */
  putOctets(table: string, key: string, value: Buffer | undefined): void {
    this.#dirty.set(`${table}\n${key}`, { table, key, value })
    if (this.#writing === undefined && !this.#closed) this.#writing = this.#writeAll()
  }

  /** Sets a key, and resolves when that is on disk. @throws LedgerError */
  async putNow(table: string, key: string, value: unknown): Promise<void> {
    this.#dirty.delete(`${table}\n${key}`)
    await this.#ledger.write([{ table, key, value: Buffer.from(JSON.stringify(value)) }])
  }

  /** Writes what is waiting and ends. @throws LedgerError when it cannot be written */
  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
    if (this.#dirty.size > 0) await this.#ledger.write([...this.#dirty.values()])
  }

  async #writeAll(): Promise<void> {
    // Whatever is put in this turn of the loop goes into one write.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#dirty.size > 0 && !this.#closed) {
      const batch = this.#dirty
      this.#dirty = new Map()
      try {
        await this.#ledger.write([...batch.values()])
      } catch (error) {
        this.#log.error({ err: error }, 'enforcement state could not be written; trying again')
        this.#dirty = new Map([...batch, ...this.#dirty])
        if (!this.#closed) await new Promise<void>(resolve => this.#after(RETRY, resolve))
      }
    }
    this.#writing = undefined
  }

  #parse(table: string, key: string, value: Buffer): unknown {
    try {
      return JSON.parse(value.toString())
    } catch {
      this.#log.error({ table, key }, 'an entry of the enforcement state is damaged and left out')
      return undefined
    }
  }
}
