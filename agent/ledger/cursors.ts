import type { Range } from './ranges.js'
import { clip } from './ranges.js'

/** How far each consumer is: what is durable, and what is on its way to the disk. */
export class Cursors {
  readonly #durable: Map<string, number>
  readonly #asked = new Map<string, number>()
  readonly #never: readonly Range[]

  /** @param never sequences that were never given out */
  constructor(durable: ReadonlyMap<string, number>, never: readonly Range[]) {
    this.#durable = new Map(durable)
    this.#never = never
  }

  get(consumer: string): number {
    return this.#durable.get(consumer) ?? 0
  }

  all(): IterableIterator<[string, number]> {
    return this.#durable.entries()
  }

  /** Whether `sequence` is news, also compared with what is on its way. */
  isNews(consumer: string, sequence: number): boolean {
    return sequence > Math.max(this.get(consumer), this.#asked.get(consumer) ?? 0)
  }

  /** It is on its way now. @returns takes that back */
  asked(consumer: string, sequence: number): () => void {
    const before = this.#asked.get(consumer)
    this.#asked.set(consumer, sequence)
    return () => {
      if (this.#asked.get(consumer) !== sequence) return
      if (before === undefined) this.#asked.delete(consumer)
      else this.#asked.set(consumer, before)
    }
  }

  stored(consumer: string, sequence: number): void {
    this.#durable.set(consumer, Math.max(this.get(consumer), sequence))
    if (this.#asked.get(consumer) === sequence) this.#asked.delete(consumer)
  }

  /** Nothing that was on its way has arrived. */
  failed(): void {
    this.#asked.clear()
  }

  /** Sequences after the cursor up to `head`, without those that never were. */
  behind(consumer: string, head: number): number {
    const range = { from: this.get(consumer) + 1, to: head }
    if (range.from > range.to) return 0
    return this.#never.reduce(
      (left, hole) => {
        const within = hole.from <= hole.to ? clip(hole, range) : undefined
        return within === undefined ? left : left - (within.to - within.from + 1)
      },
      head - range.from + 1
    )
  }
}
