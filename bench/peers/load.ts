/*
 * A RADIUS load generator in a process of its own. It keeps `window` requests under way (closed loop), or sends at a
 * given rate whatever comes back (open loop), over connected UDP sockets, and checks every reply's authenticator.
 * Packets are signed ahead, as many as fit the memory. `runLoad` starts it and gives its figures.
 */
import { fork } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { fileURLToPath } from 'node:url'
import { Code, Packet, Secret, verifyResponse } from '../../protocols/radius/index.js'
import { accessRequest, interimUpdate, type Mode, type Signed, template } from './packets.js'

/** What to ask, and how hard. */
export interface Load {
  readonly mode: Mode
  readonly host: string
  readonly port: number
  readonly secret: string
  readonly seconds: number
  /** Requests under way at once; with `rate`, at most. */
  readonly window: number
  /** Requests a second; without it, as fast as replies come. */
  readonly rate?: number
  /** Subscribers user0 … with passwords pw0 …; sessions, for accounting. A multiple of `window`. */
  readonly users: number
  /** Accounting: how many reports of each session went before, so that no run repeats another; and their time's origin. */
  readonly firstRound?: number
  readonly epoch?: number
  /** Seconds before those that count; default 0.5. */
  readonly warmup?: number
}

/** What came of it. Latencies in milliseconds, in open loop from the moment at which the request was due. */
export interface Figures {
  readonly perSecond: number
  readonly answered: number
  readonly refused: number
  readonly wrong: number
  readonly retransmitted: number
  readonly p50: number
  readonly p99: number
}

const RETRANSMIT_AFTER = 1000
const IDENTIFIERS = 256
const AHEAD = 200_000
const SAMPLES = 4_000_000

/** Runs a load in a child process. @throws Error when the child ends without figures */
export function runLoad(load: Load): Promise<Figures> {
  return inChild<Figures>(import.meta.url, load)
}

/** Runs a generator's module in a process of its own, with a job for it. @throws Error when it ends without figures */
export function inChild<T>(module: string, job: object): Promise<T> {
  const child = fork(fileURLToPath(module), [JSON.stringify(job)])
  return new Promise((resolve, reject) => {
    child.once('message', figures => resolve(figures as T))
    child.once('exit', code => reject(new Error(`the load generator ended with ${code}`)))
  })
}

interface Slot {
  readonly number: number
  sentAt: number
  /** The next of its packets, and what they are signed as. */
  turn: number
  signed: Signed | undefined
  /** What it carried before: a reply to its retransmission may still come. */
  before: Signed | undefined
  dueAt: number
}

class Generator {
  readonly #load: Load
  readonly #secret: Secret
  readonly #sockets: Socket[] = []
  readonly #slots: Slot[] = []
  readonly #free: Slot[] = []
  readonly #latencies = new Float64Array(SAMPLES)
  readonly #templates: Buffer[] = []
  readonly #ahead: Signed[] = []
  #sampled = 0
  #answered = 0
  #refused = 0
  #wrong = 0
  #retransmitted = 0
  #running = true

  constructor(load: Load) {
    this.#load = load
    this.#secret = new Secret(load.secret)
    for (let user = 0; user < load.users; user++) this.#templates.push(template(load.mode, user))
    for (let number = 0; number < load.window; number++) {
      this.#slots.push({ number, sentAt: 0, turn: number, signed: undefined, before: undefined, dueAt: 0 })
    }
    for (let turn = 0; turn < AHEAD; turn++) this.#ahead.push(this.#sign(turn))
  }

