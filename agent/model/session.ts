import type { Profile, Subscriber } from './documents.js'
import type { TreatmentKind } from './treatment.js'
import type { Cause } from './usage.js'
import type { Milliseconds } from './units.js'

/** What an Accounting-Request says, in the agent's terms: direction already the subscriber's, time already clamped. */
export interface Accounting {
  readonly status: 'start' | 'interim' | 'stop' | 'on' | 'off'
  readonly nas: string
  /** When it arrived. */
  readonly receivedAt: Milliseconds
  /** When it happened: Event-Timestamp clamped to sanity, else arrival less Acct-Delay-Time. */
  readonly eventAt: Milliseconds
  /** '' when the NAS omits it (Accounting-On of accel-ppp and CoovaChilli). */
  readonly acctSessionId: string
  readonly multiSessionId: string
  readonly userName: string
  readonly nasPort: string
  /** The session ticket from Class, verified; '' when the NAS did not echo one of ours. */
  readonly ticket: string
  /** From the ticket, else by User-Name; '' when the replica does not know them. */
  readonly subscriber: string
  readonly profile: string
  readonly seconds: number
  /** False for a packet without octet counters (many Starts, some Stops): the last totals stand. */
  readonly counted: boolean
  /** Running totals of this segment as the NAS counts them. */
  readonly upOctets: bigint
  readonly downOctets: bigint
  readonly upPackets: number
  readonly downPackets: number
  readonly framedIpv4: string
  readonly framedIpv6Prefix: string
  readonly delegatedPrefix: string
  readonly callingStation: string
  readonly nasIpv4: string
  readonly terminateCause: number
  readonly flipped: boolean
  /** The attributes as they came. */
  readonly evidence: Buffer
}

/** What Acct-Session-Id begins with where no NAS accounts for the session: its counters are read from a device. */
export const POLLED = 'poll:'

/** Whether nobody but a device knows of the session: no RADIUS message can name it. */
export function isPolled({ acctSessionId }: Pick<Session, 'acctSessionId'>): boolean {
  return acctSessionId.startsWith(POLLED)
}

export type SessionState = 'open' | 'stale' | 'closed'

/** A subscriber's session as the accounting tells it. Immutable: each change is a new object. */
export interface Session {
  readonly id: string
  readonly nas: string
  readonly acctSessionId: string
  readonly multiSessionId: string
  readonly userName: string
  readonly nasPort: string
  readonly ticket: string
  readonly subscriber: string
  readonly profile: string
  readonly framedIpv4: string
  readonly framedIpv6Prefix: string
  readonly delegatedPrefix: string
  readonly callingStation: string
  readonly nasIpv4: string
  readonly state: SessionState
  readonly startedAt: Milliseconds
  /** Event time of the last packet that counted. */
  readonly lastAt: Milliseconds
  /** Arrival time of the last packet of any kind: silence is measured from here. */
  readonly seenAt: Milliseconds
  readonly closedAt: Milliseconds
  readonly closedBy: Cause | ''
  readonly terminateCause: number
  /** Acct-Session-Time of the last packet that counted. */
  readonly seconds: number
  /** The NAS's counters of the running segment. */
  readonly segmentUp: bigint
  readonly segmentDown: bigint
  readonly segmentUpPackets: number
  readonly segmentDownPackets: number
  /** Octets of segments that ended by a counter reset. */
  readonly earlierUp: bigint
  readonly earlierDown: bigint
  readonly duplicates: number
  readonly late: number
  readonly resets: number
}

/** Access granted to a subscriber on a NAS; becomes a session when accounting starts. Kept in memory only. */
export interface Grant {
  readonly ticket: string
  readonly subscriber: string
  readonly userName: string
  readonly profile: string
  readonly nas: string
  readonly treatment: TreatmentKind
  readonly callingStation: string
  readonly at: Milliseconds
  /** The documents that decided, as they were then; absent: as they are when it matters. */
  readonly given?: { readonly subscriber: Subscriber; readonly profile: Profile | undefined } | undefined
}

/** What is remembered of a grant. */
export type Granted = Omit<Grant, 'userName' | 'callingStation'>

/** Access refused to a known subscriber. */
export interface Refusal {
  readonly subscriber: string
  readonly userName: string
  readonly nas: string
  readonly code: string
  readonly callingStation: string
  readonly at: Milliseconds
}

/** Total octets over all segments: what the subscriber sent and received since the session began. */
export function sessionOctets(session: Session): { up: bigint; down: bigint } {
  return { up: session.earlierUp + session.segmentUp, down: session.earlierDown + session.segmentDown }
}
