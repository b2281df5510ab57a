import { Worker } from 'node:worker_threads'
import type { HashResult, HashTask } from './hash-worker.js'

/** What came of a check; `busy` where too many wait, or the thread died. */
export type Checked = 'right' | 'wrong' | 'unreadable' | 'busy'

const MOST = 256

/**
 * Checks salted passwords in a thread of its own, one after the other: neither packets nor the disk wait for it. The
 * thread starts with the first check and keeps the process alive only while somebody waits.
 */
export class Hashing {
  readonly #waiting = new Map<number, (checked: Checked) => void>()
  #worker: Worker | undefined
  #next = 0

  /** How many wait. */
  get size(): number {
    return this.#waiting.size
  }

  check(stored: string, password: Buffer): Promise<Checked> {
    if (this.#waiting.size >= MOST) return Promise.resolve('busy')
    const id = this.#next++
    return new Promise(resolve => {
      this.#waiting.set(id, resolve)
      const task: HashTask = { id, stored, password }
      const thread = this.#thread()
      thread.ref()
      thread.postMessage(task) // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, no window
    })
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(new URL('./hash-worker.js', import.meta.url))
    worker.on('message', ({ id, right }: HashResult) => {
      this.#waiting.get(id)?.(right === undefined ? 'unreadable' : right ? 'right' : 'wrong')
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) worker.unref()
    })
    worker.on('error', () => this.#lost())
    this.#worker = worker
    return worker
  }

  // Whoever waited asks again; the next check starts another thread.
  #lost(): void {
    this.#worker = undefined
    for (const resolve of this.#waiting.values()) resolve('busy')
    this.#waiting.clear()
  }
}
