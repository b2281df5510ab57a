import type { CounterSample, Milliseconds } from '../model/index.js'

/*
 * From a port's counters to a session's totals. The session's totals are durable in the ledger; the meter holds what does
 * not change while it runs: where the counters stood when it began. So the counters of the last poll are always
 * `base + totals`, whatever crashed in between, and nothing needs to be written at each poll.
 */

/** A port that counts for a subscriber: one session. Stored when it begins. */
export interface Meter {
  readonly subscriber: string
  readonly acctSessionId: string
  /** Id of the NAS under which its session is kept. */
  readonly nas: string
  /** Whole seconds. */
  readonly startedAt: Milliseconds
  readonly bits: 32 | 64
  /** '' where the device does not tell its restarts. */
  readonly bootId: string
  /** The counters when it began. */
  readonly upBase: bigint
  readonly downBase: bigint
}

/** What its session has counted, durably. */
export interface Totals {
  readonly up: bigint
  readonly down: bigint
  /** Of the last record. */
  readonly at: Milliseconds
  readonly seconds: number
}

/** What one counter says: octets since `base`, and where it stood then. */
export interface Counted {
  readonly base: bigint
  readonly used: bigint
}

/** What a sample says of the time since the last one. `why`: a new session must count it, and the reason. */
export interface Reading {
  readonly up: Counted
  readonly down: Counted
  readonly why: string | undefined
}

const WRAP = 1n << 32n
const HALF = 1n << 31n
/** A counter that lost less than one part in so many was not reset: some devices count back by a few packets. */
const WOBBLE = 8n

/**
 * Reads a sample against what was counted, each counter for itself:
 * - it did not fall: the difference counts, also where the device says that it restarted (its SNMP program may have);
 * - a 32-bit counter fell alone, in the same run of the device, by less than half its range forward: it wrapped;
 * - it fell a little: it counts from here, and nothing is billed of it this time;
 * - it fell: it began again from zero, and what it shows counts.
 * So doubt bills less than was used, never more; but a 32-bit counter that is cleared by hand may pass for one that wrapped.
 */
export function readMeter(meter: Meter, totals: Totals, sample: CounterSample): Reading {
  const { bits = 64, bootId = '', upOctets, downOctets } = sample
  if (bits !== meter.bits) return { up: from(upOctets), down: from(downOctets), why: `it counts in ${bits} bits now` }
  const last = { up: lastOf(meter.upBase + totals.up, bits), down: lastOf(meter.downBase + totals.down, bits) }
  const fell = { up: upOctets < last.up, down: downOctets < last.down }
  const mayWrap = bits === 32 && bootId === meter.bootId && fell.up !== fell.down
  const up = count(last.up, upOctets, mayWrap)
  const down = count(last.down, downOctets, mayWrap)
  const goesOn = up.base === last.up && down.base === last.down
  return { up, down, why: goesOn ? undefined : reason(bootId !== meter.bootId) }
}

/** When a total is told: never before the last one, so that a clock that steps back bills nothing again. */
export function monotonic(meter: Meter, totals: Totals, at: Milliseconds): Pick<Totals, 'at' | 'seconds'> {
  const later = Math.max(at, totals.at)
  return { at: later, seconds: Math.max(totals.seconds, Math.floor((later - meter.startedAt) / 1000)) }
}

/** Down to the second, as Event-Timestamp tells it. */
export function wholeSecond(at: Milliseconds): Milliseconds {
  return Math.floor(at / 1000) * 1000
}

function count(last: bigint, now: bigint, mayWrap: boolean): Counted {
  if (now >= last) return { base: last, used: now - last }
  if (mayWrap && now + WRAP - last < HALF) return { base: last, used: now + WRAP - last }
  if ((last - now) * WOBBLE < last) return from(now)
  return { base: 0n, used: now }
}

function from(now: bigint): Counted {
  return { base: now, used: 0n }
}

function lastOf(counter: bigint, bits: 32 | 64): bigint {
  return bits === 32 ? counter % WRAP : counter
}

function reason(restarted: boolean): string {
  return restarted ? 'the device restarted' : 'the counters of the port were reset'
}
