import type { TSchema } from '@sinclair/typebox'
import type { Command, DocumentKind, Documents } from '../model/index.js'
import { documents } from '../model/index.js'
import { feedData, FeedEnvelope, SnapshotEnd, type FeedType } from '../model/edge-api.js'
import { parsePrefix, type Change } from '../subscribers/index.js'
import { Check } from './check.js'

/* What billing sends, checked against its schema before anything of it is used. */

const envelopeCheck = new Check(FeedEnvelope)
const endCheck = new Check(SnapshotEnd)
const dataChecks = checksOf(feedData)
const documentChecks = checksOf(documents)

function checksOf(schemas: Readonly<Record<string, TSchema>>): Map<string, Check<TSchema>> {
  return new Map(Object.entries(schemas).map(([name, schema]) => [name, new Check(schema)]))
}

/** A message that cannot be used. */
export interface Misfit {
  readonly kind: 'misfit'
  readonly words: string
  /** Whom it was about, where that could be read. */
  readonly subject?: string
  /** Id of the command that it was to be. */
  readonly command?: string
}

/** What a feed message asks for, with its place in the feed where it gives one. */
export type Message = { readonly sequence?: string } & (
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'command'; readonly command: Command }
  | Misfit
)

/** Reads one feed message. Never throws. */
export function readMessage(text: string): Message {
  const envelope = parse(text)
  if (envelope === undefined) return { kind: 'misfit', words: 'the message is not JSON' }
  if (!envelopeCheck.holds(envelope)) return { kind: 'misfit', words: `the envelope: ${envelopeCheck.explain()}` }
  const { sequence } = envelope
  return { ...readData(envelope.type, envelope.data), ...(sequence === undefined ? {} : { sequence }) }
}

function readData(type: string, data: unknown): Message {
  const check = dataChecks.get(type)
  if (check === undefined) return { kind: 'misfit', words: `no message type of the Edge API: ${type.slice(0, 64)}` }
  const id = idOf(data)
  const wrong = check.holds(data) ? contentProblem(type.startsWith('nas.changed') ? 'nas' : '', data) : check.explain()
  if (wrong !== undefined) return misfit(type as FeedType, id, wrong)
  if (type === 'command.requested') return { kind: 'command', command: data as Command }
  const [kind, verb] = type.split('.') as [DocumentKind, 'changed' | 'removed']
  const document = verb === 'changed' ? (data as Documents[DocumentKind]) : undefined
  return { kind: 'change', change: { kind, id, document } }
}

function misfit(type: FeedType, id: string, wrong: string): Misfit {
  const words = `${type}: ${wrong}`
  if (id === '') return { kind: 'misfit', words }
  return type === 'command.requested'
    ? { kind: 'misfit', words, subject: id, command: id }
    : { kind: 'misfit', words, subject: id }
}

/** One line of a snapshot. `unreadable`: it is not even known which document it is. */
export type Line =
  | { readonly kind: 'document'; readonly of: DocumentKind; readonly document: Documents[DocumentKind] }
  | { readonly kind: 'misfit'; readonly of: DocumentKind; readonly id: string; readonly words: string }
  | { readonly kind: 'end'; readonly end: SnapshotEnd }
  | { readonly kind: 'unreadable'; readonly words: string }

/** Reads one line of a snapshot. Never throws. */
export function readLine(text: string): Line {
  const line = parse(text)
  if (line === undefined) return { kind: 'unreadable', words: 'a line is not JSON' }
  if (endCheck.holds(line)) return { kind: 'end', end: line }
  const { kind, document } = line as { kind?: unknown; document?: unknown }
  const check = typeof kind === 'string' ? documentChecks.get(kind) : undefined
  const id = idOf(document)
  if (check === undefined || id === '') return { kind: 'unreadable', words: 'a line holds no document' }
  const of = kind as DocumentKind
  const wrong = check.holds(document) ? contentProblem(of, document) : check.explain()
  if (wrong !== undefined) return { kind: 'misfit', of, id, words: `${of}: ${wrong}` }
  return { kind: 'document', of, document: document as Documents[DocumentKind] }
}

/** What a schema cannot say. */
function contentProblem(kind: string, document: unknown): string | undefined {
  if (kind !== 'nas') return undefined
  const at = (document as Documents['nas']).addresses.findIndex(address => parsePrefix(address) === undefined)
  return at < 0 ? undefined : `/addresses/${at} is no IP address or prefix`
}

function idOf(data: unknown): string {
  const id = typeof data === 'object' && data !== null && 'id' in data ? data.id : undefined
  return typeof id === 'string' && id.length <= 128 ? id : ''
}

/** @returns undefined when it is not a JSON object */
function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
