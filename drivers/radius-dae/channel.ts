import { createSocket, type Socket } from 'node:dgram'
import { type LookupOneOptions, lookup as resolve } from 'node:dns'
import { isIP } from 'node:net'
import { encodeRequest, Packet, type Secret, verifyResponse } from '../../protocols/radius/index.js'

const IDENTIFIERS = 256

/** What a request in flight hears. */
export interface Listener {
  /** An answer whose authenticators fit. */
  answered(packet: Packet): void
  /** The path refused the datagram (ICMP unreachable, no route): `reason` is the system's code. */
  refused(reason: string): void
  /** Something came that is no answer to trust: `forged` when the digest does not fit, `garbage` when it is no RADIUS response. */
  doubted(why: 'forged' | 'garbage'): void
}

/** A request that holds an Identifier until released. The same datagram goes out on every transmission. */
export interface Sending {
  transmit(): void
  release(): void
}

interface Slot {
  readonly authenticator: Buffer
  readonly listener: Listener
  live: boolean
}

/** Counted per channel, since it was opened. */
export interface ChannelCounters {
  transmissions: number
  answers: number
  /** Answers to requests that were already answered or given up. */
  late: number
  forged: number
  garbage: number
  refused: number
}

/** Where a channel leads, and with what. */
export interface ChannelOptions {
  readonly address: string
  readonly port: number
  readonly secret: Secret
  readonly messageAuthenticator: boolean
  /** Our own address, where the NAS takes CoA from one only. */
  readonly localAddress?: string | undefined
}

/**
 * A connected UDP socket to one port of one NAS, and its 256 Identifiers.
 * The kernel drops datagrams from any other source, and tells of ICMP refusals.
 * Identifiers go round, and each keeps its last authenticator, so that an answer that comes late is known as such.
 */
export class Channel {
  readonly port: number
  readonly counters: ChannelCounters = { transmissions: 0, answers: 0, late: 0, forged: 0, garbage: 0, refused: 0 }
  readonly #options: ChannelOptions
  readonly #socket: Socket
  readonly #slots: (Slot | undefined)[] = Array.from({ length: IDENTIFIERS })
  #waiting: Buffer[] | undefined = []
  #next = 0
  #closed = false
  #broken = false

  constructor(options: ChannelOptions) {
    this.#options = options
    this.port = options.port
    const type = isIP(options.address) === 6 ? 'udp6' : 'udp4'
    this.#socket = createSocket({ type, lookup })
    this.#socket.on('message', datagram => this.#receive(datagram))
    this.#socket.on('error', error => this.#refused(error))
    this.#connect()
  }

  /** True when the socket could not be bound or connected: it will never send. */
  get broken(): boolean {
    return this.#broken
  }

  /** Takes an Identifier for a request; undefined when all 256 are in flight. */
  open(code: number, attributes: Buffer, listener: Listener): Sending | undefined {
    const identifier = this.#freeIdentifier()
    if (identifier === undefined) return undefined
    const { secret, messageAuthenticator } = this.#options
    const { datagram, authenticator } = encodeRequest(code, identifier, attributes, secret, { messageAuthenticator })
    const slot: Slot = { authenticator, listener, live: true }
    this.#slots[identifier] = slot
    return {
      transmit: () => this.#send(datagram),
      release: () => {
        slot.live = false
      }
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = undefined
    this.#socket.close()
  }

  #connect(): void {
    const connect = (): void => {
      this.#socket.unref()
      this.#socket.connect(this.port, this.#options.address, (error?: Error) => this.#connected(error))
    }
    if (this.#options.localAddress === undefined) connect()
    else this.#socket.bind({ port: 0, address: this.#options.localAddress, exclusive: true }, connect)
  }

  #connected(error?: Error): void {
    if (error !== undefined) return this.#refused(error)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const datagram of waiting) this.#send(datagram)
  }

  #send(datagram: Buffer): void {
    if (this.#closed) return
    if (this.#waiting !== undefined) {
      this.#waiting.push(datagram)
      return
    }
    this.counters.transmissions++
    this.#socket.send(datagram, error => {
      if (error) this.#refused(error)
    })
  }

  #freeIdentifier(): number | undefined {
    for (let n = 0; n < IDENTIFIERS; n++) {
      const identifier = (this.#next + n) % IDENTIFIERS
      if (this.#slots[identifier]?.live === true) continue
      this.#next = (identifier + 1) % IDENTIFIERS
      return identifier
    }
    return undefined
  }

  #receive(datagram: Buffer): void {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string') return this.#garbage()
    const slot = this.#slots[packet.identifier]
    if (slot === undefined) return this.#garbage()
    const wrong = verifyResponse(packet, slot.authenticator, this.#options.secret)
    if (wrong === 'RAD_NOT_A_RESPONSE') return this.#garbage()
    if (wrong !== undefined) {
      this.counters.forged++
      if (slot.live) slot.listener.doubted('forged')
      return
    }
    if (!slot.live) {
      this.counters.late++
      return
    }
    this.counters.answers++
    slot.live = false
    slot.listener.answered(packet)
  }

  #garbage(): void {
    this.counters.garbage++
    for (const slot of this.#live()) slot.listener.doubted('garbage')
  }

  #refused(error: Error): void {
    this.counters.refused++
    if (this.#waiting !== undefined) this.#broken = true
    const reason = (error as NodeJS.ErrnoException).code ?? 'refused'
    for (const slot of this.#live()) slot.listener.refused(reason)
  }

  #live(): Slot[] {
    return this.#slots.filter((slot): slot is Slot => slot?.live === true)
  }
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

/** Resolves a literal address at once: the resolver's way costs a trip through the thread pool for every send. */
function lookup(hostname: string, options: LookupOneOptions, callback: LookupCallback): void {
  const family = isIP(hostname)
  if (family === 0) resolve(hostname, options, callback)
  else callback(null, hostname, family)
}
