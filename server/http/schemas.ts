import { type Static, Type } from '@sinclair/typebox'
import { Profile, Subscriber, Suspension } from '../../agent/model/index.js'

/*
 * The local API's JSON. Times are RFC 3339 texts in UTC. Octets are decimal texts, since a session of a year at
 * 10 Gbit/s does not fit a JSON number; other counts are numbers.
 */

const Octets = Type.String({ pattern: '^[0-9]+$', description: 'octets, decimal' })
const Time = Type.String({ description: 'RFC 3339, UTC' })
const Text = Type.String()
const Count = Type.Integer({ minimum: 0 })
const Sentences = Type.Array(Type.String())

export const Problem = Type.Object(
  { code: Text, message: Text, remedy: Text },
  { $id: 'Problem', description: 'Why it was refused, and what to do' }
)

export const Status = Type.Object({
  version: Text,
  startedAt: Time,
  attention: Sentences,
  listeners: Type.Array(Type.Object({ purpose: Text, address: Text, port: Count, receiveBuffer: Count })),
  documents: Type.Object({ subscribers: Count, profiles: Count, nases: Count, devices: Count }),
  sessions: Type.Object({ open: Count, stale: Count }),
  devices: Type.Object({ up: Count, down: Count, flapping: Count, unknown: Count }),
  ledger: Type.Object({ epoch: Text, durableHead: Count, diskOctets: Count, diskBudget: Count }),
  uplink: Type.Object({
    state: Text,
    backlog: Count,
    backlogAgeMs: Type.Number(),
    perSecond: Type.Number(),
    drainSeconds: Type.Optional(
      Type.Number({ description: 'until the backlog is gone; absent when it does not shrink' })
    ),
    quarantined: Count,
    lastError: Type.Optional(Text)
  }),
  rejections: Type.Object({ lastHour: Count }),
  enforcement: Type.Object({ pending: Count, held: Count, failed: Count })
})
export type Status = Static<typeof Status>

export const SessionWire = Type.Object({
  id: Text,
  subscriber: Text,
  userName: Text,
  nas: Text,
  nasPort: Text,
  acctSessionId: Text,
  profile: Text,
  state: Type.Unsafe<'open' | 'stale' | 'closed'>({ enum: ['open', 'stale', 'closed'] }),
  framedIpv4: Text,
  framedIpv6Prefix: Text,
  delegatedPrefix: Text,
  callingStation: Text,
  startedAt: Time,
  lastAt: Time,
  closedAt: Type.Optional(Time),
  closedBy: Type.Optional(Text),
  seconds: Count,
  upOctets: Octets,
  downOctets: Octets,
  duplicates: Count,
  late: Count,
  resets: Count
})
export type SessionWire = Static<typeof SessionWire>

export const SessionList = Type.Object({ sessions: Type.Array(SessionWire), cursor: Type.Optional(Text) })
export type SessionList = Static<typeof SessionList>

export const SessionFilter = Type.Object(
  {
    subscriber: Type.Optional(Type.String({ maxLength: 253, description: 'id or User-Name' })),
    nas: Type.Optional(Type.String({ maxLength: 128 })),
    state: Type.Optional(Type.Unsafe<'open' | 'stale' | 'closed'>({ enum: ['open', 'stale', 'closed'] })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: '100 when absent' })),
    cursor: Type.Optional(Type.String({ maxLength: 512 }))
  },
  { additionalProperties: false }
)
export type SessionFilter = Static<typeof SessionFilter>

export const Story = Type.Object({
  session: SessionWire,
  steps: Type.Array(
    Type.Object({
      at: Time,
      cause: Text,
      sequence: Count,
      seconds: Count,
      upOctets: Octets,
      downOctets: Octets,
      totalUpOctets: Octets,
      totalDownOctets: Octets,
      words: Text
    })
  )
})
export type Story = Static<typeof Story>

