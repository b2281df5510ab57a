import type { Milliseconds } from '../../agent/model/index.js'

/** Somebody who was not let on. */
export interface Rejected {
  /** '' when not known. */
  readonly subscriber: string
  readonly userName: string
  readonly nas: string
  readonly code: string
  /** A sentence for a technician. */
  readonly words: string
  readonly callingStation: string
  readonly at: Milliseconds
}

/** What is gathered of a kind within a minute; it goes on counting. */
export interface Tally {
  readonly rejected: Rejected
  count: number
  lastAt: Milliseconds
}
