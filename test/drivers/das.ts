import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import {
  AttributeWriter,
  Attr,
  Code,
  encodeResponse,
  Packet,
  Secret,
  verifyRequest
} from '../../protocols/radius/index.js'

/** A datagram that the simulator got. */
export interface Received {
  readonly packet: Packet
  readonly datagram: Buffer
  readonly from: RemoteInfo
}

/** What a simulated Dynamic Authorization Server does with a request; undefined leaves it unanswered. */
export type Conduct = (received: Received, das: Das) => Buffer | readonly Buffer[] | undefined

/**
 * A Dynamic Authorization Server (RFC 5176) on a UDP port of loopback. Requests that are not signed with its secret are
 * discarded and counted, as a NAS does.
 */
export class Das {
  readonly received: Received[] = []
  readonly secret: Secret
  discarded = 0
  conduct: Conduct = answerEverything
  readonly #socket: Socket

  private constructor(socket: Socket, secret: string) {
    this.#socket = socket
    this.secret = new Secret(secret)
    socket.on('message', (datagram, from) => this.#receive(datagram, from))
  }

  static async open(secret: string, address = '127.0.0.1', port = 0): Promise<Das> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.bind(port, address)
    await once(socket, 'listening')
    return new Das(socket, secret)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** The attributes of the last request. */
  get last(): Packet {
    const last = this.received.at(-1)
    if (last === undefined) throw new Error('nothing was received')
    return last.packet
  }

  ack(to: Packet, secret = this.secret): Buffer {
    return encodeResponse(to, to.code + 1, Buffer.alloc(0), secret)
  }

  nak(to: Packet, cause?: number, secret = this.secret): Buffer {
    const attributes = new AttributeWriter()
    if (cause !== undefined) attributes.uint32(Attr.ErrorCause, cause)
    return encodeResponse(to, to.code + 2, attributes.finish(), secret)
  }

  send(octets: Buffer, to: RemoteInfo): void {
    this.#socket.send(octets, to.port, to.address)
  }

  async close(): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string' || verifyRequest(packet, this.secret) !== undefined) {
      this.discarded++
      return
    }
    const received = { packet, datagram, from }
    this.received.push(received)
    const answers = this.conduct(received, this) ?? []
    for (const answer of Array.isArray(answers) ? (answers as readonly Buffer[]) : [answers as Buffer])
      this.send(answer, from)
  }
}

/** ACK to whatever comes. */
export const answerEverything: Conduct = ({ packet }, das) => das.ack(packet)

/** Keeps sessions by Acct-Session-Id: a Disconnect ends one, and whoever is not there gets 503. */
export function withSessions(...ids: string[]): Conduct {
  const open = new Set(ids)
  return ({ packet }, das) => {
    const id = packet.text(Attr.AcctSessionId) ?? ''
    if (!open.has(id)) return das.nak(packet, 503)
    if (packet.code === Code.DisconnectRequest) open.delete(id)
    return das.ack(packet)
  }
}
