import { DriverError, isRecord } from '../../agent/model/index.js'
import { HttpClient, type HttpTarget, jsonOf } from '../http.js'
import { loginOf } from '../credential.js'
import { statusError } from './statuses.js'

/** What a method gives back. */
export type Reply = Readonly<Record<string, unknown>>

/** Something that calls methods of ubus. */
export interface Caller {
  /** @throws DriverError */
  call(object: string, method: string, parameters: object, signal: AbortSignal): Promise<Reply>
}

const WHO = 'ubus of OpenWrt (uhttpd-mod-ubus)'
const NOBODY = '0'.repeat(32)
/** What a session that does not exist, or may not, is told. JSON-RPC of uhttpd-mod-ubus. */
const ACCESS_DENIED = -32002
const SESSION_SECONDS = 300

/** ubus over HTTP: JSON-RPC 2.0 at `/ubus`, with a session that is opened when it is needed and again when it has ended. */
export class Ubus implements Caller {
  readonly #http: HttpClient
  readonly #credential: () => string
  #session: string | undefined
  #id = 0

  constructor(target: HttpTarget, credential: () => string) {
    this.#http = new HttpClient(target)
    this.#credential = credential
  }

  async call(object: string, method: string, parameters: object, signal: AbortSignal): Promise<Reply> {
    const session = this.#session
    if (session !== undefined) {
      const reply = await this.#ask(session, object, method, parameters, signal)
      if (reply !== 'denied') return reply
    }
    this.#session = await this.#login(signal)
    return this.#allowed(this.#session, object, method, parameters, signal)
  }

  /**
   * A session of its own, which ends with `work`: what is staged in UCI belongs to a session, and nobody else may see it
   * or commit it.
   */
  async alone<T>(work: (caller: Caller) => Promise<T>, signal: AbortSignal): Promise<T> {
    const session = await this.#login(signal)
    const caller: Caller = {
      call: (object, method, parameters, signal) => this.#allowed(session, object, method, parameters, signal)
    }
    try {
      return await work(caller)
    } finally {
      // A session that cannot be ended now ends by its own time.
      await this.#ask(session, 'session', 'destroy', {}, AbortSignal.timeout(2000)).catch(() => undefined)
    }
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #allowed(
    session: string,
    object: string,
    method: string,
    parameters: object,
    signal: AbortSignal
  ): Promise<Reply> {
    const reply = await this.#ask(session, object, method, parameters, signal)
    if (reply !== 'denied') return reply
    const words = `The router denies ${object} ${method} to our user, or the session has ended. Compare its rights with docs/drivers/openwrt.md.`
    throw new DriverError('AUTH', words, { deviceCode: ACCESS_DENIED })
  }

  async #login(signal: AbortSignal): Promise<string> {
    const { user: username, password } = loginOf(this.#credential)
    const reply = await this.#ask(
      NOBODY,
      'session',
      'login',
      { username, password, timeout: SESSION_SECONDS },
      signal
    ).catch((error: unknown) => {
      throw error instanceof DriverError && error.deviceCode === 6 ? wrongLogin() : error
    })
    if (reply === 'denied') throw wrongLogin()
    const { ubus_rpc_session: session } = reply
    if (typeof session === 'string' && /^[0-9a-f]{32}$/.test(session)) return session
    throw new DriverError('PROTOCOL', `What answers there is not ${WHO}: the login gave no session.`)
  }

  async #ask(
    session: string,
    object: string,
    method: string,
    parameters: object,
    signal: AbortSignal
  ): Promise<Reply | 'denied'> {
    this.#id += 1
    const id = this.#id
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'call', params: [session, object, method, parameters] })
    const answer = await this.#http.ask({ method: 'POST', path: 'ubus', body, signal })
    if (answer.status === 404)
      throw new DriverError(
        'PROTOCOL',
        'There is no /ubus there. Install uhttpd-mod-ubus, or check address and port.',
        { deviceCode: 404 }
      )
    if (answer.status >= 500)
      throw new DriverError('UNREACHABLE', `The web server of the router failed (${answer.status}).`, {
        deviceCode: answer.status
      })
    return readReply(jsonOf(answer, WHO), id, `${object} ${method}`)
  }
}

function readReply(said: unknown, id: number, call: string): Reply | 'denied' {
  if (!isRecord(said) || said['id'] !== id) throw notUbus()
  const { result, error } = said
  if (isRecord(error)) {
    const { code } = error
    if (code === ACCESS_DENIED) return 'denied'
    if (code === -32000) throw statusError(4, call)
    throw new DriverError(
      'REJECTED',
      `The router refused ${call} (${String(code)}).`,
      typeof code === 'number' ? { deviceCode: code } : {}
    )
  }
  if (!Array.isArray(result) || typeof result[0] !== 'number') throw notUbus()
  const [status, reply = {}] = result as [number, unknown]
  if (status !== 0) throw statusError(status, call)
  if (!isRecord(reply)) throw notUbus()
  return reply
}

function notUbus(): DriverError {
  return new DriverError('PROTOCOL', `What answers there is not ${WHO}. Check address and port.`)
}

function wrongLogin(): DriverError {
  return new DriverError(
    'AUTH',
    'The router refused the login. Compare user and password, and the entry "config login" in /etc/config/rpcd.',
    {
      deviceCode: 6
    }
  )
}
