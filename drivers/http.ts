import { lookup } from 'node:dns'
import { createRequire } from 'node:module'
import { isIP, type LookupFunction } from 'node:net'
import { checkServerIdentity, type ConnectionOptions, TLSSocket } from 'node:tls'
import type * as Undici from 'undici'
import type { Agent, Dispatcher } from 'undici'
import { type Device, DriverError } from '../agent/model/index.js'
import type { Options } from './target.js'
import { bareFingerprint, refuseLocal } from './target.js'

/** Where a device's HTTP interface is, and by what it is trusted. */
export interface HttpTarget {
  /** Ends with `/`. */
  readonly base: URL
  readonly allowLocal: boolean
  /** PEM of the authority that signed the certificate. */
  readonly ca?: string
  /** The name in the certificate, where it is not the host. */
  readonly serverName?: string
  /** SHA-256 of the one certificate that is taken: 64 hexadecimal digits, lower case. */
  readonly fingerprint?: string
  /** Any certificate is taken: proof against listeners only. */
  readonly selfSigned: boolean
}

/** One answer, whole. */
export interface HttpAnswer {
  readonly status: number
  /** The words behind the status. */
  readonly reason: string
  readonly headers: Dispatcher.ResponseData['headers']
  readonly text: string
}

/** One question. */
export interface HttpQuestion {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Relative to the base, percent-encoded. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** Options of a device document that {@link readHttpTarget} understands. */
export const httpOptions = ['allowLocal', 'allowPlain', 'ca', 'serverName', 'fingerprint', 'selfSigned'] as const

const LONGEST_ANSWER = 8 << 20
const CONNECTIONS = 4

// Loaded when the first device speaks HTTP: it takes as long as a tenth of a start, and most agents never need it.
const load = createRequire(import.meta.url)
const undici = (): typeof Undici => load('undici') as typeof Undici

/**
 * Reads address and TLS options of a device document.
 * @param standard  what an address without scheme means: `https:` 443, or `http:` with the given port
 * @throws DriverError `UNSUPPORTED`
 */
export function readHttpTarget(
  device: Device,
  options: Options,
  standard: { scheme: string; port: number }
): HttpTarget {
  const base = baseOf(device.address, standard)
  if (base === undefined) throw options.wrong('address', 'HOST, HOST:PORT or http(s)://HOST:PORT/PATH')
  const allowLocal = options.flag('allowLocal')
  const host = hostOf(base)
  if (isIP(host) !== 0) refuseLocal(host, allowLocal)
  if (base.protocol === 'http:' && !isLoopback(host) && !options.flag('allowPlain'))
    throw options.wrong('address', 'https, or the option allowPlain where a tunnel carries it')
  const [ca, serverName] = [options.text('ca'), options.text('serverName')]
  const fingerprint = options.fingerprint()
  return {
    base,
    allowLocal,
    selfSigned: options.flag('selfSigned'),
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { serverName }),
    ...(fingerprint !== undefined && { fingerprint })
  }
}

/** HTTP to one device: bounded, never redirected, its certificate judged before a credential is sent. */
export class HttpClient {
  readonly #base: URL
  readonly #agent: Agent

  constructor(target: HttpTarget) {
    this.#base = target.base
    const { Agent, buildConnector } = undici()
    const connector = buildConnector({
      rejectUnauthorized: false,
      maxCachedSessions: 0,
      lookup: guardedLookup(target.allowLocal),
      ...tlsOptions(target)
    })
    this.#agent = new Agent({
      connections: CONNECTIONS,
      connect: (options, callback) =>
        connector(options, (...[error, socket]) => {
          const refusal = error ?? (socket instanceof TLSSocket ? judge(socket, target) : undefined)
          if (refusal === undefined && socket !== null) return callback(null, socket)
          socket?.destroy()
          callback(refusal ?? new Error('no socket'), null)
        })
    })
  }

  /**
   * Asks, and reads the whole answer, whatever its status. A redirect is an error: it would lead past the checks of the address.
   * @throws DriverError `UNREACHABLE`, `TIMEOUT` (the signal, or half an answer), `AUTH` (certificate), `PROTOCOL`
   */
  async ask({ method, path, headers = {}, body, signal }: HttpQuestion): Promise<HttpAnswer> {
    try {
      const response = await undici().request(new URL(path, this.#base), {
        method,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers
        },
        ...(body !== undefined && { body }),
        dispatcher: this.#agent,
        signal
      })
      // Without a listener, an error after the last read would end the process.
      response.body.on('error', () => undefined)
      const text = await readBounded(response.body)
      if (response.statusCode >= 300 && response.statusCode < 400) throw redirected(response.statusCode)
      return { status: response.statusCode, reason: response.statusText, headers: response.headers, text }
    } catch (error) {
      throw explain(error, signal)
    }
  }

  close(): Promise<void> {
    return this.#agent.destroyed ? Promise.resolve() : this.#agent.destroy()
  }
}

