/*
 * SHA-1 (FIPS 180-4 §6.1) for MS-CHAPv2, which digests six short messages a login: for those it takes a third of the
 * time of createHash. Broken as a signature: for MS-CHAP only.
 */
const MOST = 512
const octets = new Uint8Array(MOST + 128)
const view = new DataView(octets.buffer)
const words = new Int32Array(80)
const state = new Int32Array(5)
const START = Int32Array.of(0x67452301, -0x10325477, -0x67452302, 0x10325476, -0x3c2d1e10)

/**
 * SHA-1 over the octets given, one after the other.
 * @param parts  512 octets in all at most
 * @returns 20 octets
 * @throws RangeError beyond
 */
export function sha1(...parts: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const part of parts) {
    if (length + part.length > MOST) throw new RangeError(`more than ${MOST} octets to digest`)
    for (let i = 0; i < part.length; i++) octets[length + i] = part[i]! // shorter than set() for a few octets
    length += part.length
  }
  const end = (((length + 8) >> 6) + 1) << 6
  octets[length] = 0x80
  octets.fill(0, length + 1, end)
  view.setUint32(end - 4, length << 3)
  state.set(START)
  for (let at = 0; at < end; at += 64) compress(at)
  octets.fill(0, 0, end) // what was digested is as secret as a password
  const digest = Buffer.allocUnsafe(20)
  for (let i = 0; i < 5; i++) digest.writeInt32BE(state[i]!, 4 * i)
  return digest
}

function schedule(at: number): void {
  for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i)
  for (let i = 16; i < 80; i++) {
    const word = words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!
    words[i] = (word << 1) | (word >>> 31)
  }
}

// FIPS 180-4 §6.1.2, the four groups of rounds one after the other
function compress(at: number): void {
  schedule(at)
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let next: number
  for (let i = 0; i < 20; i++) {
    next = (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + 0x5a827999 + words[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  for (let i = 20; i < 40; i++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + words[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  for (let i = 40; i < 60; i++) {
    next = (((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + e - 0x70e44324 + words[i]!) | 0
    e = d
    d = c
    c = (b << 30) | (b >>> 2)
    b = a
    a = next
  }
  for (let i = 60; i < 80; i++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e - 0x359d3e2a + words[i]!) | 0
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
