import type { TSchema } from '@sinclair/typebox'
import { documents } from './documents.js'
import {
  BatchAnswer,
  batchLimits,
  CloudEvent,
  edgeMedia,
  edgePaths,
  eventData,
  EventBatch,
  feedData,
  FeedEnvelope,
  feedLimits,
  SnapshotEnd,
  SnapshotLine
} from './edge-api.js'

/*
 * The Edge API as OpenAPI 3.1, made from the wire schemas. docs/edge-api.openapi.json is what this function gives, with
 * two spaces of indentation and a line feed at the end; a test compares them.
 */

/** A component schema by name, `turnpike.session.started` as `SessionStartedData`. */
const componentName = (type: string): string =>
  `${type
    .replace('turnpike.', '')
    .split('.')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}Data`

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` })

/** One envelope with `data` fixed by `type`. */
function typed(envelope: string, type: string, data: string): object {
  return {
    allOf: [ref(envelope), { properties: { type: { const: type }, data: ref(data) }, required: ['type', 'data'] }]
  }
}

function schemas(): Record<string, unknown> {
  const named: Record<string, TSchema> = {
    Subscriber: documents.subscriber,
    Profile: documents.profile,
    Nas: documents.nas,
    Device: documents.device,
    CloudEvent,
    BatchAnswer,
    FeedEnvelope,
    SnapshotLine,
    SnapshotEnd
  }
  for (const [type, schema] of Object.entries({ ...eventData, ...feedData })) named[componentName(type)] = schema
  return {
    ...named,
    Event: { oneOf: Object.keys(eventData).map(type => typed('CloudEvent', type, componentName(type))) },
    EventBatch: { ...EventBatch, items: ref('Event') },
    FeedMessage: { oneOf: Object.keys(feedData).map(type => typed('FeedEnvelope', type, componentName(type))) }
  }
}

const text = (description: string): object => ({ description })
const media = (type: string, schema: object): object => ({ content: { [type]: { schema } } })

const refusals = {
  '401': text('The token is not accepted; the agent keeps its backlog and raises an alarm.'),
  '403': text('As 401.'),
  '429': { ...text('Not now; the agent waits as Retry-After says, at most an hour.'), headers: retryAfter() },
  '503': { ...text('As 429.'), headers: retryAfter() },
  default: text('Anything else, as a timeout or a reset: the agent tries the same again, for ever.')
}

function retryAfter(): object {
  return { 'Retry-After': { description: 'seconds, or a date', schema: { type: 'string' } } }
}

const eventsOperation = {
  operationId: 'postEvents',
  summary: 'What happened',
  description: `A batch of at most ${batchLimits.events} events and ${batchLimits.octets} octets of JSON, gzip. The same event may come again at any time: dedupe on source and id.`,
  parameters: [{ name: 'Content-Encoding', in: 'header', schema: { enum: ['gzip', 'identity'] } }],
  requestBody: { required: true, ...media(edgeMedia.events, ref('EventBatch')) },
  responses: {
    '200': { ...text('What became of each event.'), ...media('application/json', ref('BatchAnswer')) },
    '2XX': text('Any other: all events are accepted.'),
    '400': text('One event spoils the batch: the agent halves it until it has found which, and sets that one aside.'),
    '413': text('Too large: the agent halves the batch.'),
    ...refusals
  }
}

const feedOperation = {
  operationId: 'getFeed',
  summary: 'What should be, as it changes',
  description: `Server-Sent Events. Each data is one FeedMessage; each id, printable ASCII, is a cursor. Something, a comment will do, comes at least every ${feedLimits.heartbeat} s; after ${feedLimits.silence} s of silence the agent connects again.`,
  parameters: [
    { name: 'Last-Event-ID', in: 'header', description: 'go on behind this cursor', schema: { type: 'string' } }
  ],
  responses: {
    '200': { ...text('The stream; it does not end.'), ...media(edgeMedia.feed, ref('FeedMessage')) },
    '410': text('The cursor is too old: the agent takes a snapshot.'),
    ...refusals
  }
}

const snapshotOperation = {
  operationId: 'getSnapshot',
  summary: 'Everything, once',
  description:
    'NDJSON: one SnapshotLine a line, the last line a SnapshotEnd. Without it, or with counts that do not match, the agent throws all away. One that would remove more than 20 % of the subscribers waits for a person.',
  responses: {
    '200': {
      ...text('The lines.'),
      ...media(edgeMedia.snapshot, { oneOf: [ref('SnapshotLine'), ref('SnapshotEnd')] })
    },
    ...refusals
  }
}

/** The OpenAPI 3.1 document of the Edge API. */
export function edgeApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Edge API',
      version: '1.0.0',
      summary: 'Between the agent at the edge of a network and a billing system',
      description:
        'The agent always dials out. CloudEvents 1.0 JSON both ways. TLS always; plain HTTP to loopback only.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
    },
    security: [{ token: [] }],
    paths: {
      [edgePaths.events]: { post: eventsOperation },
      [edgePaths.feed]: { get: feedOperation },
      [edgePaths.snapshot]: { get: snapshotOperation }
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas: schemas() }
  }
}
