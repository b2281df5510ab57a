import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  errors as natsErrors,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator
} from '@nats-io/transport-node'
import { JetStreamApiError } from '@nats-io/jetstream'
import { sayError, UplinkError } from './errors.js'
import { isLoopback, type TlsOptions } from './target.js'

/** How long NATS may take, ms. */
export interface NatsTimeouts {
  readonly connect: number
  /** One acknowledgement, or one answer of the server or of billing. */
  readonly answer: number
  /** Between two pings; a connection is dead when two of them stay without answer. */
  readonly ping: number
  /** Without heartbeat or message for this long, the feed is dead. */
  readonly silence: number
}

export const natsTimeouts: NatsTimeouts = { connect: 10_000, answer: 10_000, ping: 10_000, silence: 45_000 }

export interface NatsLinkOptions extends TlsOptions {
  /** `tls://host[:port]`, or `nats://` to this very box. */
  readonly url: string
  /** Token, password, nkey seed or the text of a .creds file; read for each connection. */
  readonly credential: () => string
  /** Makes the credential this user's password. */
  readonly user?: string | undefined
  readonly timeouts: NatsTimeouts
}

/** The connection to NATS: opened when it is needed, and anew when it is needed after it broke. */
export class NatsLink {
  readonly #options: NatsLinkOptions
  readonly #target: URL
  #connection: Promise<NatsConnection> | undefined
  #isClosed = false

  /** @throws UplinkError `UPLINK_BAD_URL`, `UPLINK_INSECURE_URL` */
  constructor(options: NatsLinkOptions) {
    this.#options = options
    this.#target = readNatsUrl(options.url)
  }

  /** @throws UplinkError `UPLINK_UNREACHABLE`, `UPLINK_REFUSED`, `UPLINK_BAD_TOKEN`; the signal's reason */
  async connection(signal: AbortSignal): Promise<NatsConnection> {
    try {
      return await unlessAborted(this.#current(), signal)
    } catch (error) {
      signal.throwIfAborted()
      throw natsTrouble(error)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.close()
  }

  #current(): Promise<NatsConnection> {
    if (this.#connection !== undefined) return this.#connection
    const opening = this.#open()
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = undefined
    }
    // Broken or closed for whatever reason: who needs it next opens another one.
    opening.then(connection => connection.closed()).then(forget, forget)
    this.#connection = opening
    return opening
  }

  async #open(): Promise<NatsConnection> {
    if (this.#isClosed) throw new UplinkError('UPLINK_UNREACHABLE', 'closed')
    return connect(this.#connectOptions())
  }

  /** The library's own reconnecting stays off: when to try again is decided in one place, by the uplink's backoff. */
  #connectOptions(): NodeConnectionOptions {
    const { timeouts, credential, user } = this.#options
    const { hostname, port } = this.#target
    return {
      servers: `${hostname}:${port === '' ? '4222' : port}`,
      name: 'turnpike',
      timeout: timeouts.connect,
      pingInterval: timeouts.ping,
      maxPingOut: 2,
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      authenticator: authenticatorOf(readCredential(credential), user),
      tls: this.#target.protocol === 'tls:' ? this.#tls() : null
    }
  }

  #tls(): NonNullable<NodeConnectionOptions['tls']> {
    const { ca, cert, key } = this.#options
    const host = this.#target.hostname.replaceAll(/[[\]]/g, '')
    // The library looks the name up itself and would let an address be compared with nothing.
    const identity = { checkServerIdentity: (_: string, peer: PeerCertificate) => checkServerIdentity(host, peer) }
    return {
      ...identity,
      ...(ca !== undefined && { ca: String(ca) }),
      ...(cert !== undefined && { cert: String(cert) }),
      ...(key !== undefined && { key: String(key) })
    }
  }
}

/** @throws UplinkError `UPLINK_BAD_URL`, `UPLINK_INSECURE_URL` */
export function readNatsUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['tls:', 'nats:'].includes(url.protocol) || url.hostname === '')
    throw new UplinkError('UPLINK_BAD_URL', 'not a tls:// address')
  const { username, password, search, hash, pathname } = url
  if (username !== '' || password !== '' || search !== '' || hash !== '' || pathname.length > 1)
    throw new UplinkError('UPLINK_BAD_URL', `something beside host and port: ${url.host}`)
  if (url.protocol === 'nats:' && !isLoopback(url)) throw new UplinkError('UPLINK_INSECURE_URL', url.host)
  return url
}

/** What a credential is shows in its shape: a .creds file, an nkey's seed, else a password or a token. */
function authenticatorOf(credential: string, user: string | undefined): Authenticator {
  const octets = new TextEncoder().encode(credential)
  if (credential.includes('-----BEGIN NATS USER JWT-----')) return credsAuthenticator(octets)
  if (/^SU[A-Z2-7]{56}$/.test(credential)) return nkeyAuthenticator(octets)
  return user === undefined ? tokenAuthenticator(credential) : usernamePasswordAuthenticator(user, credential)
}

/** @throws UplinkError `UPLINK_BAD_TOKEN`, without the credential */
function readCredential(credential: () => string): string {
  let text: string
  try {
    text = credential().trim()
  } catch (error) {
    throw new UplinkError('UPLINK_BAD_TOKEN', sayError(error))
  }
  if (text === '') throw new UplinkError('UPLINK_BAD_TOKEN', 'empty')
  return text
}

/** What went wrong, in the words of the uplink. */
export function natsTrouble(error: unknown): UplinkError {
  const chain = causes(error)
  const known = chain.find(one => one instanceof UplinkError)
  if (known !== undefined) return known
  const words = chain.map(({ message }) => message).join(': ')
  const is = (...classes: readonly (abstract new (...parts: never[]) => Error)[]): boolean =>
    chain.some(one => classes.some(kind => one instanceof kind))
  const { AuthorizationError, UserAuthenticationExpiredError, PermissionViolationError } = natsErrors
  if (is(AuthorizationError, UserAuthenticationExpiredError, PermissionViolationError))
    return new UplinkError('UPLINK_REFUSED', words)
  if (is(natsErrors.TimeoutError)) return new UplinkError('UPLINK_TIMEOUT', words)
  if (is(natsErrors.NoRespondersError)) return new UplinkError('UPLINK_NO_STREAM', words)
  if (is(JetStreamApiError)) return new UplinkError('UPLINK_UNEXPECTED_ANSWER', words)
  return new UplinkError('UPLINK_UNREACHABLE', words, { cause: error })
}

/** An error and what caused it, outermost first. */
export function causes(error: unknown): Error[] {
  const found: Error[] = []
  for (let one = error; one instanceof Error && found.length < 8; one = one.cause) found.push(one)
  return found
}

/** @throws the signal's reason as soon as it aborts; `work` goes on without a listener then */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {})
  signal.throwIfAborted()
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
