import type { VarbindValue } from 'net-snmp'

/** A text as the device sends it: octets, taken for UTF-8. `` when it has none. */
export function textOf(value: VarbindValue | undefined): string {
  return Buffer.isBuffer(value) ? value.toString('utf8').replace(/\0+$/, '') : typeof value === 'string' ? value : ''
}

/** A number, or undefined where the device has none. */
export function numberOf(value: VarbindValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/**
 * A counter: Counter32 comes as a number, Counter64 as up to nine octets, big-endian.
 * @returns undefined where the device has none, or something else
 */
export function counterOf(value: VarbindValue | undefined): bigint | undefined {
  if (typeof value === 'number') return value >= 0 ? BigInt(value) : undefined
  if (!Buffer.isBuffer(value) || value.length === 0 || value.length > 9) return undefined
  if (value.length <= 6) return BigInt(value.readUIntBE(0, value.length))
  let total = 0n
  for (const octet of value) total = (total << 8n) | BigInt(octet)
  return total <= 0xffff_ffff_ffff_ffffn ? total : undefined
}
