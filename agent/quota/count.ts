import type { Milliseconds, Subscriber } from '../model/index.js'

export type Quota = NonNullable<Subscriber['quota']>

/** Percentages of a quota that are told. */
export const thresholds = [80, 100] as const
export type Threshold = (typeof thresholds)[number]

/**
 * How a quota is counted. Immutable.
 *
 * The rule: used = billing's figure (`used` of the document, 0 where it gives none) + what the ledger recorded since
 * that figure came. A document with another `used` or `resetsAt` brings a new figure; one that merely changes `octets`
 * (a top-up) or anything else goes on counting. A document without `used` for the period that began here by itself
 * goes on counting too. Octets are up and down together.
 */
export interface Count {
  readonly quota: Quota
  /** Billing's figure. */
  readonly base: number
  /** What was recorded since. */
  readonly counted: number
  /** `resetsAt` of the period that has ended here; '' where none has. */
  readonly ended: string
  /** Percentages that were told in this period. */
  readonly told: readonly Threshold[]
  /** Grows each time that percentages may be told anew: names the period in the events. */
  readonly period: number
}

/** Octets used in the present period. */
export function usedOf({ base, counted }: Count): number {
  return base + counted
}

export function isExhausted(count: Count): boolean {
  return usedOf(count) >= count.quota.octets
}

/** The percentages that have been reached and not been told. */
export function due(count: Count): Threshold[] {
  return thresholds.filter(percent => isReached(count, percent) && !count.told.includes(percent))
}

/** The count of a quota that was not there before. */
export function begin(quota: Quota): Count {
  return { quota, base: quota.used ?? 0, counted: 0, ended: '', told: [], period: 1 }
}

/** The count after billing sent a document; the same object where nothing of the quota changed. */
export function renew(count: Count, quota: Quota): Count {
  const before = count.quota
  if (isSame(before, quota)) return count
  const moved = quota.resetsAt !== before.resetsAt
  // A figure of a period that has ended here is late: it says nothing about the present one.
  const late = count.ended !== '' && count.ended === quota.resetsAt
  const continued = !moved || count.ended === before.resetsAt
  const goesOn = late || (quota.used === undefined ? continued : !moved && quota.used === before.used)
  const figures = goesOn ? count : { base: quota.used ?? 0, counted: 0 }
  const next = { ...count, ...figures, quota }
  return moved && !goesOn ? rearmed(next, []) : forgetTold(next)
}

/** The count when its period has ended by `now`: begun anew, once; else the same object. */
export function reset(count: Count, now: Milliseconds): Count {
  const { resetsAt = '' } = count.quota
  if (resetsAt === '' || count.ended === resetsAt || !(Date.parse(resetsAt) <= now)) return count
  return rearmed({ ...count, base: 0, counted: 0, ended: resetsAt }, [])
}

/** When the count begins anew by itself; undefined where it does not. */
export function resetTime({ quota, ended }: Count): Milliseconds | undefined {
  const at = quota.resetsAt === undefined || quota.resetsAt === ended ? NaN : Date.parse(quota.resetsAt)
  return Number.isNaN(at) ? undefined : at
}

/** The count after octets were recorded. */
export function add(count: Count, octets: number): Count {
  return { ...count, counted: count.counted + octets }
}

/** The count after a percentage was told. */
export function tell(count: Count, percent: Threshold): Count {
  return count.told.includes(percent) ? count : { ...count, told: [...count.told, percent] }
}

// A top-up brings the percentage down: what is no longer reached may be told again.
function forgetTold(count: Count): Count {
  const told = count.told.filter(percent => isReached(count, percent))
  return told.length === count.told.length ? count : rearmed(count, told)
}

function rearmed(count: Count, told: readonly Threshold[]): Count {
  return { ...count, told, period: count.period + 1 }
}

function isReached(count: Count, percent: Threshold): boolean {
  return usedOf(count) * 100 >= count.quota.octets * percent
}

function isSame(a: Quota, b: Quota): boolean {
  return (
    a.octets === b.octets &&
    a.used === b.used &&
    a.resetsAt === b.resetsAt &&
    a.onExhausted === b.onExhausted &&
    a.profile === b.profile
  )
}
