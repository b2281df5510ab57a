import { causes } from '../model/index.js'
import type { Session, SessionState } from '../model/index.js'
import { decodeUnbilled, encodeUnbilled } from './unbilled-entry.js'
import type { UnbilledPacket } from './unbilled.js'

/*
 * A session in the checkpoint (all big-endian):
 *
 *   0  u8   layout version, 1
 *   1  u8   state (index into `states`)
 *   2  u8   closedBy: 0 for none, else 1 + index into `causes`
 *   3  f64  sequence of the last record folded in
 *  11  f64  startedAt   19 lastAt   27 seenAt   35 closedAt
 *  43  u32  terminateCause   47 seconds   51 interval   55 duplicates   59 late   63 resets
 *  67  u64  segmentUp   75 segmentDown   83 earlierUp   91 earlierDown
 *  99  f64  segmentUpPackets   107 segmentDownPackets
 * 115  fourteen texts, each u16 length + UTF-8, in the order of `texts`
 *      packets that billed nothing, where there are any, one after the other to the end (unbilled-entry.ts)
 */
const VERSION = 1
const FIXED = 115
const U32 = 0xffff_ffff
const states: readonly SessionState[] = ['open', 'stale', 'closed']
const texts = [
  'id',
  'nas',
  'acctSessionId',
  'multiSessionId',
  'userName',
  'nasPort',
  'ticket',
  'subscriber',
  'profile',
  'framedIpv4',
  'framedIpv6Prefix',
  'delegatedPrefix',
  'callingStation',
  'nasIpv4'
] as const

/** A session and what the table knows beside it. */
export interface CheckpointEntry {
  readonly session: Session
  readonly sequence: number
  readonly interval: number
  readonly unbilled: readonly UnbilledPacket[]
}

/** Encodes a session in the layout above. */
export function encodeEntry({ session, sequence, interval, unbilled }: CheckpointEntry): Buffer {
  let room = FIXED
  for (const name of texts) room += 2 + 3 * session[name].length
  const to = Buffer.allocUnsafe(room)
  to[0] = VERSION
  to[1] = states.indexOf(session.state)
  to[2] = session.closedBy === '' ? 0 : 1 + causes.indexOf(session.closedBy)
  to.writeDoubleBE(sequence, 3)
  to.writeDoubleBE(session.startedAt, 11)
  to.writeDoubleBE(session.lastAt, 19)
  to.writeDoubleBE(session.seenAt, 27)
  to.writeDoubleBE(session.closedAt, 35)
  to.writeUInt32BE(session.terminateCause, 43)
  to.writeUInt32BE(session.seconds, 47)
  to.writeUInt32BE(interval, 51)
  to.writeUInt32BE(Math.min(U32, session.duplicates), 55)
  to.writeUInt32BE(Math.min(U32, session.late), 59)
  to.writeUInt32BE(Math.min(U32, session.resets), 63)
  to.writeBigUInt64BE(session.segmentUp, 67)
  to.writeBigUInt64BE(session.segmentDown, 75)
  to.writeBigUInt64BE(session.earlierUp, 83)
  to.writeBigUInt64BE(session.earlierDown, 91)
  to.writeDoubleBE(session.segmentUpPackets, 99)
  to.writeDoubleBE(session.segmentDownPackets, 107)
  let at = FIXED
  for (const name of texts) {
    const length = to.write(session[name], at + 2)
    at = to.writeUInt16BE(length, at) + length
  }
  const entry = to.subarray(0, at)
  return unbilled.length === 0 ? entry : Buffer.concat([entry, ...unbilled.map(encodeUnbilled)])
}

/**
 * Reads back what `encodeEntry` wrote.
 * @param shared  gives the one copy of a name that many sessions carry
 * @throws RangeError when the octets are not an entry
 */
export function decodeEntry(from: Buffer, shared: (name: string) => string): CheckpointEntry {
  const state = states[from[1] ?? 255]
  if (from[0] !== VERSION || state === undefined) throw new RangeError(`not a checkpoint entry: version ${from[0]}`)
  const { text, end } = readTexts(from)
  return {
    session: {
      id: text[0] ?? '',
      nas: shared(text[1] ?? ''),
      acctSessionId: text[2] ?? '',
      multiSessionId: text[3] ?? '',
      userName: text[4] ?? '',
      nasPort: text[5] ?? '',
      ticket: text[6] ?? '',
      subscriber: text[7] ?? '',
      profile: shared(text[8] ?? ''),
      framedIpv4: text[9] ?? '',
      framedIpv6Prefix: text[10] ?? '',
      delegatedPrefix: text[11] ?? '',
      callingStation: text[12] ?? '',
      nasIpv4: shared(text[13] ?? ''),
      state,
      startedAt: from.readDoubleBE(11),
      lastAt: from.readDoubleBE(19),
      seenAt: from.readDoubleBE(27),
      closedAt: from.readDoubleBE(35),
      closedBy: from[2] === 0 ? '' : (causes[(from[2] ?? 0) - 1] ?? 'stop'),
      terminateCause: from.readUInt32BE(43),
      seconds: from.readUInt32BE(47),
      segmentUp: from.readBigUInt64BE(67),
      segmentDown: from.readBigUInt64BE(75),
      segmentUpPackets: from.readDoubleBE(99),
      segmentDownPackets: from.readDoubleBE(107),
      earlierUp: from.readBigUInt64BE(83),
      earlierDown: from.readBigUInt64BE(91),
      duplicates: from.readUInt32BE(55),
      late: from.readUInt32BE(59),
      resets: from.readUInt32BE(63)
    },
    sequence: from.readDoubleBE(3),
    interval: from.readUInt32BE(51),
    unbilled: decodeUnbilled(from.subarray(end))
  }
}

function readTexts(from: Buffer): { text: string[]; end: number } {
  const read: string[] = []
  let at = FIXED
  for (const _ of texts) {
    const length = from.readUInt16BE(at)
    if (at + 2 + length > from.length) throw new RangeError('a checkpoint entry was cut short')
    read.push(from.toString('utf8', at + 2, at + 2 + length))
    at += 2 + length
  }
  return { text: read, end: at }
}
