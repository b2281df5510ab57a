import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { Command, Device, Nas, Profile, Subscriber, type DocumentKind } from './documents.js'
import { causes } from './usage.js'

/*
 * The Edge API on the wire: what travels between the agent and a billing system, both ways. CloudEvents 1.0 JSON.
 * The agent always dials out: POST events, GET feed (Server-Sent Events), GET snapshot (NDJSON).
 * Unknown fields are allowed everywhere, so that either side may be newer.
 */

/** Paths below the base URL of billing. */
export const edgePaths = { events: '/v1/events', feed: '/v1/feed', snapshot: '/v1/snapshot' } as const

/** Media types of the three bodies. */
export const edgeMedia = {
  events: 'application/cloudevents-batch+json',
  feed: 'text/event-stream',
  snapshot: 'application/x-ndjson'
} as const

/** Bounds of one batch: events, and octets of the JSON before gzip. */
export const batchLimits = { events: 1000, octets: 1 << 20 } as const

/** Seconds: billing sends something at least every `heartbeat`; the agent calls the feed dead after `silence`. */
export const feedLimits = { heartbeat: 15, silence: 45 } as const

const Time = Type.String({ format: 'date-time' })
const Count = Type.Integer({ minimum: 0 })
const Digits = Type.String({ pattern: '^[0-9]+$' })
const OctetCount = Type.Union([Count, Digits], { description: 'octets; a string of digits beyond 2^53-1' })
const CauseName = Type.Unsafe<(typeof causes)[number]>({ type: 'string', enum: [...causes] })

/** A session as events name it; '' where the NAS or the replica did not say. */
const sessionFields = {
  session: Type.String(),
  nas: Type.String(),
  acctSessionId: Type.String(),
  username: Type.String(),
  profile: Type.String()
}

/** `turnpike.usage`: what one session used over one period. The only event whose octets are to be billed. */
export const UsageData = Type.Object({
  ...sessionFields,
  periodStart: Time,
  periodEnd: Time,
  seconds: Type.Integer({ minimum: 0, description: 'of this period' }),
  upOctets: OctetCount,
  downOctets: OctetCount,
  upPackets: Count,
  downPackets: Count,
  totalUpOctets: Type.String({ pattern: '^[0-9]+$', description: 'of the session, this period included' }),
  totalDownOctets: Digits,
  cause: CauseName
})
export type UsageData = Static<typeof UsageData>

/** `turnpike.session.started`. */
export const SessionStartedData = Type.Object({ ...sessionFields, startedAt: Time, cause: CauseName })
export type SessionStartedData = Static<typeof SessionStartedData>

/** `turnpike.session.ended`: totals of the whole session, for comparison; its usage came as `turnpike.usage`. */
export const SessionEndedData = Type.Object({
  ...sessionFields,
  endedAt: Time,
  seconds: Type.Integer({ minimum: 0, description: 'of the session' }),
  totalUpOctets: Digits,
  totalDownOctets: Digits,
  cause: CauseName
})
export type SessionEndedData = Static<typeof SessionEndedData>

/** `turnpike.command.completed`: how a command of billing ended. */
export const CommandCompletedData = Type.Object({
  command: Type.String(),
  verb: Type.Optional(Type.String()),
  outcome: Type.Union([Type.Literal('done'), Type.Literal('failed'), Type.Literal('expired'), Type.Literal('refused')]),
  words: Type.String()
})
export type CommandCompletedData = Static<typeof CommandCompletedData>

/** `turnpike.device.state`: a device that is polled came up, went down, or does both too often to be told each time. */
export const DeviceStateData = Type.Object({
  driver: Type.String(),
  state: Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('flapping')]),
  was: Type.Optional(Type.String({ description: 'the state that was told before; absent the first time' })),
  detail: Type.String({ description: 'a sentence for a person' }),
  code: Type.Optional(Type.String({ description: 'of the failure: UNREACHABLE, TIMEOUT, AUTH, …' }))
})
export type DeviceStateData = Static<typeof DeviceStateData>

/** `turnpike.agent.status`: the heartbeat of each minute, or a problem that a person should see. */
export const AgentStatusData = Type.Object({
  version: Type.Optional(Type.String()),
  backlog: Type.Optional(Type.Integer({ minimum: 0, description: 'events that wait' })),
  backlogAgeMs: Type.Optional(Type.Integer({ minimum: 0 })),
  clockSkewMs: Type.Optional(Type.Integer({ description: "the agent's clock less billing's" })),
  problems: Type.Optional(
    Type.Array(Type.Object({ code: Type.String(), words: Type.String(), subject: Type.Optional(Type.String()) }))
  ),
  problemsLeftOut: Type.Optional(Count)
})
export type AgentStatusData = Static<typeof AgentStatusData>

/** `turnpike.ledger.lost`: sequence numbers that will never come, both ends included. */
export const LedgerLostData = Type.Object({
  from: Type.Integer({ minimum: 1 }),
  to: Type.Integer({ minimum: 1 }),
  reason: Type.String()
})
export type LedgerLostData = Static<typeof LedgerLostData>

