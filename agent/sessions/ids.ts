import { randomFillSync } from 'node:crypto'
import type { Milliseconds } from '../model/index.js'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME = 10
const RANDOM = 14
const POOL = 256

/**
 * Names sessions: 24 characters of Crockford's base 32, the first ten the time, so that they sort by it; 70 random bits
 * behind it keep them apart across restarts and boxes.
 */
export class SessionIds {
  readonly #pool = Buffer.alloc(RANDOM * POOL)
  #used = this.#pool.length
  #time = -1
  #prefix = ''

  next(now: Milliseconds): string {
    if (this.#used >= this.#pool.length) {
      randomFillSync(this.#pool)
      for (let n = 0; n < this.#pool.length; n++) this.#pool[n] = ALPHABET.charCodeAt((this.#pool[n] ?? 0) & 31)
      this.#used = 0
    }
    if (now !== this.#time) {
      this.#time = now
      this.#prefix = timePrefix(now)
    }
    const random = this.#pool.toString('latin1', this.#used, this.#used + RANDOM)
    this.#used += RANDOM
    return Buffer.from(this.#prefix + random, 'latin1').toString('latin1')
  }
}

function timePrefix(now: Milliseconds): string {
  let rest = Math.max(0, Math.floor(now))
  let text = ''
  for (let n = 0; n < TIME; n++) {
    text = ALPHABET.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}
