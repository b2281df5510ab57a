import type { Milliseconds } from '../model/index.js'

/** Who has an address, or had it last. */
export interface Holder {
  readonly subscriber: string
  readonly nas: string
  /** Device or port there. */
  readonly place: string
  /** Of the Access-Accept; '' where it is not known. */
  readonly ticket: string
}

/**
 * An address that is not fresh.
 * `armed`: whoever needs one gets it, without waiting for the disk; `held`: somebody has it; `resting`: nobody but its
 * last holder gets it before `until`.
 */
export interface Lease {
  readonly address: string
  state: 'armed' | 'held' | 'resting'
  holder: Holder
  /** The session that uses it; '' until accounting names one. */
  session: string
  /** held: when it was given; resting: when the rest is over. */
  at: Milliseconds
}

/** What stands in the table, by `pool/address`. */
export interface StoredLease extends Holder {
  readonly state: Lease['state']
}

export const nobody: Holder = { subscriber: '', nas: '', place: '', ticket: '' }

/** What is stored of a lease. */
export function stored({ state, holder }: Lease): StoredLease {
  return state === 'armed' ? { ...nobody, state } : { ...holder, state }
}
