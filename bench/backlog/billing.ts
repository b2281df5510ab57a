/*
 * A billing that only counts, in a process of its own: it takes batches as fast as they come, and looks whether the
 * sequence is dense. `startCounter` starts it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { edgePaths } from '../../agent/model/edge-api.js'

/** What was counted so far. */
export interface Counted {
  readonly port: number
  /** Events, each sequence once. */
  readonly events: number
  readonly batches: number
  /** Sequences that came again, or were left out. */
  readonly repeated: number
  readonly missing: number
}

/** A counter that runs. */
export interface Counter {
  readonly port: number
  ask(): Promise<Counted>
  stop(): void
}

/** Starts it in a child process. */
export async function startCounter(): Promise<Counter> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'])
  const ask = async (): Promise<Counted> => {
    child.send('?')
    const [counted] = await once(child, 'message')
    return counted as Counted
  }
  await once(child, 'message')
  return { port: (await ask()).port, ask, stop: () => void child.kill() }
}

class Server {
  #head = 0
  #events = 0
  #batches = 0
  #repeated = 0
  #missing = 0
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async serve(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    process.on('message', () => process.send?.(this.#counted()))
    process.send?.(this.#counted())
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    if (request.url !== edgePaths.events) return void response.writeHead(503, { 'retry-after': '60' }).end()
    const octets = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    const before = this.#events
    for (const match of octets.toString('latin1').matchAll(/"sequence":"(\d+)"/g)) this.#take(Number(match[1]))
    this.#batches++
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ accepted: this.#events - before, duplicates: 0, rejected: [] }))
  }

  #take(sequence: number): void {
    if (sequence <= this.#head) this.#repeated++
    else {
      this.#missing += sequence - this.#head - 1
      this.#events++
      this.#head = sequence
    }
  }

  #counted(): Counted {
    const address = this.#server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    const [events, batches, repeated, missing] = [this.#events, this.#batches, this.#repeated, this.#missing]
    return { port, events, batches, repeated, missing }
  }
}

if (process.argv[2] === 'serve') await new Server().serve()
