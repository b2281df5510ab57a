import type { Ledger, TableChange } from '../../../agent/ledger/contract.js'

/** Changes of a ledger's table, one write at a time: what is asked for meanwhile goes together with the next. */
export class Journal {
  readonly #ledger: Pick<Ledger, 'write'>
  readonly #table: string
  #gathered: TableChange[] = []
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(ledger: Pick<Ledger, 'write'>, table: string) {
    this.#ledger = ledger
    this.#table = table
  }

  /** Settles when the change is durable; rejects when it is not. @param value  undefined removes the key */
  put(key: string, value: Buffer | undefined): Promise<void> {
    this.#gathered.push({ table: this.#table, key, value })
    return (this.#next ??= this.#write())
  }

  /** Settles when nothing is on its way. */
  async settled(): Promise<void> {
    await (this.#next ?? this.#last).catch(() => undefined)
  }

  async #write(): Promise<void> {
    await this.#last.catch(() => undefined)
    const changes = this.#gathered
    this.#gathered = []
    this.#last = this.#ledger.write(changes)
    this.#next = undefined
    await this.#last
  }
}
