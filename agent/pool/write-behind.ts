import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Ledger, TableChange } from '../ledger/contract.js'

const RETRY = 1000

interface Put {
  readonly change: TableChange
  readonly durable: (() => void) | undefined
}

/** A table that is written behind: what changes while one write is under way goes into the next. */
export class WriteBehind {
  readonly #ledger: Pick<Ledger, 'write'>
  readonly #table: string
  readonly #log: Logger
  #waiting = new Map<string, Put>()
  #running: Promise<void> | undefined
  #closed = false

  constructor(ledger: Pick<Ledger, 'write'>, table: string, log: Logger) {
    this.#ledger = ledger
    this.#table = table
    this.#log = log
  }

  /** Sets a key; undefined removes it. @param durable  called once it is on disk, unless a later put has replaced it */
  put(key: string, value: unknown, durable?: () => void): void {
    const octets = value === undefined ? undefined : Buffer.from(JSON.stringify(value))
    this.#waiting.set(key, { change: { table: this.#table, key, value: octets }, durable })
    if (!this.#closed) this.#running ??= this.#run()
  }

  /** Writes what waits, and ends. @throws LedgerError */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    if (this.#waiting.size > 0) await this.#write(this.#waiting)
  }

  async #run(): Promise<void> {
    await nextTurn()
    while (this.#waiting.size > 0 && !this.#closed) {
      const batch = this.#waiting
      this.#waiting = new Map()
      try {
        await this.#write(batch)
      } catch (error) {
        this.#waiting = new Map([...batch, ...this.#waiting])
        this.#log.error({ err: error, table: this.#table }, 'leases could not be written; trying again')
        if (!this.#closed) await new Promise(resolve => setTimeout(resolve, RETRY).unref())
      }
    }
    this.#running = undefined
  }

  async #write(batch: ReadonlyMap<string, Put>): Promise<void> {
    await this.#ledger.write([...batch.values()].map(({ change }) => change))
    for (const { durable } of batch.values()) durable?.()
  }
}
