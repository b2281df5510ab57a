/*
 * SHA-1 (FIPS 180-4 §6.1) for MS-CHAPv2, which digests six short messages a login: for those it takes a third of the
 * time of createHash. Broken as a signature: for MS-CHAP only.
 */
const BLOCK = 64
const ROUNDS = 80
const DIGEST = 20
/** Octets of a message that `sha1` takes. */
const MOST = 512

const START = Int32Array.of(0x67452301, -0x10325477, -0x67452302, 0x10325476, -0x3c2d1e10)
const state = new Int32Array(5)
const words = new Int32Array(ROUNDS)
const octets = new Uint8Array(MOST + 2 * BLOCK)

/**
 * SHA-1 over the octets given, one after the other.
 * @param parts   512 octets in all at most
 * @param length  how many octets of the digest are wanted
 * @throws RangeError beyond
 */
export function sha1(parts: readonly Uint8Array[], length = DIGEST): Buffer {
  let end = 0
  for (const part of parts) {
    if (end + part.length > MOST) throw new RangeError(`more than ${MOST} octets to digest`)
    end = append(octets, part, end)
  }
  const padded = pad(octets, end)
  state.set(START)
  for (let at = 0; at < padded; at += BLOCK) compress(schedule(octets, at, words))
  for (let at = 0; at < end; at++) octets[at] = 0 // what was digested is as secret as a password
  return digest(length)
}

/**
 * SHA-1 over messages that begin differently and end alike, as those of MS-CHAPv2 do: their later blocks are worked out
 * once.
 */
export class Sha1Ending {
  readonly #octets: Uint8Array
  readonly #prefix: number
  readonly #later: readonly Int32Array[]

  /** @param prefix  octets before the ending, 64 at most */
  constructor(prefix: number, ...ending: readonly Uint8Array[]) {
    const length = ending.reduce((sum, part) => sum + part.length, prefix)
    this.#octets = new Uint8Array(length + 2 * BLOCK)
    this.#prefix = prefix
    ending.reduce((at, part) => append(this.#octets, part, at), prefix)
    const blocks = pad(this.#octets, length) / BLOCK
    this.#later = Array.from({ length: blocks - 1 }, (_, n) =>
      schedule(this.#octets, (n + 1) * BLOCK, new Int32Array(ROUNDS))
    )
  }

  /**
   * The digest of `first`, `second` and the ending.
   * @param length  how many octets of it are wanted
   * @throws RangeError unless the first two are together as long as the constructor was told
   */
  digest(length: number, first: Uint8Array, second?: Uint8Array): Buffer {
    if (first.length + (second?.length ?? 0) !== this.#prefix) throw new RangeError('not as long as it was told')
    const at = append(this.#octets, first, 0)
    if (second !== undefined) append(this.#octets, second, at)
    state.set(START)
    compress(schedule(this.#octets, 0, words))
    for (const later of this.#later) compress(later)
    for (let i = 0; i < this.#prefix; i++) this.#octets[i] = 0
    return digest(length)
  }
}

function append(to: Uint8Array, part: Uint8Array, at: number): number {
  for (let i = 0; i < part.length; i++) to[at + i] = part[i]! // shorter than set() for a few octets
  return at + part.length
}

// FIPS 180-4 §5.1.1. @returns octets with the padding, a multiple of 64
function pad(message: Uint8Array, length: number): number {
  const end = (((length + 8) >> 6) + 1) << 6
  message[length] = 0x80
  for (let at = length + 1; at < end; at++) message[at] = 0
  const bits = length << 3
  for (let i = 0; i < 4; i++) message[end - 1 - i] = bits >>> (8 * i)
  return end
}

// FIPS 180-4 §6.1.2, step 1
function schedule(from: Uint8Array, at: number, to: Int32Array): Int32Array {
  for (let i = 0; i < 16; i++) {
    const byte = at + 4 * i
    to[i] = (from[byte]! << 24) | (from[byte + 1]! << 16) | (from[byte + 2]! << 8) | from[byte + 3]!
  }
  for (let i = 16; i < ROUNDS; i++) {
    const word = to[i - 3]! ^ to[i - 8]! ^ to[i - 14]! ^ to[i - 16]!
    to[i] = (word << 1) | (word >>> 31)
  }
  return to
}

function digest(length: number): Buffer {
  const made = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) made[i] = state[i >> 2]! >>> (24 - 8 * (i & 3))
  return made
}

// FIPS 180-4 §6.1.2, steps 2 to 4: the four groups of rounds one after the other
function compress(scheduled: Int32Array): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let next: number
  for (let i = 0; i < 20; i++) {
    next = (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + 0x5a827999 + scheduled[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  for (let i = 20; i < 40; i++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + scheduled[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  for (let i = 40; i < 60; i++) {
    next = (((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + e - 0x70e44324 + scheduled[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  for (let i = 60; i < 80; i++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e - 0x359d3e2a + scheduled[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  state[0] = state[0]! + a
  state[1] = state[1]! + b
  state[2] = state[2]! + c
  state[3] = state[3]! + d
  state[4] = state[4]! + e
}
