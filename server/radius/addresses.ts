import type { Subscriber } from '../../agent/model/index.js'
import type { Encoded } from '../../agent/policy/index.js'
import type { AccessRequest } from './access-request.js'

/** Who is to have an address, and where. */
export interface Lessee {
  readonly subscriber: string
  readonly nas: string
  /** Device or port: the same one that asks again gets the same address. */
  readonly place: string
  readonly ticket: string
}

/** The agent's own address pools, as access needs them. */
export interface AddressPools {
  /** An address or prefix, at once; `busy` where the disk must catch up first. */
  lease(pool: string, who: Lessee): { readonly address: string } | 'exhausted' | 'busy'
}

/** What a session gets out of the agent's pools. */
export interface Given {
  readonly ipv4?: string
  readonly delegatedPrefix?: string
}

const NONE: Given = {}

/** Gives addresses to those whose pools are the agent's own. */
export class Addresses {
  readonly #pools: AddressPools | undefined

  constructor(pools: AddressPools | undefined) {
    this.#pools = pools
  }

  /** @returns `exhausted`: the name of the pool that has none left */
  of(
    { ipv4, ipv6 }: Encoded['pools'],
    { nas, callingStation, nasPort }: AccessRequest,
    subscriber: Subscriber,
    ticket: string
  ): Given | { readonly exhausted: string } | 'busy' {
    if (this.#pools === undefined || (ipv4 === undefined && ipv6 === undefined)) return NONE
    const who = { subscriber: subscriber.id, nas, place: callingStation === '' ? nasPort : callingStation, ticket }
    const four = ipv4 === undefined ? undefined : this.#pools.lease(ipv4, who)
    if (four === 'busy') return four
    if (four === 'exhausted') return { exhausted: ipv4 ?? '' }
    const six = ipv6 === undefined ? undefined : this.#pools.lease(ipv6, who)
    if (six === 'busy') return six
    if (six === 'exhausted') return { exhausted: ipv6 ?? '' }
    return {
      ...(four !== undefined && { ipv4: four.address }),
      ...(six !== undefined && { delegatedPrefix: six.address })
    }
  }
}
