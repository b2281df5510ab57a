import { isIP } from 'node:net'
import { type Device, DriverError } from '../../agent/model/index.js'

/** How the connection is made. `anonymous`: TLS without certificates, proof against listeners only. */
export type Transport = 'tls' | 'anonymous' | 'plain'

/** Where a router is and how it is spoken to: `Device.address` and `Device.options`, checked. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly transport: Transport
  /** PEM of the authority that signed the router's certificate. */
  readonly ca?: string
  /** The name in the router's certificate, where it is not the address. */
  readonly serverName?: string
  /** SHA-256 of the router's certificate, hexadecimal with or without colons: the only certificate that is taken. */
  readonly fingerprint?: string
  /** `challenge`: routers before 6.43, so that the password never goes over a plain connection. */
  readonly login: 'password' | 'challenge'
  /** True where sessions end on another box, and this one only routes: it does not know who holds an address. */
  readonly gateway: boolean
  /** Whether block checks that a firewall rule uses the list. */
  readonly checkRules: boolean
  /** Loopback, link-local and metadata addresses are reached only when this is true. */
  readonly allowLocal: boolean
}

const names = ['transport', 'ca', 'serverName', 'fingerprint', 'login', 'gateway', 'checkRules', 'allowLocal'] as const
const ports: Readonly<Record<Transport, number>> = { tls: 8729, anonymous: 8729, plain: 8728 }

/**
 * Reads a device document.
 * @throws DriverError `UNSUPPORTED` naming the option that is not understood
 */
export function readTarget({ id, address, options = {} }: Device): Target {
  const unknown = Object.keys(options).find(name => !(names as readonly string[]).includes(name))
  if (unknown !== undefined) throw wrong(id, unknown, `one of ${names.join(', ')}`)
  const text = textOf(id, options)
  const transport = oneOf(id, options, 'transport', ['tls', 'anonymous', 'plain'])
  const [ca, serverName, fingerprint] = [text('ca'), text('serverName'), text('fingerprint')]
  if (fingerprint !== undefined && !/^[0-9a-f]{64}$/.test(bare(fingerprint)))
    throw wrong(id, 'fingerprint', 'the SHA-256 of the certificate, 64 hexadecimal digits')
  return {
    ...place(id, address, ports[transport]),
    transport,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { serverName }),
    ...(fingerprint !== undefined && { fingerprint: bare(fingerprint) }),
    login: oneOf(id, options, 'login', ['password', 'challenge']),
    gateway: options['gateway'] === true,
    checkRules: options['checkRules'] !== false,
    allowLocal: options['allowLocal'] === true
  }
}

/** A fingerprint as it is compared: lower case, no colons. */
export function bare(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase()
}

function place(id: string, address: string, standard: number): { host: string; port: number } {
  const [, bracketed, plain, given] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(address) ?? []
  const host = bracketed ?? plain ?? (isIP(address) === 6 ? address : undefined)
  const port = given === undefined ? standard : Number(given)
  if (host === undefined || port < 1 || port > 65_535) throw wrong(id, 'address', 'HOST, HOST:PORT or [IPV6]:PORT')
  return { host, port }
}

function textOf(id: string, options: Readonly<Record<string, unknown>>): (name: string) => string | undefined {
  return name => {
    const value = options[name]
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    throw wrong(id, name, 'a text')
  }
}

function oneOf<T extends string>(
  id: string,
  options: Readonly<Record<string, unknown>>,
  name: string,
  allowed: readonly [T, ...T[]]
): T {
  const value = options[name] ?? allowed[0]
  const found = allowed.find(one => one === value)
  if (found === undefined) throw wrong(id, name, allowed.join(', '))
  return found
}

function wrong(id: string, name: string, expected: string): DriverError {
  return new DriverError('UNSUPPORTED', `Device ${id}: ${name} is not understood. Expected: ${expected}.`)
}
