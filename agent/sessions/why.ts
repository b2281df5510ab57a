import type { Ledger, LedgerRecord } from '../ledger/contract.js'
import { decodeUsage, RecordKind } from '../model/index.js'
import type { Cause, Milliseconds, UsageRecord } from '../model/index.js'
import { UNKNOWN_SECONDS } from './advance.js'
import type { UnbilledPacket } from './unbilled.js'

/** One step of a session's bill: what came, what it added, and why. */
export interface WhyLine {
  /** Of its record in the ledger; 0 for a packet that billed nothing. */
  readonly sequence: number
  /** When it was recorded, by our clock; when it arrived, where it was not. */
  readonly at: Milliseconds
  /** What happened at the NAS, and when it says so. */
  readonly periodEnd: Milliseconds
  readonly what: 'started' | 'usage' | 'ended' | 'unbilled'
  readonly cause: Cause | UnbilledPacket['verdict']
  readonly seconds: number
  readonly upOctets: bigint
  readonly downOctets: bigint
  /** The session's totals after it; what the packet told, where it billed nothing. */
  readonly totalUpOctets: bigint
  readonly totalDownOctets: bigint
  /** A sentence for a person. */
  readonly words: string
  /** The attributes of the Accounting-Request behind it; empty when the agent made the record itself. */
  readonly evidence: Buffer
}

/** A position the ledger cannot show any more. */
export interface WhyLost {
  readonly lost: string
}

export interface WhyOptions {
  /** First sequence to look at; 1 by default. */
  readonly from?: number
  /** Its packets that billed nothing, in the order in which they came (`Sessions.unbilled`). */
  readonly unbilled?: readonly UnbilledPacket[]
  readonly signal?: AbortSignal
}

const NO_EVIDENCE = Buffer.alloc(0)

const whats = new Map<number, WhyLine['what']>([
  [RecordKind.sessionStarted, 'started'],
  [RecordKind.usage, 'usage'],
  [RecordKind.sessionEnded, 'ended']
])

/**
 * Why a session's bill is what it is: its records in the ledger, in their order, each with the reason; and between them
 * the packets that billed nothing, where they came. Those have no record: `Session.duplicates` and `Session.late` count
 * all of them, the last few are known.
 */
export async function* why(
  ledger: Ledger,
  session: string,
  { from = 1, signal, unbilled = [] }: WhyOptions = {}
): AsyncGenerator<WhyLine | WhyLost> {
  const waiting = unbilled.map(unbilledLine)
  for await (const line of recorded(ledger, session, from, signal)) {
    // What repeats a record came after it, be it in the same millisecond.
    if ('at' in line) while (waiting[0] !== undefined && waiting[0].at < line.at) yield waiting.shift()!
    yield line
  }
  yield* waiting
}

async function* recorded(
  ledger: Ledger,
  session: string,
  from: number,
  signal: AbortSignal | undefined
): AsyncGenerator<WhyLine | WhyLost> {
  const name = Buffer.from(session)
  for await (const part of ledger.read(from, signal === undefined ? {} : { signal })) {
    if ('lost' in part) {
      yield { lost: `records ${part.lost.from} to ${part.lost.to} cannot be read: ${part.lost.reason}` }
      continue
    }
    for (const record of part.records) {
      const line = lineOf(record, session, name)
      if (line !== undefined) yield line
    }
  }
}

function lineOf(record: LedgerRecord, session: string, name: Buffer): WhyLine | undefined {
  const what = whats.get(record.kind)
  if (what === undefined || !record.payload.includes(name)) return undefined
  const usage = decodeUsage(record.payload)
  if (usage.session !== session) return undefined
  const { cause, seconds, upOctets, downOctets, totalUpOctets, totalDownOctets, periodEnd, evidence } = usage
  return {
    sequence: record.sequence,
    at: record.time,
    periodEnd,
    what,
    cause,
    seconds,
    upOctets,
    downOctets,
    totalUpOctets,
    totalDownOctets,
    words: wordsOf(what, usage),
    evidence
  }
}

function unbilledLine(packet: UnbilledPacket): WhyLine {
  const { verdict, receivedAt, eventAt, upOctets, downOctets, seconds, counted, words } = packet
  const time = seconds === UNKNOWN_SECONDS ? '' : ` at ${seconds} s`
  const told = counted ? `; it told ${upOctets} up, ${downOctets} down in all${time}` : ''
  return {
    sequence: 0,
    at: receivedAt,
    periodEnd: eventAt,
    what: 'unbilled',
    cause: verdict,
    seconds: 0,
    upOctets: 0n,
    downOctets: 0n,
    totalUpOctets: upOctets,
    totalDownOctets: downOctets,
    words: `${words}${told}`,
    evidence: NO_EVIDENCE
  }
}

function wordsOf(what: string, usage: UsageRecord): string {
  if (what === 'usage') return usageWords(usage)
  if (what === 'started') {
    if (usage.cause === 'reopened') return 'the NAS goes on with a session that was closed: it is open again'
    return usage.replays ? 'Start' : 'a session that sent no Start, or whose Start was lost'
  }
  return endWords[usage.cause] ?? 'ended'
}

const endWords: Partial<Record<Cause, string>> = {
  stop: 'ended by its Stop',
  replaced: 'closed by the agent: another session took its place before its Stop came',
  'nas-restart': 'closed by the agent: the NAS said that it restarted',
  silent: 'closed by the agent: nothing was heard for the grace period'
}

const packetWords: Partial<Record<Cause, string>> = {
  stop: 'Stop',
  interim: 'Interim-Update',
  poll: 'counters of the port, read by the agent'
}

function usageWords({ cause, upOctets, downOctets, seconds, totalUpOctets, totalDownOctets }: UsageRecord): string {
  const packet = packetWords[cause] ?? 'packet'
  const totals = `${totalUpOctets} up, ${totalDownOctets} down in all`
  const step = `${upOctets} up and ${downOctets} down in ${seconds} s`
  if (cause === 'counter-reset')
    return `a total fell while session time grew: a new segment begins at 0, ${step} (${totals})`
  if (cause === 'reopened')
    return `first packet after the session was closed, against the totals before: ${step} (${totals})`
  if (upOctets === 0n && downOctets === 0n) return `${packet}: totals did not move, ${seconds} s passed (${totals})`
  return `${packet}: ${step} more than the totals before (${totals})`
}
