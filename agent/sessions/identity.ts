import type { Accounting, Milliseconds, Session } from '../model/index.js'
import { began, UNKNOWN_SECONDS } from './advance.js'

/*
 * Which session does a packet belong to?
 *
 * Acct-Session-Id is unique within a NAS only among sessions that live at the same time, and not even that across
 * reboots. So the sessions that share it are candidates; what both sides carry of ticket, Acct-Multi-Session-Id,
 * User-Name and NAS-Port must agree, and time decides the rest: a packet belongs to a later session when, by its own
 * account, its session began after the candidate was last alive, and to an earlier one when it happened before the
 * candidate began. A session's beginning is event time less session time, and stays the same in all its packets, in
 * whatever order a NAS sends what it queued.
 *
 * Either clock may step, the NAS's (event time) and ours (arrival), and the beginning moves with the NAS's. Misjudging
 * "another session" would bill all octets again. So it takes two witnesses: the beginning has moved, and between the
 * arrivals passed another time than session time says. Packets that arrive together from a queue always show it.
 */

/** Something that holds a session: the table's slot, or a test's. */
export interface Holder {
  readonly session: Session
}

const EXACT = 0
const COARSE = 2_000
const UNTIMED = 60_000
const ELSEWHERE = 1e15
/** How far the beginnings that packets of one session tell may lie apart: a Start may leave before its clock runs. */
const SAME_BEGINNING = 5_000
/** What session time may drift against a clock that is kept right: 200 ppm. */
const DRIFT = 0.0002
/** A packet may be sent again for so long before it arrives. */
const ON_ITS_WAY = 30_000
/** Session time that must have passed before arrivals say anything about clocks: more than `ON_ITS_WAY`. */
const TELLING = 60_000

/** The key under which candidates are kept. A NAS that sends no Acct-Session-Id is told apart by what it does send. */
export function candidateKey(of: Accounting | Session): string {
  if (of.acctSessionId !== '') return of.acctSessionId
  return `\0${of.nasPort}\0${of.userName}\0${of.callingStation}`
}

/** The candidate that a packet is about, or the one whose successor it announces; undefined when none agrees. */
export function choose<S extends Holder>(candidates: Iterable<S>, accounting: Accounting): S | undefined {
  let best: S | undefined
  let distance = Infinity
  for (const candidate of candidates) {
    const { session } = candidate
    if (isTicketOf(session, accounting) && !isSuccessor(session, accounting)) return candidate
    if (!agrees(session, accounting)) continue
    // Another port is the last resort: any candidate on the packet's own port goes before.
    const elsewhere = differ(session.nasPort, accounting.nasPort) ? ELSEWHERE : 0
    const away = elsewhere + Math.abs(began(accounting) - session.startedAt)
    if (away > distance) continue
    best = candidate
    distance = away
  }
  return best
}

/** Whether nothing that both sides carry speaks against it. A ticket may change in mid-session (802.1X again). */
export function agrees(session: Session, accounting: Accounting): boolean {
  if (isTicketOf(session, accounting)) return true
  if (differ(session.multiSessionId, accounting.multiSessionId)) return false
  if (differ(session.userName, accounting.userName) && !sameSubscriber(session, accounting)) return false
  return !differ(session.nasPort, accounting.nasPort) || goesOn(session, accounting)
}

/**
 * Whether the packet announces a session after this one under the same Acct-Session-Id: by the packet's own account,
 * its session began after this one was last alive.
 */
export function isSuccessor(session: Session, accounting: Accounting): boolean {
  const { status, seconds } = accounting
  if (status === 'start') return beganAfter(session, accounting, jitterOf(accounting))
  if (seconds === UNKNOWN_SECONDS || countedAlready(session, accounting)) return false
  if (seconds >= session.seconds && !mayBeOther(session, accounting)) return false
  return beganAfter(session, accounting, Math.max(jitterOf(accounting), COARSE))
}

/** Session time that grows is nearly always the same session going on, unless a Stop has come. */
function mayBeOther(session: Session, accounting: Accounting): boolean {
  if (session.closedBy === 'stop') return true
  if (session.state !== 'closed' && (!areOfOneClock(session, accounting) || isTicketOf(session, accounting)))
    return false
  return !sharesBeginning(session, accounting) && !clockStepped(session, accounting) && !isStuck(session, accounting)
}

/**
 * Whether both were told by Event-Timestamp. A session that began while our clock was wrong began by that clock, since
 * no Event-Timestamp looked sane then; it says nothing about what comes when the clock is right.
 */
function areOfOneClock(session: Session, accounting: Accounting): boolean {
  return jitterOf(accounting) === EXACT && session.startedAt % 1000 === 0
}

