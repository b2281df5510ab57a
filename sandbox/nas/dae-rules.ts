import type { Clock } from '../../agent/model/index.js'
import { Attr, Code, type Packet, Vendor } from '../../protocols/radius/index.js'
import { hasReadableRate } from './access.js'
import type { Equipment, Flavour } from './equipment.js'

/*
 * What the virtual NAS says to a CoA-Request or Disconnect-Request. Pure: the sessions are handed in.
 */

/** A session as a request may name it. */
export interface Nameable {
  readonly acctSessionId: string
  readonly userName: string
  readonly address: string
  readonly callingStation: string
  readonly port: number
}

/** ACK with the sessions that are meant, NAK with an Error-Cause, or silence. */
export type Verdict<S> =
  | { readonly answer: 'ack'; readonly sessions: readonly S[] }
  | { readonly answer: 'nak'; readonly errorCause: number }
  | { readonly answer: 'silence' }

/** Error-Cause of RFC 5176 §3.5, those that are used here. */
export const ErrorCause = {
  unsupportedAttribute: 401,
  missingAttribute: 402,
  nasMismatch: 403,
  invalidValue: 407,
  noSession: 503
} as const

const WINDOW_MS = 300_000

const always: readonly number[] = [
  Attr.UserName,
  Attr.NasIpAddress,
  Attr.NasPort,
  Attr.FramedIpAddress,
  Attr.CallingStationId,
  Attr.NasIdentifier,
  Attr.ProxyState,
  Attr.AcctSessionId,
  Attr.EventTimestamp,
  Attr.MessageAuthenticator
]
const changeable: readonly number[] = [
  Attr.FilterId,
  Attr.Class,
  Attr.SessionTimeout,
  Attr.IdleTimeout,
  Attr.AcctInterimInterval,
  Attr.PortLimit
]
/** By vendor: the attributes that a CoA may change. MikroTik 1, 2, 14–18 limits, 3 group, 8 rate, 12 mark, 19 address list. */
const vendorChanges: Readonly<Record<Flavour, ReadonlyMap<number, readonly number[]>>> = {
  mikrotik: new Map([[Vendor.Mikrotik, [1, 2, 3, 8, 12, 14, 15, 17, 18, 19]]]),
  standard: new Map([[Vendor.Wispr, [7, 8]]])
}

/**
 * Judges a verified request.
 * Every key that the request names must fit a session; without any key there is nothing to look for.
 * @see RFC 5176 §3 (keys), §3.5 (Error-Cause), §6.3 (Event-Timestamp)
 */
export function judge<S extends Nameable>(
  packet: Packet,
  equipment: Equipment,
  clock: Clock,
  sessions: Iterable<S>
): Verdict<S> {
  if (isStale(packet, clock())) return { answer: 'silence' }
  if (!isMeantForUs(packet, equipment)) return nak(ErrorCause.nasMismatch)
  if (!isSupported(packet, equipment.flavour)) return nak(ErrorCause.unsupportedAttribute)
  const wanted = keysOf(packet)
  if (Object.keys(wanted).length === 0) return nak(ErrorCause.missingAttribute)
  if (packet.code === Code.CoaRequest && !hasReadableRate(packet)) return nak(ErrorCause.invalidValue)
  const meant = [...sessions].filter(session => fits(session, wanted))
  return meant.length === 0 ? nak(ErrorCause.noSession) : { answer: 'ack', sessions: meant }
}

function nak(errorCause: number): { answer: 'nak'; errorCause: number } {
  return { answer: 'nak', errorCause }
}

function isStale(packet: Packet, now: number): boolean {
  const stamp = packet.uint32(Attr.EventTimestamp)
  return stamp !== undefined && Math.abs(stamp * 1000 - now) > WINDOW_MS
}

function isMeantForUs(packet: Packet, { address, identifier }: Equipment): boolean {
  const wantedAddress = packet.ipv4(Attr.NasIpAddress)
  const wantedIdentifier = packet.text(Attr.NasIdentifier)
  return (wantedAddress ?? address) === address && (wantedIdentifier ?? identifier) === identifier
}

function isSupported(packet: Packet, flavour: Flavour): boolean {
  const coa = packet.code === Code.CoaRequest
  for (const { type, value } of packet.entries()) {
    if (
      type === Attr.VendorSpecific
        ? !coa || !isVendorSupported(value, flavour)
        : !always.includes(type) && !(coa && changeable.includes(type))
    )
      return false
  }
  return true
}

/** One Vendor-Specific may hold several attributes. RFC 2865 §5.26 */
function isVendorSupported(value: Buffer, flavour: Flavour): boolean {
  const supported = value.length >= 6 ? vendorChanges[flavour].get(value.readUInt32BE()) : undefined
  if (supported === undefined) return false
  for (let at = 4; at < value.length; at += value[at + 1] ?? 0) {
    if ((value[at + 1] ?? 0) < 2 || !supported.includes(value[at] ?? 0)) return false
  }
  return true
}

function keysOf(packet: Packet): Partial<Nameable> {
  return Object.fromEntries(
    Object.entries({
      acctSessionId: packet.text(Attr.AcctSessionId),
      userName: packet.text(Attr.UserName),
      address: packet.ipv4(Attr.FramedIpAddress),
      callingStation: packet.text(Attr.CallingStationId),
      port: packet.uint32(Attr.NasPort)
    }).filter(([, value]) => value !== undefined)
  )
}

function fits(session: Nameable, wanted: Partial<Nameable>): boolean {
  return (Object.keys(wanted) as (keyof Nameable)[]).every(key => session[key] === wanted[key])
}
