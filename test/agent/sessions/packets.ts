import pino from 'pino'
import { readAccounting, type SessionSettings, Sessions, Tickets } from '../../../agent/sessions/index.js'
import type { Ledger } from '../../../agent/ledger/contract.js'
import type { Accounting, Milliseconds } from '../../../agent/model/index.js'
import { Attr, AttributeWriter, Packet } from '../../../protocols/radius/index.js'

export const T0 = Date.UTC(2026, 10, 23, 10)
export const tickets = new Tickets(Buffer.alloc(32, 7))
export const log = pino({ level: 'silent' })

const statuses = { start: 1, stop: 2, interim: 3, on: 7, off: 8 } as const

/** An Accounting-Request in the words of a test; times in seconds after T0. */
export interface Said {
  readonly status: keyof typeof statuses
  readonly id?: string
  readonly nas?: string
  readonly user?: string
  readonly port?: number
  readonly mac?: string
  readonly multi?: string
  readonly class?: Buffer
  /** Acct-Session-Time; left out when undefined. */
  readonly time?: number | undefined
  /** Octets; left out when undefined. */
  readonly up?: bigint | undefined
  readonly down?: bigint | undefined
  /** Seconds after T0 when it happened; as Event-Timestamp unless `untimed`. */
  readonly at: number
  /** Seconds after T0 when it arrived; `at` and half a second by default. */
  readonly arrives?: number
  /** The NAS sends no Event-Timestamp. */
  readonly untimed?: boolean
  readonly delay?: number
  readonly flip?: boolean
  readonly cause?: number
  readonly subscriber?: string
}

/** The attributes of what was said. */
export function attributesOf(said: Said): Buffer {
  const writer = new AttributeWriter().uint32(Attr.AcctStatusType, statuses[said.status])
  if (said.id !== '') writer.add(Attr.AcctSessionId, said.id ?? '81000001')
  if (said.user !== '') writer.add(Attr.UserName, said.user ?? 'alice')
  if (said.port !== undefined) writer.uint32(Attr.NasPort, said.port)
  if (said.mac !== undefined) writer.add(Attr.CallingStationId, said.mac)
  if (said.multi !== undefined) writer.add(Attr.AcctMultiSessionId, said.multi)
  if (said.class !== undefined) writer.add(Attr.Class, said.class)
  if (said.time !== undefined) writer.uint32(Attr.AcctSessionTime, said.time)
  if (said.up !== undefined) octets(writer, Attr.AcctInputOctets, Attr.AcctInputGigawords, said.up)
  if (said.down !== undefined) octets(writer, Attr.AcctOutputOctets, Attr.AcctOutputGigawords, said.down)
  if (said.delay !== undefined) writer.uint32(Attr.AcctDelayTime, said.delay)
  if (said.cause !== undefined) writer.uint32(Attr.AcctTerminateCause, said.cause)
  if (said.untimed !== true) writer.uint32(Attr.EventTimestamp, T0 / 1000 + Math.floor(said.at))
  return writer.finish()
}

/** What the agent reads of it. */
export function heard(said: Said): Accounting {
  const packet = Packet.fromAttributes(attributesOf(said))
  if (typeof packet === 'string') throw new Error(packet)
  const nas = { id: said.nas ?? 'bras-1', ...(said.flip === undefined ? {} : { flipDirection: said.flip }) }
  const identify = () => ({ subscriber: said.subscriber ?? 'sub_1', profile: 'home' })
  const accounting = readAccounting(packet, nas, arrival(said), tickets, identify)
  if (accounting === undefined) throw new Error('not readable')
  return accounting
}

/** When it arrived, in milliseconds. */
export function arrival(said: Said): Milliseconds {
  return T0 + Math.round((said.arrives ?? said.at + 0.5) * 1000)
}

export function open(ledger: Ledger, settings: Partial<SessionSettings> = {}): Promise<Sessions> {
  return Sessions.open({ ledger, clock: () => T0, log, tickets, settings })
}

/** Records what was said, one after another, each durable before the next. */
export async function tell(sessions: Sessions, ...said: readonly Said[]): Promise<void> {
  for (const each of said) await sessions.record(heard(each))
}

function octets(writer: AttributeWriter, low: number, high: number, value: bigint): void {
  writer.uint32(low, Number(value & 0xffff_ffffn)).uint32(high, Number(value >> 32n))
}
