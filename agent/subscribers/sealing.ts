import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomFillSync } from 'node:crypto'
import type { DocumentCodec } from './codec.js'
import { SubscribersError } from './errors.js'

/*
 * A sealed text, one or several documents:
 *
 *   0   u8   layout version, 1 (what lies in clear is JSON, and begins with `[` or `{`)
 *   1   8    key id: the first octets of SHA-256 over «turnpike key id» and the key
 *   9   12   nonce, random
 *  21   n    AES-256-GCM of the text; what stands before the nonce is authenticated too
 *      16    tag
 */
const VERSION = 1
const ID = 8
const NONCE = 12
const TAG = 16
const HEADER = 1 + ID
const TEXT = HEADER + NONCE
const LEAST_KEY = 16
const POOL = 512

interface Key {
  readonly id: Buffer
  readonly name: string
  readonly octets: Buffer
}

export interface SealingOptions {
  /** Keys that were used before: read with, never written with. */
  readonly previous?: readonly Buffer[]
  /** Where the key comes from, for the words of an error. */
  readonly from?: string
  /** A person has said that what no key opens may be fetched from billing again. */
  readonly discardUnreadable?: boolean
}

/**
 * Documents sealed at rest: whoever steals the disk learns no password. What lies there in clear, or under a previous
 * key, is read and counts as stale, so that the replica writes it anew.
 */
export class SealedCodec implements DocumentCodec {
  readonly #current: Key
  readonly #keys: readonly Key[]
  readonly #options: SealingOptions
  readonly #nonces = Buffer.alloc(NONCE * POOL)
  #used = this.#nonces.length

  /**
   * @param key  16 octets or more of secret; any form, it is hashed into the key
   * @throws RangeError when it is shorter
   */
  constructor(key: Buffer, options: SealingOptions = {}) {
    this.#current = keyOf(key)
    this.#keys = [this.#current, ...(options.previous ?? []).map(keyOf)]
    this.#options = options
  }

  /** Names the key in words; says nothing about it. */
  get keyId(): string {
    return this.#current.name
  }

  encode(text: string): Buffer {
    const header = Buffer.allocUnsafe(TEXT)
    header[0] = VERSION
    this.#current.id.copy(header, 1)
    this.#nonce().copy(header, HEADER)
    const cipher = createCipheriv('aes-256-gcm', this.#current.octets, header.subarray(HEADER))
    cipher.setAAD(header.subarray(0, HEADER))
    return Buffer.concat([header, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  }

  /** @throws SubscribersError `SUBSCRIBERS_SEAL_KEY` where the key is another; Error where the octets were changed */
  decode(stored: Buffer): string {
    if (stored[0] !== VERSION) return stored.toString()
    const key = this.#keys.find(({ id }) => id.equals(stored.subarray(1, HEADER)))
    if (key === undefined) throw this.#unknown(stored.toString('hex', 1, HEADER))
    const end = stored.length - TAG
    const decipher = createDecipheriv('aes-256-gcm', key.octets, stored.subarray(HEADER, TEXT), { authTagLength: TAG })
    decipher.setAAD(stored.subarray(0, HEADER))
    decipher.setAuthTag(stored.subarray(end))
    const text = decipher.update(stored.subarray(TEXT, end))
    decipher.final()
    return text.toString()
  }

  isStale(stored: Buffer): boolean {
    return stored[0] !== VERSION || !this.#current.id.equals(stored.subarray(1, HEADER))
  }

  #unknown(name: string): Error {
    if (this.#options.discardUnreadable === true) return new Error(`sealed with the key ${name}, which is not here`)
    return new SubscribersError(
      'SUBSCRIBERS_SEAL_KEY',
      `sealed with the key ${name}; ${this.#options.from ?? 'the key here'} is ${this.#keys.map(key => key.name).join(', ')}`
    )
  }

  // A random nonce must never come twice under one key: 96 bits are good for 2³² documents.
  #nonce(): Buffer {
    if (this.#used >= this.#nonces.length) {
      randomFillSync(this.#nonces)
      this.#used = 0
    }
    this.#used += NONCE
    return this.#nonces.subarray(this.#used - NONCE, this.#used)
  }
}

function keyOf(secret: Buffer): Key {
  if (secret.length < LEAST_KEY) throw new RangeError(`a sealing key has at least ${LEAST_KEY} octets`)
  const octets = Buffer.from(hkdfSync('sha256', secret, '', 'turnpike documents at rest', 32))
  const id = createHash('sha256').update('turnpike key id').update(octets).digest().subarray(0, ID)
  return { id, name: id.toString('hex'), octets }
}