/** Whether both tell the same beginning, that of the session's first packet or of its last. */
function sharesBeginning(session: Session, accounting: Accounting): boolean {
  return apart(session, accounting) <= SAME_BEGINNING + drift(session, accounting)
}

/** Whether as much time passed between the arrivals as session time says: then it is the NAS's clock that moved. */
function clockStepped(session: Session, accounting: Accounting): boolean {
  const passed = (accounting.seconds - session.seconds) * 1000
  if (passed < TELLING) return false
  const slack = Math.min(ON_ITS_WAY, apart(session, accounting) / 2) + drift(session, accounting)
  return Math.abs(accounting.receivedAt - session.seenAt - passed) <= slack
}

/** How far their beginnings lie apart. */
function apart(session: Session, accounting: Accounting): Milliseconds {
  const start = began(accounting)
  const lastToldStart = session.lastAt - session.seconds * 1000
  return Math.min(Math.abs(start - session.startedAt), Math.abs(start - lastToldStart))
}

function drift(session: Session, accounting: Accounting): Milliseconds {
  return DRIFT * Math.abs(accounting.seconds - session.seconds) * 1000
}

/** Whether the NAS sends an Acct-Session-Time that is always 0: octets passed, its clock and arrivals go on together. */
function isStuck(session: Session, { seconds, receivedAt, eventAt }: Accounting): boolean {
  if (seconds > 0 || session.seconds > 0 || (session.segmentUp === 0n && session.segmentDown === 0n)) return false
  return Math.abs(receivedAt - session.seenAt - (eventAt - session.lastAt)) <= ON_ITS_WAY
}

function beganAfter(session: Session, accounting: Accounting, jitter: Milliseconds): boolean {
  // A Stop and the next Start may carry the same second; an open session has not been seen to end.
  const lead = session.state === 'closed' && jitter !== UNTIMED ? COARSE : 0
  return began(accounting) > Math.max(session.startedAt + jitter, session.lastAt - lead)
}

/**
 * Whether the packet is of a session before this one, of which nothing arrived until now: a NAS that could not reach
 * the agent sends what it queued in any order. It happened before this session began, and either its session time is
 * less, or its beginning is another one. A clock that stepped back looks like the first half only.
 */
export function isPredecessor(session: Session, accounting: Accounting): boolean {
  const { status, seconds, eventAt } = accounting
  if (status === 'start' || seconds === UNKNOWN_SECONDS || jitterOf(accounting) === UNTIMED) return false
  if (isTicketOf(session, accounting) || countedAlready(session, accounting)) return false
  if (jitterOf(accounting) === EXACT && !areOfOneClock(session, accounting)) return false
  const isOther = !sharesBeginning(session, accounting)
  // The second in which a session began is its own: some NASes tell it in all its packets.
  if (eventAt >= session.startedAt - (isOther && jitterOf(accounting) === EXACT ? 0 : COARSE)) return false
  if (seconds < session.seconds || differ(session.ticket, accounting.ticket)) return true
  return isOther && !clockStepped(session, accounting)
}

/**
 * Whether a new session on the same NAS-Port shows that this one was lost: the port holds one of a subscriber's
 * devices at a time. Ports that many subscribers share (a constant NAS-Port) prove nothing, so the device or, where
 * it is unknown, the User-Name must agree.
 */
export function isLostOnPort(session: Session, start: Accounting): boolean {
  if (session.lastAt > start.eventAt || session.acctSessionId === start.acctSessionId) return false
  if (session.callingStation !== '' && start.callingStation !== '')
    return session.callingStation === start.callingStation
  return session.userName !== '' && session.userName === start.userName
}

function isTicketOf(session: Session, accounting: Accounting): boolean {
  return session.ticket !== '' && session.ticket === accounting.ticket
}

function countedAlready(session: Session, accounting: Accounting): boolean {
  if (accounting.seconds !== session.seconds) return false
  return (
    !accounting.counted || (accounting.upOctets === session.segmentUp && accounting.downOctets === session.segmentDown)
  )
}

/** How far two tellings of the same moment may lie apart: whole seconds of Event-Timestamp are told exactly. */
function jitterOf({ eventAt, receivedAt }: Accounting): Milliseconds {
  if (eventAt === receivedAt) return UNTIMED
  return eventAt % 1000 === 0 ? EXACT : COARSE
}

/** Session time that goes on from the same beginning: the same session seen through another port. */
function goesOn(session: Session, accounting: Accounting): boolean {
  if (accounting.status === 'start' || accounting.seconds < session.seconds) return false
  return Math.abs(began(accounting) - session.startedAt) <= 10_000
}

function sameSubscriber(session: Session, accounting: Accounting): boolean {
  return session.subscriber !== '' && session.subscriber === accounting.subscriber
}

function differ(one: string, other: string): boolean {
  return one !== other && one !== '' && other !== ''
}
