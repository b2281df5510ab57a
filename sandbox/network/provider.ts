import { type Addresses, type Family, families, hostOn, networksOf, payPage, ports, SERVERS } from './addresses.js'
import { Insider } from './insider.js'
import type { InternetVerbs } from './internet.js'
import { forward, Namespaces, within } from './namespaces.js'
import { Subscriber } from './subscriber.js'

type Two<T> = readonly [T, T]

const lines = [1, 2] as const
let count = 0

/** A small provider: a gateway between two subscribers and the servers, in four namespaces. */
export class ProviderNetwork {
  /** The namespace of the gateway, whose rules are for others to make. */
  readonly gateway: string
  readonly subscribers: Two<Subscriber>
  readonly #internet: Insider<InternetVerbs>
  readonly #namespaces: Namespaces

  private constructor(base: string, namespaces: Namespaces) {
    this.gateway = `${base}-gw`
    this.#namespaces = namespaces
    this.#internet = new Insider(`${base}-net`, 'internet.js')
    this.subscribers = [new Subscriber(`${base}-s1`, 1), new Subscriber(`${base}-s2`, 2)]
  }

  /** Makes it, and waits until the servers answer. @throws with the words of `ip`; nothing is left then */
  static async open(): Promise<ProviderNetwork> {
    const base = `turnpike-${process.pid}-${++count}`
    const namespaces = await Namespaces.make(['gw', 'net', 's1', 's2'].map(name => `${base}-${name}`))
    try {
      connect(base)
    } catch (error) {
      await namespaces.close()
      throw error
    }
    const network = new ProviderNetwork(base, namespaces)
    try {
      await network.#internet.ask('up')
      return network
    } catch (error) {
      await network.close()
      throw error
    }
  }

  /** What the `linux` driver must know of the gateway: `Device.options`. */
  get deviceOptions() {
    return {
      netns: this.gateway,
      downlinks: lines.map(downlink),
      uplinks: ['wan'],
      payPage: [`${payPage[4]}:${ports.web}`, `[${payPage[6]}]:${ports.web}`],
      subscribers: lines.flatMap(line => families.map(family => networksOf(line)[family]))
    }
  }

  /** Ends the processes and removes the namespaces. */
  async close(): Promise<void> {
    await Promise.all([this.#internet, ...this.subscribers].map(each => each.close()))
    await this.#namespaces.close()
  }
}

const downlink = (line: number): string => `lan${line}`

function connect(base: string): void {
  const gateway = `${base}-gw`
  forward(gateway)
  for (const line of lines) link(gateway, downlink(line), `${base}-s${line}`, line)
  link(gateway, 'wan', `${base}-net`, SERVERS)
  for (const family of families) give(`${base}-net`, 'eth0', payPage, family)
}

/** A cable between the gateway and `eth0` of who is at the other end, with a default route to the gateway. */
function link(gateway: string, dev: string, peer: string, line: number): void {
  within(gateway, 'ip', 'link', 'add', dev, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', peer)
  // As on a wire: packets of one segment, so that a queue of packets holds no more than it says.
  within(peer, 'ip', 'link', 'set', 'dev', 'eth0', 'gso_max_segs', '1')
  for (const [netns, name, host] of [
    [gateway, dev, 1],
    [peer, 'eth0', 2]
  ] as const) {
    for (const family of families) give(netns, name, hostOn(line, host), family)
    within(netns, 'ip', 'link', 'set', name, 'up')
  }
  for (const family of families)
    within(peer, 'ip', `-${family}`, 'route', 'add', 'default', 'via', hostOn(line, 1)[family])
}

function give(netns: string, dev: string, addresses: Addresses, family: Family): void {
  const address = `${addresses[family]}/${family === 4 ? 24 : 64}`
  // Nobody else has it: without looking for who might, it can be used at once.
  within(netns, 'ip', 'addr', 'add', address, 'dev', dev, ...(family === 4 ? [] : ['nodad']))
}
