import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { ApiOptions } from './api.js'

/** As fastify has it for a request that does not come to its end. */
const LONGEST_REQUEST = 30_000

/**
 * The local API, made when somebody first asks: its libraries and schemas take as long as the start of all the rest,
 * and no subscriber waits for them.
 */
export class ApiOnDemand {
  readonly #options: ApiOptions
  readonly #server: Server
  #api: Promise<FastifyInstance> | undefined

  constructor(options: ApiOptions) {
    this.#options = options
    this.#server = createServer({ requestTimeout: LONGEST_REQUEST }, (request, response) => {
      void this.#answer(request, response)
    })
  }

  /** @throws the system's own error where the socket cannot be made */
  listen({ path }: { readonly path: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => resolve())
    })
  }

  /** Lets requests under way end, and takes no more. */
  async close(): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve))
    this.#server.closeIdleConnections()
    await closed
    await (await this.#api)?.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#api ??= this.#make()
      const api = await this.#api
      api.routing(request, response)
    } catch (error) {
      this.#api = undefined
      this.#options.log?.error({ err: error }, 'the local API could not be made')
      response.writeHead(500).end()
    }
  }

  async #make(): Promise<FastifyInstance> {
    const { createApi } = await import('./api.js')
    const api = await createApi(this.#options)
    await api.ready()
    return api
  }
}
