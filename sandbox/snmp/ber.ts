/*
 * As much of ASN.1's Basic Encoding Rules as SNMP uses: definite lengths, and tags of one octet. RFC 3417 §8
 */

/** Tags of values and PDUs. RFC 3416 §3, RFC 2578 §7.1 */
export const Tag = {
  Integer: 0x02,
  OctetString: 0x04,
  Null: 0x05,
  ObjectId: 0x06,
  Sequence: 0x30,
  Counter32: 0x41,
  Gauge32: 0x42,
  TimeTicks: 0x43,
  Counter64: 0x46,
  NoSuchObject: 0x80,
  NoSuchInstance: 0x81,
  EndOfMibView: 0x82,
  GetRequest: 0xa0,
  GetNextRequest: 0xa1,
  Response: 0xa2,
  SetRequest: 0xa3,
  GetBulkRequest: 0xa5
} as const

/** One value in a buffer: its tag, and where its content lies. */
export interface Item {
  readonly tag: number
  readonly from: number
  readonly to: number
}

/** The value that begins at `at`. @throws RangeError where the octets end before it does */
export function itemAt(octets: Buffer, at: number): Item {
  const tag = octets.readUInt8(at)
  const first = octets.readUInt8(at + 1)
  const more = first < 0x80 ? 0 : first & 0x7f
  const length = more === 0 ? first : octets.readUIntBE(at + 2, Math.min(more, 6))
  const from = at + 2 + more
  if (from + length > octets.length) throw new RangeError('the value is longer than the datagram')
  return { tag, from, to: from + length }
}

/** The values inside another. */
export function itemsIn(octets: Buffer, { from, to }: Pick<Item, 'from' | 'to'>): Item[] {
  const items: Item[] = []
  for (let at = from; at < to; ) {
    const item = itemAt(octets, at)
    items.push(item)
    at = item.to
  }
  return items
}

/** A signed number of up to six octets. */
export function integerIn(octets: Buffer, { from, to }: Item): number {
  return to === from ? 0 : octets.readIntBE(from, Math.min(to - from, 6))
}

/** `1.3.6.1…` */
export function objectIdIn(octets: Buffer, { from, to }: Item): string {
  const numbers: number[] = []
  let number = 0
  for (let at = from; at < to; at++) {
    const octet = octets.readUInt8(at)
    number = number * 128 + (octet & 0x7f)
    if ((octet & 0x80) !== 0) continue
    if (numbers.length === 0)
      numbers.push(Math.min(2, Math.floor(number / 40)), number - 40 * Math.min(2, Math.floor(number / 40)))
    else numbers.push(number)
    number = 0
  }
  return numbers.join('.')
}

/** Tag, length and content. */
export function encoded(tag: number, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(length)]), ...content])
}

/** A signed number, as short as it goes; `tag` other than Integer for Counter32 and its like. */
export function encodedNumber(tag: number, value: number | bigint): Buffer {
  const octets: number[] = []
  let rest = BigInt(value)
  do {
    octets.unshift(Number(rest & 0xffn))
    rest >>= 8n
  } while (rest !== 0n && rest !== -1n)
  const [first = 0] = octets
  if (rest === 0n && first >= 0x80) octets.unshift(0)
  if (rest === -1n && first < 0x80) octets.unshift(0xff)
  return encoded(tag, Buffer.from(octets))
}

/** An object identifier. */
export function encodedObjectId(oid: string): Buffer {
  const [one = 0, two = 0, ...rest] = oid.split('.').map(Number)
  return encoded(Tag.ObjectId, Buffer.from([one * 40 + two, ...rest].flatMap(base128)))
}

function base128(number: number): number[] {
  const octets = [number % 128]
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift((rest % 128) | 0x80)
  return octets
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}
