import type { RateLimit } from '../model/index.js'

/** What fences a suspended subscriber. A NAS that can be told none of these refuses the subscriber instead. */
export interface WalledGarden {
  /** Name of the address list on MikroTik routers. */
  readonly addressList: string
  /** Name of the filter, service or user group on other NASes; it must exist there. */
  readonly filter?: string | undefined
  /** Name of an address pool whose addresses reach the garden only. Works on every NAS that has pools. */
  readonly pool?: string | undefined
  /** The pay page, where a NAS redirects. */
  readonly redirectUrl?: string | undefined
}

/** What subscribers get where their documents do not say. */
export interface PolicySettings {
  readonly walledGarden: WalledGarden
  /** The rate of a throttled subscriber; a profile that is slower still keeps its own. */
  readonly throttle: RateLimit
  /** How often a NAS reports usage, seconds; spread by ±10 % so that reports do not come all at once. */
  readonly interimInterval: number
  /** How long a walled session may last until it must ask again, seconds. */
  readonly sessionTimeoutWalled: number
  /** Whether a reject says why to the subscriber (Reply-Message); default no. */
  readonly replyMessage?: boolean | undefined
  /** Pools whose addresses the agent gives out itself; the NAS is not told their names. */
  readonly localPools?: { has(name: string): boolean } | undefined
}

/** What holds when nothing is configured. */
export const defaultPolicySettings: PolicySettings = {
  walledGarden: { addressList: 'turnpike-walled' },
  throttle: { up: 512_000, down: 1_000_000 },
  interimInterval: 300,
  sessionTimeoutWalled: 3600,
  replyMessage: false
}

/** Name of the throttle on NASes that know rates by the name of a policy only: it must be set up there. */
export const THROTTLE_POLICY = 'turnpike-throttle'
