import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { Ledger, LedgerRecord } from '../ledger/contract.js'
import {
  type Clock,
  decodeUsage,
  type Milliseconds,
  noticeEntry,
  readNotice,
  RecordKind,
  type Subscriber
} from '../model/index.js'
import type { QuotaStanding } from '../policy/index.js'
import {
  add,
  begin,
  type Count,
  due,
  isExhausted,
  renew,
  reset,
  resetTime,
  tell,
  type Threshold,
  usedOf
} from './count.js'

/*
 * Quotas are a fold over the ledger: usage adds, and the events that this module itself wrote say what was told. So a
 * count is exact whatever happens: nothing counts that is not durable, and nothing counts twice.
 *
 * Table 'quota': key the subscriber's id, value the JSON of `Count`; key '' the JSON of { sequence }: up to there the
 * ledger is in the counts. Both are written together, so that a kill between two writes only means that a stretch of
 * the ledger is folded again. A document that comes is compared with the count at once; a kill between the two is made
 * up for at the next start, with what was recorded since the last write counted to the new figure.
 */
const TABLE = 'quota'
const POSITION = ''
const WRITE_EVERY: Milliseconds = 1000
const RETRY: Milliseconds = 1000
const LONGEST_TIMER: Milliseconds = 3_600_000

/** Where the documents come from. */
export interface QuotaDocuments {
  on(event: 'changed', listener: (changes: readonly { kind: string; id: string; document: unknown }[]) => void): unknown
  off(
    event: 'changed',
    listener: (changes: readonly { kind: string; id: string; document: unknown }[]) => void
  ): unknown
  subscriber(id: string): Subscriber | undefined
  subscribers(): Iterable<Subscriber>
}

export interface QuotasOptions {
  readonly ledger: Ledger
  readonly documents: QuotaDocuments
  readonly clock: Clock
  readonly log: Logger
}

/** Counts quotas across sessions in real time; `crossed`: a subscriber's quota was used up, or is so no longer. */
export class Quotas extends EventEmitter<{ crossed: [subscriber: string] }> {
  readonly #options: QuotasOptions
  readonly #counts = new Map<string, Count>()
  readonly #dirty = new Set<string>()
  /** Events on their way into the ledger, by subscriber, period and percentage. */
  readonly #telling = new Set<string>()
  readonly #stop = new AbortController()
  #sequence = 0
  #live = false
  #following: Promise<void> = Promise.resolve()
  #writing: Promise<void> | undefined
  #write: NodeJS.Timeout | undefined
  #reset: NodeJS.Timeout | undefined
  #armedFor = Infinity

  private constructor(options: QuotasOptions) {
    super()
    this.#options = options
  }

