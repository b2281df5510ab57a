import { createHash } from 'node:crypto'
import {
  Attr,
  AttributeWriter,
  encodeUserPassword,
  type Packet,
  type Secret,
  ServiceType,
  Vendor
} from '../../protocols/radius/index.js'
import type { Equipment } from './equipment.js'
import type { Random } from './random.js'

/** Somebody who dials in. */
export interface Dialer {
  readonly userName: string
  readonly password: string
  /** `pap` by default. */
  readonly method?: 'pap' | 'chap'
  /** Calling-Station-Id, a MAC address; made from the position by default. */
  readonly callingStation?: string
  /** Octets a second that the subscriber sends and fetches when nothing limits it; 20,000 and 200,000 by default. */
  readonly up?: number
  readonly down?: number
}

/** What the server granted, as far as the virtual NAS acts on it. Rates in bit/s from the subscriber's view. */
export interface Grant {
  /** Replaces the User-Name in accounting. RFC 2865 §5.1 */
  readonly userName?: string
  /** Echoed in accounting, in this order. */
  readonly classes: readonly Buffer[]
  readonly address?: string
  readonly pool?: string
  readonly interimSeconds?: number
  readonly sessionSeconds?: number
  readonly up?: number
  readonly down?: number
  readonly addressList?: string
  readonly filter?: string
}

const MIKROTIK_RATE = 8
const MIKROTIK_LIST = 19
const WISPR_UP = 7
const WISPR_DOWN = 8
const ETHERNET = 15
const FRAMED_PPP = 1

/** Attributes of an Access-Request, User-Password hidden with the authenticator. RFC 2865 §4.1 */
export function accessAttributes(
  dialer: Dialer & { readonly callingStation: string },
  port: number,
  equipment: Equipment,
  secret: Secret,
  authenticator: Buffer,
  random: Random
): Buffer {
  const writer = new AttributeWriter()
    .uint32(Attr.ServiceType, ServiceType.Framed)
    .uint32(Attr.FramedProtocol, FRAMED_PPP)
    .uint32(Attr.NasPort, port)
    .uint32(Attr.NasPortType, ETHERNET)
    .add(Attr.UserName, dialer.userName)
    .add(Attr.CallingStationId, dialer.callingStation)
    .add(Attr.CalledStationId, 'pppoe-service')
    .add(Attr.NasPortId, `ether${1 + (port % 24)}`)
  if (dialer.method === 'chap') {
    const { response, challenge } = chap(dialer.password, random)
    writer.add(Attr.ChapChallenge, challenge).add(Attr.ChapPassword, response)
  } else writer.add(Attr.UserPassword, encodeUserPassword(dialer.password, authenticator, secret))
  return writer.add(Attr.NasIdentifier, equipment.identifier).ipv4(Attr.NasIpAddress, equipment.address).finish()
}

/** Reads an Access-Accept, or the attributes of a CoA-Request. An address in 127/8 or from 224 up means the NAS's own pool. */
export function readGrant(packet: Packet): Grant {
  const address = packet.ipv4(Attr.FramedIpAddress)
  return {
    classes: packet.all(Attr.Class).map(value => Buffer.from(value)),
    ...defined('userName', packet.text(Attr.UserName)),
    ...defined('address', address === undefined || /^(127|22[4-9]|2[3-5]\d)\./.test(address) ? undefined : address),
    ...defined('pool', packet.text(Attr.FramedPool)),
    ...defined('interimSeconds', packet.uint32(Attr.AcctInterimInterval)),
    ...defined('sessionSeconds', packet.uint32(Attr.SessionTimeout)),
    ...defined('up', packet.vsaUint32(Vendor.Wispr, WISPR_UP)),
    ...defined('down', packet.vsaUint32(Vendor.Wispr, WISPR_DOWN)),
    ...readRateLimit(packet.vsaText(Vendor.Mikrotik, MIKROTIK_RATE) ?? ''),
    ...defined('addressList', packet.vsaText(Vendor.Mikrotik, MIKROTIK_LIST)),
    ...defined('filter', packet.text(Attr.FilterId))
  }
}

/** Whether this grant leads to the walled garden only. */
export function isWalled(grant: Grant, equipment: Equipment): boolean {
  const fences = [grant.addressList, grant.filter, grant.pool]
  return fences.some(fence => fence !== undefined && equipment.walled.includes(fence))
}

/** Whether a Mikrotik-Rate-Limit that is there can be read. */
export function hasReadableRate(packet: Packet): boolean {
  const text = packet.vsaText(Vendor.Mikrotik, MIKROTIK_RATE)
  return text === undefined || readRateLimit(text) !== undefined
}

/**
 * The sustained part of a Mikrotik-Rate-Limit, `rx[/tx] …`: rx is what the router receives, the subscriber's upload.
 * @returns bit/s; a direction that is 0 is unlimited and left out; `undefined` when the text is none
 */
export function readRateLimit(text: string): { up?: number; down?: number } | undefined {
  const match = /^(\d{1,12})([kMG]?)(?:\/(\d{1,12})([kMG]?))?(?: .*)?$/.exec(text)
  if (match === null) return undefined
  const [, rx = '', rxUnit = '', tx = rx, txUnit = rxUnit] = match
  const up = bits(rx, rxUnit)
  const down = bits(tx, txUnit)
  return { ...(up > 0 ? { up } : {}), ...(down > 0 ? { down } : {}) }
}

const units: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 }

function bits(digits: string, unit: string): number {
  return Number(digits) * (units[unit] ?? 1)
}

/** RFC 1994 §4.1: identifier, and MD5 over identifier, password and challenge. */
function chap(password: string, random: Random): { response: Buffer; challenge: Buffer } {
  const challenge = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)))
  const identifier = Buffer.from([Math.floor(random() * 256)])
  const digest = createHash('md5').update(identifier).update(password).update(challenge).digest()
  return { response: Buffer.concat([identifier, digest]), challenge }
}

function defined<K extends string, V>(name: K, value: V | undefined): { [N in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [N in K]: V })
}
