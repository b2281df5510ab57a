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

  close(): void {
    clearImmediate(this.#next)
    this.#waiting.clear()
  }

  #run(): void {
    this.#next = undefined
    let left = SLICE
    for (const [id, by] of this.#waiting) {
      if (left-- === 0) break
      this.#waiting.delete(id)
      try {
        this.#act(id, by)
      } catch (error) {
        this.#log.error({ err: error, subscriber: id }, 'a decision could not be worked out')
      }
    }
    if (this.#waiting.size > 0) this.#next = setImmediate(() => this.#run())
  }
}
