import type { RateLimit, TreatmentKind } from '../../agent/model/index.js'
import { plan, throttle } from './stage.js'

/** What billing orders. */
export type Order = 'reject' | 'walled-garden' | 'throttle' | 'restore'

/** One decision of billing. */
export interface Step {
  readonly order: Order
  /** What the subscriber had before. */
  readonly from: TreatmentKind
  readonly want: TreatmentKind
}

/** The decisions, one after the other. */
export const steps: readonly Step[] = [
  { order: 'reject', from: 'full', want: 'blocked' },
  { order: 'walled-garden', from: 'blocked', want: 'walled' },
  { order: 'throttle', from: 'walled', want: 'throttled' },
  { order: 'restore', from: 'throttled', want: 'full' },
  { order: 'reject', from: 'full', want: 'blocked' },
  { order: 'restore', from: 'blocked', want: 'full' }
]

/** What somebody meets who is treated so. */
export interface Meeting {
  readonly web: RegExp
  readonly tls: RegExp
  readonly dns: RegExp
  readonly rate?: RateLimit
}

const refused = /^E(CONNREFUSED|CONNRESET|HOSTUNREACH|ACCES|PERM)$/
const open = { web: /^site$/, tls: /^open$/, dns: /^answered$/ }

export const meetings: Readonly<Record<TreatmentKind, Meeting>> = {
  full: { ...open, rate: plan },
  throttled: { ...open, rate: throttle },
  walled: { web: /^pay$/, tls: refused, dns: /^answered$/ },
  blocked: { web: refused, tls: refused, dns: refused }
}
