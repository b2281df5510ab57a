import type { EventEmitter } from 'node:events'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { feedLimits } from '../../agent/model/edge-api.js'
import type { Clock } from '../../agent/model/index.js'
import { Books, type BooksEvents } from './books.js'
import { Counter } from './counter.js'
import { buildApp, type Tokens } from './http/app.js'
import { Script, type Misbehaviour } from './misbehaviour.js'

/** How to run a sandbox billing. */
export interface BillingOptions {
  /** LevelDB lives here; made when absent. */
  readonly directory: string
  readonly tokens: Tokens
  readonly log: Logger
  readonly clock?: Clock
  /** Messages of the feed that are kept, 10,000 by default; older cursors get 410. */
  readonly feedLength?: number
  /** Milliseconds between signs of life on the feed, 10,000 by default. */
  readonly heartbeatMs?: number
}

/** Where to listen. */
export interface ListenOptions {
  /** Loopback by default. */
  readonly host?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
}

const closeGraceMs = 500

/**
 * A small prepaid billing in the cloud: it speaks the Edge API to agents, rates usage, suspends who has spent the money
 * and restores who pays. Its methods are there over HTTP too.
 *
 * @example
 * const cloud = await BillingCloud.open({ directory, tokens: { edge, admin }, log })
 * const url = await cloud.listen()
 * await cloud.putPlan({ id: 'home', profile: { id: 'home', down: 1e8, up: 2e7 }, pricePerGb: 500_000n, whenSpent: 'walled-garden' })
 * await cloud.addSubscriber({ id: 'sub_1', username: 'alice', status: 'active', profile: 'home' }, parseAmount('5'))
 */
export class BillingCloud extends Counter {
  readonly #books: Books
  readonly #options: BillingOptions
  readonly #script = new Script()
  readonly #closing = new AbortController()
  #generation = new AbortController()
  #app: FastifyInstance | undefined

  private constructor(books: Books, options: BillingOptions) {
    super(books)
    this.#books = books
    this.#options = options
  }

  /** @throws BillingError `BILLING_STORAGE` when the directory cannot be opened; RangeError for a heartbeat above 15 s */
  static async open(options: BillingOptions): Promise<BillingCloud> {
    if ((options.heartbeatMs ?? 0) > feedLimits.heartbeat * 1000) throw new RangeError('a heartbeat is due every 15 s')
    const { directory, clock = Date.now, feedLength = 10_000 } = options
    return new BillingCloud(await Books.open({ directory, clock, feedLength }), options)
  }

  /** What happens, each once it is stored: `event`, `suspended`, `restored`. */
  get events(): EventEmitter<BooksEvents> {
    return this.#books
  }

  /** Opens the HTTP server. @returns its base URL, such as `http://127.0.0.1:40123` */
  async listen({ host = '127.0.0.1', port = 0 }: ListenOptions = {}): Promise<string> {
    this.#app = await buildApp({
      counter: this,
      books: this.#books,
      script: this.#script,
      misbehave: script => this.misbehave(script),
      tokens: this.#options.tokens,
      log: this.#options.log,
      feed: {
        heartbeatMs: this.#options.heartbeatMs ?? 10_000,
        signal: this.#closing.signal,
        generation: () => this.#generation.signal
      }
    })
    return this.#app.listen({ host, port })
  }

  /** Ends the feeds, finishes what was begun, closes the disk. */
  async close(): Promise<void> {
    this.#closing.abort()
    // A connection on which nothing was ever asked would hold the server for half a minute.
    const patience = setTimeout(() => this.#app?.server.closeAllConnections(), closeGraceMs)
    await this.#app?.close()
    clearTimeout(patience)
    await this.#books.close()
  }

  /** Misbehaves by this script from now on; open feeds are cut so that they meet it. An empty script behaves. */
  misbehave(script: Misbehaviour): void {
    this.#script.set(script)
    this.#generation.abort()
    this.#generation = new AbortController()
  }
}
