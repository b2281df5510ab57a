import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { CloudEvent, eventData } from '../../agent/model/edge-api.js'

/** The place of an event in its agent's ledger. */
export interface EventPlace {
  /** `source epoch`: within it sequences are dense. */
  readonly stream: string
  readonly sequence: number
}

const ajv = formats.default(new Ajv())
const isEnvelope = ajv.compile<CloudEvent>(CloudEvent)
const dataChecks = new Map<string, ValidateFunction>(
  Object.entries(eventData).map(([type, schema]) => [type, ajv.compile(schema)])
)

/**
 * Checks the envelope and the data of its type.
 * @returns the event, or in words why it cannot be taken
 */
export function checkEvent(candidate: unknown): CloudEvent | string {
  if (!isEnvelope(candidate)) return ajv.errorsText(isEnvelope.errors, { dataVar: 'event' })
  const check = dataChecks.get(candidate.type)
  if (check === undefined) return `unknown type ${candidate.type}`
  return check(candidate.data) ? candidate : ajv.errorsText(check.errors, { dataVar: 'data' })
}

/** Where the event stands; `undefined` when its `id` is not `epoch-sequence` with the sequence of the event. */
export function placeOf(event: CloudEvent): EventPlace | undefined {
  const at = event.id.lastIndexOf('-')
  const sequence = Number(event.sequence)
  if (at < 1 || event.id.slice(at + 1) !== event.sequence || !Number.isSafeInteger(sequence)) return undefined
  return sequence > 0 ? { stream: `${event.source} ${event.id.slice(0, at)}`, sequence } : undefined
}
