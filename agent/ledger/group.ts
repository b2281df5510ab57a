import type { BlockBuilder } from './block.js'
import type { Operation } from './store.js'

/** What becomes durable together: at most one block, and the changes of tables that arrived with it. */
export class Group {
  readonly block: BlockBuilder
  readonly changes: Operation[] = []
  /** Settles when the group is synced, or has failed. */
  readonly durable: Promise<void>
  /** About how much memory it holds. */
  octets = 0
  #resolve: () => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(block: BlockBuilder) {
    this.block = block
    this.durable = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A caller may not care; an unhandled rejection would end the process.
    this.durable.catch(() => {})
  }

  get empty(): boolean {
    return this.block.count === 0 && this.changes.length === 0
  }

  succeed(): void {
    this.#resolve()
  }

  fail(error: Error): void {
    this.#reject(error)
  }
}
