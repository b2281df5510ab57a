import type { Accounting, Clock, Milliseconds, Subscriber } from '../../agent/model/index.js'
import { LedgerError } from '../../agent/ledger/errors.js'
import { macOf } from '../../agent/policy/index.js'
import { readAccounting, type Tickets } from '../../agent/sessions/index.js'
import { Attr } from '../../protocols/radius/index.js'
import { type Answer, type Handler, plain, type RadiusRequest } from './request.js'

/** What accounting needs of the agent. */
export interface AccountingOptions {
  readonly subscribers: SubscriberNames
  readonly sessions: { record(accounting: Accounting): Promise<void> }
  readonly tickets: Tickets
  readonly clock: Clock
  /** How far Event-Timestamp may lie from arrival; as the sessions were told, so that a replay reads the same times. */
  readonly window?: { readonly ahead: Milliseconds; readonly behind: Milliseconds }
}

/** Finds a subscriber by what a NAS calls them. */
export interface SubscriberNames {
  subscriberByUserName(name: string): Subscriber | undefined
  subscriberByMac(mac: string): Subscriber | undefined
}

const RECORDED = plain('recorded')
const WITHOUT_USAGE = plain('without-usage')
const UNUSABLE = plain('unusable')
const UNRECORDED = plain('unrecorded')
const FULL = plain('full')

/* Tunnel- and link events (RFC 2867 §3) and Failed: they name no session's usage, and NASes repeat them until answered. */
const FIRST_WITHOUT_USAGE = 9
const LAST_WITHOUT_USAGE = 15

/**
 * Accounting-Requests: recorded, then answered. Usage of somebody who is not known is recorded too: it is money.
 * @returns a handler whose answer settles when the record is durable
 */
export function accountingHandler(options: AccountingOptions): Handler {
  const { subscribers, sessions, tickets, clock, window } = options
  const identify = (userName: string) => {
    const found = byNameOrMac(subscribers, userName)
    return found === undefined ? undefined : { subscriber: found.id, profile: found.profile }
  }
  // Records of one block share its promise: they share what follows from it too.
  let last: Promise<void> | undefined
  let answer: Promise<Answer> = Promise.resolve(RECORDED)
  return ({ packet, source }: RadiusRequest) => {
    const accounting = readAccounting(packet, source.nas, clock(), tickets, identify, window)
    if (accounting === undefined) return hasNoUsage(packet.uint32(Attr.AcctStatusType)) ? WITHOUT_USAGE : UNUSABLE
    const durable = sessions.record(accounting)
    if (durable !== last) {
      last = durable
      answer = durable.then(recorded, unrecorded)
    }
    return answer
  }
}

function byNameOrMac(subscribers: SubscriberNames, userName: string): Subscriber | undefined {
  const named = subscribers.subscriberByUserName(userName)
  if (named !== undefined) return named
  const mac = macOf(userName)
  return mac === undefined ? undefined : subscribers.subscriberByMac(mac)
}

function hasNoUsage(status = 0): boolean {
  return status >= FIRST_WITHOUT_USAGE && status <= LAST_WITHOUT_USAGE
}

function recorded(): Answer {
  return RECORDED
}

function unrecorded(error: unknown): Answer {
  if (error instanceof LedgerError) return error.code === 'LEDGER_FULL' ? FULL : UNRECORDED
  throw error
}
