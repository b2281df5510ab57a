import { randomFillSync, timingSafeEqual } from 'node:crypto'
import { Secret } from '../../protocols/radius/index.js'

/*
 * A session ticket, as it travels in Class (RFC 2865 §5.25) from our Access-Accept into the NAS's accounting:
 *
 *   0  4 octets  magic, 'TPK1'
 *   4  12        random: the ticket's name
 *  16  u8 length + UTF-8   subscriber
 *      u8 length + UTF-8   profile
 *      16        HMAC-MD5 over all before: as strong as the signature of the packet that carries it
 *
 * At most 253 octets. Where both names do not fit, the profile is left out, then the subscriber: such a ticket still
 * names its session, and the agent finds the subscriber by the grant or by User-Name.
 */
const MAGIC = Buffer.from('TPK1')
const MAGIC_NUMBER = MAGIC.readUInt32BE(0)
const ID = 12
const MAC = 16
const NAMES = MAGIC.length + ID
const MAX = 253
const ROOM = MAX - NAMES - 2 - MAC
const POOL = 256

/** What a verified ticket says; `subscriber` and `profile` are '' where they did not fit. */
export interface Ticket {
  /** 16 characters of base64url: unique for ever. */
  readonly ticket: string
  readonly subscriber: string
  readonly profile: string
}

/** Issues and reads session tickets under one key. NASes may echo them, nobody else can make them. */
export class Tickets {
  readonly #key: Secret
  readonly #draft = Buffer.alloc(MAX)
  readonly #pool = Buffer.alloc(ID * POOL)
  #used = this.#pool.length

  /**
   * @param key  16 octets or more; keep it across restarts, or open sessions lose their tickets
   * @throws RangeError when the key is shorter
   */
  constructor(key: Buffer) {
    if (key.length < 16) throw new RangeError('the ticket key must hold at least 16 octets')
    this.#key = new Secret(key)
  }

  /**
   * A new ticket for an Access-Accept.
   * @returns `ticket`, its name, and `octets`, the value of Class (at most 253 octets)
   */
  issue(subscriber: string, profile: string): { ticket: string; octets: Buffer } {
    const [who, what] = fitting(subscriber, profile)
    const draft = this.#draft
    draft.set(MAGIC, 0)
    this.#random(draft, MAGIC.length)
    const length = putText(draft, putText(draft, NAMES, who), what)
    draft.set(this.#key.mac(draft.subarray(0, length)), length)
    const octets = Buffer.from(draft.subarray(0, length + MAC))
    return { ticket: nameOf(octets), octets }
  }

  /** Reads a Class back; undefined when it is not one of ours or was changed. Constant time over the digest. */
  read(octets: Buffer): Ticket | undefined {
    const end = octets.length - MAC
    if (end < NAMES + 2 || octets.length > MAX || octets.readUInt32BE(0) !== MAGIC_NUMBER) return undefined
    if (!timingSafeEqual(this.#key.mac(octets.subarray(0, end)), octets.subarray(end))) return undefined
    const who = NAMES + 1
    const what = who + (octets[NAMES] ?? 0) + 1
    return {
      ticket: nameOf(octets),
      subscriber: octets.toString('utf8', who, what - 1),
      profile: octets.toString('utf8', what, end)
    }
  }

  #random(to: Buffer, at: number): void {
    if (this.#used >= this.#pool.length) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    this.#pool.copy(to, at, this.#used, this.#used + ID)
    this.#used += ID
  }
}

function fitting(subscriber: string, profile: string): readonly [string, string] {
  if (3 * (subscriber.length + profile.length) <= ROOM) return [subscriber, profile]
  const who = Buffer.byteLength(subscriber)
  if (who + Buffer.byteLength(profile) <= ROOM) return [subscriber, profile]
  return who <= ROOM ? [subscriber, ''] : ['', '']
}

function putText(to: Buffer, at: number, text: string): number {
  const length = to.write(text, at + 1)
  to[at] = length
  return at + 1 + length
}

function nameOf(octets: Buffer): string {
  return octets.toString('base64url', MAGIC.length, NAMES)
}