/** A subscriber's document without its credentials. */
export const SubscriberWire = Type.Object({
  subscriber: Type.Omit(Subscriber, ['credentials']),
  profile: Type.Optional(Profile),
  wanted: Type.Object({ kind: Text, reason: Text }),
  sessions: Type.Array(SessionWire),
  lastRefusal: Type.Optional(Type.Object({ at: Time, nas: Text, code: Text, words: Text }))
})
export type SubscriberWire = Static<typeof SubscriberWire>

export const Usage = Type.Object({
  subscriber: Text,
  username: Text,
  since: Time,
  upOctets: Octets,
  downOctets: Octets,
  sessions: Type.Array(SessionWire)
})
export type Usage = Static<typeof Usage>

export const UsageQuery = Type.Object(
  { since: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339; 30 days ago when absent' })) },
  { additionalProperties: false }
)
export type UsageQuery = Static<typeof UsageQuery>

export const DeviceList = Type.Object({
  devices: Type.Array(
    Type.Object({
      device: Text,
      driver: Text,
      state: Type.Unsafe<'up' | 'down' | 'flapping' | 'unknown'>({ enum: ['up', 'down', 'flapping', 'unknown'] }),
      detail: Text,
      at: Type.Optional(Type.String({ description: 'when it was asked last; absent before' })),
      tookMs: Type.Number(),
      counted: Type.Integer({ minimum: 0, description: 'ports that count for a subscriber' }),
      unclaimed: Type.Object(
        { count: Count, first: Type.Array(Text) },
        { description: 'ports that count for nobody, where any counts' }
      ),
      problems: Sentences
    })
  )
})
export type DeviceList = Static<typeof DeviceList>

const Words = Type.String({ minLength: 1, maxLength: 512 })
export const SuspendBody = Type.Object(
  {
    how: Type.Optional(Suspension.properties.how),
    reason: Words,
    reference: Type.Optional(Words)
  },
  { additionalProperties: false }
)
export type SuspendBody = Static<typeof SuspendBody>

export const RestoreBody = Type.Object({ reason: Words }, { additionalProperties: false })
export type RestoreBody = Static<typeof RestoreBody>

export const Decision = Type.Object({ subscriber: Text, status: Text, sessions: Count })
export type Decision = Static<typeof Decision>

export const EnforcementList = Type.Object({
  enforcements: Type.Array(
    Type.Object({
      subject: Text,
      username: Text,
      enforcement: Text,
      state: Text,
      want: Text,
      session: Type.Optional(Text),
      nas: Type.Optional(Text),
      way: Type.Optional(Text),
      proof: Type.Optional(Text),
      errorCause: Type.Optional(Type.Integer()),
      detail: Text,
      reference: Type.Optional(Text),
      requestedAt: Time,
      afterMs: Type.Number()
    })
  )
})
export type EnforcementList = Static<typeof EnforcementList>

export const EnforcementFilter = Type.Object(
  {
    subscriber: Type.Optional(Type.String({ maxLength: 253, description: 'id or User-Name' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: '100 when absent' }))
  },
  { additionalProperties: false }
)
export type EnforcementFilter = Static<typeof EnforcementFilter>

export const Rejections = Type.Object({
  rejections: Type.Array(
    Type.Object({
      firstAt: Time,
      lastAt: Time,
      count: Count,
      userName: Text,
      subscriber: Text,
      callingStation: Text,
      nas: Text,
      code: Text,
      words: Text
    })
  )
})
export type Rejections = Static<typeof Rejections>

export const RejectionsQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) },
  { additionalProperties: false }
)
export type RejectionsQuery = Static<typeof RejectionsQuery>

const Sequence = Type.Integer({ minimum: 0 })

export const EvidenceFilter = Type.Object(
  {
    subscriber: Type.Optional(Type.String({ maxLength: 253, description: 'id or User-Name; all when absent' })),
    after: Type.Optional(Type.Integer({ minimum: 0, description: 'only entries with a higher sequence' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: '1000 when absent' }))
  },
  { additionalProperties: false }
)
export type EvidenceFilter = Static<typeof EvidenceFilter>

