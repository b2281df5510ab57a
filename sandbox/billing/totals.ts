/** What all events together came to. Immutable: each change is a new object. */
export interface Totals {
  /** Begins the feed's cursors; a cursor of another epoch is answered with 410. */
  readonly feedEpoch: string
  /** Events counted, each once. */
  readonly events: number
  /** Events that came again and changed nothing. */
  readonly duplicates: number
  /** Events refused with a reason. */
  readonly rejected: number
  /** Octets of all usage events, from the subscribers' view. */
  readonly upOctets: bigint
  readonly downOctets: bigint
  /** Octets among them, both directions, that belong to no subscriber of ours: counted, not charged. */
  readonly unknownOctets: bigint
  readonly byType: Readonly<Record<string, number>>
  readonly invoices: number
}

/** The totals of an empty billing. */
export function newTotals(feedEpoch: string): Totals {
  return {
    feedEpoch,
    events: 0,
    duplicates: 0,
    rejected: 0,
    upOctets: 0n,
    downOctets: 0n,
    unknownOctets: 0n,
    byType: {},
    invoices: 0
  }
}
