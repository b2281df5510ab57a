import type { Accounting, Cause, Milliseconds, Session, UsageRecord } from '../model/index.js'

/* How a session's numbers move when a packet counts: totals, segments, periods. Which packet counts is fold.ts. */

/** `Accounting.seconds` of a packet without Acct-Session-Time. */
export const UNKNOWN_SECONDS = -1

const U64 = 0xffff_ffff_ffff_ffffn
const U32 = 0xffff_ffff
const WRAP_32 = 0x1_0000_0000

/** Up octets of all segments. Held at 2⁶⁴ − 1, which no honest counter reaches. */
export function totalUp(session: Session): bigint {
  return session.earlierUp === 0n ? session.segmentUp : capped(session.earlierUp + session.segmentUp)
}

/** Down octets of all segments. */
export function totalDown(session: Session): bigint {
  return session.earlierDown === 0n ? session.segmentDown : capped(session.earlierDown + session.segmentDown)
}

/** Acct-Session-Time of a packet; where the NAS leaves it out, the event time since the session began, whole seconds. */
export function elapsed(session: Session, accounting: Accounting): number {
  if (accounting.seconds !== UNKNOWN_SECONDS) return accounting.seconds
  return Math.min(U32, Math.max(0, Math.floor((accounting.eventAt - session.startedAt) / 1000)))
}

/** When the session of this packet began, by the packet's own account. */
export function began(accounting: Accounting): Milliseconds {
  return accounting.eventAt - Math.max(0, accounting.seconds) * 1000
}

/** A session as its first packet finds it: no octets yet, also where that packet is not a Start. */
export function opened(accounting: Accounting, id: string): Session {
  const startedAt = began(accounting)
  return {
    id,
    nas: accounting.nas,
    acctSessionId: accounting.acctSessionId,
    multiSessionId: accounting.multiSessionId,
    userName: accounting.userName,
    nasPort: accounting.nasPort,
    ticket: accounting.ticket,
    subscriber: accounting.subscriber,
    profile: accounting.profile,
    framedIpv4: accounting.framedIpv4,
    framedIpv6Prefix: accounting.framedIpv6Prefix,
    delegatedPrefix: accounting.delegatedPrefix,
    callingStation: accounting.callingStation,
    nasIpv4: accounting.nasIpv4,
    state: 'open',
    startedAt,
    lastAt: startedAt,
    seenAt: accounting.receivedAt,
    closedAt: 0,
    closedBy: '',
    terminateCause: 0,
    seconds: 0,
    segmentUp: 0n,
    segmentDown: 0n,
    segmentUpPackets: 0,
    segmentDownPackets: 0,
    earlierUp: 0n,
    earlierDown: 0n,
    duplicates: 0,
    late: 0,
    resets: 0
  }
}

/** The session after a packet that counts. */
export function advanced(before: Session, accounting: Accounting, seconds: number, reset: boolean): Session {
  const { counted } = accounting
  const stopped = accounting.status === 'stop'
  // A Stop that ends the session although its totals fell in the same second brings no totals worth keeping.
  const totals = counted && (reset || !behind(before, accounting))
  const lastAt = periodEnd(before, accounting, seconds)
  return {
    id: before.id,
    nas: before.nas,
    acctSessionId: before.acctSessionId,
    multiSessionId: newer(before.multiSessionId, accounting.multiSessionId),
    userName: newer(before.userName, accounting.userName),
    nasPort: newer(before.nasPort, accounting.nasPort),
    ticket: newer(before.ticket, accounting.ticket),
    subscriber: newer(before.subscriber, accounting.subscriber),
    profile: newer(before.profile, accounting.profile),
    framedIpv4: newer(before.framedIpv4, accounting.framedIpv4),
    framedIpv6Prefix: newer(before.framedIpv6Prefix, accounting.framedIpv6Prefix),
    delegatedPrefix: newer(before.delegatedPrefix, accounting.delegatedPrefix),
    callingStation: newer(before.callingStation, accounting.callingStation),
    nasIpv4: newer(before.nasIpv4, accounting.nasIpv4),
    state: stopped ? 'closed' : 'open',
    startedAt: before.startedAt,
    lastAt,
    seenAt: Math.max(before.seenAt, accounting.receivedAt),
    closedAt: stopped ? lastAt : 0,
    closedBy: stopped ? 'stop' : '',
    terminateCause: stopped ? accounting.terminateCause : 0,
    seconds: Math.max(before.seconds, seconds),
    segmentUp: totals ? accounting.upOctets : before.segmentUp,
    segmentDown: totals ? accounting.downOctets : before.segmentDown,
    segmentUpPackets: totals && (reset || accounting.upPackets > 0) ? accounting.upPackets : before.segmentUpPackets,
    segmentDownPackets:
      totals && (reset || accounting.downPackets > 0) ? accounting.downPackets : before.segmentDownPackets,
    earlierUp: reset ? totalUp(before) : before.earlierUp,
    earlierDown: reset ? totalDown(before) : before.earlierDown,
    duplicates: before.duplicates,
    late: before.late,
    resets: reset ? before.resets + 1 : before.resets
  }
}

/** What a usage record says about the step from `before` to `after`. Never negative. */
export function accountFor(
  before: Session,
  after: Session,
  accounting: Accounting,
  how: { readonly cause: Cause; readonly reset: boolean }
): UsageRecord {
  const totalUpOctets = totalUp(after)
  const totalDownOctets = totalDown(after)
  return {
    cause: how.cause,
    flipped: accounting.flipped,
    replays: true,
    periodStart: before.lastAt,
    periodEnd: after.lastAt,
    seconds: after.seconds - before.seconds,
    sessionSeconds: after.seconds,
    upOctets: totalUpOctets - totalUp(before),
    downOctets: totalDownOctets - totalDown(before),
    totalUpOctets,
    totalDownOctets,
    upPackets: packets(before.segmentUpPackets, after.segmentUpPackets, how.reset),
    downPackets: packets(before.segmentDownPackets, after.segmentDownPackets, how.reset),
    session: after.id,
    nas: after.nas,
    acctSessionId: after.acctSessionId,
    userName: after.userName,
    subscriber: after.subscriber,
    profile: after.profile,
    evidence: accounting.evidence
  }
}

function behind(session: Session, accounting: Accounting): boolean {
  return accounting.upOctets < session.segmentUp || accounting.downOctets < session.segmentDown
}

/** Never before the last period's end: where the NAS's clock stepped back, session time carries the period on. */
function periodEnd(before: Session, accounting: Accounting, seconds: number): Milliseconds {
  if (accounting.eventAt >= before.lastAt) return accounting.eventAt
  const carried = before.lastAt + Math.max(0, seconds - before.seconds) * 1000
  return Math.min(carried, Math.max(before.lastAt, accounting.receivedAt))
}

/** Packet counters have no Gigawords: one that falls in a running segment has wrapped. */
function packets(before: number, after: number, reset: boolean): number {
  if (reset) return after
  return after >= before ? after - before : after - before + WRAP_32
}

function capped(octets: bigint): bigint {
  return octets > U64 ? U64 : octets
}

/** Keeps the old string where nothing new was said: the indexes hold it already. */
function newer(old: string, said: string): string {
  return said === '' || said === old ? old : said
}
