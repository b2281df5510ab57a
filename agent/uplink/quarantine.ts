import type { Ledger, TableChange } from '../ledger/contract.js'
import type { Rejection } from './transport.js'

/*
 * Events that billing will never take as they are, kept for a person. Table 'quarantine': key the event's id, value
 * the JSON of `Quarantined`. The event itself stays in the ledger, from where it can be sent again.
 */

const TABLE = 'quarantine'

/** An event set aside. */
export interface Quarantined {
  readonly id: string
  readonly sequence: number
  /** What billing said. */
  readonly reason: string
  /** When it was set aside, ms. */
  readonly at: number
}

/** The events that were set aside. Only their number is held in memory. */
export class Quarantine {
  readonly #ledger: Ledger
  readonly #most: number
  #size = 0

  private constructor(ledger: Ledger, most: number) {
    this.#ledger = ledger
    this.#most = most
  }

  /** @param most beyond this many it counts as full */
  static async open(ledger: Ledger, most: number): Promise<Quarantine> {
    const quarantine = new Quarantine(ledger, most)
    for await (const entry of ledger.entries(TABLE)) if (entry !== undefined) quarantine.#size++
    return quarantine
  }

  get size(): number {
    return this.#size
  }

  /** Whether billing rejects so much that something else must be wrong. */
  get isFull(): boolean {
    return this.#size >= this.#most
  }

  /** Sets events aside, durably. One that is there already gets the new reason. @throws LedgerError */
  async add(rejections: readonly Rejection[], at: number): Promise<void> {
    const changes = rejections.map(({ event, reason }) =>
      entryOf({ id: event.id, sequence: event.sequence, reason, at })
    )
    const known = await this.#known(changes.map(({ key }) => key))
    await this.#ledger.write(changes)
    this.#size += changes.length - known.length
  }

  /** Events by id, oldest first: at most `limit` behind `after`. */
  async list(options: { readonly after?: string; readonly limit?: number } = {}): Promise<Quarantined[]> {
    const { after = '', limit = 100 } = options
    const found: Quarantined[] = []
    for await (const [key, value] of this.#ledger.entries(TABLE)) {
      if (key > after) found.push(JSON.parse(value.toString()) as Quarantined)
      if (found.length >= limit) break
    }
    return found
  }

  /** Forgets events; ids that are not there are none. @throws LedgerError */
  async remove(ids: readonly string[]): Promise<void> {
    if (this.#size === 0) return
    const known = await this.#known(ids)
    if (known.length === 0) return
    await this.#ledger.write(known.map(key => ({ table: TABLE, key, value: undefined })))
    this.#size -= known.length
  }

  async #known(ids: readonly string[]): Promise<string[]> {
    const entries = await Promise.all(ids.map(id => this.#ledger.get(TABLE, id)))
    return ids.filter((_, n) => entries[n] !== undefined)
  }
}

function entryOf(entry: Quarantined): TableChange {
  return { table: TABLE, key: entry.id, value: Buffer.from(JSON.stringify(entry)) }
}
