import type { Logger } from 'pino'
import type { Ledger } from '../../../agent/ledger/contract.js'
import type { Clock, Milliseconds } from '../../../agent/model/index.js'
import { Attr, Code, Packet } from '../../../protocols/radius/index.js'
import type { Timers } from '../delayed.js'
import { Journal } from './journal.js'

/*
 * Accounting for partners that was answered to the NAS and not yet by the partner. In the ledger's table
 * `proxy-accounting`: key `REALM NUMBER`, the number with 16 digits so that keys keep the order of arrival; value: time of
 * arrival (milliseconds, 8 octets), then the attributes as they are to be sent.
 */
const TABLE = 'proxy-accounting'

/** Sends a record on. @returns whether the partner has it */
export type Deliver = (realm: string, record: Packet, seconds: number) => Promise<boolean>

/** How much is kept, and how it is sent. */
export interface BacklogLimits {
  /** Records that wait, all realms together; beyond that the oldest of the realm is given up. */
  readonly most: number
  /** Of one realm at once. */
  readonly atOnce: number
  /** Until the next attempt after one that failed. */
  readonly again: Milliseconds
  /** A record that waited longer is given up. */
  readonly age: Milliseconds
}

/** 100,000 records are about 40 MB; a partner may be away for a week. */
export const defaultBacklogLimits: BacklogLimits = { most: 100_000, atOnce: 32, again: 10_000, age: 7 * 86_400_000 }

export interface BacklogOptions {
  readonly ledger: Pick<Ledger, 'write' | 'entries'>
  readonly deliver: Deliver
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Logger
  readonly limits?: Partial<BacklogLimits>
}

interface Item {
  readonly key: string
  readonly at: Milliseconds
  readonly record: Packet
  readonly session: string
}

interface Line {
  readonly realm: string
  readonly items: Map<string, Item>
  /** Sessions whose record is on its way: a Stop must not overtake its Start. */
  readonly busy: Set<string>
  pause: unknown
}

/** Accounting that partners are to have: durable first, then sent in order, as long as it takes. */
export class Backlog {
  readonly #options: BacklogOptions
  readonly #limits: BacklogLimits
  readonly #journal: Journal
  readonly #lines = new Map<string, Line>()
  #number = 0
  #size = 0
  #lost = 0
  #closed = false

  private constructor(options: BacklogOptions) {
    this.#options = options
    this.#limits = { ...defaultBacklogLimits, ...options.limits }
    this.#journal = new Journal(options.ledger, TABLE)
  }

  /** Reads what was left over. `start` sends it. @throws LedgerError */
  static async open(options: BacklogOptions): Promise<Backlog> {
    const backlog = new Backlog(options)
    for await (const [key, value] of options.ledger.entries(TABLE)) backlog.#restore(key, value)
    return backlog
  }

  /** Records that wait, and those that were given up since the start. */
  counts(): { readonly waiting: number; readonly lost: number } {
    return { waiting: this.#size, lost: this.#lost }
  }

  start(): void {
    for (const line of this.#lines.values()) this.#send(line)
  }

  /** Takes a record; it is sent once it is durable. Rejects with LedgerError when it could not be stored. */
  async add(realm: string, attributes: Buffer): Promise<void> {
    const at = this.#options.clock()
    const stamp = Buffer.alloc(8)
    stamp.writeBigUInt64BE(BigInt(at))
    const key = `${realm} ${String(++this.#number).padStart(16, '0')}`
    await this.#journal.put(key, Buffer.concat([stamp, attributes]))
    const line = this.#put(realm, key, at, attributes)
    if (line === undefined) return
    if (this.#size > this.#limits.most) this.#giveUp(line, [...line.items.values()].slice(0, 1), 'too many wait')
    this.#send(line)
  }

  /** Sends nothing more; what is left is sent after the next start. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { pause } of this.#lines.values()) this.#options.timers.stop(pause)
    await this.#journal.settled()
  }

  #restore(key: string, value: Buffer): void {
    const space = key.lastIndexOf(' ')
    this.#number = Math.max(this.#number, Number(key.slice(space + 1)))
    this.#put(key.slice(0, space), key, Number(value.readBigUInt64BE(0)), value.subarray(8))
  }

  #put(realm: string, key: string, at: Milliseconds, attributes: Buffer): Line | undefined {
    const record = Packet.fromAttributes(attributes, Code.AccountingRequest)
    if (typeof record === 'string') return undefined
    const known = this.#lines.get(realm)
    const line: Line = known ?? { realm, items: new Map(), busy: new Set(), pause: undefined }
    if (known === undefined) this.#lines.set(realm, line)
    const session = `${record.text(Attr.AcctSessionId)} ${record.octets(Attr.NasIpAddress)?.toString('hex')}`
    line.items.set(key, { key, at, record, session })
    this.#size++
    return line
  }

  #send(line: Line): void {
    if (this.#closed || line.pause !== undefined) return
    this.#forgetOld(line)
    for (const item of line.items.values()) {
      if (line.busy.size >= this.#limits.atOnce) return
      if (line.busy.has(item.session)) continue
      line.busy.add(item.session)
      void this.#deliver(line, item)
    }
  }

  async #deliver(line: Line, item: Item): Promise<void> {
    const { deliver, clock } = this.#options
    const seconds = Math.max(0, Math.round((clock() - item.at) / 1000))
    const arrived = await deliver(line.realm, item.record, seconds).catch(() => false)
    line.busy.delete(item.session)
    if (this.#closed) return
    if (arrived) this.#remove(line, item)
    else if (line.pause === undefined) this.#pause(line)
    this.#send(line)
  }

  #pause(line: Line): void {
    line.pause = this.#options.timers.start(() => {
      line.pause = undefined
      this.#send(line)
    }, this.#limits.again)
  }

  #remove(line: Line, { key }: Item): void {
    if (!line.items.delete(key)) return
    this.#size--
    // If it cannot be removed it is sent once more after the next start: the partner knows duplicates.
    this.#journal.put(key, undefined).catch(() => undefined)
  }

  #forgetOld(line: Line): void {
    const before = this.#options.clock() - this.#limits.age
    const old: Item[] = []
    for (const item of line.items.values()) {
      if (item.at >= before) break
      old.push(item)
    }
    if (old.length > 0) this.#giveUp(line, old, 'they waited too long')
  }

  #giveUp(line: Line, items: readonly Item[], why: string): void {
    for (const item of items) this.#remove(line, item)
    this.#lost += items.length
    const facts = { realm: line.realm, records: items.length, why, lost: this.#lost }
    this.#options.log.error(facts, 'accounting records for a partner are given up; our own ledger has them')
  }
}
