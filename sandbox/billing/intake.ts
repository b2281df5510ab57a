import type {
  BatchAnswer,
  CloudEvent,
  CommandCompletedData,
  LedgerLostData,
  UsageData
} from '../../agent/model/edge-api.js'
import { rate, type EnforcementStep } from './account.js'
import { judge, keep, totalsOf } from './decisions.js'
import type { Draft } from './draft.js'
import { checkEvent, placeOf } from './event-check.js'
import { newStream, remember, seen, type Stream } from './stream.js'

/** Most (source, epoch) pairs that billing remembers, which bounds its memory. */
const mostStreams = 4096

/** What taking a batch gave: the answer, and the events that counted, in their order. */
export interface Intake {
  readonly answer: BatchAnswer
  readonly counted: readonly CloudEvent[]
}

/**
 * Counts a batch of events into a draft: each once, whatever came before and in whatever order they come.
 * An event that cannot be understood is rejected with a reason; its sequence stays open.
 */
export function takeEvents(draft: Draft, batch: readonly unknown[]): Intake {
  const counted: CloudEvent[] = []
  const rejected: { id: string; reason: string }[] = []
  let duplicates = 0
  for (const candidate of batch) {
    const verdict = takeEvent(draft, candidate)
    if (verdict === 'duplicate') duplicates++
    else if (typeof verdict === 'string') rejected.push({ id: idOf(candidate), reason: verdict })
    else counted.push(verdict)
  }
  count(draft, counted, duplicates, rejected.length)
  return { answer: { accepted: counted.length, duplicates, rejected }, counted }
}

/** The event when it counts, `duplicate`, or the reason for which it cannot be taken. */
function takeEvent(draft: Draft, candidate: unknown): CloudEvent | string {
  const event = checkEvent(candidate)
  if (typeof event === 'string') return event
  const place = placeOf(event)
  if (place === undefined) return 'the id is not epoch-sequence'
  const known = draft.get('stream', place.stream)
  if (known === undefined && draft.count('stream') >= mostStreams) return 'too many sources and epochs'
  if (known !== undefined && seen(known, place.sequence)) return 'duplicate'
  const next = rememberEvent(known ?? newStream, place.sequence, event)
  if (next === undefined) return 'too many gaps before this event'
  draft.put('stream', place.stream, next)
  effects[event.type]?.(draft, event)
  return event
}

/** A report of loss closes the gap that it names. */
function rememberEvent(stream: Stream, sequence: number, event: CloudEvent): Stream | undefined {
  const next = remember(stream, sequence)
  if (event.type !== 'turnpike.ledger.lost' || next === undefined) return next
  const { from, to } = event.data as unknown as LedgerLostData
  return from <= to ? remember(next, from, to) : next
}

/** What an event does beyond being counted. The data has been checked. */
const effects: Readonly<Record<string, (draft: Draft, event: CloudEvent) => void>> = {
  'turnpike.usage': (draft, event) => takeUsage(draft, event.subject, event.data as unknown as UsageData),
  'turnpike.enforcement': (draft, event) => takeEnforcement(draft, event),
  'turnpike.command.completed': (draft, event) => {
    const { command, outcome, words } = event.data as unknown as CommandCompletedData
    const entry = draft.get('command', command)
    if (entry !== undefined) draft.put('command', command, { ...entry, outcome, words })
  }
}

function takeUsage(draft: Draft, subject: string | undefined, data: UsageData): void {
  const usage = { up: BigInt(data.upOctets), down: BigInt(data.downOctets) }
  const account = subject === undefined ? undefined : draft.get('account', subject)
  const totals = totalsOf(draft)
  draft.put('meta', 'totals', {
    ...totals,
    upOctets: totals.upOctets + usage.up,
    downOctets: totals.downOctets + usage.down,
    unknownOctets: totals.unknownOctets + (account === undefined ? usage.up + usage.down : 0n)
  })
  if (account === undefined) return
  const plan = draft.get('plan', data.profile) ?? draft.get('plan', account.document.profile)
  keep(draft, judge(draft, rate(account, usage, plan?.pricePerGb ?? 0n)))
}

function takeEnforcement(draft: Draft, event: CloudEvent): void {
  const account = event.subject === undefined ? undefined : draft.get('account', event.subject)
  if (account === undefined) return
  const text = (name: string): string | undefined => {
    const value = event.data[name]
    return typeof value === 'string' ? value : undefined
  }
  const enforcement: EnforcementStep = {
    state: text('state') ?? 'unknown',
    at: event.time,
    ...optional('way', text('way')),
    ...optional('proof', text('proof')),
    ...optional('detail', text('detail'))
  }
  keep(draft, { ...account, enforcement })
}

function optional<K extends string>(name: K, value: string | undefined): { [N in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [N in K]: string })
}

function count(draft: Draft, counted: readonly CloudEvent[], duplicates: number, rejected: number): void {
  const totals = totalsOf(draft)
  const byType: Record<string, number> = { ...totals.byType }
  for (const { type } of counted) byType[type] = (byType[type] ?? 0) + 1
  draft.put('meta', 'totals', {
    ...totals,
    events: totals.events + counted.length,
    duplicates: totals.duplicates + duplicates,
    rejected: totals.rejected + rejected,
    byType
  })
}

function idOf(candidate: unknown): string {
  if (typeof candidate !== 'object' || candidate === null || !('id' in candidate)) return ''
  return typeof candidate.id === 'string' ? candidate.id.slice(0, 200) : ''
}
