import { Attr, type Packet } from '../../protocols/radius/index.js'
import { totalOctets } from '../model/index.js'
import type { Accounting, Milliseconds, Nas } from '../model/index.js'
import { UNKNOWN_SECONDS } from './advance.js'
import type { Ticket, Tickets } from './tickets.js'

/** How far Event-Timestamp may lie from arrival before it is taken for a wrong clock. Milliseconds. */
export interface TimeWindow {
  readonly ahead: Milliseconds
  readonly behind: Milliseconds
}

/** Five minutes ahead, seven days behind: a NAS may queue for days, but nothing comes from the future. */
export const defaultTimeWindow: TimeWindow = { ahead: 300_000, behind: 7 * 86_400_000 }

/** Who a subscriber is by User-Name, and what profile they have; undefined when the replica does not know them. */
export type Identify = (userName: string) => { readonly subscriber: string; readonly profile: string } | undefined

const statuses: Readonly<Record<number, Accounting['status']>> = {
  1: 'start',
  2: 'stop',
  3: 'interim',
  7: 'on',
  8: 'off'
}
const MAX_DELAY = 7 * 86_400

/**
 * Reads an Accounting-Request in the agent's terms. Pure.
 * @param receivedAt  when it arrived
 * @param tickets     verifies Class
 * @param identify    finds the subscriber where Class does not name one
 * @returns undefined for a packet that no session can be kept for: an Acct-Status-Type that is none of Start, Stop,
 *   Interim-Update, Accounting-On and -Off, or nothing in it that would identify a session
 * @see RFC 2866 §5, RFC 2869 §5.1–5.3 (Gigawords, Event-Timestamp)
 */
export function readAccounting(
  packet: Packet,
  nas: Pick<Nas, 'id' | 'flipDirection'>,
  receivedAt: Milliseconds,
  tickets: Tickets | undefined,
  identify: Identify,
  window: TimeWindow = defaultTimeWindow
): Accounting | undefined {
  const status = statuses[packet.uint32(Attr.AcctStatusType) ?? 0]
  if (status === undefined) return undefined
  const userName = packet.text(Attr.UserName) ?? ''
  const acctSessionId = packet.text(Attr.AcctSessionId) ?? ''
  const nasPort = portOf(packet)
  const callingStation = packet.text(Attr.CallingStationId) ?? ''
  if (
    status !== 'on' &&
    status !== 'off' &&
    acctSessionId === '' &&
    userName === '' &&
    nasPort === '' &&
    callingStation === ''
  ) {
    return undefined
  }
  const ticket = tickets === undefined ? undefined : ticketOf(packet, tickets)
  const named =
    ticket !== undefined && ticket.subscriber !== '' ? ticket : userName === '' ? undefined : identify(userName)
  const flipped = nas.flipDirection === true
  const inputLow = packet.uint32(Attr.AcctInputOctets)
  const outputLow = packet.uint32(Attr.AcctOutputOctets)
  const input = totalOctets(inputLow ?? 0, packet.uint32(Attr.AcctInputGigawords) ?? 0)
  const output = totalOctets(outputLow ?? 0, packet.uint32(Attr.AcctOutputGigawords) ?? 0)
  const inputPackets = packet.uint32(Attr.AcctInputPackets) ?? 0
  const outputPackets = packet.uint32(Attr.AcctOutputPackets) ?? 0
  return {
    status,
    nas: nas.id,
    receivedAt,
    eventAt: eventTime(packet, receivedAt, window),
    acctSessionId,
    multiSessionId: packet.text(Attr.AcctMultiSessionId) ?? '',
    userName,
    nasPort,
    ticket: ticket?.ticket ?? '',
    subscriber: named?.subscriber ?? '',
    profile: named?.profile ?? '',
    seconds: packet.uint32(Attr.AcctSessionTime) ?? UNKNOWN_SECONDS,
    counted: inputLow !== undefined || outputLow !== undefined,
    upOctets: flipped ? output : input,
    downOctets: flipped ? input : output,
    upPackets: flipped ? outputPackets : inputPackets,
    downPackets: flipped ? inputPackets : outputPackets,
    framedIpv4: packet.ipv4(Attr.FramedIpAddress) ?? '',
    framedIpv6Prefix: packet.ipv6Prefix(Attr.FramedIpv6Prefix) ?? '',
    delegatedPrefix: packet.ipv6Prefix(Attr.DelegatedIpv6Prefix) ?? '',
    callingStation,
    nasIpv4: packet.ipv4(Attr.NasIpAddress) ?? '',
    terminateCause: packet.uint32(Attr.AcctTerminateCause) ?? 0,
    flipped,
    evidence: packet.attributes
  }
}

/** Event-Timestamp where it is sane, else arrival less Acct-Delay-Time. RFC 2869 §5.3, RFC 2866 §5.2 */
function eventTime(packet: Packet, receivedAt: Milliseconds, window: TimeWindow): Milliseconds {
  const stamp = packet.uint32(Attr.EventTimestamp)
  if (stamp !== undefined) {
    const at = stamp * 1000
    if (at <= receivedAt + window.ahead && at >= receivedAt - window.behind) return at
  }
  const delay = packet.uint32(Attr.AcctDelayTime) ?? 0
  return delay <= MAX_DELAY ? receivedAt - delay * 1000 : receivedAt
}

function portOf(packet: Packet): string {
  const number = packet.uint32(Attr.NasPort)
  return number === undefined ? (packet.text(Attr.NasPortId) ?? '') : String(number)
}

/** Ours among several Class attributes: a NAS may echo those of a proxy too. */
function ticketOf(packet: Packet, tickets: Tickets): Ticket | undefined {
  const first = packet.octets(Attr.Class)
  if (first === undefined) return undefined
  const read = tickets.read(first)
  if (read !== undefined) return read
  for (const octets of packet.all(Attr.Class)) {
    const other = tickets.read(octets)
    if (other !== undefined) return other
  }
  return undefined
}
