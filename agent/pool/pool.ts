import type { Clock, Milliseconds, Session } from '../model/index.js'
import { type Holder, type Lease, nobody, stored, type StoredLease } from './lease.js'
import type { Range } from './range.js'

export interface PoolOptions {
  readonly name: string
  readonly ranges: readonly Range[]
  /** How long an address rests before another subscriber gets it. */
  readonly quarantine: Milliseconds
  /** How long a lease waits for its session to show up in accounting. */
  readonly patience: Milliseconds
  readonly clock: Clock
  /** Stores what an address is; `durable` is called once it is on disk. */
  readonly put: (address: string, value: StoredLease | undefined, durable?: () => void) => void
  readonly sessionsOf: (subscriber: string) => readonly Session[]
}

/** How a pool stands, in addresses. */
export interface PoolStatus {
  readonly name: string
  readonly size: number
  readonly held: number
  readonly resting: number
  /** When it last had none to give; undefined where that never was. */
  readonly exhaustedAt: Milliseconds | undefined
}

const LEAST_CHUNK = 16
const MOST_CHUNK = 4096

/**
 * One pool. An address goes to a stranger only after the disk says that it may be in use by anybody (`armed`): that is
 * done in chunks ahead of time, so that giving one never waits for the disk, and a crash right after it forgets nobody.
 * A subscriber who comes back gets the address of last time, as long as it was not needed.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #known = new Map<string, Lease>()
  readonly #bySubscriber = new Map<string, Set<Lease>>()
  readonly #ready: Lease[] = []
  readonly #resting = new Set<Lease>()
  /** Held, and no session has shown up yet; oldest first. */
  readonly #pending = new Set<Lease>()
  readonly #size: number
  #held = 0
  #arming = 0
  #chunk: number
  #fresh = { range: 0, index: 0 }
  #exhaustedAt: Milliseconds | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.#size = options.ranges.reduce((sum, { size }) => sum + size, 0)
    this.#chunk = Math.min(256, Math.max(LEAST_CHUNK, Math.ceil(this.#size / 16)))
  }

  has(address: string): boolean {
    return this.#options.ranges.some(range => range.has(address))
  }

  status(): PoolStatus {
    const { name } = this.#options
    return { name, size: this.#size, held: this.#held, resting: this.#resting.size, exhaustedAt: this.#exhaustedAt }
  }

  /**
   * Puts an address back as it was stored.
   * @param clean  whether the agent was stopped in order; if not, whatever was free may be in use by somebody whose lease
   *   was not written any more: it rests until their session must have shown up
   */
  restore(address: string, { state, ...holder }: StoredLease, clean: boolean): void {
    const { clock, patience, quarantine } = this.#options
    const now = clock()
    const lease: Lease = { address, state, holder, session: '', at: now }
    this.#known.set(address, lease)
    if (state === 'held') this.#hold(lease, holder)
    else if (state === 'armed' && clean) this.#ready.push(lease)
    else this.#rest(lease, now + (clean ? quarantine : Math.max(quarantine, patience)))
  }

  /** Arms the first addresses. */
  begin(): void {
    this.#refill()
  }

  /** An address for somebody who is let on now. */
  lease(holder: Holder): { readonly address: string } | 'exhausted' | 'busy' {
    const lease = this.#own(holder) ?? this.#ready.pop()
    if (lease !== undefined) {
      this.#hold(lease, holder)
      this.#store(lease)
      if (this.#ready.length < this.#chunk) this.#refill()
      return lease
    }
    this.#refill()
    if (this.#arming === 0) {
      this.#exhaustedAt = this.#options.clock()
      return 'exhausted'
    }
    this.#chunk = Math.min(MOST_CHUNK, this.#chunk * 2)
    return 'busy'
  }

  /**
   * A session is known to use an address, or to have been let on by a ticket.
   * @returns the other subscriber who holds that address, if there is one
   */
  seen(session: Session, address: string): string | undefined {
    const { subscriber, nas, callingStation, nasPort, ticket } = session
    const lease = address === '' ? this.#byTicket(subscriber, ticket) : this.#known.get(address)
    if (lease?.state === 'held' && lease.holder.subscriber !== subscriber) return lease.holder.subscriber
    const holder = { subscriber, nas, place: callingStation === '' ? nasPort : callingStation, ticket }
    const known = lease?.state === 'held'
    const taken = lease ?? this.#unheard(address)
    if (taken === undefined) return undefined
    // A login that came after this session keeps the lease for itself, until accounting shows it.
    if (known && taken.holder.ticket !== '' && ticket !== '' && taken.holder.ticket !== ticket) return undefined
    this.#hold(taken, known ? taken.holder : holder)
    taken.session = session.id
    this.#pending.delete(taken)
    if (!known) this.#store(taken)
    return undefined
  }

  /** A session ended, durably. */
  ended({ id, subscriber, ticket }: Session): void {
    for (const lease of this.#bySubscriber.get(subscriber) ?? []) {
      if (lease.state !== 'held') continue
      const itsOwn = lease.session === id || (lease.session === '' && ticket !== '' && lease.holder.ticket === ticket)
      if (itsOwn) this.#release(lease)
    }
  }

  /** Takes back what was given and never used, and arms what has rested. Call it every few seconds. */
  sweep(): void {
    const { clock, patience, sessionsOf } = this.#options
    const now = clock()
    for (const lease of this.#pending) {
      if (lease.at + patience > now) break
      this.#pending.delete(lease)
      const user = sessionsOf(lease.holder.subscriber).find(session => uses(session, lease))
      if (user === undefined) this.#release(lease)
      else lease.session = user.id
    }
    this.#refill()
  }

  #own({ subscriber, nas, place }: Holder): Lease | undefined {
    let rested: Lease | undefined
    for (const lease of this.#bySubscriber.get(subscriber) ?? []) {
      if (lease.state === 'held' && lease.holder.nas === nas && lease.holder.place === place) return lease
      if (lease.state === 'resting') rested = lease
    }
    return rested
  }

  #byTicket(subscriber: string, ticket: string): Lease | undefined {
    if (ticket === '') return undefined
    for (const lease of this.#bySubscriber.get(subscriber) ?? []) {
      if (lease.state === 'held' && lease.holder.ticket === ticket) return lease
    }
    return undefined
  }

  // An address that is in use although nobody was given it here: from before the pool was, or from another server.
  #unheard(address: string): Lease | undefined {
    if (address === '' || !this.has(address)) return undefined
    const lease: Lease = { address, state: 'armed', holder: nobody, session: '', at: 0 }
    this.#known.set(address, lease)
    return lease
  }

  #hold(lease: Lease, holder: Holder): void {
    this.#leave(lease)
    lease.state = 'held'
    lease.holder = holder
    lease.session = ''
    lease.at = this.#options.clock()
    this.#held++
    this.#pending.add(lease)
    const all = this.#bySubscriber.get(holder.subscriber) ?? new Set()
    this.#bySubscriber.set(holder.subscriber, all.add(lease))
  }

  #release(lease: Lease): void {
    const { holder } = lease
    this.#rest(lease, this.#options.clock() + this.#options.quarantine, holder)
    this.#store(lease)
  }

  #rest(lease: Lease, until: Milliseconds, holder = lease.holder): void {
    this.#leave(lease)
    lease.state = 'resting'
    lease.holder = holder
    lease.at = until
    this.#resting.add(lease)
    if (holder.subscriber === '') return
    const all = this.#bySubscriber.get(holder.subscriber) ?? new Set()
    this.#bySubscriber.set(holder.subscriber, all.add(lease))
  }

  // Takes a lease out of where it stands.
  #leave(lease: Lease): void {
    if (lease.state === 'held' && this.#bySubscriber.get(lease.holder.subscriber)?.has(lease) === true) this.#held--
    if (lease.state === 'armed') {
      const at = this.#ready.lastIndexOf(lease)
      if (at >= 0) this.#ready.splice(at, 1)
    }
    this.#pending.delete(lease)
    this.#resting.delete(lease)
    const all = this.#bySubscriber.get(lease.holder.subscriber)
    all?.delete(lease)
    if (all?.size === 0) this.#bySubscriber.delete(lease.holder.subscriber)
  }

  #refill(): void {
    let wanted = this.#chunk - this.#ready.length - this.#arming
    for (; wanted > 0; wanted--) {
      const lease = this.#nextFresh()
      if (lease === undefined) break
      this.#arm(lease)
    }
    if (wanted <= 0) return
    const now = this.#options.clock()
    for (const lease of this.#resting) {
      if (lease.at > now) continue
      this.#arm(lease)
      if (--wanted <= 0) return
    }
  }

  #arm(lease: Lease): void {
    this.#leave(lease)
    lease.state = 'armed'
    lease.holder = nobody
    this.#arming++
    this.#store(lease, () => {
      this.#arming--
      // Somebody may have turned out to use it meanwhile.
      if (lease.state === 'armed') this.#ready.push(lease)
    })
  }

  #nextFresh(): Lease | undefined {
    const { ranges } = this.#options
    for (;;) {
      const range = ranges[this.#fresh.range]
      if (range === undefined) return undefined
      if (this.#fresh.index >= range.size) {
        this.#fresh = { range: this.#fresh.range + 1, index: 0 }
        continue
      }
      const address = range.at(this.#fresh.index++)
      if (this.#known.has(address)) continue
      const lease: Lease = { address, state: 'armed', holder: nobody, session: '', at: 0 }
      this.#known.set(address, lease)
      return lease
    }
  }

  #store(lease: Lease, durable?: () => void): void {
    this.#options.put(lease.address, stored(lease), durable)
  }
}

function uses(session: Session, { address, holder }: Lease): boolean {
  if (session.framedIpv4 === address || session.delegatedPrefix === address) return true
  if (session.ticket !== '' && session.ticket === holder.ticket) return true
  return session.framedIpv4 === '' && session.nas === holder.nas
}
