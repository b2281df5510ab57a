import { createHash } from 'node:crypto'
import { Attr, AttributeWriter, Packet } from '../../protocols/radius/index.js'
import { type Accounting, type Milliseconds, POLLED, type Subscriber } from '../model/index.js'
import { readAccounting } from '../sessions/index.js'
import { type Meter, type Totals, wholeSecond } from './meter.js'

const STATUS = { start: 1, stop: 2, interim: 3 } as const
const NAS_REBOOT = 11
const NAS_REQUEST = 10
const WRAP = 0x1_0000_0000n
const LONGEST = 253
const LONGEST_PLACE = 200

/** Why a polled session ends: Acct-Terminate-Cause. RFC 2866 §5.10 */
export const terminate = { restarted: NAS_REBOOT, released: NAS_REQUEST } as const

/** What an accounting record says of whom. */
export type Who = Pick<Meter, 'subscriber' | 'acctSessionId' | 'nas'> & { readonly port: string }

/**
 * Names the session of a port.
 * @param nonce  tells sessions of one port apart that began in the same second
 * @returns `poll:<device>:<port>:<second, base 36>.<nonce>`; a place too long for an attribute becomes its digest
 */
export function sessionIdOf(device: string, port: string, at: Milliseconds, nonce: string): string {
  const place = `${device}:${port}`
  const short =
    Buffer.byteLength(place) > LONGEST_PLACE ? createHash('sha256').update(place).digest('base64url') : place
  return `${POLLED}${short}:${Math.floor(at / 1000).toString(36)}.${nonce}`
}

/**
 * What the port would say if it were a NAS: the record that is told is an Accounting-Request like any other, so that it is
 * folded, stored and replayed by the same rules.
 * @param subscriber  undefined when billing has removed them
 * @param cause       Acct-Terminate-Cause of a Stop
 * @throws Error when it cannot be read back, which only a fault of ours can cause
 */
export function accountingOf(
  who: Who,
  subscriber: Pick<Subscriber, 'username' | 'profile' | 'addresses'> | undefined,
  status: keyof typeof STATUS,
  totals: Totals,
  cause = 0
): Accounting {
  const writer = new AttributeWriter()
    .uint32(Attr.AcctStatusType, STATUS[status])
    .add(Attr.AcctSessionId, who.acctSessionId)
    .add(Attr.UserName, cut(subscriber?.username ?? who.subscriber))
    .add(Attr.NasPortId, cut(who.port))
    .uint32(Attr.EventTimestamp, wholeSecond(totals.at) / 1000)
  const address = subscriber?.addresses?.ipv4
  if (address !== undefined) writer.ipv4(Attr.FramedIpAddress, address)
  if (status !== 'start') addTotals(writer, totals)
  if (cause !== 0) writer.uint32(Attr.AcctTerminateCause, cause)
  const packet = Packet.fromAttributes(writer.finish())
  if (typeof packet === 'string') throw new Error(`a polled record cannot be read back: ${packet}`)
  const known = { subscriber: who.subscriber, profile: subscriber?.profile ?? '' }
  const accounting = readAccounting(packet, { id: who.nas }, totals.at, undefined, () => known)
  if (accounting === undefined) throw new Error('a polled record names no session')
  return accounting
}

function addTotals(writer: AttributeWriter, { seconds, up, down }: Totals): void {
  writer
    .uint32(Attr.AcctSessionTime, Math.min(seconds, 0xffff_ffff))
    .uint32(Attr.AcctInputOctets, Number(up % WRAP))
    .uint32(Attr.AcctInputGigawords, Number((up / WRAP) % WRAP))
    .uint32(Attr.AcctOutputOctets, Number(down % WRAP))
    .uint32(Attr.AcctOutputGigawords, Number((down / WRAP) % WRAP))
}

function cut(text: string): Buffer {
  return Buffer.from(text).subarray(0, LONGEST)
}
