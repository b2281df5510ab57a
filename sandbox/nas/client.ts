import { NasError } from './errors.js'
import { Exchange, type Answer, type ClientCounts, type ClientOptions, type Request } from './exchange.js'
import { IdentifierPool } from './identifiers.js'

const mostWaiting = 10_000

/**
 * Sends RADIUS requests to one port of one server, again and again until a verified reply comes.
 * Requests beyond the free Identifiers wait for one, up to 10,000.
 *
 * @example
 * const client = new RadiusClient({ host: '127.0.0.1', port: 1812, secret })
 * const { packet } = await client.request({ code: Code.StatusServer, attributes: () => Buffer.alloc(0) })
 */
export class RadiusClient {
  readonly counts: ClientCounts = { requests: 0, transmissions: 0, answered: 0, doubtful: 0 }
  readonly #options: ClientOptions
  readonly #pool: IdentifierPool
  readonly #open = new Set<Exchange>()
  readonly #waiting: Exchange[] = []
  #closed = false

  constructor(options: ClientOptions) {
    this.#options = options
    this.#pool = new IdentifierPool({ ...options, sockets: options.sockets ?? 4 })
  }

  /**
   * Asks once, with retransmission.
   * @throws NasError `NAS_NO_ANSWER`, `NAS_BAD_ANSWER`, `NAS_BUSY`, `NAS_CLOSED`; what the signal was aborted with
   */
  request(request: Request): Promise<Answer> {
    if (this.#closed) return Promise.reject(new NasError('NAS_CLOSED', 'the client is closed'))
    if (this.#waiting.length >= mostWaiting)
      return Promise.reject(new NasError('NAS_BUSY', `${mostWaiting} requests are waiting`))
    this.counts.requests++
    return new Promise((resolve, reject) => {
      const exchange = new Exchange(request, this.#options, this.#pool, this.counts, {
        resolve,
        reject,
        ended: () => this.#ended(exchange)
      })
      if (!exchange.begin()) this.#waiting.push(exchange)
      else if (!exchange.over) this.#open.add(exchange)
    })
  }

  /** Gives up all requests and closes the sockets. */
  async close(): Promise<void> {
    this.#closed = true
    const error = new NasError('NAS_CLOSED', 'the client was closed')
    for (const exchange of [...this.#waiting.splice(0), ...this.#open]) exchange.fail(error)
    await this.#pool.close()
  }

  #ended(exchange: Exchange): void {
    this.#open.delete(exchange)
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (!next.over && !next.begin()) {
        this.#waiting.unshift(next)
        return
      }
      if (!next.over) this.#open.add(next)
    }
  }
}
