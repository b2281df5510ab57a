import { compress, finish, put, start } from './md5.js'
import { RadiusError } from './errors.js'

/** Longest packet, in octets. RFC 2865 §3. */
export const MAX_PACKET = 4096

const MAX_SECRET = 1024
const BLOCK = 64

/**
 * Where a message is put to be digested: a packet, with room for a shared secret and MD5's padding behind it.
 * One message at a time: whoever writes here digests before returning, and keeps no view of it.
 */
export const message: Buffer = Buffer.alloc(MAX_PACKET + MAX_SECRET + 2 * BLOCK)

const state = new Int32Array(4)

/**
 * MD5 of the octets given, one after the other.
 * @returns 16 octets
 * @throws RadiusError `RAD_TOO_LONG` above 4096 octets in all
 */
export function md5(...parts: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const part of parts) length = append(part, length)
  start(state)
  finish(state, message, length, 0)
  return put(state, Buffer.allocUnsafe(16), 0)
}

function append(part: Uint8Array, at: number): number {
  if (at + part.length > MAX_PACKET) throw new RadiusError('RAD_TOO_LONG', 'a message to digest exceeds 4096 octets')
  message.set(part, at)
  return at + part.length
}

/**
 * A shared secret: knows how to sign and keeps its octets to itself. Prints as `[secret]` everywhere.
 * Keep one a NAS: HMAC's two key blocks are digested once, here, which halves the cost of a signature.
 */
export class Secret {
  readonly #octets: Buffer
  readonly #inner: Int32Array
  readonly #outer: Int32Array

  /**
   * @param octets  1 to 1024 octets; text is taken as UTF-8
   * @throws RadiusError `RAD_BAD_SECRET`
   */
  constructor(octets: Buffer | string) {
    this.#octets = Buffer.from(octets)
    if (this.#octets.length < 1 || this.#octets.length > MAX_SECRET) throw new RadiusError('RAD_BAD_SECRET')
    const key = this.#octets.length > BLOCK ? md5(this.#octets) : this.#octets // RFC 2104 §2
    this.#inner = keyBlock(key, 0x36)
    this.#outer = keyBlock(key, 0x5c)
  }

  /** MD5 over the first `length` octets of {@link message} and the secret behind them; 16 octets. RFC 2865 §3. */
  authenticate(length: number): Buffer {
    message.set(this.#octets, length)
    start(state)
    finish(state, message, length + this.#octets.length, 0)
    return put(state, Buffer.allocUnsafe(16), 0)
  }

  /**
   * Combines 16 octets at `at`, in place, with MD5 over the secret, 16 octets of `from` and `more`: as passwords are
   * hidden, and read again. RFC 2865 §5.2
   * @param begin  where those of `from` begin
   */
  mask(octets: Uint8Array, at: number, from: Uint8Array, begin: number, more?: Uint8Array): void {
    let length = append(this.#octets, 0)
    for (let i = 0; i < 16; i++) message[length++] = from[begin + i]!
    if (more !== undefined) length = append(more, length)
    start(state)
    finish(state, message, length, 0)
    for (let i = 0; i < 16; i++) octets[at + i]! ^= state[i >> 2]! >>> (8 * (i & 3))
  }

  /** MD5 over `part` and then the secret; 16 octets. */
  maskBehind(part: Uint8Array): Buffer {
    return md5(part, this.#octets)
  }

  /** HMAC-MD5 over the first `length` octets of {@link message}; 16 octets. RFC 2104, RFC 3579 §3.2. */
  sign(length: number): Buffer {
    state.set(this.#inner)
    finish(state, message, length, BLOCK)
    put(state, message, 0)
    state.set(this.#outer)
    finish(state, message, 16, BLOCK)
    return put(state, Buffer.allocUnsafe(16), 0)
  }

  /** HMAC-MD5 over `octets`, 4096 at most; 16 octets. @throws RadiusError `RAD_TOO_LONG` */
  mac(octets: Uint8Array): Buffer {
    return this.sign(append(octets, 0))
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}

function keyBlock(key: Buffer, pad: number): Int32Array {
  const block = Buffer.alloc(BLOCK, pad)
  for (let i = 0; i < key.length; i++) block[i] = pad ^ key[i]!
  const digested = new Int32Array(4)
  start(digested)
  compress(digested, block, 0)
  return digested
}