/**
 * Reads JSON of an answer.
 * @throws DriverError `PROTOCOL`, without repeating what was said
 */
export function jsonOf(answer: HttpAnswer, who: string): unknown {
  try {
    return JSON.parse(answer.text)
  } catch {
    const page = /^\s*</.test(answer.text) ? ' but with a page' : ''
    throw new DriverError(
      'PROTOCOL',
      `What answers there is not ${who}: it answered ${answer.status}${page}, not in JSON. Check address, port and path.`,
      { deviceCode: answer.status }
    )
  }
}

function redirected(status: number): DriverError {
  return new DriverError(
    'PROTOCOL',
    `The device answered with a redirect (${status}), which is not followed. Write the address at which it really answers into its document: https instead of http, another port or path.`,
    { deviceCode: status }
  )
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > LONGEST_ANSWER)
      throw new DriverError('PROTOCOL', `The answer is longer than ${LONGEST_ANSWER >> 20} MiB and was not read.`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function baseOf(address: string, { scheme, port }: { scheme: string; port: number }): URL | undefined {
  const given = /^https?:\/\//.test(address)
  const text = given ? address : `${scheme}//${isIP(address) === 6 ? `[${address}]` : address}`
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const bare = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!bare || (!given && url.pathname !== '/')) return undefined
  if (!given && !/:\d+$/.test(address)) url.port = String(port)
  if (!given && isIP(address) === 6) url.port = String(port)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'))
}

function tlsOptions({ base, ca, serverName = hostOf(base) }: HttpTarget): ConnectionOptions {
  return {
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(ca !== undefined && { ca })
  }
}

/** What was checked is what is connected to: the name is resolved once, here. */
function guardedLookup(allowLocal: boolean): LookupFunction {
  return (name, options, callback) =>
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0)
      try {
        for (const { address } of found) refuseLocal(address, allowLocal)
      } catch (refused) {
        return callback(refused as Error, '', 0)
      }
      const [first] = found
      if (options.all === true) callback(null, found)
      else callback(null, first?.address ?? '', first?.family ?? 4)
    })
}

function judge(socket: TLSSocket, { fingerprint, selfSigned }: HttpTarget): DriverError | undefined {
  // The types promise a fingerprint, but a peer without a certificate has none.
  const { fingerprint256 = 'missing' }: { readonly fingerprint256?: string } = socket.getPeerCertificate()
  const pinned = fingerprint !== undefined
  const good = pinned ? bareFingerprint(fingerprint256) === fingerprint : socket.authorized || selfSigned
  if (good) return undefined
  const why = pinned ? 'is not the one that is pinned' : `is not trusted (${String(socket.authorizationError)})`
  return new DriverError(
    'AUTH',
    `The certificate of the device ${why}. Its SHA-256 is ${fingerprint256}: if the device shows the same, put it into the option fingerprint, or set ca and serverName.`
  )
}

const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens on that port: is the service running, and the port right?',
  ECONNRESET: 'The device broke the connection.',
  ENOTFOUND: 'The name is not in the DNS.',
  EHOSTUNREACH: 'There is no route to it, or it is off.',
  ENETUNREACH: 'There is no route to it.',
  UND_ERR_CONNECT_TIMEOUT: 'It did not take the connection.'
}

function explain(error: unknown, signal: AbortSignal): DriverError {
  if (error instanceof DriverError) return error
  if (error instanceof Error && error.cause instanceof DriverError) return error.cause
  if (signal.aborted) return new DriverError('TIMEOUT', 'The device was given up before it had answered.')
  const code = (error as NodeJS.ErrnoException).code ?? ''
  // The cause is the system's or undici's own: it names addresses and codes, never what was sent.
  if (error instanceof undici().errors.HTTPParserError || code.startsWith('HPE_'))
    return new DriverError('PROTOCOL', `What answers there does not speak HTTP. Is the port right? (${code})`)
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return new DriverError('PROTOCOL', `No TLS that we know is spoken on that port. Is it plain HTTP? (${code})`)
  if (code === 'UND_ERR_SOCKET' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || code === 'UND_ERR_ABORTED')
    return new DriverError(
      'TIMEOUT',
      'The device closed the connection before its answer was whole. Check its load and log, and the path for loss.'
    )
  const remedy = refusals[code] ?? 'The connection failed.'
  return new DriverError('UNREACHABLE', code === '' ? remedy : `${remedy} (${code})`, { cause: error })
}
