import type { Subscriber } from '../model/index.js'

/** How a subscriber stands with the quota, as the agent counts it. */
export interface QuotaStanding {
  /** Octets of the present period, up and down together. */
  readonly used: number
  readonly octets: number
  readonly exhausted: boolean
  /** When it begins anew by itself, ms; undefined where only billing says so. */
  readonly resetsAt: number | undefined
}

/** Words for a quota that is used up. */
export function quotaWords({ quota }: Subscriber): string {
  const size = quota === undefined ? '' : ` (${gigabytes(quota.octets)})`
  const until = quota?.resetsAt === undefined ? '' : ` until ${quota.resetsAt}`
  return `quota used up${size}${until}`
}

function gigabytes(octets: number): string {
  return octets >= 1e9 ? `${Number((octets / 1e9).toFixed(2))} GB` : `${Number((octets / 1e6).toFixed(2))} MB`
}
