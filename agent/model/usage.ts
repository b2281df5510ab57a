/*
 * A usage record on disk (all big-endian):
 *
 *   0  u8   layout version, 1
 *   1  u8   cause (index into `causes`)
 *   2  u8   flags: 1 = direction flipped, 2 = evidence is a packet to fold on replay
 *   3  f64  period start, ms        11 f64 period end, ms
 *  19  u32  seconds of this period  23 u32 Acct-Session-Time (session total)
 *  27  u64  up octets of this period     35 u64 down
 *  43  u64  session's total up octets    51 u64 down
 *  59  f64  up packets of this period    67 f64 down
 *  75  six texts, each u8 length + UTF-8: session, nas, acctSessionId, userName, subscriber, profile ('' when unknown)
 *      u16 length + the Accounting-Request's attributes as the NAS sent them (evidence), empty when synthetic
 */

/** Why a record was made. Positions are on disk: append only. */
export const causes = [
  'start',
  'interim',
  'stop',
  'replaced',
  'nas-restart',
  'silent',
  'reopened',
  'counter-reset',
  'poll'
] as const
export type Cause = (typeof causes)[number]

/** Usage of one session over one period; octets are from the subscriber's view. */
export interface UsageRecord {
  readonly cause: Cause
  readonly flipped: boolean
  /** True where replaying `evidence` through the fold rebuilds the session; false for records that only accompany one. */
  readonly replays: boolean
  readonly periodStart: number
  readonly periodEnd: number
  readonly seconds: number
  readonly sessionSeconds: number
  readonly upOctets: bigint
  readonly downOctets: bigint
  readonly totalUpOctets: bigint
  readonly totalDownOctets: bigint
  readonly upPackets: number
  readonly downPackets: number
  readonly session: string
  readonly nas: string
  readonly acctSessionId: string
  readonly userName: string
  readonly subscriber: string
  readonly profile: string
  /** Attribute octets of the Accounting-Request behind it; empty when the agent made the record itself. */
  readonly evidence: Buffer
}

const VERSION = 1
const FIXED = 75
const FLIPPED = 1
const REPLAYS = 2

// The fixed part is put together here, through a view that the engine compiles to single stores.
const fixed = Buffer.alloc(FIXED)
const view = new DataView(fixed.buffer, fixed.byteOffset, FIXED)

/** Encodes a record in the layout above. Texts beyond 255 octets are cut there. */
export function encodeUsage(record: UsageRecord): Buffer {
  const { session, nas, acctSessionId, userName, subscriber, profile, evidence } = record
  const room =
    FIXED +
    6 +
    3 * (session.length + nas.length + acctSessionId.length + userName.length + subscriber.length + profile.length) +
    2 +
    evidence.length
  const to = Buffer.allocUnsafe(room)
  putFixed(record)
  to.set(fixed)
  let at = FIXED
  at = putText(to, at, session)
  at = putText(to, at, nas)
  at = putText(to, at, acctSessionId)
  at = putText(to, at, userName)
  at = putText(to, at, subscriber)
  at = putText(to, at, profile)
  to[at] = evidence.length >>> 8
  to[at + 1] = evidence.length
  to.set(evidence, at + 2)
  return to.subarray(0, at + 2 + evidence.length)
}

function putFixed(record: UsageRecord): void {
  fixed[0] = VERSION
  fixed[1] = causes.indexOf(record.cause)
  fixed[2] = (record.flipped ? FLIPPED : 0) | (record.replays ? REPLAYS : 0)
  view.setFloat64(3, record.periodStart)
  view.setFloat64(11, record.periodEnd)
  view.setUint32(19, record.seconds)
  view.setUint32(23, record.sessionSeconds)
  view.setBigUint64(27, record.upOctets)
  view.setBigUint64(35, record.downOctets)
  view.setBigUint64(43, record.totalUpOctets)
  view.setBigUint64(51, record.totalDownOctets)
  view.setFloat64(59, record.upPackets)
  view.setFloat64(67, record.downPackets)
}

/**
 * Reads back what `encodeUsage` wrote.
 * @throws RangeError when the octets are not a usage record
 */
export function decodeUsage(from: Buffer): UsageRecord {
  const cause = causes[from[1] ?? 255]
  if (from[0] !== VERSION || cause === undefined)
    throw new RangeError(`not a usage record: version ${from[0]}, cause ${from[1]}`)
  const flags = from.readUInt8(2)
  const texts: string[] = []
  let at = FIXED
  for (let n = 0; n < 6; n++) {
    const length = from.readUInt8(at)
    texts.push(from.toString('utf8', at + 1, at + 1 + length))
    at += 1 + length
  }
  const evidence = from.subarray(at + 2, at + 2 + from.readUInt16BE(at))
  const [session = '', nas = '', acctSessionId = '', userName = '', subscriber = '', profile = ''] = texts
  return {
    cause,
    flipped: (flags & FLIPPED) !== 0,
    replays: (flags & REPLAYS) !== 0,
    periodStart: from.readDoubleBE(3),
    periodEnd: from.readDoubleBE(11),
    seconds: from.readUInt32BE(19),
    sessionSeconds: from.readUInt32BE(23),
    upOctets: from.readBigUInt64BE(27),
    downOctets: from.readBigUInt64BE(35),
    totalUpOctets: from.readBigUInt64BE(43),
    totalDownOctets: from.readBigUInt64BE(51),
    upPackets: from.readDoubleBE(59),
    downPackets: from.readDoubleBE(67),
    session,
    nas,
    acctSessionId,
    userName,
    subscriber,
    profile,
    evidence
  }
}

// A call into the engine's encoder costs more than a few letters do.
const SHORT = 32

function putText(to: Buffer, at: number, text: string): number {
  if (text.length <= SHORT && putAscii(to, at + 1, text)) {
    to[at] = text.length
    return at + 1 + text.length
  }
  const length = to.write(text, at + 1, Math.min(255, to.length - at - 1), 'utf8')
  to[at] = length
  return at + 1 + length
}

function putAscii(to: Buffer, at: number, text: string): boolean {
  for (let n = 0; n < text.length; n++) {
    const letter = text.charCodeAt(n)
    if (letter > 0x7f) return false
    to[at + n] = letter
  }
  return true
}
