import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { edgeMedia, edgePaths } from '../../../agent/model/edge-api.js'
import type { Books } from '../books.js'
import type { FeedEntry } from '../feed.js'
import type { FeedStep, Script } from '../misbehaviour.js'
import { drained, playStep } from './staging.js'

const mostReaders = 64

/** How the feed is served. */
export interface FeedOptions {
  /** Milliseconds between signs of life; at most 15,000 by the Edge API. */
  readonly heartbeatMs: number
  /** Aborts when the billing closes. */
  readonly signal: AbortSignal
  /** A signal that aborts when all readers are to connect anew. */
  readonly generation: () => AbortSignal
}

/** Adds `GET /v1/feed`: Server-Sent Events from `Last-Event-ID` on, with heartbeats; 410 for a cursor that is too old. */
export function feedRoute(app: FastifyInstance, books: Books, script: Script, options: FeedOptions): void {
  let readers = 0
  const schema = { summary: 'What should be: documents and commands as they change', tags: ['edge'] }
  app.get<{ Headers: { 'last-event-id'?: string } }>(edgePaths.feed, { schema }, async (request, reply) => {
    const step: FeedStep = script.next('feed')
    if (await playStep(step, reply, options.signal)) return reply
    const position = books.feed.position(request.headers['last-event-id'] || undefined)
    if (position === undefined) return reply.gone('that cursor is too old: take a snapshot')
    if (readers >= mostReaders) return reply.header('retry-after', 5).serviceUnavailable('too many readers')
    readers++
    reply.hijack()
    const signal = AbortSignal.any([options.signal, options.generation()])
    try {
      await new Reader(books, reply.raw, signal, options.heartbeatMs).run(position, step)
    } finally {
      readers--
      if (options.signal.aborted) reply.raw.socket?.destroy()
      else reply.raw.end()
    }
    return reply
  })
}

/** One connection. It pulls messages only as fast as they are taken, so that a slow reader costs no memory. */
class Reader {
  readonly #books: Books
  readonly #response: ServerResponse
  readonly #signal: AbortSignal
  readonly #heartbeatMs: number

  constructor(books: Books, response: ServerResponse, signal: AbortSignal, heartbeatMs: number) {
    this.#books = books
    this.#response = response
    this.#signal = signal
    this.#heartbeatMs = heartbeatMs
  }

  async run(position: number, step: FeedStep): Promise<void> {
    this.#response.writeHead(200, { 'content-type': edgeMedia.feed, 'cache-control': 'no-store' })
    await this.#write(': welcome\n\n')
    let last = Math.max(position - (step.replay ?? 0), this.#books.feed.oldest - 1)
    while (this.#isOpen) {
      const entries = this.#next(last, step.reorder === true ? 2 : 1)
      if (entries === 'gone') return
      if (entries.length === 0) await this.#sleep()
      else if (step.truncate === true) return this.#truncate(entries[0])
      else for (const entry of entries.toReversed()) await this.#write(frame(entry))
      last = Math.max(last, ...entries.map(entry => entry.sequence))
    }
  }

  get #isOpen(): boolean {
    return !this.#signal.aborted && !this.#response.destroyed
  }

  /** The next messages, up to `count`, ascending. */
  #next(after: number, count: number): FeedEntry[] | 'gone' {
    const entries: FeedEntry[] = []
    while (entries.length < count) {
      const entry = this.#books.feed.after(after + entries.length)
      if (entry === 'gone') return 'gone'
      if (entry === 'end') break
      entries.push(entry)
    }
    return entries
  }

  async #write(text: string): Promise<void> {
    if (this.#isOpen && !this.#response.write(text)) await drained(this.#response, this.#signal)
  }

  /** Until a message comes, the connection or the billing closes, or a heartbeat is due, which is then sent. */
  async #sleep(): Promise<void> {
    const due = await new Promise<boolean>(resolve => {
      const wake = (): void => done(false)
      const timer = setTimeout(() => done(true), this.#heartbeatMs)
      const forget = this.#books.feed.onAppend(wake)
      const done = (heartbeat: boolean): void => {
        clearTimeout(timer)
        forget()
        this.#response.off('close', wake)
        this.#signal.removeEventListener('abort', wake)
        resolve(heartbeat)
      }
      this.#response.on('close', wake)
      this.#signal.addEventListener('abort', wake)
      if (!this.#isOpen) wake()
    })
    if (due) await this.#write(': heartbeat\n\n')
  }

  async #truncate(entry: FeedEntry | undefined): Promise<void> {
    const text = entry === undefined ? '' : frame(entry)
    await this.#write(text.slice(0, Math.floor(text.length / 2)))
  }
}

function frame({ message }: FeedEntry): string {
  return `id: ${message.id}\nevent: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`
}
