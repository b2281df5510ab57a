import { BlockList, isIP } from 'node:net'
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici'
import { UplinkError } from './errors.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whom TLS believes, and who we are to it. All PEM. */
export interface TlsOptions {
  /** The only CA that is believed, in place of the system's. */
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
}

/**
 * The base address of billing.
 * @throws UplinkError `UPLINK_INSECURE_URL`, `UPLINK_BAD_URL`
 */
export function readBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['https:', 'http:'].includes(url.protocol))
    throw new UplinkError('UPLINK_BAD_URL', 'not an https address')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new UplinkError('UPLINK_BAD_URL', `something beside host and path: ${url.host}`)
  if (url.protocol === 'http:' && !isLoopback(url)) throw new UplinkError('UPLINK_INSECURE_URL', url.host)
  return url
}

/** The full address of one of the API's paths. */
export function under(base: URL, path: string): string {
  return `${base.origin}${base.pathname.replace(/\/+$/, '')}${path}`
}

/** Connections to `base`: through the proxy that the environment names, except on this box itself. */
export function dispatcherFor(base: URL, tls: TlsOptions, connectMs: number): Dispatcher {
  const connection = { ...tls, timeout: connectMs }
  const options = { connect: connection, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0 }
  return isLoopback(base) ? new Agent(options) : new EnvHttpProxyAgent({ ...options, requestTls: connection })
}

/** Whether an address is this very box. */
export function isLoopback(url: URL): boolean {
  const host = url.hostname.replaceAll(/[[\]]/g, '')
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
