/**
 * MD4, which OpenSSL 3 no longer offers and Microsoft's NT hash needs. Broken as a digest: for NT hashes only.
 * @returns 16 octets
 * @see RFC 1320
 */
export function md4(octets: Buffer): Buffer {
  const length = octets.length
  const padded = Buffer.alloc(((length + 8) & ~63) + 64)
  octets.copy(padded)
  padded[length] = 0x80
  padded.writeUInt32LE(length * 8, padded.length - 8)
  const state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476]
  for (let at = 0; at < padded.length; at += 64) compress(state, padded, at)
  const digest = Buffer.alloc(16)
  state.forEach((word, i) => digest.writeInt32LE(word, 4 * i))
  return digest
}

// RFC 1320 §3.4: of each round, which word comes when, by how much to rotate, what to add, how to mix
const order = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
  [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]
] as const
const rotation = [
  [3, 7, 11, 19],
  [3, 5, 9, 13],
  [3, 9, 11, 15]
] as const
const addition = [0, 0x5a827999, 0x6ed9eba1] as const
const mix = [
  (x: number, y: number, z: number) => (x & y) | (~x & z),
  (x: number, y: number, z: number) => (x & y) | (x & z) | (y & z),
  (x: number, y: number, z: number) => x ^ y ^ z
] as const

function compress(state: number[], octets: Buffer, at: number): void {
  let [a, b, c, d] = state as [number, number, number, number]
  for (const round of [0, 1, 2] as const) {
    order[round].forEach((word, step) => {
      const sum = (a + mix[round](b, c, d) + octets.readInt32LE(at + 4 * word) + addition[round]) | 0
      const turn = rotation[round][step % 4]!
      a = d
      d = c
      c = b
      b = (sum << turn) | (sum >>> (32 - turn))
    })
  }
  ;[a, b, c, d].forEach((word, i) => (state[i] = (state[i]! + word) | 0))
}
