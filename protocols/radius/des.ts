/*
 * DES as MS-CHAP uses it: one block, encryption only, under keys that are kept. OpenSSL offers DES only as triple DES
 * and takes the key anew for each block, which costs twenty times as much. Broken as a cipher: for MS-CHAP only.
 *
 * Bits are numbered as in FIPS 46-3: from 1, the most significant first. A schedule is 16 rounds of 8 subkeys, each of
 * 6 bits in an octet.
 */

/** Octets of a key schedule. */
export const DES_SCHEDULE = 128

// FIPS 46-3, appendix 1: the eight selection functions, rows one behind the other
const boxes = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b'
].map(text => Array.from(text, digit => Number.parseInt(digit, 16)))

const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25
]
const PC1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55,
  47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4
]
const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30,
  40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32
]
const shifts = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]

/** Selection and permutation in one look: 64 words a box. */
const selected = Int32Array.from({ length: 512 }, (_, i) => {
  const six = i & 63
  const value = boxes[i >> 6]![((six >> 5) * 2 + (six & 1)) * 16 + ((six >> 1) & 15)]!
  return P.reduce((word, from, to) => {
    const bit = from - 1 - 4 * (i >> 6)
    return bit >= 0 && bit < 4 && ((value >> (3 - bit)) & 1) === 1 ? word | (1 << (31 - to)) : word
  }, 0)
})

/** Where each of the 56 key bits goes: octet of the schedule << 6 | mask of the bit in it. */
const uses: readonly (readonly number[])[] = Array.from({ length: 56 }, (_, bit) => usesOf(bit))

function usesOf(bit: number): number[] {
  const numbered = Math.floor(bit / 7) * 8 + (bit % 7) + 1 // with the parity bits, which nobody sees
  const at = PC1.indexOf(numbered)
  const found: number[] = []
  let turned = 0
  for (const [round, shift] of shifts.entries()) {
    turned += shift
    const half = at < 28 ? 0 : 28
    const place = PC2.indexOf(half + ((at - half - turned + 28) % 28) + 1)
    if (place !== -1) found.push(((round * 8 + Math.floor(place / 6)) << 6) | (32 >> (place % 6)))
  }
  return found
}

/**
 * The subkeys of a key of 56 bits.
 * @param key  holds the key's seven octets at `from`, without parity bits
 * @param to   where 128 octets are written, at `at`
 */
export function desSchedule(key: Uint8Array, from: number, to: Uint8Array, at: number): void {
  to.fill(0, at, at + DES_SCHEDULE)
  for (let bit = 0; bit < 56; bit++) {
    if (((key[from + (bit >> 3)]! >> (7 - (bit & 7))) & 1) === 0) continue
    for (const use of uses[bit]!) to[at + (use >> 6)]! |= use & 63
  }
}

/**
 * Encrypts a block of eight octets under a schedule. FIPS 46-3.
 * @param keys    holds the schedule at `keysAt`
 * @param block   eight octets at its beginning
 * @param to      where eight octets are written, at `at`
 */
export function desEncrypt(keys: Uint8Array, keysAt: number, block: Uint8Array, to: Uint8Array, at: number): void {
  let l = (block[0]! << 24) | (block[1]! << 16) | (block[2]! << 8) | block[3]!
  let r = (block[4]! << 24) | (block[5]! << 16) | (block[6]! << 8) | block[7]!
  // The initial permutation, as five exchanges of bits between the halves
  let t = ((l >>> 4) ^ r) & 0x0f0f0f0f
  r ^= t
  l ^= t << 4
  t = ((l >>> 16) ^ r) & 0xffff
  r ^= t
  l ^= t << 16
  t = ((r >>> 2) ^ l) & 0x33333333
  l ^= t
  r ^= t << 2
  t = ((r >>> 8) ^ l) & 0x00ff00ff
  l ^= t
  r ^= t << 8
  t = ((l >>> 1) ^ r) & 0x55555555
  r ^= t
  l ^= t << 1
  for (let k = keysAt; k < keysAt + DES_SCHEDULE; k += 8) {
    const right = (r >>> 1) | (r << 31)
    const left = (r << 1) | (r >>> 31)
    t =
      l ^
      selected[(right >>> 26) ^ keys[k]!]! ^
      selected[64 + (((r >>> 23) & 63) ^ keys[k + 1]!)]! ^
      selected[128 + (((r >>> 19) & 63) ^ keys[k + 2]!)]! ^
      selected[192 + (((r >>> 15) & 63) ^ keys[k + 3]!)]! ^
      selected[256 + (((r >>> 11) & 63) ^ keys[k + 4]!)]! ^
      selected[320 + (((r >>> 7) & 63) ^ keys[k + 5]!)]! ^
      selected[384 + (((r >>> 3) & 63) ^ keys[k + 6]!)]! ^
      selected[448 + ((left & 63) ^ keys[k + 7]!)]!
    l = r
    r = t
  }
  // The halves change places, and the exchanges are undone
  t = l
  l = r
  r = t
  t = ((l >>> 1) ^ r) & 0x55555555
  r ^= t
  l ^= t << 1
  t = ((r >>> 8) ^ l) & 0x00ff00ff
  l ^= t
  r ^= t << 8
  t = ((r >>> 2) ^ l) & 0x33333333
  l ^= t
  r ^= t << 2
  t = ((l >>> 16) ^ r) & 0xffff
  r ^= t
  l ^= t << 16
  t = ((l >>> 4) ^ r) & 0x0f0f0f0f
  r ^= t
  l ^= t << 4
  write(to, at, l)
  write(to, at + 4, r)
}

function write(to: Uint8Array, at: number, word: number): void {
  to[at] = word >>> 24
  to[at + 1] = word >>> 16
  to[at + 2] = word >>> 8
  to[at + 3] = word
}
