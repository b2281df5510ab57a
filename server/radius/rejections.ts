import type { Logger } from 'pino'
import type { Ledger } from '../../agent/ledger/contract.js'
import {
  type Clock,
  type Entry,
  type Milliseconds,
  type Notice,
  noticeEntry,
  RecordKind
} from '../../agent/model/index.js'
import { printable } from './printable.js'
import type { Rejected, Tally } from './rejected.js'
import { RejectedLately } from './rejected-lately.js'

const MINUTE: Milliseconds = 60_000
const MOST = 1000

/**
 * Rejects, gathered for a minute by who, where and why, and then written to the ledger as one record each: a modem with
 * an old password asks thousands of times. Beyond 1000 kinds a minute the rest is one record, `…others`.
 */
export class Rejections {
  readonly #ledger: Pick<Ledger, 'append'>
  readonly #clock: Clock
  readonly #log: Logger
  readonly #tallies = new Map<string, Tally>()
  /** For people. */
  readonly lately: RejectedLately
  #timer: NodeJS.Timeout | undefined

  constructor({ ledger, clock, log }: { ledger: Pick<Ledger, 'append'>; clock: Clock; log: Logger }) {
    this.#ledger = ledger
    this.#clock = clock
    this.#log = log
    this.lately = new RejectedLately(clock, log)
  }

  /** Writes every minute from now on. */
  start(): void {
    this.#timer ??= setInterval(() => this.flush(), MINUTE).unref()
  }

  note(rejected: Rejected): void {
    const key = `${rejected.code}\0${rejected.nas}\0${rejected.subscriber || `?${printable(rejected.userName)}`}`
    const known = this.#tallies.get(key) ?? this.#open(key, rejected)
    known.count++
    known.lastAt = rejected.at
  }

  /** Writes what was gathered. What the ledger does not take now is kept and written with the next. */
  flush(): void {
    if (this.#tallies.size === 0) return
    const entries = [...this.#tallies.values()].map(tally => entryOf(tally, this.#clock()))
    try {
      const { durable } = this.#ledger.append(entries)
      durable.catch((error: unknown) =>
        this.#log.warn({ err: error, rejects: entries.length }, 'rejects could not be stored')
      )
      this.#tallies.clear()
    } catch (error) {
      this.#log.warn({ why: (error as Error).message }, 'rejects could not be stored yet')
    }
  }

  /** Writes what was gathered, and no more. */
  close(): void {
    clearInterval(this.#timer)
    this.flush()
  }

  #open(key: string, rejected: Rejected): Tally {
    const others = this.#tallies.size >= MOST
    const at = others ? OTHERS : key
    const known = this.#tallies.get(at)
    if (known !== undefined) return known
    const tally = { rejected: others ? { ...nobody, at: rejected.at } : rejected, count: 0, lastAt: rejected.at }
    this.#tallies.set(at, tally)
    this.lately.opened(at, tally)
    return tally
  }
}

const OTHERS = '…others'
const nobody: Omit<Rejected, 'at'> = {
  subscriber: '',
  userName: OTHERS,
  nas: '',
  code: 'OTHERS',
  words: `More than ${MOST} kinds of rejects in a minute: somebody guesses, or many devices have lost their settings.`,
  callingStation: ''
}

function entryOf({ rejected, count, lastAt }: Tally, now: Milliseconds): Entry {
  const { subscriber, userName, nas, code, words, callingStation, at } = rejected
  const notice: Notice = {
    ...(subscriber !== '' && { subject: subscriber }),
    username: printable(userName),
    nas,
    code,
    reason: words,
    callingStation: printable(callingStation),
    count,
    firstAt: new Date(at).toISOString(),
    lastAt: new Date(lastAt).toISOString()
  }
  return noticeEntry(RecordKind.accessRejected, now, notice)
}
