import type { Profile, Subscriber, TreatmentKind, Vendor } from '../model/index.js'
import { vocabularies } from './attributes/index.js'
import type { Rate, Said, Vocabulary } from './attributes/vocabulary.js'
import { type PolicySettings, THROTTLE_POLICY } from './settings.js'

/**
 * The gentlest treatment that a NAS can be told and that is no gentler than `kind`: without words for a rate the
 * walled garden takes the throttle's place, without a fence nothing but a reject is left.
 */
export function feasible(kind: TreatmentKind, vendor: Vendor, settings: PolicySettings): TreatmentKind {
  const vocabulary = vocabularies[vendor]
  if (kind === 'throttled' && vocabulary.rate === undefined && vocabulary.policy === undefined) {
    return feasible('walled', vendor, settings)
  }
  return kind === 'walled' && !hasFence(vocabulary, settings) ? 'blocked' : kind
}

/** What all subscribers of a profile are told alike. */
export function saidByProfile(
  profile: Profile | undefined,
  kind: TreatmentKind,
  vocabulary: Vocabulary,
  settings: PolicySettings
): Said {
  const walled = kind === 'walled'
  const open = kind === 'full' || kind === 'throttled'
  const say = vocabulary
  return [
    ...speed(profile, kind, vocabulary, settings),
    ...(walled ? (say.walled?.(settings.walledGarden) ?? []) : []),
    ...(open ? one(say.addressList, profile?.addressList) : []),
    ...(open ? one(say.filter, profile?.filter) : []),
    ...say.dns(byFamily(profile?.dns ?? [])),
    ...one(say.sessionTimeout, walled ? settings.sessionTimeoutWalled : profile?.sessionTimeout),
    ...one(say.idleTimeout, profile?.idleTimeout)
  ]
}

/** Names of the address pools that a subscriber is served from; undefined where an address of one's own is said. */
export interface Pools {
  readonly ipv4: string | undefined
  /** For delegated IPv6 prefixes. */
  readonly ipv6: string | undefined
}

/** The pools of a subscriber; in the walled garden the garden's own, if there is one, and no IPv6. */
export function poolsOf(
  subscriber: Subscriber,
  profile: Profile | undefined,
  kind: TreatmentKind,
  say: Vocabulary,
  { walledGarden }: PolicySettings
): Pools {
  const { ipv4, delegatedPrefix, pool = profile?.pool } = subscriber.addresses ?? {}
  const fence = kind === 'walled' ? walledGarden.pool : undefined
  const fixed = fence === undefined && ipv4 !== undefined && say.address(ipv4).length > 0
  return {
    ipv4: fixed ? undefined : (fence ?? pool),
    ipv6: kind === 'walled' || delegatedPrefix !== undefined ? undefined : profile?.ipv6Pool
  }
}

/**
 * Where a subscriber is on the network. In the walled garden an address from the garden's pool replaces their own, and
 * IPv6 and routes are left out: lists and pools fence the one IPv4 address only.
 */
export function saidOfAddresses(
  subscriber: Subscriber,
  profile: Profile | undefined,
  kind: TreatmentKind,
  say: Vocabulary,
  settings: PolicySettings
): Said {
  const { ipv4, ipv6Prefix, delegatedPrefix, routes = [] } = subscriber.addresses ?? {}
  const pools = poolsOf(subscriber, profile, kind, say, settings)
  const address = pools.ipv4 === undefined ? one(say.address, ipv4) : say.pool(pools.ipv4)
  if (kind === 'walled') return address
  return [
    ...address,
    ...one(say.ipv6Prefix, ipv6Prefix),
    ...one(say.delegatedPrefix, delegatedPrefix),
    ...one(say.ipv6Pool, pools.ipv6),
    ...routes.flatMap(say.route)
  ]
}

/** The rate of a treatment; undefined where nothing limits it. */
export function rateOf(profile: Profile | undefined, kind: TreatmentKind, settings: PolicySettings): Rate | undefined {
  const { up, down, burst } = profile ?? {}
  if (kind === 'full') return up === undefined && down === undefined ? undefined : { up, down, burst }
  const { throttle } = settings
  return { up: Math.min(up ?? throttle.up, throttle.up), down: Math.min(down ?? throttle.down, throttle.down) }
}

function hasFence(vocabulary: Vocabulary, { walledGarden }: PolicySettings): boolean {
  return walledGarden.pool !== undefined || (vocabulary.walled?.(walledGarden) ?? []).length > 0
}

// A NAS that takes numbers is told them in the garden too: names of policies there would fight with the garden's own.
function speed(profile: Profile | undefined, kind: TreatmentKind, say: Vocabulary, settings: PolicySettings): Said {
  const rate = rateOf(profile, kind, settings)
  if (rate === undefined) return []
  if (say.rate !== undefined) return say.rate(rate)
  if (say.policy === undefined || kind === 'walled') return []
  return say.policy(kind === 'full' ? (profile?.id ?? THROTTLE_POLICY) : THROTTLE_POLICY)
}

function one<V>(row: ((value: V) => Said) | undefined, value: V | undefined): Said {
  return row === undefined || value === undefined ? [] : row(value)
}

function byFamily(servers: readonly string[]): { ipv4: string[]; ipv6: string[] } {
  return { ipv4: servers.filter(server => !server.includes(':')), ipv6: servers.filter(server => server.includes(':')) }
}
