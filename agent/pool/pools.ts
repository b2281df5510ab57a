import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import type { Cause, Clock, Milliseconds, Session } from '../model/index.js'
import type { Holder, StoredLease } from './lease.js'
import { Pool, type PoolStatus } from './pool.js'
import { readRange } from './range.js'
import { WriteBehind } from './write-behind.js'

/*
 * Table 'lease': key `pool/address`, value the JSON of `StoredLease`. Table 'lease-state': key 'clean' while the agent
 * is stopped in order.
 */
const TABLE = 'lease'
const STATE = 'lease-state'
const CLEAN = 'clean'

/** A pool as it is configured. */
export interface PoolSettings {
  readonly name: string
  /** IPv4 addresses and prefixes, or IPv6 prefixes to cut. */
  readonly ranges: readonly string[]
  /** Length of the IPv6 prefixes that are given out; default 56. */
  readonly prefixLength?: number | undefined
  /** How long an address rests before another subscriber gets it; default 10 minutes. */
  readonly quarantine?: Milliseconds | undefined
}

/** The session table, as pools need it. */
export interface PoolSessions {
  on(event: 'opened', listener: (session: Session) => void): unknown
  on(event: 'closed', listener: (session: Session, cause: Cause) => void): unknown
  off(event: 'opened', listener: (session: Session) => void): unknown
  off(event: 'closed', listener: (session: Session, cause: Cause) => void): unknown
  ofSubscriber(subscriber: string): readonly Session[]
  list(wanted?: (session: Session) => boolean): Iterable<Session>
}

export interface AddressLeasesOptions {
  readonly ledger: Pick<Ledger, 'write' | 'entries' | 'get'>
  readonly pools: readonly PoolSettings[]
  readonly sessions: PoolSessions
  readonly clock: Clock
  readonly log: Logger
  /** How long a lease waits for its session to show up: three reporting intervals or more. Default 15 minutes. */
  readonly patience?: Milliseconds
}

const TEN_MINUTES: Milliseconds = 600_000
const FIFTEEN_MINUTES: Milliseconds = 900_000
const TOLD_FOR: Milliseconds = 3_600_000

/**
 * The agent's own address pools. No address is given to two: one counts as in use until its session's end is durable
 * and the quarantine has passed, and all of this survives a kill.
 */
export class AddressLeases {
  readonly #options: AddressLeasesOptions
  readonly #pools = new Map<string, Pool>()
  readonly #writes: WriteBehind
  /** Addresses in use by two, by what the NASes say. */
  readonly #conflicts = new Map<string, string>()

  private constructor(options: AddressLeasesOptions) {
    this.#options = options
    this.#writes = new WriteBehind(options.ledger, TABLE, options.log)
    for (const settings of options.pools) this.#pools.set(settings.name, this.#pool(settings))
  }

  /** Loads the leases, and takes the sessions that are open for what they are. @throws LedgerError; RangeError for a range that is none */
  static async open(options: AddressLeasesOptions): Promise<AddressLeases> {
    const leases = new AddressLeases(options)
    const { ledger, sessions } = options
    const clean = (await ledger.get(STATE, CLEAN)) !== undefined
    await ledger.write([{ table: STATE, key: CLEAN, value: undefined }])
    for await (const [key, value] of ledger.entries(TABLE)) leases.#restore(key, value, clean)
    for (const session of sessions.list(({ state }) => state !== 'closed')) leases.#opened(session)
    for (const pool of leases.#pools.values()) pool.begin()
    sessions.on('opened', leases.#opened)
    sessions.on('closed', leases.#closed)
    return leases
  }

  /** Whether a pool is the agent's own. */
  has(pool: string): boolean {
    return this.#pools.has(pool)
  }

  /** An address out of a pool, at once; `busy`: the disk has to catch up, whoever asks is to ask again. */
  lease(pool: string, holder: Holder): { readonly address: string } | 'exhausted' | 'busy' {
    return this.#pools.get(pool)?.lease(holder) ?? 'exhausted'
  }

  /** Takes back what nobody uses. Call it every few seconds. */
  sweep(): void {
    for (const pool of this.#pools.values()) pool.sweep()
  }

  status(): readonly PoolStatus[] {
    return [...this.#pools.values()].map(pool => pool.status())
  }

  /** Sentences about what a person should look at. */
  attention(): string[] {
    const now = this.#options.clock()
    const words = this.status().flatMap(({ name, size, held, resting, exhaustedAt = -Infinity }) =>
      now - exhaustedAt > TOLD_FOR
        ? []
        : [
            `The pool ${name} had no free address at ${new Date(exhaustedAt).toISOString()}: of ${size}, ${held} are in use and ${resting} rest. Give it more ranges.`
          ]
    )
    return [...words, ...this.#conflicts.values()]
  }

  /** Writes what waits; the next start then knows that nothing was lost. @throws LedgerError */
  async close(): Promise<void> {
    const { sessions, ledger } = this.#options
    sessions.off('opened', this.#opened)
    sessions.off('closed', this.#closed)
    await this.#writes.close()
    await ledger.write([{ table: STATE, key: CLEAN, value: Buffer.from('1') }])
  }

  #pool({ name, ranges, prefixLength, quarantine = TEN_MINUTES }: PoolSettings): Pool {
    const { clock, sessions, patience = FIFTEEN_MINUTES } = this.#options
    return new Pool({
      name,
      ranges: ranges.map(text => {
        const range = readRange(text, prefixLength)
        if (range === undefined) throw new RangeError(`pool ${name}: ${text} is no range of addresses`)
        return range
      }),
      quarantine,
      patience,
      clock,
      put: (address, value, durable) => this.#writes.put(`${name}/${address}`, value, durable),
      sessionsOf: subscriber => sessions.ofSubscriber(subscriber)
    })
  }

  // What belongs to no pool any more is kept: the pool may come back.
  #restore(key: string, value: Buffer, clean: boolean): void {
    const [, name = '', address = ''] = /^(.*?)\/(.+)$/.exec(key) ?? []
    const pool = this.#pools.get(name)
    if (pool?.has(address) === true) pool.restore(address, JSON.parse(value.toString()) as StoredLease, clean)
  }

  readonly #opened = (session: Session): void => {
    if (session.subscriber === '') return
    for (const pool of this.#pools.values()) {
      for (const address of new Set([session.framedIpv4, session.delegatedPrefix])) {
        const other = pool.seen(session, address)
        if (other !== undefined) this.#conflict(session, address, other)
      }
    }
  }

  readonly #closed = (session: Session): void => {
    for (const pool of this.#pools.values()) pool.ended(session)
    for (const address of [session.framedIpv4, session.delegatedPrefix]) this.#conflicts.delete(address)
  }

  #conflict({ subscriber, nas }: Session, address: string, other: string): void {
    const words = `${subscriber} on ${nas} uses ${address}, which ${other} was given here. Look for a pool of the NAS that overlaps.`
    if (this.#conflicts.size < 100) this.#conflicts.set(address, words)
    this.#options.log.error({ subscriber, nas, address, holder: other }, words)
  }
}
