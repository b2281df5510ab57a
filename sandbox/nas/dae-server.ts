import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIP } from 'node:net'
import {
  Code,
  encodeResponse,
  Attr,
  AttributeWriter,
  Packet,
  type Secret,
  verifyRequest
} from '../../protocols/radius/index.js'
import type { BadLine } from './faults.js'

/** What the box decided about one request; `undefined` keeps silent. */
export interface Ruling {
  readonly ack: boolean
  readonly errorCause?: number
  /** Runs after the answer is on its way. */
  readonly act?: () => void
}

/** How requests are answered. */
export interface DaeOptions {
  readonly host: string
  readonly port: number
  readonly secret: Secret
  readonly rule: (packet: Packet) => Ruling | undefined
  /** False keeps the answer back, though the box has acted: the answer is lost on the way. */
  readonly answers: () => boolean
  readonly outgoing: BadLine
  readonly incoming: BadLine
}

/** Counted since it listens. */
export interface DaeCounts {
  requests: number
  duplicates: number
  /** Not RADIUS, not a CoA or Disconnect, or not verified: discarded silently. */
  discarded: number
}

const mostRemembered = 1000
const acks: Readonly<Record<number, { readonly ack: number; readonly nak: number }>> = {
  [Code.DisconnectRequest]: { ack: Code.DisconnectAck, nak: Code.DisconnectNak },
  [Code.CoaRequest]: { ack: Code.CoaAck, nak: Code.CoaNak }
}

/** The Dynamic Authorization Server of a NAS: takes CoA- and Disconnect-Requests that verify, answers, then acts. RFC 5176 */
export class DaeServer {
  readonly counts: DaeCounts = { requests: 0, duplicates: 0, discarded: 0 }
  readonly #options: DaeOptions
  readonly #socket: Socket
  /** By source and authenticator: the answer, given again to a duplicate. */
  readonly #answered = new Map<string, Buffer | undefined>()
  #closed = false

  constructor(options: DaeOptions) {
    this.#options = options
    this.#socket = createSocket(isIP(options.host) === 6 ? 'udp6' : 'udp4')
    this.#socket.on('message', (datagram, from) => options.incoming.pass(() => this.#receive(datagram, from)))
  }

  /** @returns the port @throws the system's error when it cannot be bound */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject)
      this.#socket.bind(this.#options.port, this.#options.host, () => {
        this.#socket.off('error', reject)
        this.#socket.on('error', () => undefined)
        resolve(this.#socket.address().port)
      })
    })
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    return new Promise(resolve => this.#socket.close(() => resolve()))
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string' || acks[packet.code] === undefined) return this.#discard()
    if (verifyRequest(packet, this.#options.secret) !== undefined) return this.#discard()
    const key = `${from.address} ${from.port} ${packet.identifier} ${packet.authenticator.toString('base64')}`
    if (this.#answered.has(key)) {
      this.counts.duplicates++
      this.#send(this.#answered.get(key), from)
      return
    }
    this.counts.requests++
    this.#decide(packet, key, from)
  }

  #decide(packet: Packet, key: string, from: RemoteInfo): void {
    const ruling = this.#options.rule(packet)
    if (ruling === undefined) return
    const answer = this.#options.answers() ? this.#encode(packet, ruling) : undefined
    this.#remember(key, answer)
    this.#send(answer, from)
    ruling.act?.()
  }

  #encode(packet: Packet, { ack, errorCause }: Ruling): Buffer {
    const attributes = new AttributeWriter()
    if (errorCause !== undefined) attributes.uint32(Attr.ErrorCause, errorCause)
    const codes = acks[packet.code]
    const code = ack ? codes?.ack : codes?.nak
    return encodeResponse(packet, code ?? Code.DisconnectNak, attributes.finish(), this.#options.secret)
  }

  #remember(key: string, answer: Buffer | undefined): void {
    const [oldest] = this.#answered.keys()
    if (this.#answered.size >= mostRemembered && oldest !== undefined) this.#answered.delete(oldest)
    this.#answered.set(key, answer)
  }

  #send(answer: Buffer | undefined, from: RemoteInfo): void {
    if (answer === undefined) return
    this.#options.outgoing.pass(() => {
      if (!this.#closed) this.#socket.send(answer, from.port, from.address)
    })
  }

  #discard(): void {
    this.counts.discarded++
  }
}
