import { DriverError, type RateLimit } from '../../agent/model/index.js'
import { printSentence } from '../../protocols/routeros/index.js'
import type { Row } from './connection.js'
import { remove } from './fence.js'
import { isYes, type Presence } from './presence.js'
import type { Router } from './router.js'
import type { Subject } from './subject.js'

/*
 * A simple queue's target is the subscriber, and its limits are written upload/download as the target sees them: no
 * flipping. The first queue that matches counts, so ours goes to the top.
 */

const MENU = '/queue/simple'
const properties = ['.id', 'name', 'target', 'max-limit', 'comment', 'disabled', 'dynamic']
const LEASE = '/ip/dhcp-server/lease'

/** What limits somebody: the interface of a PPP session, which is the same when they come back, else the address. */
export function queueTarget({ ppp, held }: Presence): string | undefined {
  const [session] = ppp
  if (session !== undefined) return `<${session['service'] ?? 'pppoe'}-${session['name'] ?? ''}>`
  return held[0]?.address
}

/** Our queues for somebody. */
export function queues(router: Router, { marks }: Subject, signal: AbortSignal): Promise<readonly Row[]> {
  return router.print(MENU, { anyOf: marks.map(mark => ['comment', mark]), properties }, signal)
}

/** Whether a queue limits a target to a rate. */
export function isQueue(row: Row, target: string, rate: RateLimit): boolean {
  return sameTarget(row['target'], target) && isRate(row['max-limit'], rate) && !isYes(row['disabled'])
}

/**
 * Limits somebody by a queue of ours. @returns whether anything changed
 * @throws DriverError `REJECTED` when it cannot be read back
 */
export async function limit(
  router: Router,
  subject: Subject,
  target: string,
  rate: RateLimit,
  signal: AbortSignal
): Promise<boolean> {
  const [ours, ...surplus] = await queues(router, subject, signal)
  if (ours !== undefined && surplus.length === 0 && isQueue(ours, target, rate)) return false
  const words = [`=target=${target}`, `=max-limit=${rate.up}/${rate.down}`, '=disabled=no']
  if (ours === undefined) {
    const name = `=name=${subject.mark}`
    await router.ask([`${MENU}/add`, name, ...words, `=comment=${subject.mark}`, ...(await atTop(router, signal))], {
      signal
    })
  } else {
    await router.ask([`${MENU}/set`, `=.id=${ours['.id'] ?? ''}`, ...words], { signal })
    await remove(router, MENU, surplus, signal)
  }
  const [now] = await queues(router, subject, signal)
  if (now === undefined || !isQueue(now, target, rate))
    throw new DriverError('REJECTED', `The queue for ${target} is not as the router had taken it.`)
  return true
}

/** Takes our queues away. @returns whether there were any */
export async function unlimit(router: Router, subject: Subject, signal: AbortSignal): Promise<boolean> {
  const ours = await queues(router, subject, signal)
  await remove(router, MENU, ours, signal)
  return ours.length > 0
}

/** The rate of a static lease, as the router writes it; undefined where none has one. */
export function rateOfLease({ leases }: Presence): string | undefined {
  return leases.find(isLimited)?.['rate-limit']
}

/** Whether a rate as the router writes it is that one. */
export function isRate(text: string | undefined, { up, down }: RateLimit): boolean {
  const read = limits(text)
  return read?.up === up && read.down === down
}

/**
 * The rate of a static lease that has one: the router makes its queue from it.
 * @returns undefined when no such lease is there
 */
export async function limitLease(
  router: Router,
  { leases }: Presence,
  rate: RateLimit,
  signal: AbortSignal
): Promise<boolean | undefined> {
  const lease = leases.find(isLimited)
  if (lease === undefined) return undefined
  const id = lease['.id'] ?? ''
  if (isRate(lease['rate-limit'], rate)) return false
  await router.ask([`${LEASE}/set`, `=.id=${id}`, `=rate-limit=${rate.up}/${rate.down}`], { signal })
  const [back] = await router.print(LEASE, { anyOf: [['.id', id]], properties: ['.id', 'rate-limit'] }, signal)
  if (isRate(back?.['rate-limit'], rate)) return true
  throw new DriverError('REJECTED', 'The rate of the lease is not as the router had taken it.')
}

/** The first queue that a new one can stand before: dynamic ones have no place that lasts. */
async function atTop(router: Router, signal: AbortSignal): Promise<string[]> {
  let first: string | undefined
  const each = (row: Row): void => {
    if (!isYes(row['dynamic'])) first ??= row['.id']
  }
  await router.ask(printSentence(MENU, { properties: ['.id', 'dynamic'] }), { signal, each })
  return first === undefined ? [] : [`=place-before=${first}`]
}

const factors: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 }

/** Reads `2M/10M` or `2000000/10000000`, and what stands behind it (bursts) is left out. k is 1000. */
export function limits(text = ''): RateLimit | undefined {
  const [, up, upUnit = '', down, downUnit = ''] = /^(\d+)([kMG]?)\/(\d+)([kMG]?)(?: |$)/.exec(text) ?? []
  if (up === undefined || down === undefined) return undefined
  return { up: Number(up) * (factors[upUnit] ?? 1), down: Number(down) * (factors[downUnit] ?? 1) }
}

function isLimited(lease: Row): boolean {
  return !isYes(lease['dynamic']) && (lease['rate-limit'] ?? '') !== ''
}

function sameTarget(written = '', target: string): boolean {
  return written.replace(/\/32$/, '') === target
}
