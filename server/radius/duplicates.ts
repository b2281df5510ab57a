/*
 * Which requests were seen: address → port → Identifier, 256 slots a port. A slot holds one request, told apart by its
 * authenticator: another one with the same Identifier takes its place (RFC 5080 §2.2.2).
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
  readonly identifier: number
  readonly at: Milliseconds
  readonly #first: number
  readonly #second: number
  readonly #third: number
  readonly #fourth: number

  constructor(source: Source, port: number, packet: Packet, at: Milliseconds) {
    const { authenticator } = packet
    this.source = source
    this.port = port
    this.identifier = packet.identifier
    this.at = at
    this.#first = authenticator.readInt32LE(0)
    this.#second = authenticator.readInt32LE(4)
    this.#third = authenticator.readInt32LE(8)
    this.#fourth = authenticator.readInt32LE(12)
  }

  is({ authenticator }: Packet): boolean {
    return (
      authenticator.readInt32LE(0) === this.#first &&
      authenticator.readInt32LE(4) === this.#second &&
      authenticator.readInt32LE(8) === this.#third &&
      authenticator.readInt32LE(12) === this.#fourth
    )
  }
}

interface Slots {
  readonly byIdentifier: (Seen | undefined)[]
  used: number
}

interface Source {
  readonly address: string
  readonly ports: Map<number, Slots>
  oldest: Seen | undefined
  newest: Seen | undefined
  size: number
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
    const source = this.#source(address)
    const before = source.ports.get(port)?.byIdentifier[packet.identifier]
    if (before !== undefined) {
      if (before.is(packet) && !this.#isOld(before, now)) return { fresh: false, seen: before }
      this.forget(before)
    }
    return { fresh: true, seen: this.#remember(source, port, packet, now) }
  }

  /** Forgets a request that got no answer, so that the next one like it is worked on. */
  forget(seen: Seen): void {
    const { source, port, identifier } = seen
    const slots = source.ports.get(port)
    if (slots?.byIdentifier[identifier] !== seen) return
    slots.byIdentifier[identifier] = undefined
    if (--slots.used === 0) source.ports.delete(port)
    this.#unchain(seen)
    this.#size--
    if (--source.size === 0 && this.#sources.get(source.address) === source) this.#sources.delete(source.address)
  }

  /** Forgets what is older than its age. Addresses that went quiet keep theirs until this is called. */
  sweep(): void {
    const now = this.#clock()
    for (const source of this.#sources.values()) this.#expire(source, now)
  }

  #remember(source: Source, port: number, packet: Packet, now: Milliseconds): Seen {
    this.#expire(source, now)
    this.#makeRoom(source)
    this.#sources.set(source.address, source) // it may have lost its last request just now
    let slots = source.ports.get(port)
    if (slots === undefined) source.ports.set(port, (slots = { byIdentifier: Array.from({ length: 256 }), used: 0 }))
    const seen = new Seen(source, port, packet, now)
    slots.byIdentifier[seen.identifier] = seen
    slots.used++
    this.#chain(seen)
    source.size++
    this.#size++
    return seen
  }

  #makeRoom(source: Source): void {
    if (source.size >= this.#limits.perSource) this.forget(source.oldest!)
    if (this.#size < this.#limits.overall) return
    const from = source.oldest === undefined ? this.#sources.values().next().value : source
    if (from?.oldest !== undefined) this.forget(from.oldest)
  }

  #expire(source: Source, now: Milliseconds): void {
    while (source.oldest !== undefined && this.#isOld(source.oldest, now)) this.forget(source.oldest)
  }

  // A clock that was set back makes nothing immortal.
  #isOld({ at }: Seen, now: Milliseconds): boolean {
    return now - at >= this.#limits.age || now < at
  }

  #source(address: string): Source {
    return (
      this.#sources.get(address) ?? {
        address,
        ports: new Map<number, Slots>(),
        oldest: undefined,
        newest: undefined,
        size: 0
      }
    )
  }

  #chain(seen: Seen): void {
    const { source } = seen
    seen.older = source.newest
    if (source.newest === undefined) source.oldest = seen
    else source.newest.newer = seen
    source.newest = seen
  }

  #unchain({ source, older, newer }: Seen): void {
    if (older === undefined) source.oldest = newer
    else older.newer = newer
    if (newer === undefined) source.newest = older
    else newer.older = older
  }
}
