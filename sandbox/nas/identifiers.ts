import { createSocket, type Socket } from 'node:dgram'
import { type LookupOneOptions, lookup as resolve } from 'node:dns'
import { isIP } from 'node:net'
import type { BadLine } from './faults.js'

/** Who waits for the answer to one Identifier of one socket. */
export interface Slot {
  /** Puts a datagram on the wire. */
  send(datagram: Buffer): void
  /** Gives the Identifier back; answers that still come are for nobody. */
  release(): void
  readonly identifier: number
}

/** Called with a datagram that carries the slot's Identifier, or with the system's code when the port refuses. */
export interface Receiver {
  received(datagram: Buffer): void
  refused(code: string): void
}

/** Where the sockets of a pool lead to. */
export interface PoolOptions {
  readonly host: string
  readonly port: number
  readonly localAddress?: string
  /** Each gives 256 Identifiers. */
  readonly sockets: number
  readonly outgoing?: BadLine
  readonly incoming?: BadLine
}

const IDENTIFIERS = 256

/** Sockets connected to one server port, and their Identifiers (RFC 2865 §3: 256 for each source port). */
export class IdentifierPool {
  readonly #options: PoolOptions
  readonly #sockets: ClientSocket[] = []

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** An Identifier that nobody uses, or `undefined` when all of all sockets are in use. */
  acquire(receiver: Receiver): Slot | undefined {
    for (const socket of this.#sockets) {
      const slot = socket.acquire(receiver)
      if (slot !== undefined) return slot
    }
    if (this.#sockets.length >= this.#options.sockets) return undefined
    const socket = new ClientSocket(this.#options)
    this.#sockets.push(socket)
    return socket.acquire(receiver)
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.map(socket => socket.close()))
  }
}

/** One socket. Datagrams that are sent before it is connected wait. */
class ClientSocket {
  readonly #options: PoolOptions
  readonly #socket: Socket
  readonly #receivers: (Receiver | undefined)[] = Array.from({ length: IDENTIFIERS })
  #waiting: Buffer[] | undefined = []
  #next = 0
  #used = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#socket = createSocket({ type: isIP(options.host) === 6 ? 'udp6' : 'udp4', lookup })
    this.#socket.on('message', datagram => this.#arrive(datagram))
    this.#socket.on('error', error => this.#refuse(error))
    this.#socket.on('connect', () => this.#flush())
    this.#socket.bind(
      { port: 0, ...(options.localAddress === undefined ? {} : { address: options.localAddress }) },
      () => {
        if (!this.#closed) this.#socket.connect(options.port, options.host)
      }
    )
  }

  acquire(receiver: Receiver): Slot | undefined {
    if (this.#used === IDENTIFIERS) return undefined
    while (this.#receivers[this.#next] !== undefined) this.#next = (this.#next + 1) % IDENTIFIERS
    const identifier = this.#next
    this.#next = (this.#next + 1) % IDENTIFIERS
    this.#receivers[identifier] = receiver
    this.#used++
    return { identifier, send: datagram => this.#send(datagram), release: () => this.#release(identifier, receiver) }
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    return new Promise(resolve => this.#socket.close(() => resolve()))
  }

  #release(identifier: number, receiver: Receiver): void {
    if (this.#receivers[identifier] !== receiver) return
    this.#receivers[identifier] = undefined
    this.#used--
  }

  #send(datagram: Buffer): void {
    const { outgoing } = this.#options
    const put = (): void => this.#put(datagram)
    if (outgoing === undefined) put()
    else outgoing.pass(put)
  }

  #put(datagram: Buffer): void {
    if (this.#closed) return
    if (this.#waiting === undefined) this.#socket.send(datagram, error => this.#sent(error))
    else this.#waiting.push(datagram)
  }

  #sent(error: Error | null): void {
    if (error !== null) this.#refuse(error)
  }

  #flush(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const datagram of waiting) this.#put(datagram)
  }

  #arrive(datagram: Buffer): void {
    const { incoming } = this.#options
    const take = (): void => this.#receivers[datagram[1] ?? 0]?.received(datagram)
    if (incoming === undefined) take()
    else incoming.pass(take)
  }

  #refuse(error: NodeJS.ErrnoException): void {
    for (const receiver of this.#receivers) receiver?.refused(error.code ?? error.message)
  }
}

type Resolved = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

/** Literal addresses without a trip through the resolver, which dgram would make for every datagram. */
function lookup(host: string, options: LookupOneOptions, done: Resolved): void {
  const family = isIP(host)
  if (family === 0) resolve(host, options, done)
  else done(null, host, family)
}
