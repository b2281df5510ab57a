import { BatchAnswer } from '../model/edge-api.js'
import { Check } from './check.js'
import type { Answer, AnswerKind, Rejection, WireEvent } from './transport.js'

/** What an HTTP status means for a batch; the first row that holds the status counts. `read`: the body tells. */
export const answerTable: readonly {
  readonly from: number
  readonly to: number
  readonly means: AnswerKind | 'read'
}[] = [
  { from: 200, to: 200, means: 'read' },
  { from: 201, to: 299, means: 'taken' },
  { from: 400, to: 400, means: 'poisoned' },
  { from: 401, to: 401, means: 'refused' },
  { from: 403, to: 403, means: 'refused' },
  { from: 413, to: 413, means: 'too-large' },
  { from: 429, to: 429, means: 'wait' },
  { from: 503, to: 503, means: 'wait' },
  { from: 0, to: 999, means: 'retry' }
]

/** Longest wait that billing may ask for: a wrong Retry-After must not stop the usage for days. */
const LONGEST_WAIT = 3_600_000

/** Date.parse alone takes nearly anything for a date. */
const HTTP_DATE = /^[A-Z][a-z]{2,8}, .* GMT$/

const answerCheck = new Check(BatchAnswer)

/** What is needed of an HTTP response. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
  readonly retryAfter?: string
  readonly date?: string
}

/** Reads billing's answer to `events`. */
export function readAnswer(answer: HttpAnswer, events: readonly WireEvent[], now: number): Answer {
  const means = answerTable.find(({ from, to }) => from <= answer.status && answer.status <= to)?.means ?? 'retry'
  if (means === 'read') return readTaken(answer.body, events)
  if (means === 'taken') return { kind: 'taken', rejected: [] }
  const reason = saying(answer)
  const ms = means === 'wait' ? retryAfterMs(answer, now) : undefined
  return ms === undefined ? { kind: means, reason } : { kind: 'wait', reason, ms }
}

/**
 * Retry-After: seconds, or a date, which is compared with the answer's own Date, so that this box's clock does not
 * matter. At most one hour.
 * @returns ms from now; undefined when absent or unreadable
 * @see RFC 9110 §10.2.3
 */
export function retryAfterMs(
  { retryAfter, date }: Pick<HttpAnswer, 'retryAfter' | 'date'>,
  now: number
): number | undefined {
  const text = retryAfter?.trim() ?? ''
  if (/^[0-9]{1,10}$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_WAIT)
  const until = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(until)) return undefined
  const from = Date.parse(date ?? '')
  return Math.min(Math.max(0, until - (Number.isNaN(from) ? now : from)), LONGEST_WAIT)
}

/** The status and the first words of the body, without control characters. */
export function saying({ status, body }: Pick<HttpAnswer, 'status' | 'body'>): string {
  const words = body
    .slice(0, 200)
    .replaceAll(/[^ -~\u00a0-\uffff]+/g, ' ')
    .trim()
  return words === '' ? `HTTP ${status}` : `HTTP ${status}: ${words}`
}

function readTaken(body: string, events: readonly WireEvent[]): Answer {
  const answer = parse(body)
  if (answer === undefined) return { kind: 'retry', reason: 'HTTP 200 with a body that is no batch answer' }
  const byId = new Map(events.map(event => [event.id, event]))
  const rejected: Rejection[] = []
  let unknown = 0
  for (const { id, reason } of answer.rejected) {
    const event = byId.get(id)
    if (event === undefined) unknown++
    else rejected.push({ event, reason: reason.slice(0, 500) })
    byId.delete(id)
  }
  const named = answer.accepted + answer.duplicates + rejected.length
  if (named < events.length)
    return { kind: 'retry', reason: `HTTP 200 that answers for ${named} of ${events.length} events` }
  const oddities = [
    ...(unknown > 0 ? [`rejected ${unknown} events that were not in the batch`] : []),
    ...(named > events.length ? [`answered for ${named} events where ${events.length} were sent`] : [])
  ]
  return oddities.length === 0 ? { kind: 'taken', rejected } : { kind: 'taken', rejected, oddity: oddities.join('; ') }
}

function parse(body: string): BatchAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(body)
    return answerCheck.holds(answer) ? answer : undefined
  } catch {
    return undefined
  }
}
