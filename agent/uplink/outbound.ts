import type { Logger } from 'pino'
import type { Ledger, Lost } from '../ledger/contract.js'
import { noticeEntry, RecordKind, type Clock } from '../model/index.js'
import { Backoff } from './backoff.js'
import { batches, type Batch, type BatchLimits } from './batch.js'
import { sayError, UplinkError } from './errors.js'
import type { Problems } from './problems.js'
import type { Quarantine } from './quarantine.js'
import { Rate } from './rate.js'
import type { Sender } from './send.js'
import { childOf, type Random, type Sleep } from './time.js'
import type { Rejection } from './transport.js'

/** The ledger's consumer name. */
export const CONSUMER = 'uplink'

/** How often a full quarantine is looked at again, ms. */
const FULL_MS = 5000

/** What the way out works with. */
export interface OutboundParts {
  readonly ledger: Ledger
  readonly sender: Sender
  readonly quarantine: Quarantine
  readonly problems: Problems
  readonly source: string
  readonly limits: BatchLimits
  readonly clock: Clock
  readonly sleep: Sleep
  readonly random: Random
  readonly log: Logger
}

/** Where the way out stands, for people and metrics. */
export interface OutboundStatus {
  /** Events that billing has not answered for. */
  readonly backlog: number
  /** Age of the oldest of them, ms; 0 without a backlog. */
  readonly backlogAgeMs: number
  /** Events a second over the last minute. */
  readonly perSecond: number
  /** Seconds until the backlog is gone; undefined when it does not shrink. */
  readonly drainSeconds: number | undefined
  readonly quarantined: number
}

/** What sending again came to. */
export interface Resent {
  readonly taken: number
  readonly rejected: number
  /** Records that the ledger no longer has. */
  readonly gone: number
}

/** Carries the ledger's records to billing, in order, and remembers how far. */
export class Outbound {
  readonly #parts: OutboundParts
  readonly #rate: Rate
  #oldest: number | undefined
  #lostThrough = 0
  #isHeld = false
  #lastError: string | undefined

  constructor(parts: OutboundParts) {
    this.#parts = parts
    this.#rate = new Rate(parts.clock)
  }

  /** True while the quarantine is full and a person has to look. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** What went wrong on this side of the wire; undefined when all is well. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  status(): OutboundStatus {
    const { ledger, clock, quarantine } = this.#parts
    this.#rate.note(ledger.cursor(CONSUMER), ledger.durableHead)
    const backlog = Math.max(0, ledger.durableHead - ledger.cursor(CONSUMER))
    const age = this.#oldest === undefined ? 0 : Math.max(0, clock() - this.#oldest)
    return {
      backlog,
      backlogAgeMs: backlog === 0 ? 0 : age,
      perSecond: this.#rate.perSecond,
      drainSeconds: this.#rate.drainSeconds(backlog),
      quarantined: quarantine.size
    }
  }

  /** Runs until `signal` aborts, whatever billing and the disk do. */
  async run(signal: AbortSignal): Promise<void> {
    const { sleep, random, log } = this.#parts
    const backoff = new Backoff(random)
    while (!signal.aborted) {
      // Of its own, so that what reads ahead ends with the attempt that it belongs to.
      const { controller, release } = childOf(signal)
      try {
        await this.#drain(controller.signal, backoff)
      } catch (error) {
        if (signal.aborted) return
        this.#lastError = sayError(error)
        log.error({ err: error }, 'the way out failed; starting again from the cursor')
        controller.abort()
        await sleep(backoff.next(), signal)
      } finally {
        release()
      }
    }
  }

  /** Reads one batch ahead while one is on its way. */
  async #drain(signal: AbortSignal, backoff: Backoff): Promise<void> {
    const { ledger } = this.#parts
    const source = batches(this.#parts, { from: ledger.cursor(CONSUMER) + 1 }, signal)
    for (let next = source.next(); ; ) {
      const { value: batch, done } = await next
      if (done === true || signal.aborted) return
      next = source.next()
      // Looked at in the next round, which a failure below may prevent.
      next.catch(() => {})
      await this.#ship(batch, signal)
      this.#lastError = undefined
      backoff.reset()
    }
  }

