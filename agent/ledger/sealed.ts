import { crc32 } from 'node:zlib'

/*
 * Small values (tables, cursors, epochs, …): the octets, then the CRC-32 of key and octets, 4 octets big-endian.
 * The key is part of the sum, so that a value which turns up under another key is found out too.
 */
const SUM = 4

/** The value to store under `key`. */
export function seal(key: Buffer, octets: Buffer): Buffer {
  const value = Buffer.allocUnsafe(octets.length + SUM)
  octets.copy(value)
  value.writeUInt32BE(crc32(octets, crc32(key)), octets.length)
  return value
}

/** The octets that were sealed; undefined when key or value are not as they were written. */
export function unseal(key: Buffer, value: Buffer): Buffer | undefined {
  const length = value.length - SUM
  if (length < 0) return undefined
  const octets = value.subarray(0, length)
  return value.readUInt32BE(length) === crc32(octets, crc32(key)) ? octets : undefined
}
