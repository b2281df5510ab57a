import { edgeMedia } from '../model/edge-api.js'
import { readAnswer, saying, type HttpAnswer } from './answers.js'
import type { Ingest } from './ingest.js'
import { mapped, type Json, type Shape } from './mapping.js'
import type { Answer, WireEvent } from './transport.js'

/** An HTTP API that takes events in a shape of its own. */
export interface Mapping extends Shape {
  /** Of the events endpoint, below the base address. */
  readonly path: string
  /** A bare list, an object that holds the list under `wrapper`, or one event alone. */
  readonly body?: 'array' | 'wrapped' | 'single'
  readonly wrapper?: string
  /** Most events in one request; 1 with `single`. */
  readonly batch?: number
  readonly mediaType?: string
  readonly gzip?: boolean
  readonly tokenHeader?: string
  readonly tokenPrefix?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Each 2xx means that all events were taken, whatever its body says; else 200 must be the answer of the Edge API. */
  readonly anySuccess?: boolean
  /** Statuses by which the API says that an event spoils the batch; 400 when absent. */
  readonly spoilt?: readonly number[]
  /** Words in such an answer to a single event by which the API says that it has it already. */
  readonly duplicate?: string
}

/** Most events in one request of a mapping; undefined: as many as the Edge API takes. */
export function mappingBatch({ body, batch }: Mapping): number | undefined {
  return body === 'single' ? 1 : batch
}

/** How events travel by a mapping. @throws UplinkError `UPLINK_BAD_MAPPING` */
export function mappingIngest(mapping: Mapping): Ingest {
  const toTheirs = mapped(mapping)
  return {
    path: mapping.path,
    mediaType: mapping.mediaType ?? (mapping.fields === undefined ? edgeMedia.events : 'application/json'),
    gzip: mapping.gzip ?? false,
    tokenHeader: mapping.tokenHeader ?? 'authorization',
    tokenPrefix: mapping.tokenPrefix ?? 'Bearer ',
    headers: mapping.headers ?? {},
    body: events => {
      const theirs = events.map(toTheirs).filter(event => event !== undefined)
      return theirs.length === 0 ? undefined : bodyOf(mapping, theirs)
    },
    read: (answer, events, now) => readTheirs(mapping, answer, events, now)
  }
}

function bodyOf({ body = 'array', wrapper = 'events' }: Mapping, events: readonly Json[]): Buffer {
  if (body === 'single') return Buffer.from(JSON.stringify(events[0]))
  return Buffer.from(JSON.stringify(body === 'wrapped' ? { [wrapper]: events } : events))
}

function readTheirs(mapping: Mapping, answer: HttpAnswer, events: readonly WireEvent[], now: number): Answer {
  const { anySuccess = false, spoilt = [400], duplicate } = mapping
  if (spoilt.includes(answer.status)) {
    const isKnown = events.length === 1 && duplicate !== undefined && answer.body.includes(duplicate)
    return isKnown ? { kind: 'taken', rejected: [] } : { kind: 'poisoned', reason: saying(answer) }
  }
  if (anySuccess && answer.status >= 200 && answer.status <= 299) return { kind: 'taken', rejected: [] }
  return readAnswer(answer, events, now)
}
