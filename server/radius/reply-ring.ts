/**
 * Replies that may have to be sent again, in one buffer that is written round and round: the newest push the oldest
 * out, and none of them is anything to the garbage collector.
 */
export class ReplyRing {
  readonly #octets: Buffer
  /** Octets written since the start, gaps at the end of a round included: where the next reply goes. */
  #written = 0

  /** @param size  octets; memory is taken from the system only as replies come */
  constructor(size: number) {
    this.#octets = Buffer.allocUnsafeSlow(size)
  }

  /** Keeps a reply. @returns its position, for `read` */
  add(reply: Buffer): number {
    const size = this.#octets.length
    const left = size - (this.#written % size)
    if (reply.length > left) this.#written += left
    const position = this.#written
    this.#octets.set(reply, position % size)
    this.#written += reply.length
    return position
  }

  /** A copy of a reply; undefined when newer ones have taken its place. */
  read(position: number, length: number): Buffer | undefined {
    const size = this.#octets.length
    if (this.#written - position > size) return undefined
    return Buffer.from(this.#octets.subarray(position % size, (position % size) + length))
  }
}
