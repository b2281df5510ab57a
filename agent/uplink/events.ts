import type { LedgerRecord } from '../ledger/contract.js'
import { decodeUsage, eventTypes, readNotice, RecordKind, type UsageRecord } from '../model/index.js'
import type { WireEvent } from './transport.js'

/*
 * Ledger record → CloudEvent, as JSON. Usage is nearly all there is, so its JSON is put together by hand, a
 * third faster than building the object and calling JSON.stringify.
 */

const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const PLAIN = /^[ !#-[\]-~]*$/
const MOST_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** `id` of an event: the same for the same record for ever. */
export function eventId(epoch: string, sequence: number): string {
  return `${epoch}-${sixteen(sequence)}`
}

/** Sequence as 16 digits, so that text order is number order. */
export function sixteen(sequence: number): string {
  return String(sequence).padStart(16, '0')
}

/**
 * The event of one record.
 * @param epoch of the block that holds the record
 * @throws RangeError or SyntaxError when the payload cannot be read
 */
export function toEvent(record: LedgerRecord, epoch: string, source: string): WireEvent {
  const { kind, sequence, time } = record
  const id = eventId(epoch, sequence)
  const { subject, data } = dataOf(record)
  const json =
    `{"specversion":"1.0","type":"${eventTypes[kind]}","source":${quote(source)},"id":${quote(id)},` +
    `"sequence":"${sixteen(sequence)}","time":"${iso(time)}",` +
    (subject === '' ? '' : `"subject":${quote(subject)},`) +
    `"datacontenttype":"application/json","data":${data}}`
  return { id, sequence, time, json: Buffer.from(json) }
}

function dataOf({ kind, payload }: LedgerRecord): { subject: string; data: string } {
  if (kind === RecordKind.usage) return withSubject(decodeUsage(payload), usageData)
  if (kind === RecordKind.sessionStarted) return withSubject(decodeUsage(payload), startedData)
  if (kind === RecordKind.sessionEnded) return withSubject(decodeUsage(payload), endedData)
  if (eventTypes[kind] === undefined) throw new RangeError(`unknown record kind ${String(kind)}`)
  const { subject, ...data } = readNotice(payload)
  return { subject: typeof subject === 'string' ? subject : '', data: JSON.stringify(data) }
}

function withSubject(usage: UsageRecord, write: (usage: UsageRecord) => string): { subject: string; data: string } {
  return { subject: usage.subscriber, data: write(usage) }
}

function sessionFields({ session, nas, acctSessionId, userName, profile }: UsageRecord): string {
  return (
    `"session":${quote(session)},"nas":${quote(nas)},"acctSessionId":${quote(acctSessionId)},` +
    `"username":${quote(userName)},"profile":${quote(profile)}`
  )
}

function usageData(usage: UsageRecord): string {
  return (
    `{${sessionFields(usage)},"periodStart":"${iso(usage.periodStart)}","periodEnd":"${iso(usage.periodEnd)}",` +
    `"seconds":${usage.seconds},"upOctets":${octets(usage.upOctets)},"downOctets":${octets(usage.downOctets)},` +
    `"upPackets":${count(usage.upPackets)},"downPackets":${count(usage.downPackets)},` +
    `"totalUpOctets":"${usage.totalUpOctets}","totalDownOctets":"${usage.totalDownOctets}","cause":"${usage.cause}"}`
  )
}

function startedData(usage: UsageRecord): string {
  return `{${sessionFields(usage)},"startedAt":"${iso(usage.periodStart)}","cause":"${usage.cause}"}`
}

function endedData(usage: UsageRecord): string {
  return (
    `{${sessionFields(usage)},"endedAt":"${iso(usage.periodEnd)}","seconds":${usage.sessionSeconds},` +
    `"totalUpOctets":"${usage.totalUpOctets}","totalDownOctets":"${usage.totalDownOctets}","cause":"${usage.cause}"}`
  )
}

/** A JSON string. */
function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** What `Date.toISOString` gives, a third of its time; years 1970 to 9999, as RFC 3339 has four digits for the year. */
function iso(time: number): string {
  const clamped = time >= 0 ? Math.min(Math.trunc(time), LAST_TIME) : 0
  const inDay = clamped % DAY
  if (clamped - inDay !== lastDay) {
    lastDay = clamped - inDay
    lastDate = new Date(lastDay).toISOString().slice(0, 11)
  }
  const minutes = Math.trunc(inDay / 60_000)
  const thousandths = String(1000 + (inDay % 1000)).slice(1)
  return `${lastDate}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}:${two(Math.trunc(inDay / 1000) % 60)}.${thousandths}Z`
}

const DAY = 86_400_000
let lastDay = 0
let lastDate = '1970-01-01T'
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
const two = (n: number): string => twoDigits[n] ?? ''

function octets(value: bigint): string {
  return value <= MOST_SAFE ? String(value) : `"${value}"`
}

function count(value: number): string {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? String(Math.trunc(value)) : '0'
}
