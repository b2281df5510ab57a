/*
 * Which requests were seen: address → port and Identifier, together one number. There is room for one request each, told
 * apart by its authenticator: another one with the same Identifier takes its place (RFC 5080 §2.2.2).
 *
 * The requests of an address are chained in order of arrival, the oldest first: that is the order in which they expire
 * and in which they make room.
 */
import type { Clock, Milliseconds } from '../../agent/model/index.js'
import type { Packet } from '../../protocols/radius/index.js'

/** How much is remembered. */
export interface DuplicateLimits {
  /** How long a request is remembered, milliseconds. Longer than NASes go on repeating. */
  readonly age: Milliseconds
  /** Requests of one address. */
  readonly perSource: number
  /** Requests in all. */
  readonly overall: number
}

/** 30 s, and memory for about 30 MB of replies at most. */
export const defaultDuplicateLimits: DuplicateLimits = { age: 30_000, perSource: 32_768, overall: 131_072 }

/** A request that is worked on or was answered. */
export class Seen {
  /** What it was answered with; undefined while it is worked on. */
  reply: Buffer | undefined
  older: Seen | undefined
  newer: Seen | undefined
  readonly source: Source
  readonly port: number
  readonly key: number
  readonly at: Milliseconds
  readonly #first: number
  readonly #second: number
  readonly #third: number
  readonly #fourth: number

  constructor(source: Source, port: number, key: number, authenticator: Buffer, at: Milliseconds) {
    this.reply = undefined
    this.older = source.newest
    this.newer = undefined
    this.source = source
    this.port = port
    this.key = key
    this.at = at
    this.#first = authenticator.readInt32LE(0)
    this.#second = authenticator.readInt32LE(4)
    this.#third = authenticator.readInt32LE(8)
    this.#fourth = authenticator.readInt32LE(12)
  }

  has(authenticator: Buffer): boolean {
    return (
      authenticator.readInt32LE(0) === this.#first &&
      authenticator.readInt32LE(4) === this.#second &&
      authenticator.readInt32LE(8) === this.#third &&
      authenticator.readInt32LE(12) === this.#fourth
    )
  }
}

interface Source {
  readonly address: string
  readonly seen: Map<number, Seen>
  oldest: Seen | undefined
  newest: Seen | undefined
}

/** Recognises requests that were seen already. Bounded per address and in all; the oldest make room. */
export class Duplicates {
  readonly #clock: Clock
  readonly #limits: DuplicateLimits
  readonly #sources = new Map<string, Source>()
  #size = 0

  constructor(clock: Clock, limits: DuplicateLimits = defaultDuplicateLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Requests that are remembered. */
  get size(): number {
    return this.#size
  }

  /**
   * Looks a request up, and remembers it if it is new.
   * @returns `fresh` with a place to put the reply; or what was seen before: its `reply`, if it has one already
   */
  take(address: string, port: number, packet: Packet): { readonly fresh: boolean; readonly seen: Seen } {
    const now = this.#clock()
    const source = this.#sources.get(address) ?? this.#open(address)
    const key = port * 256 + packet.identifier
    const { authenticator } = packet
    const before = source.seen.get(key)
    if (before !== undefined) {
      if (before.has(authenticator) && !this.#isOld(before, now)) return { fresh: false, seen: before }
      this.#unchain(before) // the new one takes its place in the map
    }
    this.#expire(source, now)
    if (this.#size >= this.#limits.overall || source.seen.size >= this.#limits.perSource) this.#makeRoom(source)
    const seen = new Seen(source, port, key, authenticator, now)
    source.seen.set(key, seen)
    this.#chain(seen)
    return { fresh: true, seen }
  }

  /** Forgets a request that got no answer, so that the next one like it is worked on. */
  forget(seen: Seen): void {
    const { source, key } = seen
    if (source.seen.get(key) !== seen) return
    source.seen.delete(key)
    this.#unchain(seen)
  }

  /** Forgets what is older than its age. Addresses that went quiet keep theirs until this is called. */
  sweep(): void {
    const now = this.#clock()
    for (const source of this.#sources.values()) {
      this.#expire(source, now)
      if (source.oldest === undefined) this.#sources.delete(source.address)
    }
  }

  #makeRoom(source: Source): void {
    if (source.oldest !== undefined) return this.forget(source.oldest)
    for (const other of this.#sources.values()) if (other.oldest !== undefined) return this.forget(other.oldest)
  }

  #expire(source: Source, now: Milliseconds): void {
    while (source.oldest !== undefined && this.#isOld(source.oldest, now)) this.forget(source.oldest)
  }

  // A clock that was set back makes nothing immortal.
  #isOld({ at }: Seen, now: Milliseconds): boolean {
    return now - at >= this.#limits.age || now < at
  }

  #open(address: string): Source {
    const source: Source = { address, seen: new Map(), oldest: undefined, newest: undefined }
    this.#sources.set(address, source)
    return source
  }

  #chain(seen: Seen): void {
    const { source } = seen
    if (source.newest === undefined) source.oldest = seen
    else source.newest.newer = seen
    source.newest = seen
    this.#size++
  }

  // It lets go of its neighbours: to the garbage collector a dead one that lived long would keep all newer ones alive.
  #unchain(seen: Seen): void {
    const { source, older, newer } = seen
    if (older === undefined) source.oldest = newer
    else older.newer = newer
    if (newer === undefined) source.newest = older
    else newer.older = older
    seen.older = undefined
    seen.newer = undefined
    this.#size--
  }
}
