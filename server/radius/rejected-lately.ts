import type { Logger } from 'pino'
import type { Clock, Milliseconds } from '../../agent/model/index.js'
import { printable } from './printable.js'
import type { Rejected, Tally } from './rejected.js'

/** Rejects of one kind: the same who, where and why. */
export interface RejectedKind extends Rejected {
  /** When the last of them was; `at` is when the first was. */
  readonly lastAt: Milliseconds
  readonly count: number
}

interface Kind {
  readonly first: Rejected
  /** How many there were before the present tally. */
  earlier: number
  tally: Tally
  toldAt: Milliseconds
}

const MOST = 500
const HOUR: Milliseconds = 3_600_000
const MINUTE: Milliseconds = 60_000
const LINES_A_MINUTE = 30

/**
 * Who was not let on since the agent started, and why, for people: the last 500 kinds. The log names each kind once an
 * hour, and at most thirty a minute: a modem with an old password asks all day.
 */
export class RejectedLately {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #kinds = new Map<string, Kind>()
  #minute = 0
  #lines = 0

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  /** The first reject of a kind within a minute. */
  opened(key: string, tally: Tally): void {
    const known = this.#kinds.get(key)
    const kind = known ?? { first: tally.rejected, earlier: 0, tally, toldAt: -Infinity }
    if (known !== undefined) known.earlier += known.tally.count
    kind.tally = tally
    this.#kinds.delete(key)
    this.#kinds.set(key, kind)
    if (this.#kinds.size > MOST) this.#kinds.delete(this.#kinds.keys().next().value!)
    this.#tell(kind)
  }

  /** The kinds, the one that was met last first. */
  list(most: number = MOST): RejectedKind[] {
    const kinds = [...this.#kinds.values()].sort((a, b) => b.tally.lastAt - a.tally.lastAt)
    return kinds.slice(0, most).map(({ first, earlier, tally }) => ({
      ...tally.rejected,
      userName: printable(first.userName),
      callingStation: printable(tally.rejected.callingStation),
      at: first.at,
      lastAt: tally.lastAt,
      count: earlier + tally.count
    }))
  }

  /** What was particular about the last reject of a subscriber for this reason; undefined when it is not known. */
  wordsOf(subscriber: string, code: string): string | undefined {
    return this.list().find(kind => kind.subscriber === subscriber && kind.code === code)?.words
  }

  /** How many kinds were met within the last hour. */
  lastHour(): number {
    const since = this.#clock() - HOUR
    let count = 0
    for (const { tally } of this.#kinds.values()) if (tally.lastAt >= since) count++
    return count
  }

  #tell(kind: Kind): void {
    const now = this.#clock()
    if (now - kind.toldAt < HOUR || !this.#hasLine(now)) return
    kind.toldAt = now
    const { code, words, userName, subscriber, nas, callingStation } = kind.tally.rejected
    const who = { userName: printable(userName), subscriber, nas, callingStation: printable(callingStation) }
    this.#log.info({ code, ...who, earlier: kind.earlier }, `not let on: ${words}`)
  }

  #hasLine(now: Milliseconds): boolean {
    const minute = Math.floor(now / MINUTE)
    if (minute !== this.#minute) this.#lines = 0
    this.#minute = minute
    return this.#lines++ < LINES_A_MINUTE
  }
}
