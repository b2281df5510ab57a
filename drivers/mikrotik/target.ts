import type { Device } from '../../agent/model/index.js'
import { Options, readPlace } from '../target.js'

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
export function readTarget(device: Device): Target {
  const options = new Options(device, names)
  const transport = options.oneOf('transport', ['tls', 'anonymous', 'plain'])
  const [ca, serverName, fingerprint] = [options.text('ca'), options.text('serverName'), options.fingerprint()]
  return {
    ...readPlace(device, options, ports[transport]),
    transport,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { serverName }),
    ...(fingerprint !== undefined && { fingerprint }),
    login: options.oneOf('login', ['password', 'challenge']),
    gateway: options.flag('gateway'),
    checkRules: options.flag('checkRules', true),
    allowLocal: options.flag('allowLocal')
  }
}
