import {
  type Applied,
  type Clock,
  type CounterSample,
  type Device,
  type Driver,
  DriverError,
  type Observation,
  type Provisioning,
  type RateLimit,
  type SessionRef,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { counters } from './counters.js'
import { loginOf } from '../credential.js'
import { cutAll, cutSession } from './cut.js'
import { entries, fence, Rules } from './fence.js'
import { describe, type Lists, observe } from './observe.js'
import { locate, type Presence } from './presence.js'
import { Provisioner } from './provision.js'
import { isQueue, isRate, limit, limitLease, queues, queueTarget, rateOfLease, unlimit } from './queue.js'
import { Router } from './router.js'
import { type Subject, subjectOf, subjectOfSession } from './subject.js'
import { readTarget, type Target } from './target.js'

/** What the driver needs to drive one router. */
export interface MikrotikOptions {
  readonly device: Device
  /** What `device.credentialRef` names: `user:password`, or JSON with both. Asked for at every login. */
  readonly credential: () => string
  readonly clock: Clock
  /** Names of the address lists. Default `turnpike-walled` and `turnpike-blocked`. */
  readonly lists?: Partial<Lists>
}

const capabilities = [
  'block',
  'restore',
  'disconnect',
  'change',
  'setRate',
  'observe',
  'readCounters',
  'provision'
] as const
type MikrotikCapability = (typeof capabilities)[number]

/**
 * Drives a MikroTik router by the RouterOS API. Every change is read back, so that an answer is proof.
 * @throws DriverError `UNSUPPORTED` when the device document says something that is not understood
 */
export function mikrotik(options: MikrotikOptions): Driver<MikrotikCapability> {
  return new Mikrotik(options)
}

class Mikrotik implements Driver<MikrotikCapability> {
  readonly name = 'mikrotik'
  readonly acts = 'line'
  readonly sees = 'all'
  readonly capabilities = capabilities
  readonly #target: Target
  readonly #clock: Clock
  readonly #lists: Lists
  readonly #router: Router
  /** Tables are read over a connection of their own: a slow reader must not hold back a block. */
  readonly #reading: Router
  readonly #rules: Rules
  readonly #provisioner: Provisioner

  constructor({ device, credential, clock, lists }: MikrotikOptions) {
    this.#target = readTarget(device)
    this.#clock = clock
    this.#lists = { walled: 'turnpike-walled', blocked: 'turnpike-blocked', ...lists }
    const login = () => loginOf(credential)
    this.#router = new Router(this.#target, login)
    this.#reading = new Router(this.#target, login)
    this.#rules = new Rules(this.#router, clock)
    this.#provisioner = new Provisioner(this.#router)
  }

  block(who: SubscriberRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    return how.kind === 'full' ? this.restore(who, signal) : this.#treat(subjectOf(who), how, signal)
  }

  change(session: SessionRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    return this.#treat(subjectOfSession(session), how, signal)
  }

  async restore(who: SubscriberRef, signal: AbortSignal): Promise<Applied> {
    const subject = subjectOf(who)
    const found = await this.#locate(subject, signal)
    const rate = who.rated === true ? who.full.rate : undefined
    if (rate === undefined) return this.#free(subject, found, signal)
    const { changed } = await this.#unfence(subject, found, signal)
    const rated = await this.#rate(subject, found, rate, signal)
    return changed ? { ...rated, result: 'changed' } : rated
  }

  async disconnect(session: SessionRef, signal: AbortSignal): Promise<Applied> {
    const { changed, detail, proven } = await cutSession(this.#router, session, signal)
    return { result: changed ? 'changed' : 'unchanged', detail, ...(proven && { proof: detail }) }
  }

  async setRate(who: SubscriberRef, rate: RateLimit | undefined, signal: AbortSignal): Promise<Applied> {
    const subject = subjectOf(who)
    if (rate === undefined) return proven(await unlimit(this.#router, subject, signal), 'No queue of ours is there.')
    return this.#limit(subject, await this.#locate(subject, signal), rate, signal)
  }

  async observe(who: SubscriberRef, signal: AbortSignal): Promise<Observation> {
    const subject = subjectOf(who)
    const found = await this.#locate(subject, signal)
    const [listed, limited] = await Promise.all([
      entries(this.#router, subject, addressesOf(found), signal),
      queues(this.#router, subject, signal)
    ])
    const seen = observe(found, listed, limited, this.#lists, who.rated === true ? who.full.rate : undefined)
    if (seen.list === undefined || !this.#target.checkRules || (await this.#rules.use(seen.list, signal))) return seen
    return {
      present: true,
      detail: `${seen.detail} But no firewall rule looks at the list ${seen.list}, so it stops nobody.`
    }
  }

  readCounters(signal: AbortSignal): AsyncIterable<CounterSample> {
    return counters(this.#reading, this.#clock, signal)
  }

  provision(want: Provisioning, signal: AbortSignal): Promise<Applied> {
    return this.#provisioner.provision(want, signal)
  }

  async health(signal: AbortSignal): Promise<string> {
    const [[identity], [resource]] = await Promise.all([
      this.#router.print('/system/identity', {}, signal),
      this.#router.print('/system/resource', { properties: ['version', 'board-name', 'uptime', 'cpu-load'] }, signal)
    ])
    const { version = 'of an unknown version', 'board-name': board = 'router', uptime = '?' } = resource ?? {}
    return `MikroTik ${board} "${identity?.['name'] ?? ''}" with RouterOS ${version}, up ${uptime}, takes our login.`
  }

  async close(): Promise<void> {
    this.#router.close()
    this.#reading.close()
  }

  #locate(subject: Subject, signal: AbortSignal): Promise<Presence> {
    return locate(this.#router, subject, this.#target.gateway, signal)
  }

  async #treat(subject: Subject, how: Treatment, signal: AbortSignal): Promise<Applied> {
    const found = await this.#locate(subject, signal)
    switch (how.kind) {
      case 'blocked':
        return this.#shut(subject, found, signal)
      case 'walled':
        return this.#wall(subject, found, how.list ?? this.#lists.walled, signal)
      case 'throttled':
        return this.#throttle(subject, found, how, signal)
      default:
        return this.#full(subject, found, how, signal)
    }
  }

  async #wall(subject: Subject, found: Presence, list: string, signal: AbortSignal): Promise<Applied> {
    const addresses = addressesOf(found)
    if (addresses.length === 0) throw notHere()
    if (this.#target.checkRules) await this.#rules.require(list, signal)
    const { changed } = await fence(this.#router, subject, list, addresses, signal)
    return proven(changed, `${addresses.join(', ')} on the list ${list}, which a firewall rule looks at.`)
  }

  /** Who has no session has no address either: only what stays in use without one goes on the list. */
  async #shut(subject: Subject, found: Presence, signal: AbortSignal): Promise<Applied> {
    const list = this.#lists.blocked
    const lasting = found.held.filter(({ by }) => by === 'lease' || by === 'given').map(({ address }) => address)
    if (lasting.length > 0 && this.#target.checkRules) await this.#rules.require(list, signal)
    const cut = await cutAll(this.#router, subject, found, signal)
    const fenced = await fence(this.#router, subject, lasting.length > 0 ? list : undefined, lasting, signal)
    const words = [
      ...(lasting.length > 0 ? [`${lasting.join(', ')} on the list ${list}, which a firewall rule looks at.`] : []),
      found.ppp.length + found.hotspot.length > 0
        ? 'The sessions were ended and are gone from the router.'
        : 'No PPP or hotspot session is on the router.'
    ]
    return proven(fenced.changed || cut, words.join(' '))
  }

  /** RADIUS has the rate of those whom it let on: they come back with it. A queue of ours would outlive their session. */
  async #throttle(subject: Subject, found: Presence, how: Treatment, signal: AbortSignal): Promise<Applied> {
    if (how.rate === undefined) throw new DriverError('UNSUPPORTED', 'The treatment "throttled" has no rate to set.')
    if (found.held.some(({ radius }) => radius)) throw ruledByRadius()
    const { changed } = await fence(this.#router, subject, undefined, addressesOf(found), signal)
    const rated = await this.#rate(subject, found, how.rate, signal)
    return changed ? { ...rated, result: 'changed' } : rated
  }

  async #full(subject: Subject, found: Presence, how: Treatment, signal: AbortSignal): Promise<Applied> {
    if (how.rate === undefined) return this.#free(subject, found, signal)
    const target = queueTarget(found)
    if (target === undefined) throw notHere()
    const { rate } = how
    const standing = await this.#router.print('/queue/simple', { anyOf: targets(target) }, signal)
    const [first] = standing.filter(row => !subject.marks.includes(row['comment'] ?? ''))
    if (found.held.some(({ radius }) => radius) && (first === undefined || !isQueue(first, target, rate)))
      throw ruledByRadius()
    return this.#free(subject, found, signal)
  }

  async #rate(subject: Subject, found: Presence, rate: RateLimit, signal: AbortSignal): Promise<Applied> {
    const leased = await limitLease(this.#router, found, rate, signal)
    if (leased !== undefined) return proven(leased, `The lease has ${bitsOf(rate)}.`)
    const target = queueTarget(found)
    if (target === undefined) throw notHere()
    return proven(await limit(this.#router, subject, target, rate, signal), `A queue gives ${target} ${bitsOf(rate)}.`)
  }

  /** The rate of a line, by a queue of ours alone: what a lease says of its rate is the operator's, and stays. */
  async #limit(subject: Subject, found: Presence, rate: RateLimit, signal: AbortSignal): Promise<Applied> {
    if (found.held.some(({ radius }) => radius)) throw ruledByRadius()
    const own = rateOfLease(found)
    if (own !== undefined && !isRate(own, rate)) throw ruledByLease(own)
    if (own === undefined) return this.#rate(subject, found, rate, signal)
    return proven(await unlimit(this.#router, subject, signal), `The lease has ${bitsOf(rate)} of its own.`)
  }

  /** Takes away what is ours. A fence that RADIUS made with the session goes with the session. */
  async #free(subject: Subject, found: Presence, signal: AbortSignal): Promise<Applied> {
    const { changed, cut } = await this.#unfence(subject, found, signal)
    const unlimited = await unlimit(this.#router, subject, signal)
    if (cut) return proven(true, 'RADIUS had fenced the session: it was ended, and comes back with everything.')
    return proven(changed || unlimited, 'No entry or queue of ours is on the router.')
  }

  /** Takes our entries away. @returns whether there were any, and whether a session was ended that RADIUS had fenced */
  async #unfence(subject: Subject, found: Presence, signal: AbortSignal): Promise<{ changed: boolean; cut: boolean }> {
    const { changed, standing } = await fence(this.#router, subject, undefined, addressesOf(found), signal)
    const left = standing.filter(row => describe(row, this.#lists) !== undefined)
    if (left.length === 0) return { changed, cut: false }
    if (left.some(row => row['dynamic'] !== 'true')) {
      const [{ address, list } = {}] = left
      throw new DriverError(
        'REJECTED',
        `${address} is on the list ${list} by an entry that is not ours. Remove it on the router if the subscriber is to be let through.`
      )
    }
    await cutAll(this.#router, subject, found, signal)
    return { changed: true, cut: true }
  }
}

function addressesOf({ held }: Presence): string[] {
  return held.map(({ address }) => address)
}

function targets(target: string): (readonly [string, string])[] {
  return [
    ['target', target],
    ['target', `${target}/32`]
  ]
}

function proven(changed: boolean, detail: string): Applied {
  return { result: changed ? 'changed' : 'unchanged', detail, proof: detail }
}

function bitsOf({ up, down }: RateLimit): string {
  return `${up} bit/s up and ${down} bit/s down`
}

function ruledByLease(own: string): DriverError {
  return new DriverError(
    'REJECTED',
    `The static lease of the line has the rate-limit ${own}, which the router puts before a queue of ours. Clear it on the router (rate-limit=""), or make it the rate of the profile.`
  )
}

function notHere(): DriverError {
  return new DriverError(
    'NO_SUCH_SESSION',
    'The router knows no session, lease or address of the subscriber. If sessions end on another box, set the option gateway.'
  )
}

function ruledByRadius(): DriverError {
  return new DriverError(
    'UNSUPPORTED',
    'RADIUS gave this session its rate, and a queue of ours would outlive it: the session is ended and comes back with the new rate.'
  )
}
