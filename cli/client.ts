import { Client } from 'undici'
import { CliError } from './errors.js'

/** How long the agent may take to answer, milliseconds. */
const PATIENCE = 60_000

/** Talks to the local API of a running agent. */
export class ApiClient {
  readonly #socket: string
  readonly #client: Client

  constructor(socket: string) {
    this.#socket = socket
    this.#client = new Client('http://turnpike', {
      socketPath: socket,
      headersTimeout: PATIENCE,
      bodyTimeout: PATIENCE
    })
  }

  /**
   * Asks for a document.
   * @param query  left out where undefined
   * @throws CliError `CLI_NOT_RUNNING`, `CLI_NOT_ALLOWED`, `CLI_REFUSED`
   */
  get<T>(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined)
    const search = new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)])).toString()
    return this.#ask<T>('GET', search === '' ? path : `${path}?${search}`)
  }

  /** Asks for a change. @param patience milliseconds until it must be answered; 0 for ever @throws CliError as `get` */
  post<T>(path: string, body?: object, patience = PATIENCE): Promise<T> {
    return this.#ask<T>('POST', path, body, patience)
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async #ask<T>(method: 'GET' | 'POST', path: string, body?: object, patience = PATIENCE): Promise<T> {
    const content =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await this.#client.request({ method, path, headersTimeout: patience, ...content }).catch(error => {
      throw this.#absent(error as NodeJS.ErrnoException)
    })
    const answer = (await response.body.json()) as T & { message?: string; remedy?: string }
    if (response.statusCode < 300) return answer
    throw new CliError('CLI_REFUSED', [answer.message, answer.remedy].filter(Boolean).join(' '))
  }

  #absent(error: NodeJS.ErrnoException): CliError {
    if (error.code === 'EACCES') {
      return new CliError(
        'CLI_NOT_ALLOWED',
        `This user may not talk to the agent (${this.#socket}). Use sudo, or join its group: sudo usermod -aG turnpike $USER.`
      )
    }
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
      return new CliError(
        'CLI_NOT_RUNNING',
        `The agent is not running: nobody listens on ${this.#socket}. Start it with systemctl start turnpike (or turnpike run), or name another socket by --socket.`
      )
    }
    return new CliError(
      'CLI_NOT_RUNNING',
      `The agent does not answer on ${this.#socket} (${error.message}). See journalctl -u turnpike.`,
      {
        cause: error
      }
    )
  }
}
