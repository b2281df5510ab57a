/*
 * The keys of the ledger's LevelDB. The first octet names the space:
 *
 *   b <sequence>            block, by the first sequence in it          value: block.ts
 *   c <consumer>            cursor                                      sealed uint64
 *   e <sequence>            epoch, by its first sequence                sealed: uint64 last sequence before it, ULID
 *   h <sequence>            the next sequence at a moment of service    sealed uint64 milliseconds: retention.ts
 *   l <sequence>            loss, by the first sequence that is missing sealed: uint64 last, uint64 time, reason
 *   m <name>                'layout', 'floor', 'service'                sealed uint64
 *   q <time> <original key> quarantine                                  the damaged value as it was found
 *   t <table> 00 <key>      entry of a table                            sealed octets
 *
 * Sequences and times in keys are 8 octets, big-endian, so that they sort as numbers. Blocks sort before everything
 * else: a level-0 file then spans only the newest blocks, and LevelDB need not rewrite the older ones to sink it.
 */

/** First octet of a key. */
export const Space = {
  block: 0x62,
  cursor: 0x63,
  epoch: 0x65,
  hour: 0x68,
  loss: 0x6c,
  meta: 0x6d,
  quarantine: 0x71,
  table: 0x74
} as const
export type Space = (typeof Space)[keyof typeof Space]

const WORD = 2 ** 32

/** Writes a whole number of 0 … 2^53 − 1 as 8 octets, big-endian. */
export function writeNumber(into: Buffer, value: number, offset: number): void {
  into.writeUInt32BE(Math.floor(value / WORD), offset)
  into.writeUInt32BE(value % WORD, offset + 4)
}

/** Reads what `writeNumber` wrote. */
export function readNumber(from: Buffer, offset: number): number {
  return from.readUInt32BE(offset) * WORD + from.readUInt32BE(offset + 4)
}

/** A whole number as 8 octets, big-endian. */
export function numberOctets(value: number): Buffer {
  const octets = Buffer.allocUnsafe(8)
  writeNumber(octets, value, 0)
  return octets
}

/** Key of something that stands at a sequence. */
export function sequenceKey(space: Space, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(9)
  key[0] = space
  writeNumber(key, sequence, 1)
  return key
}

/** Sequence in a key that `sequenceKey` made; undefined when the key is none. */
export function sequenceOf(key: Buffer): number | undefined {
  return key.length === 9 ? readNumber(key, 1) : undefined
}

/** Key of something that has a name. */
export function nameKey(space: Space, name: string): Buffer {
  return Buffer.from(String.fromCharCode(space) + name)
}

/** Name in a key that `nameKey` made. */
export function nameOf(key: Buffer): string {
  return key.toString('utf8', 1)
}

/** Key of a table's entry; also the start of the table's range when `key` is empty. */
export function tableKey(table: string, key: string): Buffer {
  return Buffer.from(`t${table}\0${key}`)
}

/** Table and key in a key that `tableKey` made. */
export function tableOf(key: Buffer): { readonly table: string; readonly key: string } {
  const end = key.indexOf(0, 1)
  return {
    table: key.toString('utf8', 1, end < 0 ? key.length : end),
    key: end < 0 ? '' : key.toString('utf8', end + 1)
  }
}

/** Key under which a damaged value is kept: nothing is ever overwritten there, as the time is part of it. */
export function quarantineKey(time: number, original: Buffer): Buffer {
  return Buffer.concat([sequenceKey(Space.quarantine, time), original])
}

/** The first key behind a whole space or, with a key, behind everything that begins with it. */
export function behindPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  const last = end.length - 1
  end[last] = (end[last] ?? 0) + 1
  return end
}

/** All keys of a space. */
export function spaceRange(space: Space): { readonly gte: Buffer; readonly lt: Buffer } {
  return { gte: Buffer.of(space), lt: Buffer.of(space + 1) }
}
