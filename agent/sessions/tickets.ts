import { hash, randomFillSync, timingSafeEqual } from 'node:crypto'

/*
 * A session ticket, as it travels in Class (RFC 2865 §5.25) from our Access-Accept into the NAS's accounting:
 *
 *   0  4 octets  magic, 'TPK1'
 *   4  12        random: the ticket's name
 *  16  u8 length + UTF-8   subscriber
 *      u8 length + UTF-8   profile
 *      16        HMAC-SHA-256 over all before, truncated
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
const SHA256_BLOCK = 64
const SHA256 = 32
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
  // What is hashed: a block of key, then the ticket (inner) or the inner digest (outer). Kept, and used over and over.
  readonly #inner = Buffer.alloc(SHA256_BLOCK + MAX)
  readonly #outer = Buffer.alloc(SHA256_BLOCK + SHA256)
  readonly #mac = Buffer.alloc(SHA256)
  readonly #shortMac = this.#mac.subarray(0, MAC)
  readonly #pool = Buffer.alloc(ID * POOL)
  #used = this.#pool.length

  /**
   * @param key  16 octets or more; keep it across restarts, or open sessions lose their tickets
   * @throws RangeError when the key is shorter
   */
  constructor(key: Buffer) {
    if (key.length < 16) throw new RangeError('the ticket key must hold at least 16 octets')
    const short = key.length > SHA256_BLOCK ? hash('sha256', key, 'buffer') : key
    for (let n = 0; n < SHA256_BLOCK; n++) {
      this.#inner[n] = (short[n] ?? 0) ^ 0x36
      this.#outer[n] = (short[n] ?? 0) ^ 0x5c
    }
  }

  /**
   * A new ticket for an Access-Accept.
   * @returns `ticket`, its name, and `octets`, the value of Class (at most 253 octets)
   */
  issue(subscriber: string, profile: string): { ticket: string; octets: Buffer } {
    const [who, what] = fitting(subscriber, profile)
    let at = SHA256_BLOCK
    at += MAGIC.copy(this.#inner, at)
    at += this.#random(this.#inner, at)
    at = putText(this.#inner, at, who)
    at = putText(this.#inner, at, what)
    const mac = this.#sign(at)
    const length = at - SHA256_BLOCK
    const octets = Buffer.allocUnsafe(length + MAC)
    this.#inner.copy(octets, 0, SHA256_BLOCK, at)
    mac.copy(octets, length)
    return { ticket: nameOf(octets), octets }
  }

  /** Reads a Class back; undefined when it is not one of ours or was changed. Constant time over the digest. */
  read(octets: Buffer): Ticket | undefined {
    const end = octets.length - MAC
    if (end < NAMES + 2 || octets.length > MAX || octets.readUInt32BE(0) !== MAGIC_NUMBER) return undefined
    octets.copy(this.#inner, SHA256_BLOCK, 0, end)
    if (!timingSafeEqual(this.#sign(SHA256_BLOCK + end), octets.subarray(end))) return undefined
    const who = NAMES + 1
    const what = who + (octets[NAMES] ?? 0) + 1
    return {
      ticket: nameOf(octets),
      subscriber: octets.toString('utf8', who, what - 1),
      profile: octets.toString('utf8', what, end)
    }
  }

  /** HMAC by its definition (RFC 2104) of what lies in `#inner`: two one-shot hashes cost a third of createHmac. */
  #sign(end: number): Buffer {
    this.#outer.write(hash('sha256', this.#inner.subarray(0, end), 'binary'), SHA256_BLOCK, 'latin1')
    this.#mac.write(hash('sha256', this.#outer, 'binary'), 'latin1')
    return this.#shortMac
  }

  #random(to: Buffer, at: number): number {
    if (this.#used >= this.#pool.length) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const taken = this.#pool.copy(to, at, this.#used, this.#used + ID)
    this.#used += ID
    return taken
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
