/*
 * A RADIUS load generator in a process of its own: a closed loop that keeps `window` requests under way over
 * connected UDP sockets, and checks every reply's authenticator. `runLoad` starts it and gives its figures.
 */
import { fork } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { fileURLToPath } from 'node:url'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeUserPassword,
  md5,
  Packet,
  Secret,
  verifyResponse
} from '../../protocols/radius/index.js'

/** What to ask, and how hard. */
export interface Load {
  readonly mode: 'pap' | 'chap' | 'accounting'
  readonly host: string
  readonly port: number
  readonly secret: string
  readonly seconds: number
  /** Requests under way at once. */
  readonly window: number
  /** Subscribers user0 … with passwords pw0 …; sessions, for accounting. */
  readonly users: number
}

/** What came of it. Latencies in milliseconds. */
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

/** Runs a load in a child process. @throws Error when the child ends without figures */
export function runLoad(load: Load): Promise<Figures> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(load)])
  return new Promise((resolve, reject) => {
    child.once('message', figures => resolve(figures as Figures))
    child.once('exit', code => reject(new Error(`the load generator ended with ${code}`)))
  })
}

interface Slot {
  sentAt: number
  datagram: Buffer
  authenticator: Buffer
}

class Generator {
  readonly #load: Load
  readonly #secret: Secret
  readonly #sockets: Socket[] = []
  readonly #slots = new Map<number, Slot>()
  readonly #latencies: number[] = []
  readonly #templates: Buffer[] = []
  #turn = 0
  #answered = 0
  #refused = 0
  #wrong = 0
  #retransmitted = 0
  #running = true

  constructor(load: Load) {
    this.#load = load
    this.#secret = new Secret(load.secret)
    for (let user = 0; user < load.users; user++) this.#templates.push(template(load.mode, user))
  }

  async run(): Promise<Figures> {
    const { host, port, window, seconds } = this.#load
    for (let n = 0; n < Math.ceil(window / IDENTIFIERS); n++) this.#sockets.push(await connect(host, port))
    for (const [index, socket] of this.#sockets.entries()) socket.on('message', reply => this.#received(index, reply))
    const retransmission = setInterval(() => this.#retransmit(), RETRANSMIT_AFTER / 4)
    const began = performance.now()
    for (let slot = 0; slot < window; slot++) this.#send(slot)
    await new Promise(resolve => setTimeout(resolve, seconds * 1000))
    this.#running = false
    const took = (performance.now() - began) / 1000
    clearInterval(retransmission)
    for (const socket of this.#sockets) socket.close()
    const sorted = Float64Array.from(this.#latencies).sort()
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

  #send(number: number): void {
    const turn = this.#turn++
    const made = this.#request(turn, number % IDENTIFIERS)
    this.#slots.set(number, { sentAt: performance.now(), ...made })
    this.#sockets[Math.floor(number / IDENTIFIERS)]?.send(made.datagram)
  }

  #request(turn: number, identifier: number): { datagram: Buffer; authenticator: Buffer } {
    const user = turn % this.#load.users
    const attributes = this.#templates[user] ?? Buffer.alloc(0)
    if (this.#load.mode === 'accounting') {
      advanceCounters(attributes, Math.floor(turn / this.#load.users))
      return encodeRequest(Code.AccountingRequest, identifier, attributes, this.#secret, {
        messageAuthenticator: false
      })
    }
    if (this.#load.mode === 'chap') return encodeRequest(Code.AccessRequest, identifier, attributes, this.#secret)
    const authenticator = Buffer.alloc(16, turn)
    authenticator.writeUInt32BE(turn)
    const hidden = encodeUserPassword(Buffer.from(`pw${user}`), authenticator, this.#secret)
    const whole = Buffer.concat([attributes, Buffer.from([Attr.UserPassword, 2 + hidden.length]), hidden])
    return encodeRequest(Code.AccessRequest, identifier, whole, this.#secret, { authenticator })
  }

  #received(socket: number, datagram: Buffer): void {
    const reply = Packet.decode(datagram)
    if (typeof reply === 'string') return void this.#wrong++
    const number = socket * IDENTIFIERS + reply.identifier
    const slot = this.#slots.get(number)
    if (slot === undefined) return
    if (verifyResponse(reply, slot.authenticator, this.#secret) !== undefined) return void this.#wrong++
    this.#answered++
    if (reply.code === Code.AccessReject) this.#refused++
    this.#latencies.push(performance.now() - slot.sentAt)
    if (this.#running) this.#send(number)
  }

  #retransmit(): void {
    const old = performance.now() - RETRANSMIT_AFTER
    for (const [number, slot] of this.#slots) {
      if (slot.sentAt > old) continue
      slot.sentAt = performance.now()
      this.#retransmitted++
      this.#sockets[Math.floor(number / IDENTIFIERS)]?.send(slot.datagram)
    }
  }
}

/** A MikroTik's attributes for one user; for accounting, the four that grow stand first. */
function template(mode: Load['mode'], user: number): Buffer {
  const to = new AttributeWriter()
  if (mode === 'accounting') {
    to.uint32(Attr.AcctSessionTime, 0).uint32(Attr.AcctInputOctets, 0).uint32(Attr.AcctOutputOctets, 0)
    to.uint32(Attr.EventTimestamp, Math.floor(Date.now() / 1000))
    to.uint32(Attr.AcctStatusType, 3).add(Attr.AcctSessionId, `81${user.toString(16).padStart(6, '0')}`)
    to.uint32(Attr.AcctInputPackets, user).uint32(Attr.AcctOutputPackets, user).uint32(Attr.AcctAuthentic, 1)
    to.uint32(Attr.AcctInputGigawords, 0).uint32(Attr.AcctOutputGigawords, 0).uint32(Attr.AcctDelayTime, 0)
    to.ipv4(Attr.FramedIpAddress, `100.64.${(user >> 8) & 255}.${user & 255}`)
  }
  to.add(Attr.UserName, `user${user}`)
    .ipv4(Attr.NasIpAddress, '127.0.0.1')
    .uint32(Attr.NasPort, 15_700_000 + user)
  to.add(Attr.NasPortId, 'ether1')
    .uint32(Attr.NasPortType, 15)
    .uint32(Attr.ServiceType, 2)
    .uint32(Attr.FramedProtocol, 1)
  to.add(Attr.CallingStationId, '00:0C:42:00:00:01').add(Attr.CalledStationId, 'pppoe-service')
  to.add(Attr.NasIdentifier, 'bench')
  if (mode === 'chap') to.add(Attr.ChapPassword, chapPassword(user)).add(Attr.ChapChallenge, challenge)
  return to.finish()
}

const challenge = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

function chapPassword(user: number): Buffer {
  const identifier = Buffer.from([7])
  return Buffer.concat([identifier, md5(identifier, Buffer.from(`pw${user}`), challenge)])
}

/** Session time, both counters and the time of the event: the values of the template's first four attributes. */
function advanceCounters(attributes: Buffer, round: number): void {
  attributes.writeUInt32BE(60 + round * 300, 2)
  attributes.writeUInt32BE((round * 1_000_003) >>> 0, 8)
  attributes.writeUInt32BE((round * 9_000_017) >>> 0, 14)
}

function connect(host: string, port: number): Promise<Socket> {
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
