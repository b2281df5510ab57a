import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { encoded, encodedNumber, integerIn, itemAt, itemsIn, objectIdIn, Tag, type Item } from './ber.js'
import { endOfMib, Mib } from './mib.js'

/** How the device misbehaves. */
export interface Faults {
  /** Takes requests and never answers. */
  readonly hang?: boolean
  /** Answers with this instead. */
  readonly garbage?: Buffer
  /** Answers only so many requests, and none after. */
  readonly answers?: number
  /** Tells every table again and again from its beginning. */
  readonly loop?: boolean
  /** Takes a change and does not make it. */
  readonly ignoreSet?: boolean
}

/** What the device lets be done, by whom. */
export interface SnmpSimulatorOptions {
  /** May read. Default `public`. */
  readonly community?: string
  /** May write too; nobody when absent. */
  readonly writeCommunity?: string
  readonly faults?: Faults
  /** Octets of an answer at most: what does not fit is left out. */
  readonly maxOctets?: number
  /** What it knows, where several devices are to know the same. Its own when absent. */
  readonly mib?: Mib
}

const NOT_WRITABLE = 17
const NO_ACCESS = 6

/** A device that speaks SNMPv2c over UDP: Get, GetNext, GetBulk and Set of integers. RFC 3416 */
export class SnmpSimulator {
  readonly mib: Mib
  /** Object identifiers that may be set. */
  readonly writable = new Set<string>()
  /** Requests that were understood. */
  requests = 0
  faults: Faults
  readonly #options: SnmpSimulatorOptions
  #socket: Socket | undefined

  constructor(options: SnmpSimulatorOptions = {}) {
    this.#options = options
    this.mib = options.mib ?? new Mib()
    this.faults = options.faults ?? {}
  }

  /** @returns the port */
  async listen(port = 0, host = '127.0.0.1'): Promise<number> {
    const socket = createSocket('udp4')
    this.#socket = socket
    socket.on('message', (datagram, from) => this.#hear(socket, datagram, from))
    socket.bind(port, host)
    await once(socket, 'listening')
    return socket.address().port
  }

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    if (socket === undefined) return
    const closed = once(socket, 'close')
    socket.close()
    await closed
  }

  #hear(socket: Socket, datagram: Buffer, { address, port }: RemoteInfo): void {
    const answer = this.#answer(datagram)
    if (answer !== undefined) socket.send(answer, port, address)
  }

  #answer(datagram: Buffer): Buffer | undefined {
    const { hang, garbage, answers = Infinity } = this.faults
    if (hang === true) return undefined
    if (garbage !== undefined) return garbage
    try {
      const request = readRequest(datagram)
      if (request === undefined || !this.#mayRead(request.community)) return undefined
      if (++this.requests > answers) return undefined
      return this.#response(request)
    } catch (error) {
      // What is no SNMP is silently discarded, as devices do. RFC 3412 §7.2
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  #mayRead(community: string): boolean {
    return community === (this.#options.community ?? 'public') || community === this.#options.writeCommunity
  }

  #response(request: Request): Buffer {
    switch (request.type) {
      case Tag.SetRequest:
        return this.#set(request)
      case Tag.GetRequest:
        return reply(
          request,
          request.asked.map(({ oid }) => this.mib.get(oid))
        )
      case Tag.GetNextRequest:
        return reply(
          request,
          request.asked.map(({ oid }) => this.#next(oid).octets)
        )
      default:
        return this.#bulk(request)
    }
  }

  #next(oid: string): { readonly oid: string; readonly octets: Buffer } {
    const looped = this.faults.loop === true ? oid.split('.').slice(0, 10).join('.') : oid
    return this.mib.next(looped) ?? { oid, octets: endOfMib(oid) }
  }

  #bulk(request: Request): Buffer {
    const { asked, second: repetitions } = request
    const { maxOctets = 1400 } = this.#options
    const places = asked.map(({ oid }) => oid)
    const found: Buffer[] = []
    let room = maxOctets
    for (let round = 0; round < repetitions; round++) {
      for (const [n, place] of places.entries()) {
        const { oid, octets } = this.#next(place)
        room -= octets.length
        if (room < 0 && found.length > 0) return reply(request, found)
        places[n] = oid
        found.push(octets)
      }
    }
    return reply(request, found)
  }

  #set(request: Request): Buffer {
    const { community, asked } = request
    if (community !== this.#options.writeCommunity) return reply(request, [], NO_ACCESS)
    for (const { oid } of asked) if (!this.writable.has(oid)) return reply(request, [], NOT_WRITABLE)
    if (this.faults.ignoreSet !== true)
      for (const { oid, integer } of asked) this.mib.put(oid, { type: 'integer', value: integer })
    return reply(
      request,
      asked.map(({ oid }) => this.mib.get(oid))
    )
  }
}

interface Request {
  readonly community: string
  readonly type: number
  readonly id: number
  /** max-repetitions of GetBulk. */
  readonly second: number
  readonly asked: readonly { readonly oid: string; readonly integer: number }[]
}

const NOTHING: Item = { tag: 0, from: 0, to: 0 }

/** @returns undefined for another version. @throws RangeError for what is no SNMP */
function readRequest(octets: Buffer): Request | undefined {
  const [version = NOTHING, community = NOTHING, pdu = NOTHING] = itemsIn(octets, itemAt(octets, 0))
  if (integerIn(octets, version) !== 1) return undefined
  const [id = NOTHING, , second = NOTHING, list = NOTHING] = itemsIn(octets, pdu)
  return {
    community: octets.toString('utf8', community.from, community.to),
    type: pdu.tag,
    id: integerIn(octets, id),
    second: integerIn(octets, second),
    asked: itemsIn(octets, list).map(varbind => {
      const [oid = NOTHING, value = NOTHING] = itemsIn(octets, varbind)
      return { oid: objectIdIn(octets, oid), integer: value.tag === Tag.Integer ? integerIn(octets, value) : 0 }
    })
  }
}

function reply({ community, id }: Request, varbinds: readonly Buffer[], status = 0): Buffer {
  return encoded(
    Tag.Sequence,
    encodedNumber(Tag.Integer, 1),
    encoded(Tag.OctetString, Buffer.from(community)),
    encoded(
      Tag.Response,
      encodedNumber(Tag.Integer, id),
      encodedNumber(Tag.Integer, status),
      encodedNumber(Tag.Integer, status === 0 ? 0 : 1),
      encoded(Tag.Sequence, ...varbinds)
    )
  )
}
