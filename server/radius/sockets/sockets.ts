import type { Socket } from 'node:dgram'
import type { Send } from '../exchange.js'
import { boundOf, type Bound, openSocket, type SocketOptions } from './socket.js'

/** What takes the datagrams. */
export interface Taker {
  /** @param socket  its place: 0 for the first that was opened */
  receive(socket: number, datagram: Buffer, address: string, port: number, send: Send): void
  /** A reply could not be sent, and the system said so later. */
  sendFailed(error: Error): void
}

/** UDP sockets: hand what arrives to their taker, and send its replies. */
export interface Sockets {
  /** Opens the next one. Rejects with the error of the system. */
  open(options: SocketOptions): Promise<Bound>
  /** Takes nothing more, from now on; replies are still sent. */
  mute(): void
  /** Closes all, once the replies that were given are sent. */
  close(): Promise<void>
  /** Datagrams that were thrown away since nobody took them in time. */
  readonly shed: number
}

/** Sockets in the thread that decides. What it does not take in time, the kernel sheds, and does not tell. */
export class SocketsHere implements Sockets {
  readonly shed = 0
  readonly #sockets: Socket[] = []
  readonly #taker: Taker

  constructor(taker: Taker) {
    this.#taker = taker
  }

  async open(options: SocketOptions): Promise<Bound> {
    const taker = this.#taker
    const place = this.#sockets.length
    const send: Send = (reply, port, to) => socket.send(reply, port, to)
    const socket = await openSocket(options, {
      message: (datagram, address, port) => taker.receive(place, datagram, address, port, send),
      failed: error => taker.sendFailed(error)
    })
    this.#sockets.push(socket)
    return boundOf(socket)
  }

  mute(): void {
    for (const socket of this.#sockets) socket.removeAllListeners('message')
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.splice(0).map(socket => new Promise<void>(done => socket.close(done))))
  }
}
