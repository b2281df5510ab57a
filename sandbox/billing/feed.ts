import type { FeedMessage } from '../../agent/model/edge-api.js'

/*
 * The feed is a log of messages with dense sequence numbers from 1. The newest `length` are kept; a reader whose cursor
 * is older must take a snapshot. A cursor is `epoch-sequence`: the epoch changes when billing starts from nothing, so
 * that a cursor from before is not mistaken for one of now.
 */

/** One message with its place. */
export interface FeedEntry {
  readonly sequence: number
  readonly message: FeedMessage
}

const DIGITS = 16

/** A sequence as text that sorts like the number. */
export function feedKey(sequence: number): string {
  return sequence.toString().padStart(DIGITS, '0')
}

/** The window of messages that can still be read, and those who wait for more. */
export class Feed {
  readonly epoch: string
  readonly #length: number
  #entries: FeedEntry[]
  #head: number
  readonly #waiting = new Set<() => void>()

  /** @param entries the newest ones, ascending without holes; @param length how many to keep */
  constructor(epoch: string, entries: readonly FeedEntry[], length: number) {
    this.epoch = epoch
    this.#length = length
    this.#entries = [...entries]
    this.#head = entries.at(-1)?.sequence ?? 0
  }

  /** Sequence of the newest message, 0 when there never was one. */
  get head(): number {
    return this.#head
  }

  /** The cursor of somebody who has seen everything. */
  get cursor(): string {
    return this.cursorOf(this.#head)
  }

  cursorOf(sequence: number): string {
    return `${this.epoch}-${feedKey(sequence)}`
  }

  /** Sequences that fall out of the window when `more` messages are added. */
  expiring(more: number): number[] {
    const count = Math.min(this.#entries.length, Math.max(0, this.#entries.length + more - this.#length))
    return this.#entries.slice(0, count).map(entry => entry.sequence)
  }

  /** Adds messages that are stored already, drops the oldest beyond the length, wakes the readers. */
  append(entries: readonly FeedEntry[]): void {
    if (entries.length === 0) return
    this.#entries = [...this.#entries, ...entries].slice(-this.#length)
    this.#head = entries.at(-1)?.sequence ?? this.#head
    this.wake()
  }

  /** Wakes the readers without a message: they look again, or go. */
  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /**
   * Where somebody with this cursor goes on.
   * @param cursor Last-Event-ID; absent for somebody who has seen nothing
   * @returns the sequence last seen, or `undefined` when messages after it are no longer kept, or it is not ours
   */
  position(cursor: string | undefined): number | undefined {
    const seen = cursor === undefined ? 0 : this.#sequenceOf(cursor)
    if (seen === undefined || seen > this.#head) return undefined
    return seen >= this.oldest - 1 ? seen : undefined
  }

  /** The message after this sequence; `end` when there is none yet, `gone` when it has fallen out of the window. */
  after(sequence: number): FeedEntry | 'end' | 'gone' {
    if (sequence >= this.#head) return 'end'
    return this.#entries[sequence + 1 - this.oldest] ?? 'gone'
  }

  /** Calls `wake` once when something is added. @returns a function that takes it back */
  onAppend(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }

  /** Sequence of the oldest message that is kept; the next one to come when there is none. */
  get oldest(): number {
    return this.#entries[0]?.sequence ?? this.#head + 1
  }

  #sequenceOf(cursor: string): number | undefined {
    const at = cursor.lastIndexOf('-')
    const digits = cursor.slice(at + 1)
    return cursor.slice(0, at) === this.epoch && /^[0-9]{1,16}$/.test(digits) ? Number(digits) : undefined
  }
}
