import type { Logger } from 'pino'

/** Subscribers looked at before the event loop gets its turn. */
const SLICE = 20

/**
 * Work by subscriber that never holds the event loop for long: the first are done at once, the rest in slices.
 * Asked again for one that still waits, it is done once.
 */
export class Slices {
  readonly #act: (id: string, by: string) => void
  readonly #log: Logger
  readonly #waiting = new Map<string, string>()
  #sweep: Iterator<string> | undefined
  #next: NodeJS.Immediate | undefined

  constructor(act: (id: string, by: string) => void, log: Logger) {
    this.#act = act
    this.#log = log
  }

  /** @param by  who caused it; of one that waits, whoever asked last, unless that was mere reconciliation */
  add(ids: Iterable<string>, by: string): void {
    for (const id of ids) if (by !== 'reconciliation' || !this.#waiting.has(id)) this.#waiting.set(id, by)
    if (this.#next === undefined) this.#run()
  }

  /** Reconciles many, taken from `ids` one by one when nobody else waits: they are never gathered. */
  sweep(ids: Iterator<string>): void {
    this.#sweep = ids
    if (this.#next === undefined) this.#run()
  }

  close(): void {
    clearImmediate(this.#next)
    this.#waiting.clear()
    this.#sweep = undefined
  }

  #run(): void {
    this.#next = undefined
    let left = SLICE
    for (const [id, by] of this.#waiting) {
      if (left-- === 0) break
      this.#waiting.delete(id)
      this.#try(id, by)
    }
    while (left-- > 0 && this.#sweep !== undefined) this.#sweepOne(this.#sweep)
    if (this.#waiting.size > 0 || this.#sweep !== undefined) this.#next = setImmediate(() => this.#run())
  }

  #sweepOne(ids: Iterator<string>): void {
    const { value, done } = ids.next()
    if (done === true) this.#sweep = undefined
    else this.#try(value, 'reconciliation')
  }

  #try(id: string, by: string): void {
    try {
      this.#act(id, by)
    } catch (error) {
      this.#log.error({ err: error, subscriber: id }, 'a decision could not be worked out')
    }
  }
}
