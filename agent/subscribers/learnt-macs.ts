import type { Logger } from 'pino'
import type { Ledger, TableChange } from '../ledger/contract.js'
import type { Subscriber } from '../model/index.js'
import type { Replica } from './replica.js'
import { same } from './same.js'

/*
 * Table 'learnt-macs', key the subscriber's id, value the JSON of `Learnt`. Entries are written behind: a crash in the
 * moment after an Access-Accept forgets that one address, which is then learnt when the device comes again.
 */
const TABLE = 'learnt-macs'
const NONE: readonly string[] = []

interface Learnt {
  /** Lower case, colons, in the order in which they were seen. */
  readonly macs: readonly string[]
  /** The binding for which they were learnt: another one starts anew. */
  readonly bind: Subscriber['bind']
}

/** The MAC addresses to which subscribers with `bind.learnMacs` were bound by logging on: known at once, durable soon. */
export class LearntMacs {
  readonly #ledger: Pick<Ledger, 'write'>
  readonly #log: Logger | undefined
  readonly #learnt = new Map<string, Learnt>()

  private constructor(ledger: Pick<Ledger, 'write'>, log: Logger | undefined) {
    this.#ledger = ledger
    this.#log = log
  }

  /** Loads the table; addresses learnt for a binding that billing has changed meanwhile are dropped. @throws LedgerError */
  static async open(
    ledger: Pick<Ledger, 'write' | 'entries'>,
    replica: Pick<Replica, 'subscriber' | 'on'>,
    log?: Logger
  ): Promise<LearntMacs> {
    const all = new LearntMacs(ledger, log)
    for await (const [id, value] of ledger.entries(TABLE)) all.#learnt.set(id, JSON.parse(value.toString()) as Learnt)
    for (const id of all.#learnt.keys()) all.#compare(id, replica.subscriber(id))
    replica.on('changed', changes => {
      for (const { kind, id, document } of changes)
        if (kind === 'subscriber') all.#compare(id, document as Subscriber | undefined)
    })
    return all
  }

  /** What was learnt of a subscriber, oldest first. */
  of(subscriber: string): readonly string[] {
    return this.#learnt.get(subscriber)?.macs ?? NONE
  }

  /** Binds a subscriber to one more address. */
  learn({ id, bind }: Subscriber, mac: string): void {
    const macs = this.of(id)
    if (macs.includes(mac)) return
    const learnt: Learnt = { macs: [...macs, mac], bind }
    this.#learnt.set(id, learnt)
    this.#log?.info({ subscriber: id, mac }, 'the subscription is bound to this device from now on')
    this.#write({ table: TABLE, key: id, value: Buffer.from(JSON.stringify(learnt)) }).catch((error: unknown) =>
      this.#log?.warn({ err: error, subscriber: id }, 'a learnt MAC address could not be stored')
    )
  }

  /** Forgets what was learnt: the next devices are learnt anew. @returns how many. @throws LedgerError */
  async reset(subscriber: string): Promise<number> {
    const { length } = this.of(subscriber)
    this.#learnt.delete(subscriber)
    if (length > 0) await this.#write({ table: TABLE, key: subscriber, value: undefined })
    return length
  }

  #compare(id: string, subscriber: Subscriber | undefined): void {
    const learnt = this.#learnt.get(id)
    if (learnt === undefined || (subscriber !== undefined && same(learnt.bind, subscriber.bind))) return
    this.reset(id).catch((error: unknown) =>
      this.#log?.warn({ err: error, subscriber: id }, 'learnt MAC addresses could not be removed')
    )
  }

  #write(change: TableChange): Promise<void> {
    return this.#ledger.write([change])
  }
}
