import type { Clock } from '../../agent/model/index.js'
import {
  Attr,
  Code,
  encodeRequest,
  newAuthenticator,
  Packet,
  type Secret,
  verifyResponse
} from '../../protocols/radius/index.js'
import { NasError } from './errors.js'
import type { BadLine } from './faults.js'
import type { IdentifierPool, Receiver, Slot } from './identifiers.js'
import { realSchedule, type Cancel, type Schedule } from './schedule.js'

/** Where a client asks, and how patiently. */
export interface ClientOptions {
  /** An address, or a name that is resolved when the first request is sent. */
  readonly host: string
  readonly port: number
  readonly secret: Secret
  /** Our own address, where the server knows us by one only. */
  readonly localAddress?: string
  /** Milliseconds until the request is sent again; 1,100 by default, as MikroTik does. */
  readonly intervalMs?: number
  /** How often a request is sent before it is given up; 3 by default. */
  readonly transmissions?: number
  /** Whether a request goes out again as it was, or with a new Identifier and authenticator; `fresh` by default. */
  readonly again?: 'same' | 'fresh'
  /** Take replies to an Access-Request only when they carry a Message-Authenticator; true by default. */
  readonly demandSigned?: boolean
  /** UDP sockets with 256 Identifiers each; 4 by default. */
  readonly sockets?: number
  readonly clock?: Clock
  readonly schedule?: Schedule
  readonly outgoing?: BadLine
  readonly incoming?: BadLine
}

/** What one transmission is made of. */
export interface Transmission {
  /** The Request Authenticator of an Access-Request: it hides the password. */
  readonly authenticator: Buffer
  /** Milliseconds since the request was sent first: Acct-Delay-Time. */
  readonly elapsed: number
}

/** A request to make. */
export interface Request {
  readonly code: number
  /** The attributes, built anew for every fresh transmission; without Message-Authenticator. */
  readonly attributes: (transmission: Transmission) => Buffer
  /** Gives the request up. */
  readonly signal?: AbortSignal
}

/** A verified reply. */
export interface Answer {
  readonly packet: Packet
  /** How often the request had been sent when it came. */
  readonly transmissions: number
  /** From the first transmission. */
  readonly milliseconds: number
}

/** Counted since the client was made. */
export interface ClientCounts {
  requests: number
  transmissions: number
  answered: number
  /** Replies that were not verified, and discarded silently. */
  doubtful: number
}

const replies: Readonly<Record<number, readonly number[]>> = {
  [Code.AccessRequest]: [Code.AccessAccept, Code.AccessReject, Code.AccessChallenge],
  [Code.AccountingRequest]: [Code.AccountingResponse],
  [Code.StatusServer]: [Code.AccessAccept, Code.AccountingResponse],
  [Code.DisconnectRequest]: [Code.DisconnectAck, Code.DisconnectNak],
  [Code.CoaRequest]: [Code.CoaAck, Code.CoaNak]
}

interface Callbacks {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
  readonly ended: () => void
}

interface Sent {
  readonly slot: Slot
  readonly datagram: Buffer
  readonly authenticator: Buffer
}

/** One request on its way: all its transmissions, each of which may be answered. */
export class Exchange {
  over = false
  readonly #request: Request
  readonly #options: ClientOptions
  readonly #pool: IdentifierPool
  readonly #counts: ClientCounts
  readonly #callbacks: Callbacks
  readonly #sent: Sent[] = []
  readonly #abort = (): void => this.fail(this.#request.signal?.reason)
  #startedAt = 0
  #transmissions = 0
  #doubtful = 0
  #refusal: string | undefined
  #cancel: Cancel = () => undefined

  constructor(
    request: Request,
    options: ClientOptions,
    pool: IdentifierPool,
    counts: ClientCounts,
    callbacks: Callbacks
  ) {
    this.#request = request
    this.#options = options
    this.#pool = pool
    this.#counts = counts
    this.#callbacks = callbacks
    request.signal?.addEventListener('abort', this.#abort, { once: true })
  }

  /** @returns false when no Identifier is free */
  begin(): boolean {
    if (this.#request.signal?.aborted === true) {
      this.#abort()
      return true
    }
    this.#startedAt = this.#now()
    return this.#transmit()
  }

  fail(error: unknown): void {
    if (this.#end()) this.#callbacks.reject(error)
  }

  #transmit(): boolean {
    const fresh = this.#sent.length === 0 || (this.#options.again ?? 'fresh') === 'fresh'
    try {
      const sent = (fresh ? this.#make() : undefined) ?? this.#sent.at(-1)
      if (sent === undefined) return false
      this.#transmissions++
      this.#counts.transmissions++
      sent.slot.send(sent.datagram)
      this.#cancel = this.#schedule(this.#options.intervalMs ?? 1100, () => this.#silence())
    } catch (error) {
      this.fail(error)
    }
    return true
  }

  /** A new datagram with an Identifier of its own; `undefined` when none is free. */
  #make(): Sent | undefined {
    const receiver: Receiver = {
      received: datagram => this.#received(sent, datagram),
      refused: code => (this.#refusal = code)
    }
    const slot = this.#pool.acquire(receiver)
    if (slot === undefined) return undefined
    const sent = this.#encode(slot)
    this.#sent.push(sent)
    return sent
  }

  #encode(slot: Slot): Sent {
    const { code, attributes } = this.#request
    const authenticator = newAuthenticator()
    try {
      const octets = attributes({ authenticator, elapsed: this.#now() - this.#startedAt })
      return { slot, ...encodeRequest(code, slot.identifier, octets, this.#options.secret, { authenticator }) }
    } catch (error) {
      slot.release()
      throw error
    }
  }

  #silence(): void {
    if (this.#transmissions < (this.#options.transmissions ?? 3)) this.#transmit()
    else this.fail(this.#whyNot())
  }

  #whyNot(): NasError {
    const { host, port } = this.#options
    const where = `${host} port ${port}, ${this.#transmissions} transmissions`
    if (this.#doubtful > 0)
      return new NasError('NAS_BAD_ANSWER', `${this.#doubtful} replies could not be verified: ${where}`)
    return new NasError(
      'NAS_NO_ANSWER',
      `no reply: ${where}${this.#refusal === undefined ? '' : ` (${this.#refusal})`}`
    )
  }

  #received(sent: Sent, datagram: Buffer): void {
    if (this.over) return
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string' || !this.#isTrusted(packet, sent)) {
      this.#doubtful++
      this.#counts.doubtful++
      return
    }
    const milliseconds = this.#now() - this.#startedAt
    this.#counts.answered++
    if (this.#end()) this.#callbacks.resolve({ packet, transmissions: this.#transmissions, milliseconds })
  }

  #isTrusted(packet: Packet, sent: Sent): boolean {
    const { code } = this.#request
    if (replies[code]?.includes(packet.code) !== true) return false
    const unsigned = code === Code.AccessRequest && !packet.has(Attr.MessageAuthenticator)
    if (unsigned && this.#options.demandSigned !== false) return false
    return verifyResponse(packet, sent.authenticator, this.#options.secret) === undefined
  }

  #end(): boolean {
    if (this.over) return false
    this.over = true
    this.#cancel()
    this.#request.signal?.removeEventListener('abort', this.#abort)
    for (const { slot } of this.#sent) slot.release()
    this.#callbacks.ended()
    return true
  }

  #now(): number {
    return (this.#options.clock ?? Date.now)()
  }

  get #schedule(): Schedule {
    return this.#options.schedule ?? realSchedule
  }
}
