import { isPolled, RecordKind } from '../model/index.js'
import type { Accounting, Cause, Milliseconds, Session, UsageRecord } from '../model/index.js'
import { accountFor, advanced, elapsed, opened, totalDown, totalUp } from './advance.js'

/*
 * One packet against one session. Pure: the same session and packet give the same answer, today and on replay.
 *
 * Order is Acct-Session-Time, never arrival. Up and down are judged together: they are one segment of one counter pair.
 * A 32-bit counter of a NAS without Gigawords that wraps looks like a counter reset and is taken for one: what passed
 * between its last report and the wrap is not billed, because nothing in the packet tells a wrap from a reset.
 */

/** What a packet did to its session. */
export type Verdict = 'opened' | 'counted' | 'duplicate' | 'late' | 'reset' | 'closed' | 'reopened'

/** Why the agent itself closes a session whose Stop did not come. */
export type SyntheticCause = Extract<Cause, 'replaced' | 'nas-restart' | 'silent'>

/** A record that the fold wants written. All of one fold go into one append. */
export interface FoldRecord {
  readonly kind: RecordKind
  readonly usage: UsageRecord
}

export interface Folded {
  readonly verdict: Verdict
  /** The reason, a clause for a person. */
  readonly words: string
  /** The session afterwards; a new object even where only its counts of duplicates changed. */
  readonly session: Session
  /** Empty for duplicates and late packets. Exactly one replays, unless the close is synthetic. */
  readonly records: readonly FoldRecord[]
}

type Progress = 'older' | 'same' | 'grown' | 'fallen'

const NONE: readonly FoldRecord[] = []
const NO_EVIDENCE = Buffer.alloc(0)

/**
 * Folds a Start, Interim-Update or Stop into its session.
 * @param session  the session that the packet belongs to; undefined opens one
 * @param id       names the session that is opened; unused otherwise
 */
export function fold(session: Session | undefined, accounting: Accounting, id = ''): Folded {
  if (session === undefined) return open(accounting, id)
  if (accounting.status === 'start') return again(session, accounting)
  const seconds = elapsed(session, accounting)
  const progress = judge(session, accounting, seconds)
  return accounting.status === 'stop'
    ? stop(session, accounting, seconds, progress)
    : interim(session, accounting, seconds, progress)
}

/** Ends a session without a Stop: nothing is billed, the totals stand, and a later packet may reopen it. */
export function closeSynthetically(session: Session, cause: SyntheticCause): Folded {
  const closed: Session = { ...session, state: 'closed', closedAt: session.lastAt, closedBy: cause }
  return { verdict: 'closed', words: syntheticWords[cause], session: closed, records: [ended(closed, cause, false)] }
}

const syntheticWords: Readonly<Record<SyntheticCause, string>> = {
  replaced: 'another session took its place before its Stop came',
  'nas-restart': 'the NAS said that it restarted',
  silent: 'nothing was heard for the grace period'
}

function open(accounting: Accounting, id: string): Folded {
  const session = opened(accounting, id)
  if (accounting.status === 'start') {
    const record = started(session, 'start', accounting.evidence, accounting.flipped)
    return { verdict: 'opened', words: 'Start', session, records: [record] }
  }
  const records = [started(session, 'start', NO_EVIDENCE, accounting.flipped)]
  return count(session, accounting, Math.max(0, accounting.seconds), {
    verdict: 'opened',
    words: accounting.status === 'stop' ? 'Stop without Start' : 'Interim-Update without Start',
    reset: false,
    records
  })
}

function again(session: Session, accounting: Accounting): Folded {
  const untouched = session.seconds === 0 && session.state !== 'closed'
  return unchanged(session, accounting, untouched ? 'duplicate' : 'late', 'Start of a session that is known already')
}

/** Where a packet stands against what counted last. */
function judge(session: Session, accounting: Accounting, seconds: number): Progress {
  const time = seconds - session.seconds
  if (time < 0) return 'older'
  if (!accounting.counted) return time > 0 ? 'grown' : 'same'
  const { upOctets, downOctets } = accounting
  if (upOctets < session.segmentUp || downOctets < session.segmentDown) return time > 0 ? 'fallen' : 'older'
  return time > 0 || upOctets > session.segmentUp || downOctets > session.segmentDown ? 'grown' : 'same'
}

function interim(session: Session, accounting: Accounting, seconds: number, progress: Progress): Folded {
  if (progress === 'older') return unchanged(session, accounting, 'late', 'Interim-Update older than what counted last')
  if (progress === 'same') return unchanged(session, accounting, 'duplicate', 'Interim-Update that was counted already')
  if (session.state === 'closed') {
    if (session.closedBy === 'stop' && seconds === session.seconds) {
      return unchanged(session, accounting, 'late', 'Interim-Update of the second in which the Stop came')
    }
    return reopen(session, accounting, seconds, progress)
  }
  const reset = progress === 'fallen'
  return count(session, accounting, seconds, {
    verdict: reset ? 'reset' : 'counted',
    words: reset ? 'a total fell while session time grew: counters were reset' : 'Interim-Update',
    reset,
    records: []
  })
}