  async run(): Promise<Figures> {
    const { host, port, window, seconds, warmup = 0.5, rate } = this.#load
    for (let n = 0; n < Math.ceil(window / IDENTIFIERS); n++) this.#sockets.push(await connect(host, port))
    for (const [index, socket] of this.#sockets.entries()) socket.on('message', reply => this.#received(index, reply))
    const retransmission = setInterval(() => this.#retransmit(), RETRANSMIT_AFTER / 4)
    if (rate === undefined) for (const slot of this.#slots) this.#send(slot, performance.now())
    else this.#pace(rate)
    await pause(warmup)
    this.#sampled = this.#answered = this.#retransmitted = 0
    const began = performance.now()
    await pause(seconds)
    this.#running = false
    const took = (performance.now() - began) / 1000
    clearInterval(retransmission)
    for (const socket of this.#sockets) socket.close()
    const sorted = this.#latencies.subarray(0, Math.min(this.#sampled, SAMPLES)).sort()
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
    return {
      perSecond: Math.round(this.#answered / took),
      answered: this.#answered,
      refused: this.#refused,
      wrong: this.#wrong,
      retransmitted: this.#retransmitted,
      p50: at(0.5),
      p99: at(0.99)
    }
  }

  // Each millisecond sends what has become due. (A loop that never sleeps would have a CPU for itself, of the server's.)
  #pace(rate: number): void {
    this.#free.push(...this.#slots)
    const began = performance.now()
    let sent = 0
    const step = (): void => {
      if (!this.#running) return
      const due = Math.floor(((performance.now() - began) / 1000) * rate)
      for (; sent < due; sent++) {
        const slot = this.#free.shift()
        if (slot === undefined) break
        this.#send(slot, began + (sent / rate) * 1000)
      }
      setTimeout(step, 1)
    }
    step()
  }

  #send(slot: Slot, dueAt: number): void {
    slot.signed = this.#ahead[slot.turn] ?? this.#sign(slot.turn)
    slot.turn += this.#load.window
    slot.dueAt = dueAt
    slot.sentAt = performance.now()
    this.#sockets[Math.floor(slot.number / IDENTIFIERS)]?.send(slot.signed.datagram)
  }

  #sign(turn: number): Signed {
    const { users, window, mode, epoch = 0, firstRound = 1 } = this.#load
    const user = turn % users
    const identifier = (turn % window) % IDENTIFIERS
    const attributes = this.#templates[user]!
    return mode === 'accounting'
      ? interimUpdate(identifier, attributes, epoch, firstRound + Math.floor(turn / users), this.#secret)
      : accessRequest(mode, identifier, user, attributes, turn, this.#secret)
  }

  #received(socket: number, datagram: Buffer): void {
    const reply = Packet.decode(datagram)
    if (typeof reply === 'string') return void this.#wrong++
    const slot = this.#slots[socket * IDENTIFIERS + reply.identifier]
    if (slot?.signed === undefined) return
    if (verifyResponse(reply, slot.signed.authenticator, this.#secret) !== undefined) {
      const late =
        slot.before !== undefined && verifyResponse(reply, slot.before.authenticator, this.#secret) === undefined
      if (!late) this.#wrong++
      return
    }
    slot.before = slot.signed
    slot.signed = undefined
    this.#answered++
    if (reply.code === Code.AccessReject) this.#refused++
    const now = performance.now()
    this.#latencies[this.#sampled++ % SAMPLES] = now - slot.dueAt
    if (this.#load.rate !== undefined) this.#free.push(slot)
    else if (this.#running) this.#send(slot, now)
  }

  #retransmit(): void {
    const old = performance.now() - RETRANSMIT_AFTER
    for (const slot of this.#slots) {
      if (slot.signed === undefined || slot.sentAt > old) continue
      slot.sentAt = performance.now()
      this.#retransmitted++
      this.#sockets[Math.floor(slot.number / IDENTIFIERS)]?.send(slot.signed.datagram)
    }
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, seconds * 1000))
}

/** A socket that knows whom it talks to. */
export function connect(host: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(port, host, () => {
      socket.removeListener('error', reject)
      // A server that is not up yet answers with ICMP; the retransmission tries again.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

const [, self, job] = process.argv
if (self === fileURLToPath(import.meta.url) && job !== undefined && process.send !== undefined) {
  const figures = await new Generator(JSON.parse(job) as Load).run()
  process.send(figures, () => process.disconnect())
}
