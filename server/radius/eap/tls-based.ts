import type { Subscriber } from '../../../agent/model/index.js'
import { tlsStart } from '../../../protocols/eap/index.js'
import { Carrier } from './carrier.js'
import {
  type EapContext,
  type EapKeys,
  type EapMethod,
  type Failed,
  failure,
  type Step,
  type Success
} from './method.js'
import type { TlsContexts } from './tls-contexts.js'
import { tlsFailure } from './tls-failure.js'
import { type Flight, Tunnel } from './tunnel.js'

/** What is said inside the tunnel, or how the conversation ends. */
export type Inner = { readonly kind: 'say'; readonly plain: Buffer } | Exclude<Step, { kind: 'request' }>

const NOTHING = Buffer.alloc(0)

/**
 * What TLS, TTLS and PEAP have in common: pieces, the handshake, and whose turn it is afterwards. What is said inside is
 * for each of them.
 */
export abstract class TlsBased implements EapMethod {
  abstract readonly type: number
  protected readonly context: EapContext
  protected readonly tunnel: Tunnel
  readonly #contexts: TlsContexts
  readonly #carrier: Carrier
  #resumed: Subscriber | undefined
  #opened = false
  #failed: Failed | undefined

  constructor(context: EapContext, contexts: TlsContexts, type: number, requestCert: boolean) {
    this.context = context
    this.tunnel = new Tunnel(contexts.of(type), requestCert)
    this.#contexts = contexts
    this.#carrier = new Carrier(context.room)
  }

  /** Label of the keys in TLS 1.2; in TLS 1.3 all have one. */
  protected abstract readonly label: string

  /** The handshake is done. @returns what is said right away, or a failure; undefined: the peer's turn comes first */
  protected abstract opened(): Inner | undefined

  /** The peer has nothing to say, and waits. */
  protected abstract turn(identifier: number): Inner | Promise<Inner>

  /** The peer said something inside. */
  protected abstract heard(plain: Buffer, identifier: number): Inner | Promise<Inner>

  /** Whose session the peer has resumed; undefined where it has not. */
  protected get resumed(): Subscriber | undefined {
    return this.#resumed
  }

  begin(): Step {
    return { kind: 'request', data: tlsStart() }
  }

  close(): void {
    this.tunnel.close()
  }

  async next(data: Buffer, identifier: number): Promise<Step> {
    const carried = this.#carrier.take(data)
    if (carried.kind === 'broken') return failure('EAP_MALFORMED', carried.why)
    if (carried.kind === 'send') return { kind: 'request', data: carried.data }
    if (this.#failed !== undefined) return this.#failed
    const flight = await this.tunnel.feed(carried.octets)
    if (flight.error !== undefined) return this.#broke(flight.out, tlsFailure(flight.error))
    if (!this.tunnel.secure) return this.#handshake(flight)
    if (!this.#opened) return this.#open(flight, identifier)
    if (flight.plain.length > 0) return this.#speak(flight.out, await this.heard(flight.plain, identifier))
    if (carried.octets.length > 0) return failure('EAP_TLS_FAILED', 'It closed the tunnel, or sent what is not TLS.')
    return this.#speak(flight.out, await this.turn(identifier))
  }

  // The session that a ticket names can be seen only until TLS 1.3 has made another of it.
  #handshake({ out }: Flight): Step {
    const { secret } = this.tunnel
    if (secret !== undefined) this.#resumed ??= this.#contexts.resumption.recall(secret, this.context.directory)
    if (out.length === 0) return failure('EAP_TLS_FAILED', 'It sent nothing that TLS could go on with.')
    return { kind: 'request', data: this.#carrier.send(out) }
  }

  async #open({ out, plain }: Flight, identifier: number): Promise<Step> {
    this.#opened = true
    const { secret, resumed } = this.tunnel
    if (!resumed) this.#resumed = undefined
    else if (secret !== undefined) this.#resumed ??= this.#contexts.resumption.recall(secret, this.context.directory)
    const first = this.opened()
    if (first !== undefined) return this.#speak(out, first)
    if (plain.length > 0) return this.#speak(out, await this.heard(plain, identifier))
    if (out.length > 0) return { kind: 'request', data: this.#carrier.send(out) }
    return this.#speak(NOTHING, await this.turn(identifier))
  }

  async #speak(out: Buffer, inner: Inner): Promise<Step> {
    if (inner.kind === 'failure') return inner
    if (inner.kind === 'success') return this.#success(inner)
    const said = await this.tunnel.say(inner.plain)
    return { kind: 'request', data: this.#carrier.send(Buffer.concat([out, said])) }
  }

  #success({ subscriber, keys = this.#keys() }: Success): Step {
    const { secret } = this.tunnel
    if (secret !== undefined) this.#contexts.resumption.remember(secret, subscriber)
    const sessionId = this.#sessionId()
    return { kind: 'success', subscriber, keys, ...(sessionId !== undefined && { sessionId }) }
  }

  /** What the keys are cut from: 128 octets. RFC 5216 §2.3, RFC 5281 §8, RFC 9190 §2.3, RFC 9427 §2.1 */
  protected get keyMaterial(): Buffer {
    return this.tunnel.isTls13
      ? this.tunnel.derive(128, 'EXPORTER_EAP_TLS_Key_Material', Buffer.from([this.type]))
      : this.tunnel.derive(128, this.label)
  }

  #keys(): EapKeys {
    const octets = this.keyMaterial
    return { receive: octets.subarray(0, 32), send: octets.subarray(32, 64) }
  }

  // RFC 5247 §A, RFC 5281 §8.1, RFC 9190 §2.3, RFC 9427 §2.1
  #sessionId(): Buffer | undefined {
    const type = Buffer.from([this.type])
    const id = this.tunnel.isTls13 ? this.tunnel.derive(64, 'EXPORTER_EAP_TLS_Method-Id', type) : this.tunnel.randoms
    return id && Buffer.concat([type, id])
  }

  // The peer is told by TLS's alert first, where there is one.
  #broke(alert: Buffer, failed: Failed): Step {
    if (alert.length === 0) return failed
    this.#failed = failed
    return { kind: 'request', data: this.#carrier.send(alert) }
  }
}
