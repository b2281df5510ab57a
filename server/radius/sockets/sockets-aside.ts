import { Worker } from 'node:worker_threads'
import type { Send } from '../exchange.js'
import { RadiusServerError } from '../errors.js'
import { Ring } from './ring.js'
import type { Bound, SocketOptions } from './socket.js'
import type { Sockets, Taker } from './sockets.js'
import type { Order, Report, Rings } from './thread.js'

/** Octets of a ring: ten thousand requests, five times as many replies. */
const ROOM = 2 << 20

/** Datagrams that are taken before timers and the disk get their turn. */
const TURN = 32

/**
 * Sockets in a thread of their own: receiving and sending is half the work of a reply, and waits there for no decision,
 * nor a decision for it. They are opened one after the other.
 */
export class SocketsAside implements Sockets {
  readonly #requests: Ring
  readonly #replies: Ring
  readonly #worker: Worker
  readonly #ended: Promise<void>
  readonly #sends: Send[] = []
  readonly #taker: Taker
  #opening: { readonly resolve: (bound: Bound) => void; readonly reject: (error: Error) => void } | undefined
  #muted = false
  #taking = false

  /** @param room  octets of each ring */
  constructor(taker: Taker, room = ROOM) {
    const rings: Rings = { requests: Ring.allot(room), replies: Ring.allot(room) }
    this.#taker = taker
    this.#requests = new Ring(rings.requests)
    this.#replies = new Ring(rings.replies)
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: rings, name: 'sockets' })
    this.#worker.on('message', (report: Report) => this.#hear(report))
    this.#worker.once('error', lost)
    this.#ended = new Promise(resolve => this.#worker.once('exit', () => resolve()))
    this.#worker.unref() // keeps nobody alive before there is a socket
    this.#take()
  }

  get shed(): number {
    return this.#requests.refused
  }

  open(options: SocketOptions): Promise<Bound> {
    const place = this.#sends.length
    this.#sends.push((reply, port, address) => this.#send(place, reply, port, address))
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject }
      this.#order({ open: options })
    })
  }

  mute(): void {
    this.#muted = true
  }

  async close(): Promise<void> {
    this.#muted = true
    this.#worker.ref()
    this.#order('close')
    await this.#ended
  }

  #hear(report: Report): void {
    if (report === undefined) this.#take()
    else if ('failed' in report) this.#taker.sendFailed(report.failed)
    else if ('bound' in report) this.#opening?.resolve(report.bound)
    else {
      this.#sends.pop()
      this.#opening?.reject(Object.assign(report.refused, { code: report.code }))
    }
  }

  // The thread is called once for all that a turn answers: a call costs as much as a reply.
  readonly #take = (): void => {
    this.#taking = true
    const more = this.#requests.take(TURN, this.#receive)
    this.#taking = false
    this.#call()
    if (more) setImmediate(this.#take)
  }

  readonly #receive = (place: number, address: string, port: number, datagram: Buffer): void => {
    if (!this.#muted) this.#taker.receive(place, datagram, address, port, this.#sends[place]!)
  }

  #send(place: number, reply: Buffer, port: number, address: string): void {
    if (!this.#replies.put(place, address, port, reply)) throw new Error('more replies wait than may wait')
    if (!this.#taking) this.#call()
  }

  #call(): void {
    if (!this.#replies.isEmpty && this.#replies.mustWake()) this.#order(undefined)
  }

  #order(order: Order): void {
    this.#worker.postMessage(order) // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, no window
  }
}

// Nobody could be answered any more, and nothing would say so.
function lost(cause: Error): never {
  throw new RadiusServerError('RADIUS_SOCKETS_LOST', undefined, { cause })
}
