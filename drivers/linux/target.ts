import { isIP } from 'node:net'
import type { Device } from '../../agent/model/index.js'
import { Options } from '../target.js'
import { type Address, parseAddress } from './address.js'

/** Where a walled subscriber's port 80 goes. Without `address`: to that port of this box. */
export interface PayPage {
  readonly address?: string
  readonly port: number
}

/** How this box is laid out: `Device.options`, checked. */
export interface Target {
  /** The network namespace in which everything is done; the agent's own without it. */
  readonly netns?: string
  readonly payPages: readonly PayPage[]
  /** What walled subscribers reach besides DNS; the pay pages are among them. */
  readonly allow: readonly Address[]
  /** Whether walled subscribers reach port 53 everywhere; if not, resolvers must be in `allow`. */
  readonly dns: boolean
  /** Interfaces towards the subscribers: their downloads are shaped there. */
  readonly downlinks: readonly string[]
  /** Interfaces away from the subscribers: their uploads are shaped there. */
  readonly uplinks: readonly string[]
  /** Networks of the subscribers, whose octets are counted. */
  readonly subscribers: readonly Address[]
}

const names = ['netns', 'payPage', 'allow', 'dns', 'downlinks', 'uplinks', 'subscribers'] as const
type Name = (typeof names)[number]

const MOST = 256

/**
 * Reads a device document. `address` says nothing here: the driver works on the box on which the agent runs.
 * @throws DriverError `UNSUPPORTED` naming the option that is not understood
 */
export function readTarget(device: Device): Target {
  const options = new Options(device, names)
  const list = (name: Name, expected: string): readonly string[] => {
    const found = device.options?.[name] ?? []
    const values: readonly unknown[] = Array.isArray(found) ? found : [found]
    if (values.length > MOST || !values.every(value => typeof value === 'string')) throw options.wrong(name, expected)
    return values
  }
  const each = <T>(name: Name, expected: string, read: (text: string) => T | undefined): T[] =>
    list(name, expected).map(text => {
      const value = read(text)
      if (value === undefined) throw options.wrong(name, `${expected}, not ${JSON.stringify(text.slice(0, 60))}`)
      return value
    })

  const [netns] = each('netns', 'the name of a network namespace', text => (isName(text, 64) ? text : undefined))
  const payPages = each('payPage', 'ADDRESS:PORT, [IPv6]:PORT or :PORT', readPayPage)
  const networks = 'addresses or prefixes'
  return {
    ...(netns !== undefined && { netns }),
    payPages,
    allow: [
      ...each('allow', networks, parseAddress),
      ...payPages.flatMap(({ address }) => (address === undefined ? [] : (parseAddress(address) ?? [])))
    ],
    dns: options.flag('dns', true),
    downlinks: each('downlinks', 'names of interfaces', interfaceName),
    uplinks: each('uplinks', 'names of interfaces', interfaceName),
    subscribers: each('subscribers', networks, parseAddress)
  }
}

function readPayPage(text: string): PayPage | undefined {
  const [, six, four, digits] = /^(?:\[([0-9a-f:.]+)\]|([\d.]*)):(\d{1,5})$/i.exec(text) ?? []
  const port = Number(digits)
  if (!(port >= 1 && port <= 65_535)) return undefined
  const address = six ?? four ?? ''
  if (address === '') return { port }
  return isIP(address) === (six === undefined ? 4 : 6) ? { address, port } : undefined
}

// IFNAMSIZ is 16 with its end. A name that begins with a hyphen would be an option of `tc`.
function interfaceName(text: string): string | undefined {
  return isName(text, 15) ? text : undefined
}

function isName(text: string, most: number): boolean {
  return text.length <= most && /^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$/.test(text)
}