export const EvidenceList = Type.Object({
  entries: Type.Array(
    Type.Object({
      sequence: Sequence,
      at: Time,
      subscriber: Text,
      userName: Text,
      enforcement: Text,
      orderedBy: Text,
      reference: Type.Optional(Text),
      noticeAt: Type.Optional(Text),
      want: Text,
      reason: Text,
      state: Text,
      session: Type.Optional(Text),
      nas: Type.Optional(Text),
      way: Type.Optional(Text),
      proof: Type.Optional(Text),
      detail: Text,
      previous: Text,
      hash: Text,
      body: Type.String({ description: 'the entry as it is stored: hash is the SHA-256 of this text' })
    })
  )
})
export type EvidenceList = Static<typeof EvidenceList>

export const EvidenceChain = Type.Object({
  entries: Count,
  head: Type.String({ description: 'hash of the last entry that fits: it vouches for all before it' }),
  broken: Type.Optional(Type.Object({ sequence: Sequence, why: Text }))
})
export type EvidenceChain = Static<typeof EvidenceChain>

export const Quarantine = Type.Object({
  events: Type.Array(Type.Object({ sequence: Count, type: Text, subject: Text, at: Time, reason: Text }))
})
export type Quarantine = Static<typeof Quarantine>

export const ResendBody = Type.Object(
  {
    sequences: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 10_000, description: 'all when absent' })
    )
  },
  { additionalProperties: false }
)
export type ResendBody = Static<typeof ResendBody>

export const BackupBody = Type.Object({
  directory: Type.String({ minLength: 1, maxLength: 4096, description: 'absolute path; absent or empty' })
})
export type BackupBody = Static<typeof BackupBody>

export const BackedUp = Type.Object({ head: Count })
export type BackedUp = Static<typeof BackedUp>

const Value = Type.Union([Type.Boolean(), Type.Number(), Type.String({ maxLength: 4096 })])

export const TemplateList = Type.Object({
  templates: Type.Array(
    Type.Object({
      name: Text,
      title: Text,
      drivers: Type.Array(Text),
      variables: Type.Array(
        Type.Object({
          name: Text,
          type: Type.Unsafe<'text' | 'secret' | 'name' | 'number' | 'boolean'>({
            enum: ['text', 'secret', 'name', 'number', 'boolean']
          }),
          describe: Text,
          required: Type.Boolean(),
          default: Type.Optional(Value)
        })
      ),
      problem: Type.Optional(Type.String({ description: 'what is wrong with its file: it cannot be used' }))
    })
  )
})
export type TemplateList = Static<typeof TemplateList>

export const ProvisionBody = Type.Object(
  {
    template: Type.String({ minLength: 1, maxLength: 253 }),
    values: Type.Optional(
      // No union here: checking with coercion would turn numbers into texts and back.
      Type.Unsafe<Record<string, string | number | boolean>>({
        type: 'object',
        maxProperties: 256,
        additionalProperties: { type: ['string', 'number', 'boolean'], maxLength: 4096 },
        description: 'by the names of variables; a secret may be subscriber:ID, the password of a subscriber'
      })
    ),
    dryRun: Type.Optional(Type.Boolean({ description: 'true: nothing is changed; the answer says what would be' }))
  },
  { additionalProperties: false }
)
export type ProvisionBody = Static<typeof ProvisionBody>

export const Provisioned = Type.Object({
  device: Text,
  template: Text,
  dryRun: Type.Boolean(),
  result: Type.Unsafe<'changed' | 'unchanged'>({ enum: ['changed', 'unchanged'] }),
  detail: Text,
  changes: Type.Array(Text),
  proven: Type.Boolean({ description: 'whether it was read back from the device' })
})
export type Provisioned = Static<typeof Provisioned>

export const Moved = Type.Object({ count: Count })
export type Moved = Static<typeof Moved>

export const ById = Type.Object({ id: Type.String({ minLength: 1, maxLength: 253 }) })
export type ById = Static<typeof ById>