const Open = Type.Record(Type.String(), Type.Unknown())

/** What `data` holds, by the event's `type`. */
export const eventData = {
  'turnpike.usage': UsageData,
  'turnpike.session.started': SessionStartedData,
  'turnpike.session.ended': SessionEndedData,
  'turnpike.access.rejected': Open,
  'turnpike.quota.reached': Open,
  'turnpike.enforcement': Open,
  'turnpike.command.completed': CommandCompletedData,
  'turnpike.device.state': DeviceStateData,
  'turnpike.agent.status': AgentStatusData,
  'turnpike.ledger.lost': LedgerLostData
} as const satisfies Record<string, TSchema>
export type EventType = keyof typeof eventData

/**
 * An event on its way to billing. `id` is stable across retries and restarts: dedupe on (`source`, `id`).
 * `sequence` is dense within the part of `id` before its last hyphen: a gap is seen.
 */
export const CloudEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  type: Type.String({ minLength: 1 }),
  source: Type.String({ minLength: 1 }),
  id: Type.String({ minLength: 1, description: "ledger epoch, '-', sequence" }),
  sequence: Type.String({ pattern: '^[0-9]{16,}$' }),
  time: Time,
  subject: Type.Optional(Type.String({ minLength: 1, description: 'subscriber, NAS, device or command' })),
  datacontenttype: Type.Literal('application/json'),
  data: Open
})
export type CloudEvent = Static<typeof CloudEvent>

/** Body of `POST /v1/events`. */
export const EventBatch = Type.Array(CloudEvent, { minItems: 1, maxItems: batchLimits.events })
export type EventBatch = Static<typeof EventBatch>

/**
 * Answer 200 to a batch. Every event is in one of the three: `accepted` + `duplicates` + length of `rejected` is the
 * number of events sent. Where less is named, the agent sends the whole batch again.
 */
export const BatchAnswer = Type.Object({
  accepted: Type.Integer({ minimum: 0, description: 'events taken now' }),
  duplicates: Type.Integer({ minimum: 0, description: 'events that were there already' }),
  rejected: Type.Array(Type.Object({ id: Type.String(), reason: Type.String() }), {
    description: 'will never be taken; the agent sets them aside for a person'
  })
})
export type BatchAnswer = Static<typeof BatchAnswer>

/** What a `*.removed` message says. */
export const Removal = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128 }) })
export type Removal = Static<typeof Removal>

/** What `data` holds, by the feed message's `type`. Documents are whole. */
export const feedData = {
  'subscriber.changed': Subscriber,
  'subscriber.removed': Removal,
  'profile.changed': Profile,
  'profile.removed': Removal,
  'nas.changed': Nas,
  'nas.removed': Removal,
  'device.changed': Device,
  'device.removed': Removal,
  'command.requested': Command
} as const satisfies Record<`${DocumentKind}.changed` | `${DocumentKind}.removed` | 'command.requested', TSchema>
export type FeedType = keyof typeof feedData

/** The envelope of a feed message, whatever its type. */
export const FeedEnvelope = Type.Object({
  specversion: Type.Literal('1.0'),
  type: Type.String({ minLength: 1 }),
  source: Type.String({ minLength: 1 }),
  id: Type.String({ minLength: 1 }),
  sequence: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,32}$',
      description:
        'position in the feed: dense (each message one more than the last). Optional; with it the agent notices a gap or a changed order and asks again from its cursor'
    })
  ),
  time: Type.Optional(Time),
  subject: Type.Optional(Type.String()),
  datacontenttype: Type.Optional(Type.String()),
  data: Type.Unknown()
})
export type FeedEnvelope = Static<typeof FeedEnvelope>

/** A feed message: one CloudEvent in one SSE `data:`; the SSE `id:`, printable ASCII, is the cursor that `Last-Event-ID` brings back. */
export type FeedMessage = {
  [T in FeedType]: Omit<FeedEnvelope, 'type' | 'data'> & { type: T; data: Static<(typeof feedData)[T]> }
}[FeedType]

/** One document of the snapshot, one a line. Each (`kind`, `document.id`) stands once. */
export const SnapshotLine = Type.Union([
  Type.Object({ kind: Type.Literal('subscriber'), document: Subscriber }),
  Type.Object({ kind: Type.Literal('profile'), document: Profile }),
  Type.Object({ kind: Type.Literal('nas'), document: Nas }),
  Type.Object({ kind: Type.Literal('device'), document: Device })
])
export type SnapshotLine = Static<typeof SnapshotLine>

/** The snapshot's last line: where the feed goes on, and how many documents of each kind came. */
export const SnapshotEnd = Type.Object({
  cursor: Type.String({ pattern: '^[!-~]([ -~]{0,1022}[!-~])?$', description: 'as in Last-Event-ID' }),
  sequence: Type.Optional(
    Type.String({ pattern: '^[0-9]{1,32}$', description: 'of the last message that the snapshot includes' })
  ),
  counts: Type.Object({ subscriber: Count, profile: Count, nas: Count, device: Count })
})
export type SnapshotEnd = Static<typeof SnapshotEnd>
