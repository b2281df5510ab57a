const CONTROL = 4
const PUT = 0
const TAKE = 1
const SLEEPS = 2
const REFUSED = 3
const HEADER = 8
/** A word in place of a record: the next one is at 0. */
const ONWARD = 0xff00_0000

/**
 * A queue of datagrams between two threads, in memory that both see: one puts, the other takes, nobody waits and
 * nothing is copied by the engine's messages. What is put is there before the other side learns of it.
 *
 *   control  4 int32: where to put next, where to take next, whether the taker sleeps, how many found no room
 *   records  at multiples of 4:
 *     u32 place of the socket (below 255) << 24 | octets of the address << 16 | octets of the datagram
 *     u32 port
 *     address (its characters), datagram
 */
export class Ring {
  readonly #control: Int32Array
  readonly #words: Uint32Array
  readonly #octets: Buffer

  /** @param memory  what `allot` gave: each of the two threads makes a Ring of the same */
  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL)
    this.#words = new Uint32Array(memory, CONTROL * 4)
    this.#octets = Buffer.from(memory, CONTROL * 4)
  }

  /** @param octets  room for records: a multiple of 4, several times the longest datagram */
  static allot(octets: number): SharedArrayBuffer {
    return new SharedArrayBuffer(CONTROL * 4 + octets)
  }

  /** How many datagrams found no room. */
  get refused(): number {
    return Atomics.load(this.#control, REFUSED)
  }

  /** Puts a datagram in. @returns false where there is no room: it is counted, and gone */
  put(socket: number, address: string, port: number, datagram: Uint8Array): boolean {
    const size = (HEADER + address.length + datagram.length + 3) & ~3
    const at = this.#room(size)
    if (at < 0) {
      Atomics.add(this.#control, REFUSED, 1)
      return false
    }
    const octets = this.#octets
    this.#words[at >>> 2] = ((socket << 24) | (address.length << 16) | datagram.length) >>> 0
    this.#words[(at >>> 2) + 1] = port
    octets.write(address, at + HEADER, 'latin1')
    octets.set(datagram, at + HEADER + address.length)
    Atomics.store(this.#control, PUT, at + size)
    return true
  }

  /** To be asked after `put`: whether the taker sleeps and is to be called. Of all who ask, one is told so. */
  mustWake(): boolean {
    return Atomics.load(this.#control, SLEEPS) === 1 && Atomics.exchange(this.#control, SLEEPS, 0) === 1
  }

  /**
   * Takes datagrams out, oldest first.
   * @param most  how many at most
   * @param each  gets a copy of its own
   * @returns whether more may be there; if not, the taker counts as asleep and is called for the next one
   */
  take(most: number, each: (socket: number, address: string, port: number, datagram: Buffer) => void): boolean {
    for (let n = 0; n < most; n++) {
      if (this.isEmpty && this.#fallAsleep()) return false
      this.#takeOne(each)
    }
    return true
  }

  #takeOne(each: (socket: number, address: string, port: number, datagram: Buffer) => void): void {
    const octets = this.#octets
    let at = Atomics.load(this.#control, TAKE)
    if (at + HEADER > octets.length || this.#words[at >>> 2] === ONWARD) at = 0
    const word = this.#words[at >>> 2]!
    const length = word & 0xffff
    const from = at + HEADER
    const middle = from + ((word >>> 16) & 0xff)
    const address = octets.toString('latin1', from, middle)
    const datagram = Buffer.allocUnsafe(length)
    octets.copy(datagram, 0, middle, middle + length)
    const port = this.#words[(at >>> 2) + 1]!
    Atomics.store(this.#control, TAKE, (middle + length + 3) & ~3)
    each(word >>> 24, address, port, datagram)
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#control, TAKE) === Atomics.load(this.#control, PUT)
  }

  // Whoever puts something looks whether the taker sleeps after that: so the taker looks again after it said so.
  #fallAsleep(): boolean {
    Atomics.store(this.#control, SLEEPS, 1)
    if (this.isEmpty) return true
    Atomics.store(this.#control, SLEEPS, 0)
    return false
  }

  // Records lie in one piece. The one who puts never catches up with the one who takes: equal positions mean empty.
  #room(size: number): number {
    const put = Atomics.load(this.#control, PUT)
    const take = Atomics.load(this.#control, TAKE)
    if (put < take) return put + size < take ? put : -1
    if (put + size <= this.#octets.length) return put
    if (size >= take) return -1
    if (put + HEADER <= this.#octets.length) this.#words[put >>> 2] = ONWARD
    return 0
  }
}
