import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeResponse,
  Packet,
  Secret,
  verifyRequest
} from '../../protocols/radius/index.js'
import type { Schedule } from '../../sandbox/nas/index.js'

/** Time that passes only when the test says so. */
export class ManualTime {
  now = Date.parse('2026-11-23T10:00:00.000Z')
  #due: { at: number; run: () => void }[] = []
  readonly clock = (): number => this.now

  readonly schedule: Schedule = (milliseconds, run) => {
    const entry = { at: this.now + milliseconds, run }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter(other => other !== entry)
    }
  }

  /** Lets time pass, and runs what is due in order. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds
    for (;;) {
      const next = this.#due.filter(entry => entry.at <= until).toSorted((one, other) => one.at - other.at)[0]
      if (next === undefined) break
      this.#due = this.#due.filter(entry => entry !== next)
      this.now = Math.max(this.now, next.at)
      next.run()
    }
    this.now = until
  }
}

/** What the responder does with a request: a reply, or nothing. */
export interface Reply {
  readonly code: number
  readonly attributes?: AttributeWriter
}
export type Respond = (packet: Packet, transmission: number) => Reply | undefined

/** A tiny RADIUS server on one port: verifies, asks the test, remembers everything that came. */
export class Responder {
  readonly received: Packet[] = []
  readonly #socket: Socket
  readonly #secret: Secret
  readonly #waiting: (() => void)[] = []
  respond: Respond

  private constructor(socket: Socket, secret: Secret, respond: Respond) {
    this.#socket = socket
    this.#secret = secret
    this.respond = respond
    socket.on('message', (datagram, from) => this.#take(Buffer.from(datagram), from))
  }

  static async open(t: Test, secret: string, respond: Respond): Promise<Responder> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    t.teardown(() => socket.close())
    return new Responder(socket, new Secret(secret), respond)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Resolves when so many packets have come in all. */
  async count(packets: number): Promise<void> {
    while (this.received.length < packets) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  #take(datagram: Buffer, from: RemoteInfo): void {
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string') throw new Error(packet)
    const fault = verifyRequest(packet, this.#secret)
    if (fault !== undefined) throw new Error(fault)
    this.received.push(packet)
    const reply = this.respond(packet, this.received.length)
    for (const wake of this.#waiting.splice(0)) wake()
    if (reply === undefined) return
    const octets = (reply.attributes ?? new AttributeWriter()).finish()
    this.#socket.send(encodeResponse(packet, reply.code, octets, this.#secret), from.port, from.address)
  }
}

/** Acknowledges accounting. */
export const acknowledge: Respond = () => ({ code: Code.AccountingResponse })

/** Running totals in an Accounting-Request. */
export function totalsIn(packet: Packet): { up: bigint; down: bigint } {
  const octets = (low: number, wraps: number): bigint =>
    (BigInt(packet.uint32(wraps) ?? 0) << 32n) + BigInt(packet.uint32(low) ?? 0)
  return {
    up: octets(Attr.AcctInputOctets, Attr.AcctInputGigawords),
    down: octets(Attr.AcctOutputOctets, Attr.AcctOutputGigawords)
  }
}
