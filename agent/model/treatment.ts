import type { RateLimit } from './units.js'

/**
 * What the network does with a subscriber, from best to worst: the whole profile, a slower rate, only the walled
 * garden (pay page, DNS), nothing at all.
 */
export type TreatmentKind = 'full' | 'throttled' | 'walled' | 'blocked'

/** One RADIUS attribute by dictionary name; `value` as `Dictionary.encode` takes it. */
export interface AttributeValue {
  readonly name: string
  readonly value: string | number
}

/**
 * A treatment made concrete for one subscriber on one NAS.
 * `attributes` is the whole Access-Accept in the NAS's own vocabulary (empty when blocked).
 */
export interface Treatment {
  readonly kind: TreatmentKind
  /** Why, in words for a technician: `suspended: invoice 2026-118 unpaid`. */
  readonly reason: string
  readonly rate?: RateLimit
  /** Name of the address list or filter that fences a walled subscriber, where the vendor has one. */
  readonly list?: string
  readonly attributes: readonly AttributeValue[]
}
