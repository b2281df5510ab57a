import { type After, DriverError, type Milliseconds } from '../../agent/model/index.js'
import { type Packet, type Secret, codeName } from '../../protocols/radius/index.js'
import { Channel, type ChannelCounters, type Listener, type Sending } from './channel.js'
import { nextWait, retransmissionDefaults, type RetransmissionTimes } from './retransmission.js'

/** What a client needs to reach one NAS. */
export interface DaeClientOptions {
  readonly address: string
  /** Ports in the order to try; the one that answered is tried alone from then on. */
  readonly ports: readonly number[]
  readonly secret: Secret
  readonly messageAuthenticator?: boolean
  readonly localAddress?: string | undefined
  readonly times?: Partial<RetransmissionTimes> | undefined
  readonly after?: After | undefined
  /** From 0 (inclusive) to 1 (exclusive). Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** A verified answer, and the port it came from. */
export interface Answer {
  readonly packet: Packet
  readonly port: number
}

// Whoever waits for an answer is kept alive by this alone: the socket is not to do that.
const keepingAlive: After = (ms, run) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/**
 * Dynamic Authorization Client for one NAS: sends a request until it is answered, on the port where the NAS listens.
 * An unchanged request keeps its Identifier and authenticator over all transmissions to a port (RFC 5080 §2.2.1), so
 * that the NAS can tell a duplicate.
 */
export class DaeClient {
  readonly #options: DaeClientOptions
  readonly #times: RetransmissionTimes
  readonly #channels = new Map<number, Channel>()
  #known: number | undefined

  constructor(options: DaeClientOptions) {
    this.#options = options
    this.#times = { ...retransmissionDefaults, ...options.times }
  }

  /** The port that last answered; undefined while none has. */
  get port(): number | undefined {
    return this.#known
  }

  /** What went over the wire since the start, over all ports. */
  counters(): ChannelCounters {
    const sum: ChannelCounters = { transmissions: 0, answers: 0, late: 0, forged: 0, garbage: 0, refused: 0 }
    for (const { counters } of this.#channels.values()) {
      for (const name of Object.keys(sum) as (keyof ChannelCounters)[]) sum[name] += counters[name]
    }
    return sum
  }

  /**
   * Sends a request and waits for its answer.
   * @param code        CoA-Request or Disconnect-Request
   * @param attributes  encoded, without Message-Authenticator
   * @throws DriverError `UNREACHABLE` when nothing answered until the last transmission or the path refused;
   *   `TIMEOUT` when the signal ended the wait; `AUTH` when only answers with a wrong digest came; `PROTOCOL` when only
   *   garbage came
   */
  request(code: number, attributes: Buffer, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const exchange = new Exchange({
        name: codeName(code),
        times: this.#times,
        after: this.#options.after ?? keepingAlive,
        random: this.#options.random ?? Math.random,
        ports: this.#known === undefined ? this.#options.ports : [this.#known],
        open: (port, listener) => this.#channel(port).open(code, attributes, listener),
        answered: (packet, port) => {
          this.#known = port
          resolve({ packet, port })
        },
        failed: error => {
          if (error.code === 'UNREACHABLE') this.#known = undefined
          reject(error)
        }
      })
      exchange.start(signal)
    })
  }

  /** Closes the sockets; requests in flight end as their signal or their schedule tells them. */
  close(): void {
    for (const channel of this.#channels.values()) channel.close()
    this.#channels.clear()
  }

  #channel(port: number): Channel {
    const open = this.#channels.get(port)
    if (open !== undefined && !open.broken) return open
    open?.close()
    const { address, secret, localAddress, messageAuthenticator = true } = this.#options
    const channel = new Channel({ address, port, secret, localAddress, messageAuthenticator })
    this.#channels.set(port, channel)
    return channel
  }
}

interface ExchangeOptions {
  readonly name: string
  readonly times: RetransmissionTimes
  readonly after: After
  readonly random: () => number
  readonly ports: readonly number[]
  readonly open: (port: number, listener: Listener) => Sending | undefined
  readonly answered: (packet: Packet, port: number) => void
  readonly failed: (error: DriverError) => void
}

/** One request on its way: first to the first port, from the first silence or refusal on to the next port too. */
class Exchange {
  readonly #options: ExchangeOptions
  readonly #legs = new Map<number, Sending>()
  readonly #refusals = new Map<number, string>()
  readonly #doubts = new Set<'forged' | 'garbage'>()
  #unsubscribe: () => void = () => undefined
  #cancel: () => void = () => undefined
  #cancelEnd: () => void = () => undefined
  #wait: Milliseconds | undefined
  #transmissions = 0
  #over = false

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  start(signal: AbortSignal): void {
    const aborted = (): void => this.#fail('TIMEOUT', 'was given up before the NAS answered')
    if (signal.aborted) return aborted()
    signal.addEventListener('abort', aborted, { once: true })
    this.#unsubscribe = () => signal.removeEventListener('abort', aborted)
    const { after, times } = this.#options
    this.#cancelEnd = after(times.duration, () => this.#silent())
    this.#transmit()
  }

  #transmit(): void {
    const { times, after, random } = this.#options
    if (this.#transmissions >= times.transmissions) return this.#silent()
    this.#transmissions++
    this.#addLeg()
    if (this.#over) return
    for (const [port, leg] of this.#legs) if (!this.#refusals.has(port)) leg.transmit()
    this.#wait = nextWait(this.#wait, times, random())
    this.#cancel = after(this.#wait, () => this.#transmit())
  }

  #addLeg(): Sending | undefined {
    const port = this.#options.ports[this.#legs.size]
    if (port === undefined) return undefined
    const leg = this.#options.open(port, {
      answered: packet => {
        if (this.#end()) this.#options.answered(packet, port)
      },
      refused: reason => this.#refused(port, reason),
      doubted: why => this.#doubts.add(why)
    })
    if (leg === undefined) this.#fail('UNREACHABLE', 'cannot be sent: 256 requests to this NAS are unanswered already')
    else this.#legs.set(port, leg)
    return leg
  }

  #refused(port: number, reason: string): void {
    if (this.#over) return
    this.#refusals.set(port, reason)
    const next = this.#addLeg()
    if (this.#over) return
    if (next !== undefined) next.transmit()
    else if (this.#refusals.size === this.#legs.size) {
      const ports = [...this.#refusals].map(([at, why]) => `${at} (${why})`).join(' and ')
      this.#fail('UNREACHABLE', `found nobody listening on port ${ports}`)
    }
  }

  #silent(): void {
    const ports = [...this.#legs.keys()].join(' and ')
    this.#fail(
      'UNREACHABLE',
      `got no answer from port ${ports} in ${this.#transmissions} transmissions; a wrong shared secret looks the same`
    )
  }

  #fail(code: 'UNREACHABLE' | 'TIMEOUT', words: string): void {
    if (!this.#end()) return
    const { name, failed } = this.#options
    if (this.#doubts.has('forged')) {
      failed(
        new DriverError(
          'AUTH',
          `${name}: the answer is signed with another shared secret than ours. Compare it on both sides.`
        )
      )
    } else if (this.#doubts.has('garbage')) {
      failed(
        new DriverError(
          'PROTOCOL',
          `${name}: what came back is no RADIUS answer to it. Check coaAddress and coaPort: something else listens there.`
        )
      )
    } else failed(new DriverError(code, `${name} ${words}.`))
  }

  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#unsubscribe()
    this.#cancel()
    this.#cancelEnd()
    for (const leg of this.#legs.values()) leg.release()
    return true
  }
}