  async #ship(batch: Batch, signal: AbortSignal): Promise<void> {
    const { ledger, sender } = this.#parts
    this.#oldest = batch.events[0]?.time ?? this.#oldest
    this.#rate.note(ledger.cursor(CONSUMER), ledger.durableHead)
    await this.#reportLost(batch.lost)
    await this.#setAside(await sender.deliver(batch.events, signal), signal)
    await ledger.advance(CONSUMER, batch.through)
    this.#oldest = undefined
    this.#rate.note(batch.through, ledger.durableHead)
  }

  /** One record for each range, before the cursor passes it. */
  async #reportLost(lost: readonly Lost[]): Promise<void> {
    const { ledger, clock, log } = this.#parts
    const news = lost.filter(({ to }) => to > this.#lostThrough)
    if (news.length === 0) return
    log.error({ lost: news }, 'records of the ledger are lost')
    const entries = news.map(({ from, to, reason }) =>
      noticeEntry(RecordKind.ledgerLost, clock(), { from, to, reason })
    )
    await ledger.append(entries).durable
    this.#lostThrough = Math.max(...news.map(({ to }) => to))
  }

  async #setAside(rejected: readonly Rejection[], signal: AbortSignal): Promise<void> {
    if (rejected.length === 0) return
    const { quarantine, clock, log } = this.#parts
    await this.#waitForRoom(signal)
    await quarantine.add(rejected, clock())
    const [first] = rejected
    log.warn(
      { count: rejected.length, id: first?.event.id, reason: first?.reason },
      'billing rejected events: set aside'
    )
  }

  /** Billing that rejects this much is broken: stop here, lose nothing, tell a person. */
  async #waitForRoom(signal: AbortSignal): Promise<void> {
    const { quarantine, problems, sleep } = this.#parts
    if (!quarantine.isFull) return
    this.#isHeld = true
    const words = `${quarantine.size} events were rejected; nothing more is sent until they are sent again or forgotten`
    problems.note({ code: 'QUARANTINE_FULL', words })
    while (quarantine.isFull) {
      await sleep(FULL_MS, signal)
      signal.throwIfAborted()
    }
    this.#isHeld = false
  }

  /**
   * Sends a range of sequence numbers once more, beside what is on its way. Billing recognises what it has.
   * @throws UplinkError `UPLINK_UNKNOWN_RANGE`; the signal's reason when it aborts
   */
  async resendRange(from: number, to: number, signal: AbortSignal): Promise<Resent> {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || to < from)
      throw new UplinkError('UPLINK_UNKNOWN_RANGE', `${from} to ${to}`)
    const { ledger, sender, quarantine, clock } = this.#parts
    const last = Math.min(to, ledger.durableHead)
    let taken = 0
    let rejected = 0
    for await (const { events } of batches(this.#parts, { from, to: last }, signal)) {
      const refused = await sender.deliver(events, signal)
      const ids = new Set(refused.map(({ event }) => event.id))
      const accepted = events.filter(({ id }) => !ids.has(id))
      await quarantine.remove(accepted.map(({ id }) => id))
      if (refused.length > 0) await quarantine.add(refused, clock())
      taken += accepted.length
      rejected += refused.length
    }
    signal.throwIfAborted()
    return { taken, rejected, gone: Math.max(0, last - from + 1 - taken - rejected) }
  }

  /** Sends events that were set aside once more: those named, or all. Ids that are not there are skipped. */
  async resendQuarantined(ids: readonly string[] | undefined, signal: AbortSignal): Promise<Resent> {
    const wanted = ids === undefined ? undefined : new Set(ids)
    const sum = { taken: 0, rejected: 0, gone: 0 }
    let after = ''
    for (;;) {
      const page = await this.#parts.quarantine.list({ after, limit: 1000 })
      const last = page.at(-1)
      if (last === undefined) return sum
      after = last.id
      for (const { from, to } of runs(
        page.filter(({ id }) => wanted?.has(id) ?? true).map(({ sequence }) => sequence)
      )) {
        const { taken, rejected, gone } = await this.resendRange(from, to, signal)
        sum.taken += taken
        sum.rejected += rejected
        sum.gone += gone
      }
    }
  }
}

/** Neighbouring numbers as ranges. */
function runs(sorted: readonly number[]): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = []
  for (const sequence of sorted) {
    const last = found.at(-1)
    if (last !== undefined && last.to + 1 === sequence) last.to = sequence
    else found.push({ from: sequence, to: sequence })
  }
  return found
}
