const HEADER = 20
const LONGEST = 4096
const NOTHING = Buffer.alloc(0)

/**
 * Cuts a stream into packets by their Length. Holds what came and was not taken yet: less than a packet and a chunk.
 * @see RFC 6613 §2.6.4: a Length that cannot be ends the connection, for nobody knows where the next packet begins
 */
export class Framer {
  #rest: Buffer = NOTHING

  /** Octets that wait. */
  get size(): number {
    return this.#rest.length
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
  }

  /** The next packet; `partial` until all of it is here; `bad` when its Length is below 20 or above 4096. */
  next(): Buffer | 'partial' | 'bad' {
    const rest = this.#rest
    if (rest.length < 4) return 'partial'
    const length = rest.readUInt16BE(2)
    if (length < HEADER || length > LONGEST) return 'bad'
    if (rest.length < length) return 'partial'
    this.#rest = rest.length === length ? NOTHING : rest.subarray(length)
    return rest.subarray(0, length)
  }
}
