import { type Family, hostOn, networksOf } from './addresses.js'
import type { Attempts } from './attempts.js'
import type { HomeVerbs } from './home.js'
import { Insider } from './insider.js'
import type { Sight, Tally } from './lookout.js'
import { within } from './namespaces.js'
import type { Flow } from './rates.js'

interface Awaited {
  readonly isIt: (sight: Sight) => boolean
  readonly resolve: (sight: Sight) => void
}

/** A subscriber at the end of a line: a namespace, and a process in it that uses the network. */
export class Subscriber {
  readonly netns: string
  readonly line: number
  readonly #home: Insider<HomeVerbs, Sight>
  #awaited: readonly Awaited[] = []

  constructor(netns: string, line: number) {
    this.netns = netns
    this.line = line
    this.#home = new Insider(netns, 'home.js', sight => this.#sees(sight))
  }

  get ipv4(): string {
    return hostOn(this.line, 2)[4]
  }

  get ipv6Prefix(): string {
    return networksOf(this.line)[6]
  }

  get mac(): string {
    return within(this.netns, 'cat', '/sys/class/net/eth0/address').trim()
  }

  /** Tries the web site, TLS and the resolver once. @param from  the address to use, where there are several */
  attempts(family: Family = 4, from?: string): Promise<Attempts> {
    return this.#home.ask('attempts', family, from)
  }

  /** Downloads for a while. @returns bit/s */
  download(family: Family = 4, forMs = 1200): Promise<number> {
    return this.#home.ask('download', family, forMs)
  }

  /** Uploads for a while. @returns bit/s, as it arrived */
  upload(family: Family = 4, forMs = 1200): Promise<number> {
    return this.#home.ask('upload', family, forMs)
  }

  /** Begins a download that goes on, in place of the one before; resolves when octets flow. */
  hold(family: Family = 4, flow: Flow = 'trickle'): Promise<void> {
    return this.#home.ask('hold', family, flow)
  }

  /** Ends these downloads. */
  async letGo(): Promise<void> {
    await this.#home.ask('letGo')
  }

  /** Waits until the network ends such a download. @returns when, ms since 1970 */
  heldEnds(family: Family = 4): Promise<number> {
    return this.#home.ask('heldEnds', family)
  }

  /** Waits until such a download is faster than `rate` (bit/s). @returns when, ms since 1970 */
  heldExceeds(family: Family, rate: number): Promise<number> {
    return this.#home.ask('heldExceeds', family, rate)
  }

  /** Tries the web site over and over from now on. */
  lookOut(): Promise<void> {
    return this.#home.ask('lookOut')
  }

  /** How all these attempts ended since this was last asked for. */
  tally(): Promise<Tally> {
    return this.#home.ask('tally')
  }

  /** Waits until they begin to end in a certain way, from now on. */
  sees(isIt: (sight: Sight) => boolean): Promise<Sight> {
    return new Promise(resolve => (this.#awaited = [...this.#awaited, { isIt, resolve }]))
  }

  close(): Promise<void> {
    return this.#home.close()
  }

  #sees(sight: Sight): void {
    const met = this.#awaited.filter(({ isIt }) => isIt(sight))
    this.#awaited = this.#awaited.filter(one => !met.includes(one))
    for (const { resolve } of met) resolve(sight)
  }
}
