import { BlockList, isIP } from 'node:net'
import { type Device, DriverError } from '../agent/model/index.js'

const forbidden = new BlockList()
forbidden.addSubnet('127.0.0.0', 8)
forbidden.addSubnet('169.254.0.0', 16)
forbidden.addSubnet('0.0.0.0', 8)
forbidden.addAddress('100.100.100.200')
forbidden.addAddress('::', 'ipv6')
forbidden.addAddress('::1', 'ipv6')
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addAddress('fd00:ec2::254', 'ipv6')

/**
 * Refuses to connect to the box itself, to its links and to the metadata services of clouds.
 * @param address     a literal address, after the name was resolved
 * @param allowLocal  the device's option of that name
 * @throws DriverError `UNSUPPORTED`
 */
export function refuseLocal(address: string, allowLocal: boolean): void {
  if (allowLocal) return
  // «::ffff:127.0.0.1» is matched by the rules of IPv4.
  if (!forbidden.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return
  throw new DriverError(
    'UNSUPPORTED',
    `${address} is a loopback, link-local or metadata address. Set the option allowLocal if the device is really there.`
  )
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

  text(name: string): string | undefined {
    const value = this.#options[name]
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    throw this.wrong(name, 'a text')
  }

  flag(name: string): boolean {
    const value = this.#options[name] ?? false
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
