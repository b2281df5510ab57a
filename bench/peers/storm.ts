/*
 * A power cut ends: all subscribers log on at once, as their NASes see it. Each sends an Access-Request and, once
 * accepted, an Accounting Start with the Class that it was given; what is not answered is sent again after 1.1 s.
 * NASes do not wait for each other, but one has 256 identifiers a port: that bounds what is under way.
 */
import type { Socket } from 'node:dgram'
import { fileURLToPath } from 'node:url'
import { Attr, AttributeWriter, Code, Packet, Secret, verifyResponse } from '../../protocols/radius/index.js'
import { connect, inChild } from './load.js'
import { accessRequest, accountingStart, type Signed, template } from './packets.js'

/** What to do. */
export interface Storm {
  readonly host: string
  readonly authentication: number
  readonly accounting: number
  readonly secret: string
  readonly subscribers: number
  /** Ports of NASes, for either kind of request; 256 requests under way each. */
  readonly sockets: number
}

/** What came of it. Milliseconds. */
export interface StormFigures {
  /** From the first request until the last Start was acknowledged. */
  readonly allOnlineMs: number
  /** From a request's first sending to its reply. */
  readonly worstReplyMs: number
  readonly p99ReplyMs: number
  readonly retransmitted: number
  readonly refused: number
  readonly wrong: number
  readonly online: number
}

const RETRANSMIT_AFTER = 1100
const IDENTIFIERS = 256
const GIVE_UP = 60_000

/** Runs a storm in a child process. */
export function runStorm(storm: Storm): Promise<StormFigures> {
  return inChild<StormFigures>(import.meta.url, storm)
}

interface Slot {
  readonly kind: Kind
  readonly socket: Socket
  readonly identifier: number
  user: number
  signed: Signed | undefined
  /** What it carried before: a reply to its retransmission may still come. */
  before: Signed | undefined
  began: number
  sentAt: number
}

type Kind = 'access' | 'start'

class Weather {
  readonly #storm: Storm
  readonly #secret: Secret
  readonly #slots: Slot[] = []
  readonly #free: Record<Kind, Slot[]> = { access: [], start: [] }
  readonly #accepted: { user: number; given: Buffer | undefined }[] = []
  readonly #latencies: number[] = []
  #next = 0
  #retransmitted = 0
  #refused = 0
  #wrong = 0
  #online = 0
  #done: () => void = () => {}

  constructor(storm: Storm) {
    this.#storm = storm
    this.#secret = new Secret(storm.secret)
  }

  async run(): Promise<StormFigures> {
    const { host, authentication, accounting, sockets } = this.#storm
    const open: Socket[] = []
    for (let n = 0; n < sockets; n++) {
      open.push(await this.#open('access', host, authentication), await this.#open('start', host, accounting))
    }
    const began = performance.now()
    const finished = new Promise<void>(resolve => (this.#done = resolve))
    const retransmission = setInterval(() => this.#retransmit(), 50)
    const late = setTimeout(() => this.#done(), GIVE_UP)
    this.#go()
    await finished
    clearTimeout(late)
    clearInterval(retransmission)
    for (const socket of open) socket.close()
    const sorted = Float64Array.from(this.#latencies).sort()
    return {
      allOnlineMs: Math.round(performance.now() - began),
      worstReplyMs: Math.round(sorted.at(-1) ?? 0),
      p99ReplyMs: Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0),
      retransmitted: this.#retransmitted,
      refused: this.#refused,
      wrong: this.#wrong,
      online: this.#online
    }
  }

  async #open(kind: Kind, host: string, port: number): Promise<Socket> {
    const socket = await connect(host, port)
    const slots = Array.from({ length: IDENTIFIERS }, (_, identifier): Slot => {
      return { kind, socket, identifier, user: 0, signed: undefined, before: undefined, began: 0, sentAt: 0 }
    })
    this.#slots.push(...slots)
    this.#free[kind].push(...slots)
    socket.on('message', datagram => this.#received(slots, datagram))
    return socket
  }

  #go(): void {
    const { subscribers } = this.#storm
    while (this.#accepted.length > 0 && this.#free.start.length > 0) {
      const { user, given } = this.#accepted.pop()!
      const slot = this.#free.start.pop()!
      const attributes = template('accounting', user)
      const whole = given === undefined ? attributes : Buffer.concat([attributes, given])
      this.#send(slot, user, accountingStart(slot.identifier, whole, this.#secret))
    }
    while (this.#next < subscribers && this.#free.access.length > 0) {
      const user = this.#next++
      const slot = this.#free.access.pop()!
      this.#send(slot, user, accessRequest('pap', slot.identifier, user, template('pap', user), user, this.#secret))
    }
  }

  #send(slot: Slot, user: number, signed: Signed): void {
    slot.user = user
    slot.signed = signed
    slot.began = slot.sentAt = performance.now()
    slot.socket.send(signed.datagram)
  }

  #received(slots: readonly Slot[], datagram: Buffer): void {
    const reply = Packet.decode(datagram)
    const slot = typeof reply === 'string' ? undefined : slots[reply.identifier]
    if (typeof reply === 'string') return void this.#wrong++
    if (slot?.signed === undefined) return
    if (verifyResponse(reply, slot.signed.authenticator, this.#secret) !== undefined) {
      const late =
        slot.before !== undefined && verifyResponse(reply, slot.before.authenticator, this.#secret) === undefined
      if (!late) this.#wrong++
      return
    }
    slot.before = slot.signed
    slot.signed = undefined
    this.#free[slot.kind].push(slot)
    this.#latencies.push(performance.now() - slot.began)
    this.#conclude(slot, reply)
    this.#go()
  }

  #conclude({ kind, user }: Slot, reply: Packet): void {
    if (kind === 'start') {
      if (++this.#online === this.#storm.subscribers) this.#done()
    } else if (reply.code === Code.AccessAccept) {
      const ticket = reply.octets(Attr.Class)
      this.#accepted.push({ user, given: ticket && new AttributeWriter().add(Attr.Class, ticket).finish() })
    } else {
      this.#refused++
    }
  }

  #retransmit(): void {
    const now = performance.now()
    for (const slot of this.#slots) {
      if (slot.signed === undefined || now - slot.sentAt < RETRANSMIT_AFTER) continue
      slot.sentAt = now
      this.#retransmitted++
      slot.socket.send(slot.signed.datagram)
    }
  }
}

const [, self, job] = process.argv
if (self === fileURLToPath(import.meta.url) && job !== undefined && process.send !== undefined) {
  const figures = await new Weather(JSON.parse(job) as Storm).run()
  process.send(figures, () => process.disconnect())
}
