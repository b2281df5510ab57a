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
const ID = 12
const MAC = 16
const NAMES = MAGIC.length + ID
const MAX = 253
const ROOM = MAX - NAMES - 2 - MAC
const SHA256_BLOCK = 64
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
  readonly #inner: Buffer
  readonly #outer: Buffer
  readonly #pool = Buffer.alloc(ID * POOL)
  #used = this.#pool.length

  /**
   * @param key  16 octets or more; keep it across restarts, or open sessions lose their tickets
   * @throws RangeError when the key is shorter
   */
  constructor(key: Buffer) {
    if (key.length < 16) throw new RangeError('the ticket key must hold at least 16 octets')
    const padded = Buffer.alloc(SHA256_BLOCK)
    const short = key.length > SHA256_BLOCK ? hash('sha256', key, 'buffer') : key
    short.copy(padded)
    this.#inner = Buffer.from(padded.map(octet => octet ^ 0x36))
    this.#outer = Buffer.alloc(SHA256_BLOCK + 32)
    for (let n = 0; n < SHA256_BLOCK; n++) this.#outer[n] = (padded[n] ?? 0) ^ 0x5c
  }

  /**
   * A new ticket for an Access-Accept.
   * @returns `ticket`, its name, and `octets`, the value of Class (at most 253 octets)
   */
  issue(subscriber: string, profile: string): { ticket: string; octets: Buffer } {
    const [who, what] = fitting(subscriber, profile)
    const body = Buffer.alloc(SHA256_BLOCK + NAMES + 2 + 3 * (who.length + what.length) + MAC)
    this.#inner.copy(body)
    let at = SHA256_BLOCK
    at += MAGIC.copy(body, at)
    at += this.#random(body, at)
    at = putText(body, at, who)
    at = putText(body, at, what)
    this.#mac(body.subarray(0, at)).copy(body, at, 0, MAC)
    const octets = body.subarray(SHA256_BLOCK, at + MAC)
    return { ticket: nameOf(octets), octets }
  }

  /** Reads a Class back; undefined when it is not one of ours or was changed. Constant time over the digest. */
  read(octets: Buffer): Ticket | undefined {
    const end = octets.length - MAC
    if (end < NAMES + 2 || octets[0] !== MAGIC[0] || octets[3] !== MAGIC[3]) return undefined
    const signed = Buffer.allocUnsafe(SHA256_BLOCK + end)
    this.#inner.copy(signed)
    octets.copy(signed, SHA256_BLOCK, 0, end)
    if (!timingSafeEqual(this.#mac(signed).subarray(0, MAC), octets.subarray(end))) return undefined
    const who = NAMES + 1
    const what = who + (octets[NAMES] ?? 0) + 1
    return {
      ticket: nameOf(octets),
      subscriber: octets.toString('utf8', who, what - 1),
      profile: octets.toString('utf8', what, end)
    }
  }

  /** HMAC by its definition (RFC 2104): two one-shot hashes cost half of what createHmac does. */
  #mac(innerBody: Buffer): Buffer {
    this.#outer.write(hash('sha256', innerBody, 'binary'), SHA256_BLOCK, 'latin1')
    return hash('sha256', this.#outer, 'buffer')
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
