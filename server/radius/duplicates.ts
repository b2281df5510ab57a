/*
 * Which requests were seen: address → port and Identifier, together one number. There is room for one request each, told
 * apart by its authenticator: another one with the same Identifier takes its place (RFC 5080 §2.2.2).
 *
 * A request is a place: an index into columns of numbers. Tens of thousands come a second and each is kept for half a
 * minute: as objects they would all be copied by the garbage collector, again and again, while NASes wait. The places of an
 * address are chained in order of arrival, the oldest first: that is the order in which they expire and make room. Who
 * comes back to a place later says which request it was for, since another may have it by then.
 */
import type { Clock, Milliseconds } from '../../agent/model/index.js'
import type { Packet } from '../../protocols/radius/index.js'
import { ReplyRing } from './reply-ring.js'

/** How much is remembered. */
export interface DuplicateLimits {
  /** How long a request is remembered, milliseconds. Longer than NASes go on repeating. */
  readonly age: Milliseconds
  /** Requests of one address. */
  readonly perSource: number
  /** Requests in all. */
  readonly overall: number
}

/** 30 s, and 38 MiB at most: 32 of replies, 6 of what tells requests apart. */
export const defaultDuplicateLimits: DuplicateLimits = { age: 30_000, perSource: 32_768, overall: 131_072 }

/** Octets of replies for each request that may be remembered. */
const REPLY = 256
const LARGEST_REPLY = 4096

const NONE = -1
/** The key of a place that nobody has. */
const FREE = -1

interface Source {
  readonly address: string
  readonly places: Map<number, number>
  oldest: number
  newest: number
}

/** Recognises requests that were seen already. Bounded per address and in all; the oldest make room. */
export class Duplicates {
  readonly #clock: Clock
  readonly #limits: DuplicateLimits
  readonly #sources = new Map<string, Source>()
  readonly #replies: ReplyRing
  readonly #sourceOf: Source[] = []
  readonly #keyOf: Int32Array
  readonly #authenticatorOf: Int32Array
  readonly #arrivedAt: Float64Array
  readonly #older: Int32Array
  /** Of a free place: the next free one. */
  readonly #newer: Int32Array
  readonly #replyAt: Float64Array
  /** 0 while there is no reply. */
  readonly #replyLength: Uint16Array
  #free = NONE
  #size = 0

  constructor(clock: Clock, limits: DuplicateLimits = defaultDuplicateLimits) {
    const { overall } = limits
    this.#clock = clock
    this.#limits = limits
    this.#replies = new ReplyRing(overall * REPLY + LARGEST_REPLY)
    this.#keyOf = new Int32Array(overall)
    this.#authenticatorOf = new Int32Array(4 * overall)
    this.#arrivedAt = new Float64Array(overall)
    this.#older = new Int32Array(overall)
    this.#newer = new Int32Array(overall)
    this.#replyAt = new Float64Array(overall)
    this.#replyLength = new Uint16Array(overall)
  }

  /** Requests that are remembered. */
  get size(): number {
    return this.#size
  }

  /**
   * Looks a request up, and remembers it if it is new.
   * @returns its place when it is new; one's complement of its place (so a negative number) when it was seen before
   */
  take(address: string, port: number, packet: Packet): number {
    const now = this.#clock()
    const source = this.#sources.get(address) ?? this.#open(address)
    const key = port * 256 + packet.identifier
    const before = source.places.get(key)
    if (before !== undefined) {
      if (this.#has(before, packet) && !this.#isOld(before, now)) return ~before
      this.#forget(before)
    }
    this.#expire(source, now)
    if (this.#size >= this.#limits.overall || source.places.size >= this.#limits.perSource) this.#makeRoom(source)
    const place = this.#takePlace()
    source.places.set(key, place)
    this.#keyOf[place] = key
    this.#write(place, packet, now)
    this.#chain(place, source)
    return place
  }

  /** The request of a place has its reply. */
  answered(place: number, packet: Packet, reply: Buffer): void {
    if (!this.#has(place, packet)) return
    this.#replyAt[place] = this.#replies.add(reply)
    this.#replyLength[place] = reply.length
  }

  /** What the request of a place was answered with; undefined while it is worked on. */
  replyOf(place: number): Buffer | undefined {
    const length = this.#replyLength[place]!
    return length === 0 ? undefined : this.#replies.read(this.#replyAt[place]!, length)
  }

  /** Forgets a request that got no answer, so that the next one like it is worked on. */
  forget(place: number, packet: Packet): void {
    if (this.#has(place, packet)) this.#forget(place)
  }

  /** Forgets what is older than its age. Addresses that went quiet keep theirs until this is called. */
  sweep(): void {
    const now = this.#clock()
    for (const source of this.#sources.values()) {
      this.#expire(source, now)
      if (source.oldest === NONE) this.#sources.delete(source.address)
    }
  }

  #has(place: number, { identifier, authenticator }: Packet): boolean {
    const key = this.#keyOf[place]!
    const at = 4 * place
    const is = this.#authenticatorOf
    return (
      key !== FREE &&
      (key & 0xff) === identifier &&
      is[at] === authenticator.readInt32LE(0) &&
      is[at + 1] === authenticator.readInt32LE(4) &&
      is[at + 2] === authenticator.readInt32LE(8) &&
      is[at + 3] === authenticator.readInt32LE(12)
    )
  }

  #write(place: number, { authenticator }: Packet, now: Milliseconds): void {
    for (let word = 0; word < 4; word++) this.#authenticatorOf[4 * place + word] = authenticator.readInt32LE(4 * word)
    this.#arrivedAt[place] = now
    this.#replyLength[place] = 0
  }

  #makeRoom(source: Source): void {
    if (source.oldest !== NONE) return this.#forget(source.oldest)
    for (const other of this.#sources.values()) if (other.oldest !== NONE) return this.#forget(other.oldest)
  }

  #expire(source: Source, now: Milliseconds): void {
    while (source.oldest !== NONE && this.#isOld(source.oldest, now)) this.#forget(source.oldest)
  }

  // A clock that was set back makes nothing immortal.
  #isOld(place: number, now: Milliseconds): boolean {
    const at = this.#arrivedAt[place]!
    return now - at >= this.#limits.age || now < at
  }

  #open(address: string): Source {
    const source: Source = { address, places: new Map(), oldest: NONE, newest: NONE }
    this.#sources.set(address, source)
    return source
  }

  #takePlace(): number {
    if (this.#free === NONE) return this.#size
    const place = this.#free
    this.#free = this.#newer[place]!
    return place
  }

  #chain(place: number, source: Source): void {
    this.#sourceOf[place] = source
    this.#older[place] = source.newest
    this.#newer[place] = NONE
    if (source.newest === NONE) source.oldest = place
    else this.#newer[source.newest] = place
    source.newest = place
    this.#size++
  }

  #forget(place: number): void {
    const source = this.#sourceOf[place]!
    const older = this.#older[place]!
    const newer = this.#newer[place]!
    if (older === NONE) source.oldest = newer
    else this.#newer[older] = newer
    if (newer === NONE) source.newest = older
    else this.#older[newer] = older
    source.places.delete(this.#keyOf[place]!)
    this.#keyOf[place] = FREE
    this.#newer[place] = this.#free
    this.#free = place
    this.#size--
  }
}
