import { createHash } from 'node:crypto'
import { DriverError, type SessionRef, type SubscriberRef } from '../../agent/model/index.js'
import { type Address, covers, isSubscriber, parseAddress } from './address.js'

/** Somebody, in the terms of this box. */
export interface Subject {
  /** The comment on every element that we make for them. */
  readonly mark: string
  /** Every comment that says that an element is theirs. */
  readonly marks: readonly string[]
  readonly addresses: readonly Address[]
  /** Lower case with colons, as nftables prints them. */
  readonly macs: readonly string[]
}

/** A subscriber. What was made for one of their sessions is theirs too. */
export function subjectOf({ id, userName, macs, ipv4, prefixes = [], sessions }: SubscriberRef): Subject {
  const mark = markOf('id', id)
  const names = [userName, ...sessions.map(session => session.userName)]
  return {
    mark,
    marks: [...new Set([mark, ...names.map(name => markOf('user', name))])],
    addresses: addressesOf([ipv4, ...prefixes, ...sessions.flatMap(placesOf)]),
    macs: macsOf([...macs, ...sessions.map(({ callingStation = '' }) => callingStation)])
  }
}

/** Whoever has a session. */
export function subjectOfSession(session: SessionRef): Subject {
  const { userName, callingStation = '' } = session
  const mark = markOf('user', userName)
  return {
    mark,
    marks: [mark],
    addresses: addressesOf(placesOf(session)),
    macs: macsOf([callingStation])
  }
}

/** @throws DriverError `NO_SUCH_SESSION` when there is nothing by which this box could tell them from others */
export function requireSomewhere({ addresses, macs }: Subject): void {
  if (addresses.length + macs.length > 0) return
  throw new DriverError(
    'NO_SUCH_SESSION',
    'No address and no MAC of the subscriber is known, so the box cannot tell them.'
  )
}

// A comment of nftables holds 127 octets, and is printed as it is.
function markOf(kind: 'id' | 'user', name: string): string {
  const plain = /^[\w.@:+-]{1,100}$/.test(name)
  return plain ? `${kind}=${name}` : `${kind}#${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
}

/** Where a session is: its address, and the IPv6 prefixes of its line and behind it. */
function placesOf({ framedIpv4, prefixes = [] }: SessionRef): readonly (string | undefined)[] {
  return [framedIpv4, ...prefixes]
}

function addressesOf(found: readonly (string | undefined)[]): readonly Address[] {
  const all = found.flatMap(text => (text === undefined ? [] : (parseAddress(text) ?? []))).filter(isSubscriber)
  const distinct = [...new Map(all.map(address => [`${address.text}/${address.length}`, address])).values()]
  // Elements of an interval set must not overlap.
  return distinct.filter(inner => !distinct.some(outer => outer !== inner && covers(outer, inner)))
}

function macsOf(found: readonly string[]): readonly string[] {
  const digits = found.map(text => text.replace(/[-:.]/g, '').toLowerCase())
  const macs = digits.filter(text => /^[0-9a-f]{12}$/.test(text) && !/^(0{12}|.[13579bdf].*)$/.test(text))
  return [...new Set(macs.map(text => (text.match(/../g) ?? []).join(':')))]
}
