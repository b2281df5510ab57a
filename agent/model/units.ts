/** Milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` gives them. */
export type Milliseconds = number

/** A rate seen from the subscriber: `up` is what the subscriber sends. Both in bit/s, 1 or more. */
export interface RateLimit {
  readonly up: number
  readonly down: number
}

/** Source of the current time; tests pass their own. */
export type Clock = () => Milliseconds

const WRAP = 32n

/**
 * Total octets of a session: a 32-bit counter joined with its wraps.
 * @param low    Acct-Input-Octets or Acct-Output-Octets, uint32
 * @param wraps  the matching Acct-*-Gigawords, uint32; 0 when the NAS omits it
 * @returns octets since session start: a running total, never a delta
 * @see RFC 2866 §5.3–5.4, RFC 2869 §5.1–5.2
 */
export function totalOctets(low: number, wraps: number): bigint {
  return wraps === 0 ? BigInt(low) : (BigInt(wraps) << WRAP) + BigInt(low)
}
