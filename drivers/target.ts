import { BlockList, isIP } from 'node:net'
import { type Device, DriverError } from '../agent/model/index.js'

const own = new BlockList()
own.addSubnet('127.0.0.0', 8)
own.addAddress('::1', 'ipv6')

const forbidden = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
  // Metadata and agents of clouds outside 169.254.0.0/16: Alibaba, Azure, Oracle.
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32]
] as const)
  forbidden.addSubnet(net, bits)
for (const [net, bits] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128]
] as const)
  forbidden.addSubnet(net, bits, 'ipv6')

/**
 * Refuses to speak to the box itself, to its links, to groups and to the metadata services of clouds.
 * @param address     a literal address, after the name was resolved
 * @param allowLocal  the device's option of that name
 * @throws DriverError `UNSUPPORTED`
 */
export function refuseLocal(address: string, allowLocal: boolean): void {
  if (allowLocal || !isIn(forbidden, address)) return
  throw new DriverError(
    'UNSUPPORTED',
    `${address} is a loopback, link-local, group or metadata address. Set the option allowLocal if the device is really there.`
  )
}

/**
 * Refuses to send CoA where no NAS is: to links, groups and metadata services. A NAS on the box itself is one.
 * @throws DriverError `UNSUPPORTED`
 */
export function refuseNoNas(nas: string, address: string): void {
  if (isIn(own, address) || !isIn(forbidden, address)) return
  throw new DriverError(
    'UNSUPPORTED',
    `NAS ${nas}: ${address} is a link-local, group or metadata address, where no NAS takes CoA. Correct its coaAddress.`
  )
}

// «::ffff:127.0.0.1» is matched by the rules of IPv4.
function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** A fingerprint without its colons, in lower case. */
export function bareFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase()
}

/**
 * Where a device is.
 * @param standard  the port where the address names none
 * @throws DriverError `UNSUPPORTED`
 */
export function readPlace({ address }: Device, options: Options, standard: number): { host: string; port: number } {
  const [, bracketed, plain, given] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(address) ?? []
  const host = bracketed ?? plain ?? (isIP(address) === 6 ? address : undefined)
  const port = given === undefined ? standard : Number(given)
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port }
  throw options.wrong('address', 'HOST, HOST:PORT, IPV6 or [IPV6]:PORT')
}

/** The options of a device document, each read once and checked. Errors are DriverError `UNSUPPORTED`. */
export class Options {
  readonly #id: string
  readonly #options: Readonly<Record<string, unknown>>

  /** @throws DriverError naming an option that is not one of `names` */
  constructor({ id, options = {} }: Device, names: readonly string[]) {
    this.#id = id
    this.#options = options
    const unknown = Object.keys(options).find(name => !names.includes(name))
    if (unknown !== undefined) throw this.wrong(unknown, `one of ${names.join(', ')}`)
  }

  has(name: string): boolean {
    return this.#options[name] !== undefined
  }

  text(name: string): string | undefined {
    const value = this.#options[name]
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    throw this.wrong(name, 'a text')
  }

  texts(name: string): readonly string[] {
    const value = this.#options[name] ?? []
    if (Array.isArray(value) && value.every(each => typeof each === 'string')) return value
    throw this.wrong(name, 'a list of texts')
  }

  /** The first of `allowed` where it is not said. */
  oneOf<T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
    const value = this.#options[name] ?? allowed[0]
    const found = allowed.find(one => one === value)
    if (found !== undefined) return found
    throw this.wrong(name, allowed.join(', '))
  }

  /** The SHA-256 of a certificate as it is compared: lower case, no colons. */
  fingerprint(name = 'fingerprint'): string | undefined {
    const found = this.text(name)
    const bare = found && bareFingerprint(found)
    if (bare === undefined || /^[0-9a-f]{64}$/.test(bare)) return bare
    throw this.wrong(name, 'the SHA-256 of the certificate, 64 hexadecimal digits')
  }

  flag(name: string, otherwise = false): boolean {
    const value = this.#options[name] ?? otherwise
    if (typeof value === 'boolean') return value
    throw this.wrong(name, 'true or false')
  }

  /** A whole number from `least` to `most`. */
  number(name: string, otherwise: number, least: number, most: number): number {
    const value = this.#options[name] ?? otherwise
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
    throw this.wrong(name, `a whole number from ${least} to ${most}`)
  }

  wrong(name: string, expected: string): DriverError {
    return new DriverError('UNSUPPORTED', `Device ${this.#id}: ${name} is not understood. Expected: ${expected}.`)
  }
}
