import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { request, type Dispatcher } from 'undici'
import type { Clock } from '../model/index.js'
import { edgeMedia, edgePaths, feedLimits } from '../model/edge-api.js'
import { retryAfterMs, saying, type HttpAnswer } from './answers.js'
import { sayError, UplinkError } from './errors.js'
import { edgeIngest, type Ingest } from './ingest.js'
import { readLines } from './lines.js'
import { readEventStream } from './sse.js'
import { dispatcherFor, readBase, under, type TlsOptions } from './target.js'
import { childOf } from './time.js'
import type { Answer, Incoming, Transport, WireEvent } from './transport.js'

const zip = promisify(gzip)

/** Octets of an answer that are read; more than a batch of rejections with long reasons. */
const LONGEST_ANSWER = 4 << 20

/** How long billing may take, ms. */
export interface HttpTimeouts {
  readonly connect: number
  /** One batch, from the first octet to the end of the answer. */
  readonly send: number
  /** Until the feed or the snapshot begins to answer. */
  readonly answer: number
  /** Silence after which the feed or the snapshot is dead. */
  readonly silence: number
}

export const httpTimeouts: HttpTimeouts = {
  connect: 10_000,
  send: 60_000,
  answer: 30_000,
  silence: feedLimits.silence * 1000
}

export interface HttpOptions extends TlsOptions {
  /** Base address of the Edge API; https, or http to this very box. */
  readonly url: string
  /** Read for each request, so that a renewed token is used at once. */
  readonly token: () => string
  readonly timeouts?: Partial<HttpTimeouts>
  readonly clock?: Clock
  /** How events travel; as the Edge API has it when absent. */
  readonly ingest?: Ingest | undefined
}

/** The Edge API over HTTP/1.1: batches with gzip, the feed as Server-Sent Events, the snapshot as NDJSON. */
export class HttpTransport implements Transport {
  readonly #base: URL
  readonly #token: () => string
  readonly #dispatcher: Dispatcher
  readonly #timeouts: HttpTimeouts
  readonly #clock: Clock
  readonly #ingest: Ingest
  #skewMs: number | undefined

  /** @throws UplinkError `UPLINK_INSECURE_URL`, `UPLINK_BAD_URL` */
  constructor(options: HttpOptions) {
    const { url, token, timeouts, clock, ingest, ...tls } = options
    this.#base = readBase(url)
    this.#token = token
    this.#timeouts = { ...httpTimeouts, ...timeouts }
    this.#clock = clock ?? Date.now
    this.#ingest = ingest ?? edgeIngest
    this.#dispatcher = dispatcherFor(this.#base, tls, this.#timeouts.connect)
  }

  get clockSkewMs(): number | undefined {
    return this.#skewMs
  }

  async send(events: readonly WireEvent[], signal: AbortSignal): Promise<Answer> {
    const { path, mediaType, gzip } = this.#ingest
    const plain = this.#ingest.body(events)
    if (plain === undefined) return { kind: 'taken', rejected: [] }
    const body = gzip ? await zip(plain, { level: constants.Z_BEST_SPEED }) : plain
    const encoding: Record<string, string> = gzip ? { 'content-encoding': 'gzip' } : {}
    const headers = { 'content-type': mediaType, ...encoding, accept: 'application/json', ...this.#ingest.headers }
    const watch = new Watch(signal, this.#timeouts.send)
    try {
      const response = await this.#request(path, { method: 'POST', headers, body }, watch)
      const said = await readBounded(response.body)
      return this.#ingest.read(answerOf(response, said), events, this.#clock())
    } catch (error) {
      if (error instanceof UplinkError && error.code === 'UPLINK_BAD_TOKEN')
        return { kind: 'refused', reason: error.message }
      throw watch.explain(error, 'UPLINK_TIMEOUT')
    } finally {
      watch.end()
    }
  }

  async *feed(cursor: string | undefined, signal: AbortSignal): AsyncGenerator<readonly Incoming[]> {
    const place: Record<string, string> = cursor === undefined ? {} : { 'last-event-id': cursor }
    const headers = { accept: edgeMedia.feed, 'cache-control': 'no-store', ...place }
    yield* this.#stream(edgePaths.feed, headers, signal, 'UPLINK_FEED_SILENT', response => {
      if (!String(response.headers['content-type']).startsWith(edgeMedia.feed))
        throw new UplinkError('UPLINK_UNEXPECTED_ANSWER', 'the feed is not text/event-stream')
      return readEventStream
    })
  }

  async *snapshot(signal: AbortSignal): AsyncGenerator<string> {
    yield* this.#stream(edgePaths.snapshot, { accept: edgeMedia.snapshot }, signal, 'UPLINK_TIMEOUT', () => readLines)
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy()
  }

