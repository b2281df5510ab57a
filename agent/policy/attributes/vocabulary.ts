import type { Profile } from '../../model/index.js'
import type { WalledGarden } from '../settings.js'

/** Attributes as a table writes them: name and value. */
export type Said = readonly (readonly [name: string, value: string | number])[]

/** A rate in bit/s from the subscriber's view; a direction that is missing is unlimited. */
export interface Rate {
  readonly up?: number | undefined
  readonly down?: number | undefined
  readonly burst?: Profile['burst']
}

/**
 * How one vendor says each thing: a row a thing. An empty answer, or a row that is missing, means that the NAS cannot
 * be told. `rate` is for NASes that take numbers, `policy` for those that know names of policies set up on the box.
 */
export interface Vocabulary {
  /**
   * Attributes that decide how fast and how far. A document's own attributes may set them only for a subscriber who
   * gets everything: nobody leaves the walled garden by an attribute in the profile.
   */
  readonly service: readonly string[]
  readonly rate?: (rate: Rate) => Said
  readonly policy?: (name: string) => Said
  readonly walled?: (garden: WalledGarden) => Said
  readonly addressList?: (name: string) => Said
  readonly filter?: (name: string) => Said
  readonly pool: (name: string) => Said
  readonly address: (ipv4: string) => Said
  readonly ipv6Prefix: (prefix: string) => Said
  readonly delegatedPrefix: (prefix: string) => Said
  readonly ipv6Pool: (name: string) => Said
  readonly route: (route: string) => Said
  readonly dns: (servers: DnsServers) => Said
  /** Octets, up and down together, after which the NAS itself ends the session. */
  readonly volume?: (octets: number) => Said
  readonly sessionTimeout: (seconds: number) => Said
  readonly idleTimeout: (seconds: number) => Said
  readonly interimInterval: (seconds: number) => Said
}

/** Name servers by family, the first first. */
export interface DnsServers {
  readonly ipv4: readonly string[]
  readonly ipv6: readonly string[]
}

/** Says the first server by one attribute and the second by another; NASes take no more. */
export function firstTwo(first: string, second: string, servers: readonly string[]): Said {
  return servers.slice(0, 2).map((server, at) => [at === 0 ? first : second, server] as const)
}

/** A rate as an unsigned 32-bit number of bit/s: above 4.29 Gbit/s the largest that there is. */
export function bits32(rate: number): number {
  return Math.min(rate, 0xffffffff)
}

/** A rate in kbit/s, 1000 bit each, 1 or more. */
export function kilobits(rate: number): number {
  return Math.max(1, Math.floor(rate / 1000))
}

const WORD = 0x1_0000_0000

/** Octets as two attributes of 32 bits: the rest, and how many times 2³². RFC 2869 §5.1 has the idea. */
export function withGigawords(low: string, high: string, octets: number): Said {
  return [
    [low, octets % WORD],
    [high, Math.floor(octets / WORD)]
  ]
}
