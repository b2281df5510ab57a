import type { Socket } from 'node:net'
import { DriverError, within } from '../../agent/model/index.js'
import { challengeSentence, loginSentence, printSentence, type PrintOptions } from '../../protocols/routeros/index.js'
import { openSocket } from './connect.js'
import { type Answer, type AskOptions, Connection, type Row } from './connection.js'
import type { Credential } from '../credential.js'
import { givenUp, isMissingMenu, protocolError } from './failures.js'
import type { Target } from './target.js'

/** How long making a connection may take, whoever waits for it. */
const CONNECT = 10_000
/** A connection that nobody uses is given back: routers allow a limited number of sessions. */
const IDLE = 60_000
/** Rows that wait for their reader before the router is told to wait. */
const READ_AHEAD = 256

interface Attempt {
  readonly promise: Promise<Connection>
  readonly abort: AbortController
  waiting: number
}

/**
 * A router, connected to when it is first asked, and again at the next call after the connection ended. It never tries
 * by itself: how often is for the caller to decide.
 */
export class Router {
  readonly #target: Target
  readonly #credential: () => Credential
  #connection: Connection | undefined
  #attempt: Attempt | undefined

  constructor(target: Target, credential: () => Credential) {
    this.#target = target
    this.#credential = credential
  }

  /** Sends a command; see `Connection.ask`. @throws DriverError */
  async ask(words: readonly string[], options: AskOptions): Promise<Answer> {
    const connection = await this.#connected(options.signal)
    return connection.ask(words, options)
  }

  /** Rows of a menu. @throws DriverError */
  async print(menu: string, options: PrintOptions, signal: AbortSignal): Promise<readonly Row[]> {
    return (await this.ask(printSentence(menu, options), { signal })).rows
  }

  /** Rows of a menu that not every router has; none where it is missing. */
  async printIfThere(menu: string, options: PrintOptions, signal: AbortSignal): Promise<readonly Row[]> {
    try {
      return await this.print(menu, options, signal)
    } catch (error) {
      if (isMissingMenu(error)) return []
      throw error
    }
  }

  /** Rows one by one, however many: while the reader is busy the router waits. Do not ask anything else meanwhile. */
  async *stream(menu: string, options: PrintOptions, signal: AbortSignal): AsyncGenerator<Row> {
    const connection = await this.#connected(signal)
    const rows: Row[] = []
    const state: { ended: boolean; failure?: unknown; wake: () => void } = { ended: false, wake: () => undefined }
    const each = (row: Row): void => {
      if (rows.push(row) >= READ_AHEAD) connection.pause()
      state.wake()
    }
    const end = (failure?: unknown): void => {
      Object.assign(state, { ended: true, failure })
      state.wake()
    }
    const stop = new AbortController()
    connection
      .ask(printSentence(menu, options), { signal: AbortSignal.any([signal, stop.signal]), each })
      .then(() => end(), end)
    try {
      for (;;) {
        const row = rows.shift()
        if (row !== undefined) yield row
        else if (state.failure !== undefined) throw state.failure as Error
        else if (state.ended) return
        else {
          connection.resume()
          await new Promise<void>(resolve => (state.wake = resolve))
        }
      }
    } finally {
      connection.resume()
      stop.abort()
    }
  }

  /** Ends the connection. A later call would make a new one. */
  close(): void {
    this.#attempt?.abort.abort()
    this.#attempt = undefined
    this.#connection?.close()
    this.#connection = undefined
  }

  async #connected(signal: AbortSignal): Promise<Connection> {
    if (this.#connection?.open === true) return this.#connection
    if (signal.aborted) throw givenUp('The connection')
    const attempt = (this.#attempt ??= this.#begin())
    attempt.waiting++
    return unlessAborted(attempt.promise, signal, () => {
      if (--attempt.waiting === 0) this.#drop(attempt)
    })
  }

  #begin(): Attempt {
    const abort = new AbortController()
    const promise = within(CONNECT, [abort.signal], signal => this.#open(signal))
    const attempt = { promise, abort, waiting: 0 }
    promise.then(
      connection => (this.#connection = connection),
      () => this.#drop(attempt)
    )
    return attempt
  }

  #drop(attempt: Attempt): void {
    attempt.abort.abort()
    if (this.#attempt === attempt) this.#attempt = undefined
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const credential = this.#credential()
    const socket = await openSocket(this.#target, signal)
    const connection = new Connection(socket)
    try {
      await logIn(connection, credential, this.#target.login, signal)
    } catch (error) {
      connection.close()
      throw error
    }
    closeWhenIdle(socket, connection)
    return connection
  }
}

/** Logs in, by either way that routers know. @throws DriverError `AUTH` when refused */
export async function logIn(
  connection: Connection,
  { user, password }: Credential,
  how: Target['login'],
  signal: AbortSignal
): Promise<void> {
  const options = { signal, hide: [password] }
  const first = how === 'challenge' ? ['/login'] : loginSentence(user, password)
  const { ret } = await connection.ask(first, options)
  const second = challenge(user, password, ret)
  if (second !== undefined) await connection.ask(second, options)
  else if (how === 'challenge') {
    throw new DriverError('AUTH', 'The router gives no challenge: it is 6.43 or later. Leave the option login out.')
  }
}

function challenge(user: string, password: string, ret: string | undefined): string[] | undefined {
  try {
    return challengeSentence(user, password, { type: '!done', attributes: ret === undefined ? {} : { ret } })
  } catch (error) {
    throw protocolError(error)
  }
}

function closeWhenIdle(socket: Socket, connection: Connection): void {
  socket.setTimeout(IDLE, () => {
    if (connection.busy === 0) connection.close()
  })
}

/** @param leave  called once, when this caller waits no more */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, leave: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let waiting = true
    const left = (): void => {
      signal.removeEventListener('abort', aborted)
      if (waiting) leave()
      waiting = false
    }
    const aborted = (): void => {
      left()
      // An attempt for which nobody waits ends now, and may know more than that time has passed.
      setImmediate(() => reject(givenUp('The connection')))
    }
    signal.addEventListener('abort', aborted, { once: true })
    promise.then(resolve, reject).finally(left)
  })
}
