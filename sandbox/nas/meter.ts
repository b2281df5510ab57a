import type { Milliseconds } from '../../agent/model/index.js'
import type { Dialer, Grant } from './access.js'
import type { Random } from './random.js'

/** Octets of a session or of many, from the subscriber's view. */
export interface Octets {
  readonly up: bigint
  readonly down: bigint
}

export const noOctets: Octets = { up: 0n, down: 0n }

const DEFAULT_UP = 20_000
const DEFAULT_DOWN = 200_000
/** What still flows in the walled garden: name lookups and the pay page. Octets a second. */
const WALLED = 500
const BITS = 8

/** Sum of two. */
export function plus(one: Octets, other: Octets): Octets {
  return { up: one.up + other.up, down: one.down + other.down }
}

/** The first less the second. */
export function minus(one: Octets, other: Octets): Octets {
  return { up: one.up - other.up, down: one.down - other.down }
}

/**
 * What a subscriber used since the last look: about what they are wont to, never more than the grant allows.
 * Whole octets; between half and one and a half times the usual.
 */
export function traffic(dialer: Dialer, grant: Grant, walled: boolean, elapsed: Milliseconds, random: Random): Octets {
  const seconds = Math.max(0, elapsed) / 1000
  const appetite = 0.5 + random()
  const octets = (wanted: number, limit: number | undefined): bigint => {
    const usual = Math.min(wanted * appetite, limit === undefined ? Infinity : limit / BITS)
    return BigInt(Math.floor((walled ? Math.min(usual, WALLED) : usual) * seconds))
  }
  return { up: octets(dialer.up ?? DEFAULT_UP, grant.up), down: octets(dialer.down ?? DEFAULT_DOWN, grant.down) }
}
