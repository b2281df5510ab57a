import type { TLSSocket } from 'node:tls'
import { Code } from '../../../protocols/radius/index.js'
import type { DiscardReason } from '../discards.js'
import type { Carrier } from '../exchange.js'
import type { Source } from '../sources.js'
import type { Parting } from './errors.js'
import { Framer } from './framer.js'
import type { RadSecLimits } from './limits.js'
import { Reverse } from './reverse.js'
import type { Version } from './version.js'

/** Works on requests, as RadiusServer does. */
export interface Receiver {
  receiveFrom(carrier: Carrier, datagram: Buffer): DiscardReason | undefined
}

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly socket: TLSSocket
  /** Names it and no other. */
  readonly name: string
  readonly version: Version
  /** Whose it is, asked for every packet; undefined once it is nobody's any more. */
  readonly source: () => Source | undefined
  readonly receiver: Receiver
  readonly limits: RadSecLimits
  /** We end it, for this reason. */
  readonly parted: (why: Parting) => void
  /** It has ended, whoever did it. */
  readonly closed: () => void
}

const answers: ReadonlySet<number> = new Set([Code.DisconnectAck, Code.DisconnectNak, Code.CoaAck, Code.CoaNak])
const KEEP_ALIVE = 60_000

/**
 * A NAS's connection after the handshake: requests in, replies out in any order, and our own requests the other way.
 * While too much is worked on or waits to be taken, nothing is read: the peer's own TCP tells it to wait.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #framer = new Framer()
  readonly #reverse: Reverse
  #inFlight = 0
  #late: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { socket, version, limits, closed } = options
    this.#reverse = new Reverse(version, octets => this.#write(octets))
    socket.setKeepAlive(true, KEEP_ALIVE)
    socket.setTimeout(limits.idle, () => this.#end('IDLE'))
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk))
    socket.on('drain', () => this.#work())
    socket.on('error', () => socket.destroy()) // the peer reset it: `close` follows
    socket.once('close', () => {
      clearTimeout(this.#late)
      this.#reverse.end()
      closed()
    })
  }

  /** The way back to the NAS. */
  get reverse(): Reverse {
    return this.#reverse
  }

  #end(why: Parting): void {
    const { socket, parted } = this.#options
    if (socket.destroyed) return
    socket.destroy()
    parted(why)
  }

  #arrived(chunk: Buffer): void {
    this.#framer.push(chunk)
    this.#work()
  }

  #work(): void {
    const { socket } = this.#options
    while (!socket.destroyed) {
      if (this.#isFull()) return this.#wait()
      const packet = this.#framer.next()
      if (packet === 'bad') return this.#end('BAD_LENGTH')
      if (packet === 'partial') break
      this.#patient()
      this.#take(packet)
    }
    if (this.#framer.size > 0) this.#impatient()
    else this.#patient()
    if (socket.isPaused()) socket.resume()
  }

  #isFull(): boolean {
    const { socket, limits } = this.#options
    return this.#inFlight >= limits.inFlight || socket.writableLength >= limits.replies
  }

  // What we are slow with is not the peer's fault; what it does not take is.
  #wait(): void {
    const { socket, limits } = this.#options
    socket.pause()
    if (socket.writableLength >= limits.replies) this.#impatient()
    else this.#patient()
  }

  #impatient(): void {
    this.#late ??= setTimeout(() => this.#end('SLOW'), this.#options.limits.packet).unref()
  }

  #patient(): void {
    clearTimeout(this.#late)
    this.#late = undefined
  }

  #take(octets: Buffer): void {
    if (answers.has(octets[0]!)) {
      if (!this.#reverse.answer(octets)) this.#end('MALFORMED')
      return
    }
    const { source, name, version, receiver } = this.#options
    const whose = source()
    if (whose === undefined) return this.#end('WITHDRAWN')
    const request = version.incoming(octets)
    if (request === undefined) return this.#end('MALFORMED')
    const send = (reply: Buffer) => this.#write(version.outgoing(reply, octets))
    const discarded = receiver.receiveFrom({ source: whose, name, send, busy: more => this.#busy(more) }, request)
    if (discarded?.startsWith('RAD_') === true) this.#end('MALFORMED')
  }

  #busy(more: 1 | -1): void {
    const wasFull = this.#isFull()
    this.#inFlight += more
    if (wasFull && !this.#isFull()) this.#work()
  }

  #write(octets: Buffer): void {
    if (!this.#options.socket.destroyed) this.#options.socket.write(octets)
  }
}
