import type { Logger } from 'pino'
import { Backoff } from './backoff.js'
import { sayError } from './errors.js'
import type { Random, Sleep } from './time.js'
import type { Answer, Rejection, Transport, WireEvent } from './transport.js'

/** Why events do not get through at the moment. */
export interface Trouble {
  readonly kind: 'wait' | 'refused' | 'retry'
  /** For people. */
  readonly words: string
  readonly attempts: number
}

export interface SenderOptions {
  readonly transport: Transport
  readonly sleep: Sleep
  readonly random: Random
  readonly log: Logger
  /** Told of answers that do not add up. */
  readonly onOddity: (words: string) => void
  /** Most events in one request. */
  readonly most: number
}

type Settled = Extract<Answer, { kind: 'taken' | 'poisoned' | 'too-large' }>

/**
 * Brings batches to billing: tries the same events until billing has said something final about each of them.
 * One request at a time.
 */
export class Sender {
  readonly #options: SenderOptions
  #trouble: Trouble | undefined
  /** Most events in one request for now: halved by 413, growing again by one with each success. */
  #most: number
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: SenderOptions) {
    this.#options = options
    this.#most = options.most
  }

  /** What holds the events back; undefined when nothing does. */
  get trouble(): Trouble | undefined {
    return this.#trouble
  }

  /**
   * Resolves when each event has been taken or is among the returned rejections. Tries for ever.
   * @throws the signal's reason when it aborts
   */
  async deliver(events: readonly WireEvent[], signal: AbortSignal): Promise<Rejection[]> {
    const rejected: Rejection[] = []
    const parts = [events]
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (part.length === 0) continue
      if (part.length > this.#most) {
        parts.push(part.slice(this.#most), part.slice(0, this.#most))
        continue
      }
      const answer = await this.#settle(part, signal)
      if (answer.kind === 'taken') rejected.push(...answer.rejected)
      else if (part.length === 1 && part[0] !== undefined) rejected.push({ event: part[0], reason: answer.reason })
      else parts.push(...halves(part))
    }
    return rejected
  }

  /** Asks until the answer is about the events and not about the moment. */
  async #settle(part: readonly WireEvent[], signal: AbortSignal): Promise<Settled> {
    const backoff = new Backoff(this.#options.random)
    for (;;) {
      signal.throwIfAborted()
      const answer = await this.#attempt(part, signal)
      if (answer.kind === 'taken' || answer.kind === 'poisoned' || answer.kind === 'too-large') {
        this.#conclude(answer, part.length)
        return answer
      }
      this.#report(answer.kind, answer.reason)
      const asked = answer.kind === 'wait' ? answer.ms : undefined
      await this.#options.sleep(asked ?? backoff.next(), signal)
    }
  }

  /** Waits for its turn: a batch and a resend never travel at the same time. */
  async #attempt(part: readonly WireEvent[], signal: AbortSignal): Promise<Answer> {
    const mine = this.#turn.then(() => {
      signal.throwIfAborted()
      return this.#options.transport.send(part, signal)
    })
    this.#turn = mine.catch(() => {})
    try {
      return await mine
    } catch (error) {
      signal.throwIfAborted()
      return { kind: 'retry', reason: sayError(error) }
    }
  }

  #conclude(answer: Settled, count: number): void {
    if (this.#trouble !== undefined)
      this.#options.log.info({ attempts: this.#trouble.attempts }, 'billing takes events')
    this.#trouble = undefined
    if (answer.kind === 'too-large') this.#most = Math.max(1, Math.ceil(count / 2))
    else if (answer.kind === 'taken') this.#most = Math.min(this.#options.most, this.#most + 1)
    if (answer.kind === 'taken' && answer.oddity !== undefined) this.#options.onOddity(answer.oddity)
  }

  #report(kind: Trouble['kind'], words: string): void {
    const attempts = (this.#trouble?.attempts ?? 0) + 1
    const isNew = this.#trouble?.kind !== kind
    this.#trouble = { kind, words, attempts }
    if (isNew && kind === 'refused') this.#options.log.error({ words }, 'billing refuses us; the backlog is kept')
    else if (isNew) this.#options.log.warn({ words }, 'billing does not take events; trying on')
  }
}

/** The first half last: parts are taken from the end, and events travel in order. */
function halves(part: readonly WireEvent[]): (readonly WireEvent[])[] {
  const half = Math.ceil(part.length / 2)
  return [part.slice(half), part.slice(0, half)]
}