function stop(session: Session, accounting: Accounting, seconds: number, progress: Progress): Folded {
  if (session.state === 'closed') {
    if (progress === 'older') return unchanged(session, accounting, 'late', 'Stop older than what counted last')
    if (progress === 'same' && session.closedBy === 'stop') {
      return unchanged(session, accounting, 'duplicate', 'Stop that was counted already')
    }
    return reopen(session, accounting, seconds, progress)
  }
  if (progress === 'older' && !endsAnyway(session, accounting, seconds)) {
    return unchanged(session, accounting, 'late', 'Stop older than what counted last')
  }
  return count(session, accounting, seconds, {
    verdict: 'closed',
    words: progress === 'fallen' ? 'Stop; a total fell while session time grew: counters were reset' : 'Stop',
    reset: progress === 'fallen',
    records: []
  })
}

/**
 * Some NASes put a wrong Acct-Session-Time or zero counters into a Stop. It still ends the session where it cannot be
 * an older session's: its totals are not behind, or its time is exactly the last.
 */
function endsAnyway(session: Session, accounting: Accounting, seconds: number): boolean {
  if (seconds === session.seconds) return true
  return accounting.counted && accounting.upOctets >= session.segmentUp && accounting.downOctets >= session.segmentDown
}

function reopen(session: Session, accounting: Accounting, seconds: number, progress: Progress): Folded {
  const records = [started(session, 'reopened', NO_EVIDENCE, accounting.flipped)]
  return count(session, accounting, seconds, {
    verdict: 'reopened',
    words: `the NAS goes on with a session that was closed (${session.closedBy})`,
    reset: progress === 'fallen',
    records
  })
}

interface Counting {
  readonly verdict: Verdict
  readonly words: string
  readonly reset: boolean
  /** Records that go before the usage; filled up here. */
  readonly records: FoldRecord[]
}

function count(before: Session, accounting: Accounting, seconds: number, how: Counting): Folded {
  const session = advanced(before, accounting, seconds, how.reset)
  const usage = accountFor(before, session, accounting, {
    cause: usageCause(accounting, how),
    reset: how.reset
  })
  how.records.push({ kind: RecordKind.usage, usage })
  if (accounting.status === 'stop') how.records.push(ended(session, 'stop', accounting.flipped))
  return { verdict: how.verdict, words: how.words, session, records: how.records }
}

function usageCause(accounting: Accounting, { verdict, reset }: Counting): Cause {
  if (reset) return 'counter-reset'
  if (verdict === 'reopened') return 'reopened'
  if (accounting.status === 'stop') return 'stop'
  return isPolled(accounting) ? 'poll' : 'interim'
}

function unchanged(session: Session, accounting: Accounting, verdict: 'duplicate' | 'late', words: string): Folded {
  const heard: Session = {
    ...session,
    state: session.state === 'stale' ? 'open' : session.state,
    seenAt: Math.max(session.seenAt, accounting.receivedAt),
    duplicates: session.duplicates + (verdict === 'duplicate' ? 1 : 0),
    late: session.late + (verdict === 'late' ? 1 : 0)
  }
  return { verdict, words, session: heard, records: NONE }
}

function started(session: Session, cause: Cause, evidence: Buffer, flipped: boolean): FoldRecord {
  return { kind: RecordKind.sessionStarted, usage: milestone(session, cause, session.startedAt, evidence, flipped) }
}

function ended(session: Session, cause: Cause, flipped: boolean): FoldRecord {
  return { kind: RecordKind.sessionEnded, usage: milestone(session, cause, session.closedAt, NO_EVIDENCE, flipped) }
}

/** Started and ended bill nothing: their octets and seconds are 0, their totals are the session's. */
function milestone(s: Session, cause: Cause, end: Milliseconds, evidence: Buffer, flipped: boolean): UsageRecord {
  return {
    cause,
    flipped,
    replays: evidence.length > 0,
    periodStart: s.startedAt,
    periodEnd: end,
    seconds: 0,
    sessionSeconds: s.seconds,
    upOctets: 0n,
    downOctets: 0n,
    totalUpOctets: totalUp(s),
    totalDownOctets: totalDown(s),
    upPackets: 0,
    downPackets: 0,
    session: s.id,
    nas: s.nas,
    acctSessionId: s.acctSessionId,
    userName: s.userName,
    subscriber: s.subscriber,
    profile: s.profile,
    evidence
  }
}
