import type { Clock, Milliseconds, Nas } from '../../agent/model/index.js'
import type { Secret } from '../../protocols/radius/index.js'

/** Who sent a request: a NAS at one of its addresses, with what it shares with us. */
export interface Source {
  readonly address: string
  readonly nas: Nas
  readonly secret: Secret
  /** Names the box where what it has shown is kept: the NAS's id, with the address where its document names a prefix. */
  readonly box: string
}

/** Where NASes are looked up. */
export interface NasDirectory {
  /** The NAS with this source address, the longest prefix first. */
  find(address: string): Nas | undefined
}

const MOST = 4096
const RETRY: Milliseconds = 5000

/** Addresses and their NASes and secrets: read once, kept until the NAS's document is replaced. */
export class Sources {
  readonly #nases: NasDirectory
  readonly #secretOf: (nas: Nas) => Secret | undefined
  readonly #clock: Clock
  readonly #known = new Map<string, Source>()
  #secrets = new WeakMap<Nas, Secret>()
  #failed = new WeakMap<Nas, Milliseconds>()

  /** @param secretOf  may be slow and may throw; it is asked again after 5 s where it gave none */
  constructor(nases: NasDirectory, secretOf: (nas: Nas) => Secret | undefined, clock: Clock) {
    this.#nases = nases
    this.#secretOf = secretOf
    this.#clock = clock
  }

  /** The NAS at this address, also where its secret is missing. */
  nasAt(address: string): Nas | undefined {
    return this.#nases.find(address)
  }

  /** The source for a NAS at an address; undefined where its secret cannot be had. */
  of(nas: Nas, address: string): Source | undefined {
    const known = this.#known.get(address)
    if (known !== undefined && known.nas === nas) return known
    const secret = this.#secret(nas)
    if (secret === undefined) return undefined
    if (this.#known.size >= MOST) this.#known.clear()
    const box = nas.addresses.includes(address) ? nas.id : `${nas.id} ${address}`
    const source: Source = { address, nas, secret, box }
    this.#known.set(address, source)
    return source
  }

  /** Reads all secrets again, after they were changed. */
  forget(): void {
    this.#known.clear()
    this.#secrets = new WeakMap()
    this.#failed = new WeakMap()
  }

  #secret(nas: Nas): Secret | undefined {
    const known = this.#secrets.get(nas)
    if (known !== undefined) return known
    const now = this.#clock()
    const failed = this.#failed.get(nas)
    if (failed !== undefined && now - failed < RETRY && now >= failed) return undefined
    const secret = this.#read(nas)
    if (secret === undefined) this.#failed.set(nas, now)
    else this.#secrets.set(nas, secret)
    return secret
  }

  #read(nas: Nas): Secret | undefined {
    try {
      return this.#secretOf(nas)
    } catch {
      return undefined // whoever reads secrets says what is wrong with them; here it is one that cannot be had
    }
  }
}
