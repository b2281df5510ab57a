import type { Duplex } from 'node:stream'
import { type After, afterMs, DriverError, type Milliseconds } from '../../agent/model/index.js'
import {
  encodeSentence,
  parseReply,
  type Reply,
  SentenceReader,
  startsLikeReply
} from '../../protocols/routeros/index.js'
import { givenUp, notRouteros, pathError, protocolError, type Trap, trapError } from './failures.js'

/** One row of a print: property to value, as the router writes it. */
export type Row = Readonly<Record<string, string>>

/** What a command brought. `ret`: the id of what was added, or the number of rows counted. */
export interface Answer {
  readonly rows: readonly Row[]
  readonly ret?: string
}

/** How a command is asked. */
export interface AskOptions {
  readonly signal: AbortSignal
  /** Given up when the router says nothing to it for so long. Default 10,000 ms. */
  readonly silence?: Milliseconds
  /** Rows kept at most; beyond, the command is cancelled. Default 10,000. */
  readonly most?: number
  /** Takes each row instead of keeping it. */
  readonly each?: (row: Row) => void
  /** Values that no error may repeat. */
  readonly hide?: readonly string[]
}

interface Pending {
  readonly command: string
  readonly hide: readonly string[]
  readonly most: number
  readonly each: ((row: Row) => void) | undefined
  readonly rows: Row[]
  readonly rearm: () => void
  readonly stop: () => void
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: DriverError) => void
  trap?: Trap
  /** Given up: what still comes of it is thrown away. */
  over: boolean
}

const SILENCE = 10_000
const MOST_ROWS = 10_000
/** A router that says nothing at all for so long after a command was given up is taken to hang. */
const GRACE = 2000

/**
 * One connection to a router: commands go out as they come, each with a tag, and answers find them by it.
 * Every command settles: by its answer, its signal, its silence, or the end of the connection.
 */
export class Connection {
  readonly #stream: Duplex
  readonly #after: After
  readonly #reader = new SentenceReader()
  readonly #pending = new Map<string, Pending>()
  #next = 1
  #heard = 0
  #head: Buffer | undefined = Buffer.alloc(0)
  #failure: DriverError | undefined
  #paused = false

  constructor(stream: Duplex, after: After = afterMs) {
    this.#stream = stream
    this.#after = after
    stream.on('data', (piece: Buffer) => this.#take(piece))
    stream.on('error', error => this.#fail(pathError(error)))
    stream.on('close', () => this.#fail(this.#closedWords()))
    stream.on('end', () => this.#fail(this.#closedWords()))
  }

  /** False when it ended, however it did. */
  get open(): boolean {
    return this.#failure === undefined
  }

  /** Commands under way, those given up included. */
  get busy(): number {
    return this.#pending.size
  }

  /**
   * Sends a command.
   * @throws DriverError what the router refused (see `trapError`); `TIMEOUT` by signal or silence; `UNREACHABLE` when the
   *   connection ends; `PROTOCOL`; `UNSUPPORTED` when the answer has more rows than `most`
   */
  ask(words: readonly string[], options: AskOptions): Promise<Answer> {
    const [command = ''] = words
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (options.signal.aborted) return Promise.reject(givenUp(command))
    return new Promise((resolve, reject) => {
      const tag = this.#tag()
      const pending = this.#prepare(tag, command, options, resolve, reject)
      this.#pending.set(tag, pending)
      this.#send(words, tag)
    })
  }

  /** Stops reading, so that the router waits; what was given no time limit by the caller has none meanwhile. */
  pause(): void {
    this.#paused = true
    this.#stream.pause()
  }

  resume(): void {
    this.#paused = false
    this.#stream.resume()
  }

  /** Ends it; commands under way fail with `UNREACHABLE`. */
  close(): void {
    this.#fail(new DriverError('UNREACHABLE', 'The connection to the router was closed by us.'))
  }

  #prepare(
    tag: string,
    command: string,
    { signal, silence = SILENCE, most = MOST_ROWS, each, hide = [] }: AskOptions,
    resolve: (answer: Answer) => void,
    reject: (error: DriverError) => void
  ): Pending {
    let cancel: () => void = () => undefined
    const aborted = (): void => this.#abandon(tag, givenUp(command))
    const rearm = (): void => {
      cancel()
      cancel = this.#after(silence, () =>
        this.#paused
          ? rearm()
          : this.#abandon(tag, new DriverError('TIMEOUT', `The router did not answer ${command} for ${silence} ms.`))
      )
    }
    const stop = (): void => {
      cancel()
      signal.removeEventListener('abort', aborted)
    }
    signal.addEventListener('abort', aborted, { once: true })
    rearm()
    return { command, hide, most, each, rows: [], rearm, stop, resolve, reject, over: false }
  }

  #tag(): string {
    return (this.#next++).toString(36)
  }

  #send(words: readonly string[], tag: string): void {
    this.#stream.write(encodeSentence([...words, `.tag=${tag}`]))
  }

  #abandon(tag: string, error: DriverError): void {
    const pending = this.#pending.get(tag)
    if (pending === undefined || pending.over) return
    this.#discard(pending, error)
    if (this.#failure !== undefined) return
    const cancelling = this.#tag()
    this.#pending.set(cancelling, { ...pending, command: '/cancel', over: true })
    this.#send(['/cancel', `=tag=${tag}`], cancelling)
    const heard = this.#heard
    this.#after(GRACE, () => {
      if (this.#heard === heard)
        this.#fail(new DriverError('UNREACHABLE', 'The router hangs: it says nothing any more.'))
    })
  }

