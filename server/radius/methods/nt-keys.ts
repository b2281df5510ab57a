import { randomBytes } from 'node:crypto'
import type { Subscriber } from '../../../agent/model/index.js'
import { NtKey, ntHash } from '../../../protocols/radius/index.js'
import { clearPassword } from './password.js'

/** Compared with where there is nothing to compare with, so that this takes as long. */
export const NO_KEY = new NtKey(randomBytes(16))

const MOST = 8192

/**
 * NT hashes made ready, by the subscriber's document: documents are replaced whole, so an outdated one just goes. Two
 * generations of at most 8192: who logs on again and again stays, and memory is bounded however many log on once.
 */
export class NtKeys {
  #young = new WeakMap<Subscriber, NtKey>()
  #old = new WeakMap<Subscriber, NtKey>()
  #size = 0

  /** The key of a subscriber; undefined where neither a clear-text password nor an NT hash is known. */
  of(subscriber: Subscriber): NtKey | undefined {
    const known = this.#young.get(subscriber)
    if (known !== undefined) return known
    const key = this.#old.get(subscriber) ?? make(subscriber)
    if (key !== undefined) this.#keep(subscriber, key)
    return key
  }

  #keep(subscriber: Subscriber, key: NtKey): void {
    if (++this.#size > MOST) {
      this.#old = this.#young
      this.#young = new WeakMap()
      this.#size = 1
    }
    this.#young.set(subscriber, key)
  }
}

/** The keys that all ways of logging on share. */
export const ntKeys = new NtKeys()

function make(subscriber: Subscriber): NtKey | undefined {
  const password = clearPassword(subscriber)
  if (password !== undefined) return new NtKey(ntHash(password))
  const hash = subscriber.credentials?.ntHash
  return hash === undefined ? undefined : new NtKey(Buffer.from(hash, 'hex'))
}
