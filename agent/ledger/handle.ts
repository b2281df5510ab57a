import { LedgerError } from './errors.js'
import { isClosed, readPage } from './store.js'
import type { OpenStore, Pair, Span, Store } from './store.js'

/**
 * The store that is open at the moment. LevelDB refuses every write after one has failed until it is opened again,
 * so the store behind the ledger changes; who reads through `use` does not notice.
 */
export class Handle {
  readonly #open: () => Promise<Store>
  #store: Store | undefined
  #waiting: Array<{ resolve: (store: Store) => void; reject: (error: Error) => void }> = []
  #closed = false

  constructor(store: Store, location: string, open: OpenStore) {
    this.#store = store
    this.#open = () => open(location)
  }

  /** The open store; undefined while it is being opened again. */
  get current(): Store | undefined {
    return this.#store
  }

  /**
   * Does some reading, waiting for the store where it is not open, and again where it was closed meanwhile.
   * @throws LedgerError `LEDGER_CLOSED`, `LEDGER_UNREADABLE`
   */
  async use<T>(work: (store: Store) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      const store = await this.#opened(signal)
      try {
        return await work(store)
      } catch (error) {
        if (error instanceof LedgerError) throw error
        if (!isClosed(error)) throw new LedgerError('LEDGER_UNREADABLE', String(error), { cause: error })
        if (store === this.#store) throw new LedgerError('LEDGER_CLOSED', undefined, { cause: error })
      }
    }
  }

  /** One page of a range: see `readPage`. */
  page(span: Span, octets: number, signal?: AbortSignal): Promise<Pair[]> {
    return this.use(store => readPage(store, span, octets), signal)
  }

  /** Closes the store and opens it anew; nobody gets the new one before `prepare` has ended. */
  async reopen(prepare: (store: Store) => Promise<void>): Promise<Store> {
    await this.#release()
    const store = await this.#open()
    try {
      await prepare(store)
    } catch (error) {
      await store.close().catch(() => {})
      throw error
    }
    if (this.#closed) {
      await store.close()
      throw new LedgerError('LEDGER_CLOSED')
    }
    this.#store = store
    for (const { resolve } of this.#waiting.splice(0)) resolve(store)
    return store
  }

  /** Closes the store for good. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new LedgerError('LEDGER_CLOSED'))
    await this.#release()
  }

  async #release(): Promise<void> {
    const store = this.#store
    this.#store = undefined
    await store?.close()
  }

  #opened(signal?: AbortSignal): Promise<Store> {
    if (this.#closed) return Promise.reject(new LedgerError('LEDGER_CLOSED'))
    if (this.#store !== undefined) return Promise.resolve(this.#store)
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      this.#waiting.push(waiter)
      signal?.addEventListener(
        'abort',
        () => {
          this.#waiting = this.#waiting.filter(other => other !== waiter)
          reject(signal.reason as Error)
        },
        { once: true }
      )
    })
  }
}
