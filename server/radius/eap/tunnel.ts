import { setImmediate } from 'node:timers/promises'
import { Duplex } from 'node:stream'
import { type DetailedPeerCertificate, type SecureContext, TLSSocket } from 'node:tls'
import { sessionSecret } from './resumption.js'

/** What a piece of TLS led to. */
export interface Flight {
  /** TLS for the peer. */
  readonly out: Buffer
  /** What the peer said inside. */
  readonly plain: Buffer
  /** Why TLS gave up. */
  readonly error?: NodeJS.ErrnoException
}

/** What TLS says must be read without a socket: pieces come in and go out by hand. */
class Wire extends Duplex {
  readonly out: Buffer[] = []
  onWrite = (): void => undefined

  override _read(): void {
    // whoever has a piece pushes it
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.out.push(chunk)
    this.onWrite()
    done()
  }
}

const QUIET_TURNS = 4
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_HELLO = 2

/**
 * The server's end of TLS in memory. `node:tls` works on what it was fed within a few turns of the event loop; when
 * nothing more happens for some of them, that was all.
 */
export class Tunnel {
  readonly #wire = new Wire()
  readonly #socket: TLSSocket
  #plain: Buffer[] = []
  #events = 0
  #error: NodeJS.ErrnoException | undefined
  #secure = false
  #clientRandom: Buffer | undefined
  #serverRandom: Buffer | undefined

  /** @param requestCert  whether the peer is asked for a certificate */
  constructor(secureContext: SecureContext, requestCert: boolean) {
    this.#wire.onWrite = () => void this.#events++
    const socket = new TLSSocket(this.#wire, {
      isServer: true,
      secureContext,
      requestCert,
      rejectUnauthorized: false // judged by `fault`, so that a reason can be given
    })
    this.#socket = socket
    socket.on('secure', () => this.#note(() => (this.#secure = true)))
    socket.on('data', (chunk: Buffer) => this.#note(() => this.#plain.push(chunk)))
    const failed = (error: Error) => this.#note(() => (this.#error ??= error))
    socket.on('error', failed).on('_tlsError', failed)
    this.#wire.on('error', failed)
  }

  /** Whether the handshake is done. */
  get secure(): boolean {
    return this.#secure
  }

  get isTls13(): boolean {
    return this.#socket.getProtocol() === 'TLSv1.3'
  }

  get resumed(): boolean {
    return this.#socket.isSessionReused()
  }

  /** Tells the sessions apart, see `sessionSecret`. */
  get secret(): Buffer | undefined {
    return sessionSecret(this.#socket.getSession())
  }

  /** What both ends' hellos hold at random, the client's first: 64 octets; undefined before. RFC 5246 §7.4.1.2–3 */
  get randoms(): Buffer | undefined {
    if (this.#clientRandom === undefined || this.#serverRandom === undefined) return undefined
    return Buffer.concat([this.#clientRandom, this.#serverRandom])
  }

  get certificate(): DetailedPeerCertificate | undefined {
    const certificate = this.#socket.getPeerCertificate(true) as DetailedPeerCertificate | undefined
    return certificate === undefined || Object.keys(certificate).length === 0 ? undefined : certificate
  }

  /** Why the peer's certificate cannot be trusted, as OpenSSL's code such as `CERT_HAS_EXPIRED`; undefined: it can. */
  get fault(): string | undefined {
    // The result of the verification is what `authorized` is made of in tls.Server; a bare TLSSocket does not set it.
    const { ssl } = this.#socket as unknown as { ssl?: { verifyError?: () => NodeJS.ErrnoException | null } }
    if (typeof ssl?.verifyError !== 'function') return 'UNVERIFIED'
    return ssl.verifyError()?.code
  }

  /** Keys that both ends derive. RFC 5705, RFC 8446 §7.5 */
  derive(length: number, label: string, context?: Buffer): Buffer {
    // Without a context and with an empty one are not the same in TLS 1.2.
    if (context === undefined)
      return (this.#socket.exportKeyingMaterial as (n: number, l: string) => Buffer)(length, label)
    return this.#socket.exportKeyingMaterial(length, label, context)
  }

  /** Takes TLS from the peer. */
  async feed(octets: Buffer): Promise<Flight> {
    this.#clientRandom ??= randomOf(octets, CLIENT_HELLO)
    if (octets.length > 0) this.#wire.push(octets)
    await this.#quiet()
    return this.#flight()
  }

  /** Says something inside. @returns TLS for the peer */
  async say(plain: Buffer): Promise<Buffer> {
    this.#socket.write(plain)
    await this.#quiet()
    return this.#flight().out
  }

  close(): void {
    this.#socket.destroy()
    this.#wire.destroy()
  }

  #note(change: () => unknown): void {
    change()
    this.#events++
  }

  #flight(): Flight {
    const out = Buffer.concat(this.#wire.out.splice(0))
    this.#serverRandom ??= randomOf(out, SERVER_HELLO)
    const plain = Buffer.concat(this.#plain)
    this.#plain = []
    return { out, plain, ...(this.#error !== undefined && { error: this.#error }) }
  }

  async #quiet(): Promise<void> {
    let seen = this.#events
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await setImmediate()
      if (this.#events === seen) continue
      seen = this.#events
      quiet = 0
    }
  }
}

// Record: type 1, version 2, length 2; handshake: type 1, length 3; hello: version 2, random 32.
function randomOf(octets: Buffer, hello: number): Buffer | undefined {
  const isHello = octets.length >= 43 && octets[0] === HANDSHAKE && octets[5] === hello
  return isHello ? Buffer.from(octets.subarray(11, 43)) : undefined
}
