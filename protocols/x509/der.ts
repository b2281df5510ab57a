/*
 * DER (X.690 §8.1, §10.1): tag 1, length 1 below 128, else 0x80 + n and n octets of length; then the value, which for a
 * constructed tag holds elements again.
 */

/** One element; views of what it was read from. */
export interface DerElement {
  readonly tag: number
  readonly value: Buffer
  /** With tag and length. */
  readonly whole: Buffer
}

/** The tags that are looked for. X.680 §8.6 */
export const DerTag = {
  Boolean: 1,
  Integer: 2,
  OctetString: 4,
  Oid: 6,
  UtcTime: 23,
  GeneralizedTime: 24,
  Sequence: 0x30
} as const

/** The elements that follow each other to the end. @returns undefined where a length is wrong. Never throws. */
export function readDer(octets: Buffer): DerElement[] | undefined {
  const found: DerElement[] = []
  for (let at = 0; at < octets.length; ) {
    const element = derAt(octets, at)
    if (element === undefined) return undefined
    found.push(element)
    at += element.whole.length
  }
  return found
}

/** The element that begins there; undefined where its length is wrong. */
export function derAt(octets: Buffer, at: number): DerElement | undefined {
  const first = octets[at + 1]
  if (first === undefined) return undefined
  const more = first < 0x80 ? 0 : first & 0x7f
  const from = at + 2 + more
  if (more > 4 || first === 0x80 || from > octets.length) return undefined
  const to = from + (more === 0 ? first : octets.readUIntBE(at + 2, more))
  if (to > octets.length) return undefined
  return { tag: octets[at]!, value: octets.subarray(from, to), whole: octets.subarray(at, to) }
}

/** The elements inside of the first one, where that is a SEQUENCE. */
export function readSequence(octets: Buffer): DerElement[] | undefined {
  const first = readDer(octets)?.[0]
  return first?.tag === DerTag.Sequence ? readDer(first.value) : undefined
}

/** An object identifier's numbers with dots. X.690 §8.19 */
export function oidText(value: Buffer): string {
  const numbers: number[] = []
  let number = 0
  for (const octet of value) {
    number = number * 128 + (octet & 0x7f)
    if (octet >= 0x80) continue
    numbers.push(number)
    number = 0
  }
  const [first = 0, ...rest] = numbers
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - top * 40, ...rest].join('.')
}

/** A Time in milliseconds; undefined where it is none of RFC 5280 §4.1.2.5. */
export function timeOf({ tag, value }: DerElement): number | undefined {
  const text = value.toString('latin1')
  const [, years, rest] = (tag === DerTag.UtcTime ? /^(\d\d)(\d{10})Z$/ : /^(\d{4})(\d{10})Z$/).exec(text) ?? []
  if (years === undefined || rest === undefined) return undefined
  const year = years.length === 4 ? years : `${Number(years) < 50 ? 20 : 19}${years}`
  const [month, day, hour, minute, second] = rest.match(/../g)!
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}
