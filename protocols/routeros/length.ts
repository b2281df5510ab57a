import { RouterosError } from './errors.js'

/*
 * A word's length, the more octets the larger it is; the leading bits tell how many follow:
 *
 *   0xxxxxxx                                      < 0x80
 *   10xxxxxx xxxxxxxx                             < 0x4000
 *   110xxxxx xxxxxxxx xxxxxxxx                    < 0x200000
 *   1110xxxx xxxxxxxx xxxxxxxx xxxxxxxx           < 0x10000000
 *   11110000 then four octets                     up to 0xFFFFFFFF
 *
 * 0xF1–0xF7 are not made by any length and 0xF8–0xFF are reserved for control.
 */
const marks = [0x00, 0x80, 0xc0, 0xe0] as const
const limits = [0x80, 0x4000, 0x200000, 0x10000000] as const
const FIVE = 0xf0

/** Octets of `length`, 0 to 2³²−1. @throws RangeError beyond @see MikroTik manual, «API: API words» */
export function encodeLength(length: number): Buffer {
  const extra = limits.findIndex(limit => length < limit)
  if (!Number.isInteger(length) || length < 0 || length > 0xffffffff) throw new RangeError(`no length: ${length}`)
  const to = Buffer.alloc(extra === -1 ? 5 : extra + 1)
  if (extra === -1) {
    to[0] = FIVE
    to.writeUInt32BE(length, 1)
    return to
  }
  to.writeUIntBE(length, 0, extra + 1)
  to[0] = (to[0] ?? 0) | (marks[extra] ?? 0)
  return to
}

/**
 * Reads a length at `at`.
 * @returns the length and how many octets it took; undefined while octets are missing
 * @throws RouterosError `ROS_RESERVED`
 */
export function decodeLength(from: Buffer, at = 0): { length: number; consumed: number } | undefined {
  const first = from[at]
  if (first === undefined) return undefined
  if (first > FIVE) throw new RouterosError('ROS_RESERVED', `0x${first.toString(16)}`)
  const extra = first === FIVE ? 4 : marks.findLastIndex(mark => first >= mark)
  if (from.length - at <= extra) return undefined
  if (first === FIVE) return { length: from.readUInt32BE(at + 1), consumed: 5 }
  const whole = from.readUIntBE(at, extra + 1)
  return { length: whole - (marks[extra] ?? 0) * 2 ** (8 * extra), consumed: extra + 1 }
}