  #discard(pending: Pending, error: DriverError): void {
    pending.over = true
    pending.stop()
    pending.rows.length = 0
    pending.reject(error)
  }

  #take(piece: Buffer): void {
    if (this.#failure !== undefined) return
    this.#heard++
    if (this.#head !== undefined && !this.#isRouter(piece)) return
    try {
      for (const words of this.#reader.push(piece)) {
        this.#reply(parseReply(words))
        if (this.#failure !== undefined) return
      }
    } catch (error) {
      this.#fail(protocolError(error))
    }
  }

  #isRouter(piece: Buffer): boolean {
    const head = Buffer.concat([this.#head ?? piece, piece])
    const answer = startsLikeReply(head)
    if (answer === false) {
      this.#fail(notRouteros(head.subarray(0, 16)))
      return false
    }
    this.#head = answer === undefined ? head : undefined
    return true
  }

  #reply(reply: Reply): void {
    if (reply.type === null) return
    if (reply.type === '!fatal') return this.#fatal(reply)
    const pending = this.#pending.get(reply.tag ?? '')
    if (pending === undefined) return this.#fail(protocolError('an answer to nothing that was asked'))
    if (!pending.over) pending.rearm()
    switch (reply.type) {
      case '!re':
        return this.#row(reply, pending)
      case '!empty':
        return
      case '!trap':
        pending.trap ??= trapOf(reply)
        return
      case '!done':
        return this.#done(reply, pending)
      default:
        return this.#fail(protocolError('a reply of an unknown kind'))
    }
  }

  #row({ attributes, tag = '' }: Reply, { over, each, rows, most, command }: Pending): void {
    if (over) return
    if (each !== undefined) return each(attributes)
    if (rows.push(attributes) <= most) return
    const words = `${command} answers with more than ${most} rows. Nothing was done with them: ask for fewer.`
    this.#abandon(tag, new DriverError('UNSUPPORTED', words))
  }

  #done({ attributes, tag = '' }: Reply, pending: Pending): void {
    this.#pending.delete(tag)
    if (pending.over) return
    pending.stop()
    const { trap, command, hide, rows } = pending
    const { ret } = attributes
    if (trap !== undefined) pending.reject(trapError(command, trap, hide))
    else pending.resolve({ rows, ...(ret !== undefined && { ret }) })
  }

  #fatal({ text, attributes }: Reply): void {
    const said = (text ?? attributes['message'] ?? '').slice(0, 200)
    const hidden = [...this.#pending.values()].flatMap(({ hide }) => hide)
    const safe = hidden.reduce((words, secret) => (secret === '' ? words : words.replaceAll(secret, '…')), said)
    const code = /log(ged)? ?in|password/i.test(said) ? 'AUTH' : 'UNREACHABLE'
    this.#fail(new DriverError(code, `The router ended the connection: ${safe === '' ? 'without a reason' : safe}.`))
  }

  #closedWords(): DriverError {
    if (this.#head !== undefined) {
      return new DriverError(
        'UNREACHABLE',
        'The router closed the connection without a word: is our address allowed in /ip service, and is the port right?'
      )
    }
    return new DriverError(
      'UNREACHABLE',
      'The router closed the connection before its answer was complete. Check its load and log, and the path for loss.'
    )
  }

  #fail(error: DriverError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#stream.on('error', () => undefined)
    this.#stream.destroy()
    for (const pending of this.#pending.values()) if (!pending.over) this.#discard(pending, error)
    this.#pending.clear()
  }
}

function trapOf({ attributes, text }: Reply): Trap {
  const { message = text ?? 'no reason given', category } = attributes
  return { message: message.slice(0, 300), ...(category !== undefined && { category }) }
}
