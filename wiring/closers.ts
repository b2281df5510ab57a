import type { Logger } from 'pino'

/** What must be closed, in the order in which it was opened. */
export class Closers {
  readonly #log: Logger
  #list: (() => unknown)[] = []

  constructor(log: Logger) {
    this.#log = log
  }

  add(close: () => unknown): void {
    this.#list.push(close)
  }

  /** Closes everything, the last opened first. What fails is logged and keeps nothing else open. */
  async close(): Promise<void> {
    for (const close of this.#list.splice(0).toReversed()) {
      try {
        await close()
      } catch (error) {
        this.#log.error({ err: error }, 'a part did not stop cleanly')
      }
    }
  }

  /** Does something again and again, one at a time, until closed. A failure is logged and tried at the next turn. */
  every(milliseconds: number, work: () => unknown): void {
    let running: Promise<unknown> | undefined
    const turn = async (): Promise<void> => {
      try {
        await work()
      } catch (error) {
        this.#log.warn({ err: error }, 'a regular piece of work failed; it is tried again')
      }
      running = undefined
    }
    const timer = setInterval(() => {
      running ??= turn()
    }, milliseconds)
    this.add(async () => {
      clearInterval(timer)
      await running
    })
  }
}