  /** Loads the counts, takes over the documents, folds what the ledger holds since, and follows it from then on. @throws LedgerError */
  static async open(options: QuotasOptions): Promise<Quotas> {
    const quotas = new Quotas(options)
    await quotas.#load()
    for (const subscriber of options.documents.subscribers()) quotas.#take(subscriber.id, subscriber)
    for (const id of quotas.#counts.keys()) quotas.#take(id, options.documents.subscriber(id))
    await quotas.#catchUp()
    // From here on a kill must find where counting began.
    if (quotas.#dirty.size > 0) await quotas.#flush()
    options.documents.on('changed', quotas.#changed)
    quotas.#live = true
    quotas.#resetDue()
    for (const id of quotas.#counts.keys()) quotas.#tellDue(id)
    quotas.#following = quotas.#follow()
    return quotas
  }

  /** How a subscriber stands; undefined for one without a quota. */
  of(subscriber: string): QuotaStanding | undefined {
    const found = this.#counts.get(subscriber)
    if (found === undefined) return undefined
    const count = reset(found, this.#options.clock())
    return {
      used: usedOf(count),
      octets: count.quota.octets,
      exhausted: isExhausted(count),
      resetsAt: resetTime(count)
    }
  }

  /** Writes the counts and ends. @throws LedgerError */
  async close(): Promise<void> {
    this.#options.documents.off('changed', this.#changed)
    this.#stop.abort()
    clearTimeout(this.#write)
    clearTimeout(this.#reset)
    await this.#following
    await this.#flush()
  }

  async #load(): Promise<void> {
    const { ledger } = this.#options
    for await (const [id, value] of ledger.entries(TABLE)) {
      const stored = JSON.parse(value.toString()) as unknown
      if (id === POSITION) this.#sequence = (stored as { sequence: number }).sequence
      else this.#counts.set(id, stored as Count)
    }
    // Before there was a count nothing was counted: billing's figures include it.
    if (this.#counts.size === 0) this.#sequence = ledger.durableHead
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    const { ledger, log } = this.#options
    while (!signal.aborted) {
      try {
        await ledger.reached(this.#sequence + 1, signal)
        if (!signal.aborted) await this.#catchUp()
      } catch (error) {
        if (signal.aborted || isClosed(error)) return
        log.error({ err: error }, 'quotas could not be counted; trying again')
        await new Promise(resolve => setTimeout(resolve, RETRY).unref())
      }
    }
  }

  async #catchUp(): Promise<void> {
    const { ledger, log } = this.#options
    // Without a quota there is nothing to read for: the position alone moves.
    if (this.#counts.size === 0) return this.#moveTo(ledger.durableHead)
    for await (const part of ledger.read(this.#sequence + 1, { signal: this.#stop.signal })) {
      if ('lost' in part) {
        log.error({ lost: part.lost }, 'usage is lost: the quotas do not hold it')
        this.#moveTo(part.lost.to)
        continue
      }
      for (const record of part.records) this.#fold(record)
      this.#moveTo(part.last)
    }
  }

  #moveTo(sequence: number): void {
    if (sequence <= this.#sequence) return
    this.#sequence = sequence
    if (this.#counts.size > 0) this.#soon()
  }

  #fold(record: LedgerRecord): void {
    if (record.kind === RecordKind.quotaReached) return this.#foldTold(record)
    if (record.kind !== RecordKind.usage) return
    const { subscriber, upOctets, downOctets } = decodeUsage(record.payload)
    const before = this.#counts.get(subscriber)
    const octets = Number(upOctets + downOctets)
    if (before === undefined || octets === 0) return
    this.#put(subscriber, add(reset(before, record.time), octets), before)
  }

  #foldTold({ payload }: LedgerRecord): void {
    const { subject = '', percent, period } = readNotice(payload)
    this.#telling.delete(keyOf(subject, period as number, percent as Threshold))
    const count = this.#counts.get(subject)
    if (count?.period === period) this.#put(subject, tell(count as Count, percent as Threshold), count)
  }

  readonly #changed = (changes: readonly { kind: string; id: string; document: unknown }[]): void => {
    let taken = false
    for (const { kind, id, document } of changes)
      if (kind === 'subscriber') taken = this.#take(id, document as Subscriber | undefined) || taken
    if (taken) void this.#flush().catch(() => this.#soon())
  }

  // A document came. @returns whether its quota is new or another
  #take(id: string, subscriber: Subscriber | undefined): boolean {
    const before = this.#counts.get(id)
    const quota = subscriber?.quota
    if (quota === undefined) {
      if (before === undefined) return false
      this.#counts.delete(id)
      this.#dirty.add(id)
      if (isExhausted(before)) this.#crossed(id)
      return true
    }
    const now = this.#options.clock()
    const after = reset(before === undefined ? begin(quota) : renew(before, quota), now)
    if (after === before) return false
    this.#put(id, after, before)
    return true
  }

  #put(id: string, after: Count, before: Count | undefined): void {
    this.#counts.set(id, after)
    this.#dirty.add(id)
    const at = resetTime(after)
    if (at !== undefined && at < this.#armedFor) this.#arm(at)
    if (!this.#live) return
    if (isExhausted(after) !== (before !== undefined && isExhausted(before))) this.#crossed(id)
    this.#tellDue(id)
    this.#soon()
  }

  #crossed(id: string): void {
    try {
      this.emit('crossed', id)
    } catch (error) {
      this.#options.log.error({ err: error, subscriber: id }, 'a listener of the quotas failed')
    }
  }

  #tellDue(id: string): void {
    const count = this.#counts.get(id)
    if (count !== undefined) for (const percent of due(count)) this.#tell(id, count, percent)
  }

  #tell(id: string, count: Count, percent: Threshold): void {
    const key = keyOf(id, count.period, percent)
    if (this.#telling.has(key)) return
    const { ledger, clock, log } = this.#options
    const { octets, resetsAt, onExhausted } = count.quota
    const notice = { percent, octets, used: usedOf(count), period: count.period, onExhausted }
    const entry = noticeEntry(RecordKind.quotaReached, clock(), {
      subject: id,
      ...notice,
      ...(resetsAt !== undefined && { resetsAt })
    })
    const again = (error: unknown): void => {
      log.warn({ err: error, subscriber: id, percent }, 'the event of a quota could not be stored; trying again')
      if (this.#stop.signal.aborted) return
      setTimeout(() => {
        this.#telling.delete(key)
        this.#tellDue(id)
      }, RETRY).unref()
    }
    this.#telling.add(key)
    try {
      // Told once it comes back out of the ledger; until then nobody tells it again.
      ledger.append([entry]).durable.catch(again)
    } catch (error) {
      again(error)
    }
  }

  #arm(at: Milliseconds): void {
    clearTimeout(this.#reset)
    this.#armedFor = at
    const wait = Math.min(LONGEST_TIMER, Math.max(0, at - this.#options.clock()))
    this.#reset = setTimeout(() => this.#resetDue(), wait).unref()
  }

  // Periods that have ended begin anew, also those that nobody uses.
  #resetDue(): void {
    const now = this.#options.clock()
    let next = Infinity
    for (const [id, count] of this.#counts) {
      const after = reset(count, now)
      if (after !== count) this.#put(id, after, count)
      next = Math.min(next, resetTime(after) ?? Infinity)
    }
    this.#armedFor = next
    if (next < Infinity && !this.#stop.signal.aborted) this.#arm(next)
  }

  #soon(): void {
    this.#write ??= setTimeout(() => {
      this.#write = undefined
      this.#flush().catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'the counts of quotas could not be stored; trying again')
        if (!this.#stop.signal.aborted) this.#soon()
      })
    }, WRITE_EVERY).unref()
  }

  async #flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined)
    const ids = [...this.#dirty]
    this.#dirty.clear()
    const changes = ids.map(id => ({ table: TABLE, key: id, value: encoded(this.#counts.get(id)) }))
    const position = { table: TABLE, key: POSITION, value: encoded({ sequence: this.#sequence }) }
    this.#writing = this.#options.ledger.write([...changes, position])
    try {
      await this.#writing
    } catch (error) {
      for (const id of ids) this.#dirty.add(id)
      throw error
    } finally {
      this.#writing = undefined
    }
  }
}

function keyOf(subscriber: string, period: number, percent: Threshold): string {
  return `${percent} ${period} ${subscriber}`
}

function encoded(value: unknown): Buffer | undefined {
  return value === undefined ? undefined : Buffer.from(JSON.stringify(value))
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'LEDGER_CLOSED'
}
