import type { LedgerRecord } from '../agent/ledger/index.js'
import { decodeUsage, RecordKind } from '../agent/model/index.js'

/** Titles of the columns that `csvLine` writes. */
export const csvHeader =
  'record,time,subscriber,username,nas,acct_session_id,session,cause,period_start,period_end,seconds,up_octets,down_octets,total_up_octets,total_down_octets,profile'

/** A usage record as a line of CSV (RFC 4180); undefined for records of other kinds. Octets keep every digit. */
export function csvLine({ kind, sequence, time, payload }: LedgerRecord): string | undefined {
  if (kind !== RecordKind.usage) return undefined
  const usage = decodeUsage(payload)
  const at = (milliseconds: number) => new Date(milliseconds).toISOString()
  const { subscriber, userName, nas, acctSessionId, session, cause, periodStart, periodEnd, seconds, profile } = usage
  return csvRow([
    sequence,
    at(time),
    subscriber,
    userName,
    nas,
    acctSessionId,
    session,
    cause,
    at(periodStart),
    at(periodEnd),
    seconds,
    usage.upOctets,
    usage.downOctets,
    usage.totalUpOctets,
    usage.totalDownOctets,
    profile
  ])
}

/** Values as a line of CSV (RFC 4180). */
export function csvRow(values: readonly (string | number | bigint)[]): string {
  return values.map(cell).join(',')
}

/** Quotes where RFC 4180 asks for it; a text that a spreadsheet would run as a formula gets an apostrophe. */
function cell(value: string | number | bigint): string {
  if (typeof value !== 'string') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
