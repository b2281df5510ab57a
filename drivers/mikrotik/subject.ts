import { isIPv4 } from 'node:net'
import type { SessionRef, SubscriberRef } from '../../agent/model/index.js'

/** Somebody, in the terms in which a router can be asked. */
export interface Subject {
  /** The comment of whatever we make for them. */
  readonly mark: string
  /** Every comment that says that a thing is theirs. */
  readonly marks: readonly string[]
  /** Names under which they may be logged in. */
  readonly names: readonly string[]
  /** Upper case with colons, as the router writes them. */
  readonly macs: readonly string[]
  /** IPv4 addresses that they had when they were last heard of. */
  readonly addresses: readonly string[]
  /** Whether they have sessions: then an address that nobody holds is one that they had. */
  readonly online: boolean
}

const PREFIX = 'turnpike:'

/** Whether a comment is one of ours, whoever it is about. */
export function isOurs(comment = ''): boolean {
  return comment.startsWith(PREFIX)
}

/** A subscriber. What was made for one of their sessions is theirs too. */
export function subjectOf({ id, userName, macs, ipv4, sessions }: SubscriberRef): Subject {
  const mark = `${PREFIX}${id}`
  const names = unique([userName, ...sessions.map(session => session.userName)])
  return {
    mark,
    marks: [mark, ...names.map(markOfName)],
    names,
    macs: unique([...macs, ...sessions.map(({ callingStation }) => callingStation ?? ''), ...names].flatMap(macOf)),
    addresses: addressesOf([ipv4, ...sessions.map(({ framedIpv4 }) => framedIpv4)]),
    online: sessions.length > 0
  }
}

/** Whoever has a session. */
export function subjectOfSession({ userName, callingStation = '', framedIpv4 }: SessionRef): Subject {
  const mark = markOfName(userName)
  return {
    mark,
    marks: [mark],
    names: [userName],
    macs: unique([callingStation, userName].flatMap(macOf)),
    addresses: addressesOf([framedIpv4]),
    online: true
  }
}

// Another form than a subscriber's, so that a user named like another subscriber's id is not taken for them.
function markOfName(name: string): string {
  return `${PREFIX}user=${name}`
}

function macOf(text: string): string[] {
  const digits = text.replace(/[-:.]/g, '').toUpperCase()
  return /^[0-9A-F]{12}$/.test(digits) ? [(digits.match(/../g) ?? []).join(':')] : []
}

function addressesOf(found: readonly (string | undefined)[]): readonly string[] {
  return unique(
    found.filter(
      address => address !== undefined && isIPv4(address) && !/^(0|127|22[4-9]|2[3-5]\d)\./.test(address)
    ) as string[]
  )
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
