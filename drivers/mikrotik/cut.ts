import { DriverError, type SessionRef } from '../../agent/model/index.js'
import type { Row } from './connection.js'
import { remove } from './fence.js'
import { isYes, locate, type Presence } from './presence.js'
import type { Router } from './router.js'
import type { Subject } from './subject.js'
import { subjectOfSession } from './subject.js'

/** What is left to say of a session that was to be ended. */
export interface Cut {
  readonly changed: boolean
  readonly detail: string
  /** False where the subscriber goes on until they ask for their lease again. */
  readonly proven: boolean
}

/**
 * Ends the PPP and hotspot sessions of somebody, and reads back that they are gone. Whoever dials again is another session:
 * they are told from the old one by their `.id`.
 * @throws DriverError `REJECTED` when one is still there
 */
export async function cutAll(
  router: Router,
  subject: Subject,
  { ppp, hotspot }: Pick<Presence, 'ppp' | 'hotspot'>,
  signal: AbortSignal
): Promise<boolean> {
  if (ppp.length + hotspot.length === 0) return false
  await Promise.all([remove(router, '/ppp/active', ppp, signal), remove(router, '/ip/hotspot/active', hotspot, signal)])
  const after = await locate(router, subject, false, signal)
  const still = [...ppp, ...hotspot].find(({ '.id': id }) =>
    [...after.ppp, ...after.hotspot].some(row => row['.id'] === id)
  )
  if (still === undefined) return true
  throw new DriverError('REJECTED', `The session at ${still['address']} is still there, though its removal was taken.`)
}

/** Ends one session: by its id where the router shows one, else by name and address. */
export async function cutSession(router: Router, session: SessionRef, signal: AbortSignal): Promise<Cut> {
  const subject = subjectOfSession(session)
  const found = await locate(router, subject, false, signal)
  const ppp = found.ppp.filter(row => isSession(row, session))
  const hotspot = found.hotspot.filter(row => isThere(row, session))
  if (await cutAll(router, subject, { ppp, hotspot }, signal))
    return { changed: true, detail: 'The router has ended the session; it is gone from its table.', proven: true }
  const leases = found.leases.filter(row => isThere(row, session))
  const dynamic = leases.filter(row => isYes(row['dynamic']))
  await remove(router, '/ip/dhcp-server/lease', dynamic, signal)
  if (dynamic.length > 0) return leaseWords
  if (leases.length === 0) return { changed: false, detail: 'The router has no such session.', proven: true }
  throw new DriverError(
    'UNSUPPORTED',
    'A static DHCP lease has no session to end: the subscriber is fenced by the address list instead.'
  )
}

const leaseWords: Cut = {
  changed: true,
  detail: 'The lease was removed; the subscriber keeps the address until they ask for it again.',
  proven: false
}

// `session-id` is hexadecimal with 0x, and the same number as Acct-Session-Id.
function isSession(row: Row, session: SessionRef): boolean {
  const { 'session-id': id } = row
  if (id === undefined || !/^[0-9a-f]+$/i.test(session.acctSessionId)) return isThere(row, session)
  return id.toLowerCase().replace(/^0x0*/, '') === session.acctSessionId.toLowerCase().replace(/^0+/, '')
}

function isThere(row: Row, { framedIpv4 }: SessionRef): boolean {
  const { address } = row
  return framedIpv4 === undefined || address === undefined || address === framedIpv4
}
