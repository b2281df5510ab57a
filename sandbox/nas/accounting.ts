import type { Milliseconds } from '../../agent/model/index.js'
import { Attr, AttributeWriter } from '../../protocols/radius/index.js'
import type { Equipment } from './equipment.js'
import type { Octets } from './meter.js'

const GIGAWORD = 32n
const LOW = 0xffff_ffffn
const ETHERNET = 15
const AUTHENTIC_RADIUS = 1
const OCTETS_PER_PACKET = 800n

/** What an Accounting-Request reports about a session. */
export interface Report {
  /** Acct-Status-Type. */
  readonly status: number
  readonly acctSessionId: string
  readonly userName: string
  readonly port: number
  readonly callingStation: string
  readonly address: string
  readonly classes: readonly Buffer[]
  readonly octets: Octets
  /** Acct-Session-Time, seconds. */
  readonly seconds: number
  /** When it happened. */
  readonly at: Milliseconds
  /** Acct-Terminate-Cause, of a Stop. */
  readonly cause?: number
}

/**
 * Attributes of an Accounting-Request: what the subscriber sent is Acct-Input. A Start has no counters.
 * @param delay Acct-Delay-Time, seconds
 * @see RFC 2866 §5, RFC 2869 §5.1–5.3
 */
export function accountingAttributes(report: Report, equipment: Equipment, delay: number): Buffer {
  const writer = new AttributeWriter()
    .uint32(Attr.AcctStatusType, report.status)
    .add(Attr.AcctSessionId, report.acctSessionId)
    .add(Attr.UserName, report.userName)
    .uint32(Attr.NasPort, report.port)
    .uint32(Attr.NasPortType, ETHERNET)
    .add(Attr.CallingStationId, report.callingStation)
    .add(Attr.NasPortId, `ether${1 + (report.port % 24)}`)
    .ipv4(Attr.FramedIpAddress, report.address)
    .uint32(Attr.AcctAuthentic, AUTHENTIC_RADIUS)
    .uint32(Attr.EventTimestamp, Math.floor(report.at / 1000))
  for (const value of report.classes) writer.add(Attr.Class, value)
  if (report.status !== START) counters(writer, report)
  if (report.cause !== undefined) writer.uint32(Attr.AcctTerminateCause, report.cause)
  return signOff(writer, equipment, delay)
}

/** Attributes of an Accounting-On or Accounting-Off. RFC 2866 §5.1 */
export function nasAttributes(status: number, equipment: Equipment, at: Milliseconds, delay: number): Buffer {
  const writer = new AttributeWriter()
    .uint32(Attr.AcctStatusType, status)
    .uint32(Attr.EventTimestamp, Math.floor(at / 1000))
  return signOff(writer, equipment, delay)
}

const START = 1

function counters(writer: AttributeWriter, { octets, seconds }: Report): void {
  writer
    .uint32(Attr.AcctSessionTime, seconds)
    .uint32(Attr.AcctInputOctets, Number(octets.up & LOW))
    .uint32(Attr.AcctInputGigawords, Number(octets.up >> GIGAWORD))
    .uint32(Attr.AcctOutputOctets, Number(octets.down & LOW))
    .uint32(Attr.AcctOutputGigawords, Number(octets.down >> GIGAWORD))
    .uint32(Attr.AcctInputPackets, Number((octets.up / OCTETS_PER_PACKET) & LOW))
    .uint32(Attr.AcctOutputPackets, Number((octets.down / OCTETS_PER_PACKET) & LOW))
}

function signOff(writer: AttributeWriter, equipment: Equipment, delay: number): Buffer {
  return writer
    .add(Attr.NasIdentifier, equipment.identifier)
    .uint32(Attr.AcctDelayTime, delay)
    .ipv4(Attr.NasIpAddress, equipment.address)
    .finish()
}
