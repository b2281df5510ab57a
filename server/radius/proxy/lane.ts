import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Packet, type Secret, verifyResponse } from '../../../protocols/radius/index.js'

const IDENTIFIERS = 256

/** Waits for the answer to a request. */
export interface Waiting {
  readonly authenticator: Buffer
  /** Looks at a verified answer. @returns whether it is taken; else the wait goes on */
  answered(packet: Packet): boolean
  /** Nobody listens there, or there is no way. */
  refused(): void
}

/** Where a lane leads. */
export interface LaneOptions {
  readonly address: string
  readonly port: number
  readonly secret: Secret
  /** An answer that is not to be trusted was dropped. */
  readonly doubted: () => void
}

/** A connected UDP socket to a partner's port, and its 256 Identifiers. Datagrams of others do not reach it. */
export class Lane {
  readonly #options: LaneOptions
  readonly #socket: Socket
  readonly #waiting: (Waiting | undefined)[] = Array.from({ length: IDENTIFIERS })
  #early: Buffer[] | undefined = []
  #next = 0
  #size = 0
  #closed = false

  constructor(options: LaneOptions) {
    this.#options = options
    this.#socket = createSocket(isIPv6(options.address) ? 'udp6' : 'udp4')
    this.#socket.unref()
    this.#socket.on('message', datagram => this.#receive(datagram))
    this.#socket.on('error', () => this.#refused())
    this.#socket.connect(options.port, options.address, (error?: Error) => this.#connected(error))
  }

  get isFull(): boolean {
    return this.#size === IDENTIFIERS
  }

  /** Requests that wait for an answer. */
  get size(): number {
    return this.#size
  }

  /** The next Identifier; they go round, so that a late answer finds nobody. Not to be called when full. */
  identifier(): number {
    while (this.#waiting[this.#next] !== undefined) this.#next = (this.#next + 1) % IDENTIFIERS
    const identifier = this.#next
    this.#next = (identifier + 1) % IDENTIFIERS
    return identifier
  }

  /** Waits at an Identifier. @returns what ends the wait */
  wait(identifier: number, waiting: Waiting): () => void {
    this.#waiting[identifier] = waiting
    this.#size++
    return () => {
      if (this.#waiting[identifier] !== waiting) return
      this.#waiting[identifier] = undefined
      this.#size--
    }
  }

  send(datagram: Buffer): void {
    if (this.#closed) return
    if (this.#early !== undefined) this.#early.push(datagram)
    else
      this.#socket.send(datagram, error => {
        if (error) this.#refused()
      })
  }

  /** Whoever waits is told that there will be no answer. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#refused()
    this.#socket.close()
  }

  #connected(error?: Error): void {
    const early = this.#early ?? []
    this.#early = undefined
    if (error !== undefined) return this.#refused()
    for (const datagram of early) this.send(datagram)
  }

  #receive(datagram: Buffer): void {
    const packet = Packet.decode(datagram)
    const waiting = typeof packet === 'string' ? undefined : this.#waiting[packet.identifier]
    if (typeof packet === 'string' || waiting === undefined) return
    const { secret, doubted } = this.#options
    if (verifyResponse(packet, waiting.authenticator, secret) !== undefined || !waiting.answered(packet)) doubted()
  }

  #refused(): void {
    for (const waiting of this.#waiting) waiting?.refused()
  }
}
