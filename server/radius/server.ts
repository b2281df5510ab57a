import { isIPv4, isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import type { Clock, Milliseconds, Nas } from '../../agent/model/index.js'
import type { Secret } from '../../protocols/radius/index.js'
import type { RadiusCounts } from './counters.js'
import type { DiscardReason } from './discards.js'
import { systemTimers, type Timers } from './delayed.js'
import { defaultDuplicateLimits, type DuplicateLimits } from './duplicates.js'
import { listenError, RadiusServerError } from './errors.js'
import { type Carrier, Exchange } from './exchange.js'
import { type Address, type Bound as BoundSocket, type SocketOptions, textOf } from './sockets/socket.js'
import { type Sockets, SocketsHere, type Taker } from './sockets/sockets.js'
import { SocketsAside } from './sockets/sockets-aside.js'
import type { Port } from './replies.js'
import type { Handler } from './request.js'
import { type Locks, LocksInMemory, type SigningRule } from './signing.js'
import { type NasDirectory, Sources } from './sources.js'

/** What the server is made of and told. */
export interface RadiusServerOptions {
  readonly nases: NasDirectory
  /** A NAS's shared secret. Kept until its document changes or `reload`; undefined or a throw: asked again after 5 s. */
  readonly secretOf: (nas: Nas) => Secret | undefined
  readonly access: Handler
  readonly accounting: Handler
  readonly clock: Clock
  readonly log: Logger
  /** Boxes that have shown a Message-Authenticator; in memory by default. */
  readonly locks?: Locks
  /** For NASes that do not say otherwise; default `auto`. */
  readonly messageAuthenticator?: SigningRule
  /** How long an Access-Reject waits, milliseconds; default 1000. */
  readonly rejectDelay?: Milliseconds
  /** How many may wait; default 10,000. */
  readonly rejectsWaiting?: number
  readonly duplicates?: DuplicateLimits
  readonly timers?: Timers
  /** Whether the sockets get a thread of their own; by default they have none. */
  readonly socketsAside?: boolean
}

/** Where to listen. */
export interface Listening {
  readonly authentication: readonly Address[]
  readonly accounting: readonly Address[]
  /** Octets of receive buffer to ask for, each socket; default 8 MiB. */
  readonly receiveBuffer?: number
}

/** Where it listens, with the ports that were taken. */
export type Bound = Readonly<Record<Port, readonly BoundSocket[]>>

const SWEEP: Milliseconds = 5000
const PATIENCE: Milliseconds = 5000

/** The RADIUS server: sockets, and the exchange behind them. */
export class RadiusServer {
  readonly #exchange: Exchange
  readonly #sources: Sources
  readonly #timers: Timers
  readonly #log: Logger
  readonly #socketsAside: boolean
  #sockets: Sockets | undefined
  /** What is taken at which socket. */
  #ports: Port[] = []
  #bound: BoundSocket[] = []
  #sweep: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: RadiusServerOptions) {
    const { nases, secretOf, access, accounting, clock, log } = options
    this.#sources = new Sources(nases, secretOf, clock)
    this.#timers = options.timers ?? systemTimers
    this.#socketsAside = options.socketsAside ?? false
    this.#log = log
    this.#exchange = new Exchange({
      sources: this.#sources,
      access,
      accounting,
      locks: options.locks ?? new LocksInMemory(),
      signing: options.messageAuthenticator ?? 'auto',
      rejectDelay: options.rejectDelay ?? 1000,
      rejectsWaiting: options.rejectsWaiting ?? 10_000,
      duplicates: options.duplicates ?? defaultDuplicateLimits,
      timers: this.#timers,
      clock,
      log
    })
    // A thread takes a tenth of a second to start: it does so while the rest of the agent starts.
    if (this.#socketsAside) this.#sockets = this.#makeSockets()
  }

  /**
   * Opens all sockets, or closes those that are open too.
   * @returns where they listen, in the order of the request
   * @throws RadiusServerError
   */
  async listen({ authentication, accounting, receiveBuffer = 8 << 20 }: Listening): Promise<Bound> {
    if (this.#closed) throw new RadiusServerError('RADIUS_CLOSED')
    const sockets = (this.#sockets ??= this.#makeSockets())
    const all = [...authentication, ...accounting, ...this.#bound]
    const open = async (on: Port, address: Address): Promise<BoundSocket> => {
      const ipv6Only = isIPv6(address.host) && hasIpv4Twin(address, all)
      this.#ports.push(on)
      const bound = await bind(sockets, { address, receiveBuffer, ipv6Only })
      this.#bound.push(bound)
      this.#tell(on, bound, receiveBuffer)
      return bound
    }
    try {
      const bound: Bound = {
        authentication: await inOrder(authentication, address => open('authentication', address)),
        accounting: await inOrder(accounting, address => open('accounting', address))
      }
      this.#sweep ??= setInterval(() => this.#exchange.sweep(), SWEEP).unref()
      return bound
    } catch (error) {
      await this.#closeSockets()
      throw error
    }
  }

  /**
   * Takes a packet that another transport brought from a NAS that it has proven; nothing after `close`.
   * @returns why the packet was discarded before it was worked on
   */
  receiveFrom(carrier: Carrier, datagram: Buffer): DiscardReason | undefined {
    return this.#closed ? undefined : this.#exchange.receiveFrom(carrier, datagram)
  }

  /** What it did since it started. */
  counters(): RadiusCounts {
    return this.#exchange.counts(this.#sockets?.shed ?? 0)
  }

  /** Reads the shared secrets again, after files were changed. */
  reload(): void {
    this.#sources.forget()
  }

  /** Takes nothing more, answers what it has taken (for 5 s at most), closes the sockets. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweep)
    this.#sockets?.mute()
    let timer: unknown
    const patience = new Promise<void>(resolve => (timer = this.#timers.start(resolve, PATIENCE)))
    await Promise.race([this.#exchange.settle(), patience])
    this.#timers.stop(timer)
    await this.#closeSockets()
  }

  #makeSockets(): Sockets {
    const exchange = this.#exchange
    const taker: Taker = {
      receive: (socket, datagram, address, port, send) =>
        exchange.receive(this.#ports[socket]!, datagram, address, port, send),
      sendFailed: error => exchange.sendFailed(error)
    }
    return this.#socketsAside ? new SocketsAside(taker) : new SocketsHere(taker)
  }

  async #closeSockets(): Promise<void> {
    const sockets = this.#sockets
    this.#sockets = undefined
    this.#ports = []
    this.#bound = []
    await sockets?.close()
  }

  #tell(on: Port, bound: BoundSocket, asked: number): void {
    const { receiveBuffer } = bound
    const facts = { port: on, address: textOf(bound), receiveBuffer, askedFor: asked }
    if (receiveBuffer >= asked) return this.#log.info(facts, 'listening')
    this.#log.warn(
      facts,
      `listening, with a smaller receive buffer than asked for; as root: sysctl net.core.rmem_max=${asked}`
    )
  }
}

async function bind(sockets: Sockets, options: SocketOptions): Promise<BoundSocket> {
  try {
    return await sockets.open(options)
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, textOf(options.address))
  }
}

async function inOrder<A, B>(values: readonly A[], each: (value: A) => Promise<B>): Promise<B[]> {
  const done: B[] = []
  for (const value of values) done.push(await each(value))
  return done
}

// An IPv6 socket on :: takes IPv4 as well, unless one for IPv4 shares the port.
function hasIpv4Twin({ port }: Address, all: readonly Address[]): boolean {
  return all.some(other => isIPv4(other.host) && (other.port === port || port === 0))
}
