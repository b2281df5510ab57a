import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import pino from 'pino'
import { encodeUsage, RecordKind, type Command, type Entry } from '../../../agent/model/index.js'
import type { CloudEvent } from '../../../agent/model/edge-api.js'
import type { Random, Sleep } from '../../../agent/uplink/index.js'

export const silent = pino({ level: 'silent' })

type Step<T> = (response: ServerResponse, seen: T, request: IncomingMessage) => unknown

/** A billing system on a real socket that misbehaves by script; without script it keeps the Edge API. */
export class ScriptedCloud {
  readonly server: Server
  /** Each next request plays one step; then the cloud behaves. */
  readonly events: Step<CloudEvent[]>[] = []
  readonly feeds: Step<string | undefined>[] = []
  readonly snapshots: Step<undefined>[] = []
  /** Ids that were accepted, in order. */
  readonly accepted: string[] = []
  readonly byId = new Map<string, CloudEvent>()
  readonly batches: CloudEvent[][] = []
  readonly headers: IncomingMessage['headers'][] = []
  readonly lastEventIds: (string | undefined)[] = []
  readonly poison = new Set<string>()
  readonly hanging = new Set<ServerResponse>()
  duplicates = 0
  requests = 0
  concurrent = 0
  mostConcurrent = 0
  /** What the snapshot holds, lines without line feeds. */
  snapshotLines: string[] = []

  constructor(tls?: object) {
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response)
    this.server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  }

  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise(resolve => this.server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++
    this.headers.push(request.headers)
    const path = request.url ?? ''
    if (path.endsWith('/v1/events')) {
      this.mostConcurrent = Math.max(this.mostConcurrent, ++this.concurrent)
      response.once('close', () => this.concurrent--)
      const body = await readAll(request).catch(() => undefined)
      if (body === undefined) return
      const batch = JSON.parse(gunzipSync(body).toString()) as CloudEvent[]
      this.batches.push(batch)
      const step = this.events.shift() ?? ((response: ServerResponse) => this.take(response, batch))
      step(response, batch, request)
    } else if (path.endsWith('/v1/feed')) {
      const cursor = request.headers['last-event-id'] as string | undefined
      this.lastEventIds.push(cursor)
      const step = this.feeds.shift() ?? ((response: ServerResponse) => void openStream(response).write(': hello\n\n'))
      step(response, cursor, request)
    } else if (path.endsWith('/v1/snapshot')) {
      const step = this.snapshots.shift() ?? ((response: ServerResponse) => response.end(lines(this.snapshotLines)))
      step(response, undefined, request)
    } else response.writeHead(404).end()
  }

  /** The right answer: poison gives 400, known ids are duplicates. */
  take(response: ServerResponse, batch: CloudEvent[], rejected: { id: string; reason: string }[] = []): void {
    if (batch.some(({ id }) => this.poison.has(id))) {
      response.writeHead(400).end('spoilt')
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.store(batch, rejected)))
  }

  store(batch: CloudEvent[], rejected: { id: string; reason: string }[] = []): object {
    const refused = new Set(rejected.map(({ id }) => id))
    let accepted = 0
    let duplicates = 0
    for (const event of batch) {
      if (refused.has(event.id)) continue
      if (this.byId.has(event.id)) duplicates++
      else {
        this.byId.set(event.id, event)
        this.accepted.push(event.id)
        accepted++
      }
    }
    this.duplicates += duplicates
    return { accepted, duplicates, rejected }
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

export function openStream(response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
  return response
}

export const lines = (all: readonly string[]): string => all.map(line => `${line}\n`).join('')

/** One SSE frame of a feed message. */
export function frame(cursor: string, type: string, data: unknown, sequence?: number): string {
  const envelope = { specversion: '1.0', type, source: '/billing', id: cursor, data }
  const message = sequence === undefined ? envelope : { ...envelope, sequence: String(sequence) }
  return `id: ${cursor}\ndata: ${JSON.stringify(message)}\n\n`
}

export const command = (id: string, more: Partial<Command> = {}): Command => ({ id, verb: 'disconnect', ...more })

/** Sleeps that end at once and are written down; those of a minute or more end when they are aborted. */
export function quickSleep(slept: number[] = []): Sleep {
  return async (ms, signal) => {
    if (ms < 60_000) {
      slept.push(ms)
      await turn()
      return
    }
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}

export const half: Random = () => 0.5

/** Turns of the event loop until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** A usage record of a subscriber. */
export function usageEntry(n: number, subscriber = `sub_${n % 7}`): Entry {
  const payload = encodeUsage({
    cause: 'interim',
    flipped: false,
    replays: true,
    periodStart: 1_700_000_000_000 + n * 1000,
    periodEnd: 1_700_000_300_000 + n * 1000,
    seconds: 300,
    sessionSeconds: 600,
    upOctets: BigInt(n),
    downOctets: BigInt(n) * 100n,
    totalUpOctets: BigInt(n) * 2n,
    totalDownOctets: BigInt(n) * 200n,
    upPackets: n,
    downPackets: n,
    session: `ses_${n}`,
    nas: 'bras-1',
    acctSessionId: `8100${n}`,
    userName: `user${n}`,
    subscriber,
    profile: 'home-100',
    evidence: Buffer.alloc(120, 1)
  })
  return { kind: RecordKind.usage, time: 1_700_000_300_000 + n * 1000, payload }
}
