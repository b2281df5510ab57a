import { crc32 } from 'node:zlib'
import type { Entry, RecordKind } from '../model/index.js'
import type { Block, LedgerRecord } from './contract.js'
import { LedgerError } from './errors.js'

/*
 * A block as it lies under its key, all numbers big-endian:
 *
 *    0  uint8   version, 1
 *    1  uint8   form: 0 dense, 1 thinned (retention has taken records out)
 *    2  uint48  first sequence, the same as in the key
 *    8  uint32  span: it answers for first … first + span − 1
 *   12  uint32  records held; in a dense block the same as span
 *   16  26 × ASCII  epoch, a ULID
 *   42  the records, each
 *         uint32  distance from first, in a thinned block only
 *         uint8   kind
 *         uint48  time, milliseconds since 1970
 *         uint32  octets of payload, then the payload
 *  end  uint32  CRC-32 of everything before
 *
 * Invariants: a block is written once, in one put with its checksum, and is whole or damaged, nothing between.
 */
const VERSION = 1
const Form = { dense: 0, thinned: 1 } as const
const HEADER = 42
const FRAME = 11
const DISTANCE = 4
const SUM = 4
const EPOCH_AT = 16
const PAYLOAD_MOST = 16 * 1024 * 1024
const TIME_MOST = 2 ** 48
const WORD = 2 ** 32

/** Octets that entries take in a block. @throws LedgerError `LEDGER_BAD_ENTRY` */
export function framedOctets(entries: readonly Entry[]): number {
  let octets = 0
  for (const { kind, time, payload } of entries) {
    if (kind < 1 || kind > 255 || !Number.isInteger(kind)) throw new LedgerError('LEDGER_BAD_ENTRY', `kind ${kind}`)
    if (time < 0 || time >= TIME_MOST || !Number.isInteger(time))
      throw new LedgerError('LEDGER_BAD_ENTRY', `time ${time}`)
    if (payload.length > PAYLOAD_MOST) throw new LedgerError('LEDGER_BAD_ENTRY', `payload of ${payload.length} octets`)
    octets += FRAME + payload.length
  }
  return octets
}

function writeFrame(into: Buffer, at: number, { kind, time, payload }: Entry): number {
  const high = Math.floor(time / WORD)
  const low = time % WORD
  const length = payload.length
  into[at] = kind
  into[at + 1] = high >>> 8
  into[at + 2] = high
  into[at + 3] = low >>> 24
  into[at + 4] = low >>> 16
  into[at + 5] = low >>> 8
  into[at + 6] = low
  into[at + 7] = length >>> 24
  into[at + 8] = length >>> 16
  into[at + 9] = length >>> 8
  into[at + 10] = length
  into.set(payload, at + FRAME)
  return at + FRAME + length
}

function finish(
  octets: Buffer,
  end: number,
  form: number,
  first: number,
  span: number,
  held: number,
  epoch: string
): Buffer {
  octets[0] = VERSION
  octets[1] = form
  octets.writeUIntBE(first, 2, 6)
  octets.writeUInt32BE(span, 8)
  octets.writeUInt32BE(held, 12)
  octets.write(epoch, EPOCH_AT, 'latin1')
  octets.writeUInt32BE(crc32(octets.subarray(0, end)), end)
  return octets.subarray(0, end + SUM)
}

/** A block that is being filled, in a buffer that grows and is used again. */
export class BlockBuilder {
  #octets: Buffer
  #end = HEADER
  #first = 0
  #count = 0

  /** @param capacity octets to begin with */
  constructor(capacity: number) {
    this.#octets = Buffer.allocUnsafe(capacity)
  }

  get count(): number {
    return this.#count
  }

  get first(): number {
    return this.#first
  }

  /** Octets of the buffer behind it. */
  get capacity(): number {
    return this.#octets.length
  }

  /**
   * @param framed what `framedOctets` said about the entries
   * @param sequence of the first of them; counts only when the block was empty
   */
  add(entries: readonly Entry[], framed: number, sequence: number): void {
    if (this.#count === 0) this.#first = sequence
    this.#grow(this.#end + framed + SUM)
    let end = this.#end
    for (const entry of entries) end = writeFrame(this.#octets, end, entry)
    this.#end = end
    this.#count += entries.length
  }

  /** The block's octets: valid until the builder is cleared. */
  seal(epoch: string): Buffer {
    return finish(this.#octets, this.#end, Form.dense, this.#first, this.#count, this.#count, epoch)
  }

  /** Makes it empty, for the next block. */
  clear(): void {
    this.#end = HEADER
    this.#count = 0
  }

  #grow(needed: number): void {
    if (needed <= this.#octets.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#octets.length * 2))
    this.#octets.copy(larger, 0, 0, this.#end)
    this.#octets = larger
  }
}

/** A thinned block that answers for `first … last` and holds only some of its records, in order. */
export function encodeThinned(epoch: string, first: number, last: number, records: readonly LedgerRecord[]): Buffer {
  const framed = framedOctets(records) + records.length * DISTANCE
  const octets = Buffer.allocUnsafe(HEADER + framed + SUM)
  let at = HEADER
  for (const record of records) {
    octets.writeUInt32BE(record.sequence - first, at)
    at = writeFrame(octets, at + DISTANCE, record)
  }
  return finish(octets, at, Form.thinned, first, last - first + 1, records.length, epoch)
}

/** Why a stored value is not a block. */
export type Damage = 'short' | 'checksum' | 'version' | 'misplaced' | 'malformed'

/**
 * Reads a stored block. Payloads point into `value`.
 * @param first the sequence in its key
 */
export function decodeBlock(first: number | undefined, value: Buffer): Block | Damage {
  const end = value.length - SUM
  if (end < HEADER) return 'short'
  if (crc32(value.subarray(0, end)) !== value.readUInt32BE(end)) return 'checksum'
  if (value[0] !== VERSION) return 'version'
  if (value.readUIntBE(2, 6) !== first) return 'misplaced'
  const records = decodeRecords(value, end, first)
  if (records === undefined) return 'malformed'
  const last = first + value.readUInt32BE(8) - 1
  return { epoch: value.toString('latin1', EPOCH_AT, HEADER), first, last, records }
}

function decodeRecords(value: Buffer, end: number, first: number): LedgerRecord[] | undefined {
  const thinned = value[1] === Form.thinned
  const held = value.readUInt32BE(12)
  const records: LedgerRecord[] = []
  let at = HEADER
  for (let index = 0; index < held; index++) {
    const head = at + (thinned ? DISTANCE : 0)
    const start = head + FRAME
    if (start > end) return undefined
    const next = start + value.readUInt32BE(head + 7)
    if (next > end) return undefined
    records.push({
      sequence: first + (thinned ? value.readUInt32BE(at) : index),
      kind: value[head] as RecordKind,
      time: value.readUIntBE(head + 1, 6),
      payload: value.subarray(start, next)
    })
    at = next
  }
  return at === end ? records : undefined
}
