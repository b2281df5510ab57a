const POLYNOMIAL = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, octet) => {
  let sum = octet
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1
  return sum
})

/** CRC-32C (Castagnoli, RFC 3720 §B.4), as LevelDB's files have it; `zlib.crc32` is another polynomial. */
export function crc32c(octets: Uint8Array): number {
  let sum = 0xffffffff
  for (let index = 0; index < octets.length; index++) {
    sum = (sum >>> 8) ^ (table[(sum ^ (octets[index] ?? 0)) & 0xff] ?? 0)
  }
  return ~sum >>> 0
}
