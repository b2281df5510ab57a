/** People who wait for the durable head to reach a sequence. */
export class Waiters {
  #waiting: Array<{
    readonly sequence: number
    readonly resolve: () => void
    readonly reject: (error: Error) => void
  }> = []

  /** Resolves at `sequence`, or when the signal aborts. */
  wait(sequence: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve()
    const promise = new Promise<void>((resolve, reject) => {
      const done = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const waiter = { sequence, resolve: done, reject }
      const abort = (): void => {
        this.#waiting = this.#waiting.filter(other => other !== waiter)
        resolve()
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(waiter)
    })
    // Whoever no longer cares when the ledger closes must not end the process.
    promise.catch(() => {})
    return promise
  }

  /** The head has moved. */
  reached(head: number): void {
    if (this.#waiting.length === 0) return
    const due = this.#waiting.filter(({ sequence }) => sequence <= head)
    if (due.length === 0) return
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > head)
    for (const { resolve } of due) resolve()
  }

  /** It will not move any more. */
  fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
