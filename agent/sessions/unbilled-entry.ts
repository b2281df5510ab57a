import type { UnbilledPacket } from './unbilled.js'

/*
 * A packet that billed nothing, in the checkpoint entry of its session (all big-endian):
 *
 *   0  u8   verdict (index into `verdicts`)   1 u8 status (index into `statuses`)   2 u8 1 when it told octets
 *   3  f64  receivedAt   11 eventAt
 *  19  i32  seconds
 *  23  u64  upOctets     31 downOctets
 *  39  words, u8 length + UTF-8
 */
const FIXED = 39
const verdicts = ['duplicate', 'late'] as const
const statuses = ['start', 'interim', 'stop'] as const

/** Encodes a packet in the layout above. */
export function encodeUnbilled(packet: UnbilledPacket): Buffer {
  const words = Buffer.from(packet.words).subarray(0, 255)
  const to = Buffer.allocUnsafe(FIXED + 1 + words.length)
  to[0] = verdicts.indexOf(packet.verdict)
  to[1] = statuses.indexOf(packet.status)
  to[2] = packet.counted ? 1 : 0
  to.writeDoubleBE(packet.receivedAt, 3)
  to.writeDoubleBE(packet.eventAt, 11)
  // Acct-Session-Time is a uint32, -1 stands for none: what lies above is as good as unknown.
  to.writeInt32BE(packet.seconds > 0x7fff_ffff ? -1 : packet.seconds, 19)
  to.writeBigUInt64BE(packet.upOctets, 23)
  to.writeBigUInt64BE(packet.downOctets, 31)
  to[FIXED] = words.length
  words.copy(to, FIXED + 1)
  return to
}

/**
 * Reads packets, one after the other, to the end.
 * @throws RangeError when the octets were cut short or are something else
 */
export function decodeUnbilled(from: Buffer): readonly UnbilledPacket[] {
  const packets: UnbilledPacket[] = []
  for (let rest = from; rest.length > 0; ) {
    const end = FIXED + 1 + (rest[FIXED] ?? 255)
    const verdict = verdicts[rest[0] ?? 255]
    const status = statuses[rest[1] ?? 255]
    if (end > rest.length || verdict === undefined || status === undefined)
      throw new RangeError('a checkpoint entry was cut short')
    packets.push({
      verdict,
      status,
      counted: rest[2] === 1,
      receivedAt: rest.readDoubleBE(3),
      eventAt: rest.readDoubleBE(11),
      seconds: rest.readInt32BE(19),
      upOctets: rest.readBigUInt64BE(23),
      downOctets: rest.readBigUInt64BE(31),
      words: rest.toString('utf8', FIXED + 1, end)
    })
    rest = rest.subarray(end)
  }
  return packets
}
