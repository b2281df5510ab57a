import type { Device } from '../../agent/model/index.js'
import { Options, readPlace } from '../target.js'

/** SNMPv3 security levels. RFC 3411 §3.4.3 */
export const levels = ['authPriv', 'authNoPriv', 'noAuthNoPriv'] as const
/** RFC 7860 (SHA-2), RFC 3414 (SHA-1, MD5: for old devices). */
export const authProtocols = ['sha256', 'sha384', 'sha512', 'sha224', 'sha', 'md5'] as const
/** RFC 3826 (AES-128); AES-256 with either key extension in use; DES for old devices. */
export const privProtocols = ['aes', 'aes256b', 'aes256r', 'des'] as const
/** By what a port is called in documents: ifName, ifDescr, ifAlias or ifIndex. */
export const namings = ['name', 'descr', 'alias', 'index'] as const
export type Naming = (typeof namings)[number]

/** How a v3 user speaks. */
export interface Security {
  readonly user: string
  readonly level: (typeof levels)[number]
  readonly authProtocol: (typeof authProtocols)[number]
  readonly privProtocol: (typeof privProtocols)[number]
  readonly context: string
}

/** Where a device is and how it is spoken to: `Device.address` and `Device.options`, checked. */
export interface Target {
  readonly id: string
  readonly host: string
  readonly port: number
  /** Undefined: v2c. */
  readonly v3: Security | undefined
  /** Before a request is sent again, ms. */
  readonly timeout: number
  /** How often it is sent again. */
  readonly retries: number
  /** Rows of a table that are asked for at once. */
  readonly repetitions: number
  /** Rows of a table above which the device is not believed. */
  readonly maxRows: number
  readonly portsBy: Naming
  /** Ports that are never switched off. */
  readonly uplinks: readonly string[]
  /** Ports that may be switched off although the guard would refuse. */
  readonly ports: readonly string[]
  /** MAC addresses behind a port that make it an uplink. */
  readonly maxMacs: number
  /** The number of the maker (sysObjectID 1.3.6.1.4.1.N) that must answer. */
  readonly enterprise: number | undefined
  readonly allowLocal: boolean
}

const names = [
  'version',
  'port',
  'user',
  'level',
  'authProtocol',
  'privProtocol',
  'context',
  'timeout',
  'retries',
  'repetitions',
  'maxRows',
  'portsBy',
  'uplinks',
  'ports',
  'maxMacs',
  'enterprise',
  'allowLocal'
] as const

/**
 * Reads a device document.
 * @throws DriverError `UNSUPPORTED` naming the option that is not understood
 */
export function readTarget(device: Device): Target {
  const options = new Options(device, names)
  const { host, port } = readPlace(device, options, 161)
  return {
    id: device.id,
    host,
    port: options.number('port', port, 1, 65_535),
    v3: options.oneOf('version', ['2c', '3']) === '3' ? security(options) : undefined,
    timeout: options.number('timeout', 2000, 1, 60_000),
    retries: options.number('retries', 2, 0, 10),
    repetitions: options.number('repetitions', 18, 1, 200),
    maxRows: options.number('maxRows', 10_000, 1, 100_000),
    portsBy: options.oneOf('portsBy', namings),
    uplinks: options.texts('uplinks'),
    ports: options.texts('ports'),
    maxMacs: options.number('maxMacs', 8, 1, 100_000),
    enterprise: options.has('enterprise') ? options.number('enterprise', 0, 0, 0xffff_ffff) : undefined,
    allowLocal: options.flag('allowLocal')
  }
}

function security(options: Options): Security {
  const user = options.text('user')
  if (user === undefined) throw options.wrong('user', 'the name of the SNMPv3 user')
  return {
    user,
    level: options.oneOf('level', levels),
    authProtocol: options.oneOf('authProtocol', authProtocols),
    privProtocol: options.oneOf('privProtocol', privProtocols),
    context: options.text('context') ?? ''
  }
}