  async *#stream<T>(
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    whenSilent: 'UPLINK_FEED_SILENT' | 'UPLINK_TIMEOUT',
    reader: (response: Dispatcher.ResponseData) => (pieces: AsyncIterable<Buffer>) => AsyncIterable<T>
  ): AsyncGenerator<T> {
    const watch = new Watch(signal, this.#timeouts.answer)
    try {
      const response = await this.#request(path, { method: 'GET', headers }, watch)
      if (response.statusCode !== 200) throw await this.#refusal(response)
      yield* reader(response)(watch.pieces(response.body, this.#timeouts.silence))
    } catch (error) {
      throw watch.explain(error, whenSilent)
    } finally {
      watch.end()
    }
  }

  async #request(
    path: string,
    options: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: Buffer },
    watch: Watch
  ): Promise<Dispatcher.ResponseData> {
    const { tokenHeader, tokenPrefix } = this.#ingest
    const response = await request(under(this.#base, path), {
      ...options,
      headers: { ...options.headers, [tokenHeader]: `${tokenPrefix}${readToken(this.#token)}` },
      dispatcher: this.#dispatcher,
      signal: watch.signal
    })
    // Without a listener, an error after the last read would end the process.
    response.body.on('error', () => {})
    const date = Date.parse(String(response.headers['date']))
    if (!Number.isNaN(date)) this.#skewMs = this.#clock() - date
    return response
  }

  async #refusal(response: Dispatcher.ResponseData): Promise<UplinkError> {
    const answer = answerOf(response, await readBounded(response.body))
    if (answer.status === 410) return new UplinkError('UPLINK_CURSOR_TOO_OLD', saying(answer))
    if (answer.status === 401 || answer.status === 403) return new UplinkError('UPLINK_REFUSED', saying(answer))
    const asked = retryAfterMs(answer, this.#clock())
    const options = asked === undefined ? {} : { retryAfterMs: asked }
    return new UplinkError('UPLINK_UNEXPECTED_ANSWER', saying(answer), options)
  }
}

/** Watches one request: ends it when the caller does, or when billing takes too long. */
class Watch {
  readonly #controller: AbortController
  readonly #release: () => void
  readonly #parent: AbortSignal
  #timer: NodeJS.Timeout
  #isLate = false

  constructor(parent: AbortSignal, ms: number) {
    const { controller, release } = childOf(parent)
    this.#controller = controller
    this.#release = release
    this.#parent = parent
    this.#timer = this.#start(ms)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The body, piece by piece; the time runs only while a piece is waited for, not while one is worked on. */
  async *pieces(body: AsyncIterable<Buffer>, silenceMs: number): AsyncGenerator<Buffer> {
    this.#restart(silenceMs)
    for await (const piece of body) {
      clearTimeout(this.#timer)
      yield piece
      this.#restart(silenceMs)
    }
  }

  /** @returns what to throw for `error` */
  explain(error: unknown, whenLate: 'UPLINK_TIMEOUT' | 'UPLINK_FEED_SILENT'): unknown {
    if (this.#parent.aborted) return this.#parent.reason
    if (this.#isLate) return new UplinkError(whenLate, 'no answer in time')
    if (error instanceof UplinkError) return error
    return new UplinkError('UPLINK_UNREACHABLE', sayError(error), { cause: error })
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#release()
    this.#controller.abort()
  }

  #restart(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = this.#start(ms)
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#isLate = true
      this.#controller.abort()
    }, ms).unref()
  }
}

/** @throws UplinkError `UPLINK_BAD_TOKEN`, without the token */
function readToken(token: () => string): string {
  const text = attempt(token)
  if (!/^[!-~]+$/.test(text)) throw new UplinkError('UPLINK_BAD_TOKEN', 'empty, or not printable')
  return text
}

function attempt(token: () => string): string {
  try {
    return token().trim()
  } catch (error) {
    throw new UplinkError('UPLINK_BAD_TOKEN', sayError(error))
  }
}

/** @throws UplinkError `UPLINK_TOO_LONG` */
async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    length += piece.length
    if (length > LONGEST_ANSWER) throw new UplinkError('UPLINK_TOO_LONG', `an answer beyond ${LONGEST_ANSWER} octets`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function answerOf({ statusCode, headers }: Dispatcher.ResponseData, body: string): HttpAnswer {
  const retryAfter = headers['retry-after']
  const { date } = headers
  return {
    status: statusCode,
    body,
    ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
    ...(typeof date === 'string' ? { date } : {})
  }
}
