import { Type, type Static } from '@sinclair/typebox'

/*
 * The documents that billing sends (feed, snapshot) and the agent keeps. Each is whole: a newer one replaces the older.
 * Unknown fields are kept and ignored, so that billing may be newer than the agent.
 * Secrets never travel here: `secretRef` and `credentialRef` name entries of the agent's own secret store.
 */

const Id = Type.String({ minLength: 1, maxLength: 128 })
const BitRate = Type.Integer({ minimum: 1, maximum: 1e13, description: 'bit/s' })
const Octets = Type.Integer({ minimum: 0, description: 'octets' })
const Time = Type.String({ format: 'date-time' })
const Seconds = Type.Integer({ minimum: 1, maximum: 0xffffffff, description: 'seconds' })
const Mac = Type.String({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$', description: 'lower-case, colons' })
const Attributes = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), {
  description: 'RADIUS attribute name to value, added to every Access-Accept'
})

/** Names of the EAP methods, in documents and in the configuration. */
export const eapMethods = ['tls', 'ttls', 'peap', 'mschapv2', 'gtc', 'md5'] as const
export type EapMethodName = (typeof eapMethods)[number]
const EapMethods = Type.Array(Type.Unsafe<EapMethodName>({ type: 'string', enum: [...eapMethods] }), {
  minItems: 1,
  maxItems: eapMethods.length,
  description: 'the only EAP methods that may be used, the first one offered; says nothing of logging on without EAP'
})

/** How a suspended subscriber is treated, and the evidence that the law asks for. */
export const Suspension = Type.Object({
  how: Type.Union([Type.Literal('reject'), Type.Literal('walled-garden'), Type.Literal('throttle')]),
  reason: Type.Optional(Type.String()),
  reference: Type.Optional(Type.String({ description: 'invoice or case number' })),
  noticeAt: Type.Optional(Time)
})
export type Suspension = Static<typeof Suspension>

/** Somebody who may connect. `username` is matched against User-Name, exactly. */
export const Subscriber = Type.Object({
  id: Id,
  username: Type.String({ minLength: 1, maxLength: 253 }),
  status: Type.Union([Type.Literal('active'), Type.Literal('suspended'), Type.Literal('closed')]),
  profile: Id,
  credentials: Type.Optional(
    Type.Object({
      password: Type.Optional(
        Type.String({ maxLength: 512, description: 'clear text, or a salted hash $6$… / $scrypt$…' })
      ),
      ntHash: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{32}$' })),
      macs: Type.Optional(Type.Array(Mac, { maxItems: 64 }))
    })
  ),
  addresses: Type.Optional(
    Type.Object({
      ipv4: Type.Optional(Type.String({ format: 'ipv4' })),
      ipv6Prefix: Type.Optional(Type.String()),
      delegatedPrefix: Type.Optional(Type.String()),
      pool: Type.Optional(Type.String()),
      routes: Type.Optional(Type.Array(Type.String(), { maxItems: 32 }))
    })
  ),
  bind: Type.Optional(
    Type.Object({
      macs: Type.Optional(Type.Array(Mac, { maxItems: 64 })),
      learnMacs: Type.Optional(Type.Integer({ minimum: 0, maximum: 64, description: 'bind to the first N MACs seen' })),
      nas: Type.Optional(Id),
      circuitId: Type.Optional(Type.String()),
      remoteId: Type.Optional(Type.String()),
      vlan: Type.Optional(Type.Integer({ minimum: 1, maximum: 4094 }))
    })
  ),
  simultaneousUse: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  onExcess: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('replace')])),
  quota: Type.Optional(
    Type.Object({
      octets: Octets,
      used: Type.Optional(Octets),
      resetsAt: Type.Optional(Time),
      onExhausted: Type.Union([Type.Literal('profile'), Type.Literal('suspend')]),
      profile: Type.Optional(Id)
    })
  ),
  validUntil: Type.Optional(Time),
  hours: Type.Optional(
    Type.Array(Type.String({ description: "Mo-Fr 08:00-18:00, in the agent's time zone" }), { maxItems: 16 })
  ),
  eapMethods: Type.Optional(EapMethods),
  suspension: Type.Optional(Suspension),
  devices: Type.Optional(Type.Array(Type.Object({ device: Id, port: Type.String() }), { maxItems: 16 })),
  attributes: Type.Optional(Attributes)
})
export type Subscriber = Static<typeof Subscriber>

/** What a subscriber gets: a name for rates, limits and vendors' extras. */
export const Profile = Type.Object({
  id: Id,
  down: Type.Optional(BitRate),
  up: Type.Optional(BitRate),
  burst: Type.Optional(
    Type.Object({
      down: BitRate,
      up: BitRate,
      thresholdDown: BitRate,
      thresholdUp: BitRate,
      seconds: Type.Integer({ minimum: 1, maximum: 3600 })
    })
  ),
  sessionTimeout: Type.Optional(Seconds),
  idleTimeout: Type.Optional(Seconds),
  interimInterval: Type.Optional(Type.Integer({ minimum: 60, maximum: 86400, description: 'seconds' })),
  pool: Type.Optional(Type.String()),
  ipv6Pool: Type.Optional(Type.String()),
  dns: Type.Optional(Type.Array(Type.String(), { maxItems: 4 })),
  addressList: Type.Optional(Type.String()),
  filter: Type.Optional(Type.String()),
  eapMethods: Type.Optional(EapMethods),
  attributes: Type.Optional(
    Type.Record(Type.String(), Attributes, {
      description: 'per vendor, or "all": extra attributes of the Access-Accept'
    })
  )
})
export type Profile = Static<typeof Profile>

/** Whose vocabulary a NAS speaks; `standard` is plain RFC attributes. */
export const Vendor = Type.Union([
  Type.Literal('standard'),
  Type.Literal('mikrotik'),
  Type.Literal('cisco'),
  Type.Literal('juniper'),
  Type.Literal('huawei'),
  Type.Literal('h3c'),
  Type.Literal('zte'),
  Type.Literal('accel-ppp'),
  Type.Literal('coova'),
  Type.Literal('nokia')
])
export type Vendor = Static<typeof Vendor>

/** A network access server: who may ask, and where its CoA goes. */
export const Nas = Type.Object({
  id: Id,
  addresses: Type.Array(Type.String({ description: 'source address or prefix' }), { minItems: 1, maxItems: 64 }),
  vendor: Vendor,
  secretRef: Type.String({ description: 'file:PATH, credential:NAME or env:NAME' }),
  coaAddress: Type.Optional(Type.String({ description: 'where CoA goes; the first address by default' })),
  coaPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
  coa: Type.Optional(
    Type.Boolean({ description: 'false where the box takes no CoA and no Disconnect: its device is asked at once' })
  ),
  messageAuthenticator: Type.Optional(
    Type.Union([Type.Literal('auto'), Type.Literal('required'), Type.Literal('exempt')])
  ),
  certificateNames: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      maxItems: 16,
      description: "RadSec: names in the NAS's certificate: subject CN, or SAN (DNS, IP, URI)"
    })
  ),
  flipDirection: Type.Optional(Type.Boolean({ description: 'true where Acct-Input-Octets is the download' })),
  device: Type.Optional(Type.String({ description: 'the Device that drives this box by its own API' }))
})
export type Nas = Static<typeof Nas>

/** A box that is driven by a driver: router, switch, CPE server. */
export const Device = Type.Object({
  id: Id,
  driver: Id,
  address: Type.String({ minLength: 1 }),
  credentialRef: Type.Optional(Type.String()),
  options: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
})
export type Device = Static<typeof Device>

export const CommandVerb = Type.Union([
  Type.Literal('disconnect'),
  Type.Literal('reauthorize'),
  Type.Literal('provision'),
  Type.Literal('reboot'),
  Type.Literal('diagnose'),
  Type.Literal('release-brake'),
  Type.Literal('resend')
])
export type CommandVerb = Static<typeof CommandVerb>

/** An order from billing. Doing one twice is doing it once. */
export const Command = Type.Object({
  id: Id,
  verb: CommandVerb,
  arguments: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description:
        'disconnect, reauthorize: session or subscriber; provision: template, device, values (secrets as references), dryRun; diagnose: device, subscriber; resend: from, to'
    })
  ),
  deadline: Type.Optional(Time)
})
export type Command = Static<typeof Command>

/** How a command ended. */
export type CommandOutcome = 'done' | 'failed' | 'expired' | 'refused'

/** The documents by the name that the feed and the snapshot use. */
export const documents = { subscriber: Subscriber, profile: Profile, nas: Nas, device: Device } as const
export type DocumentKind = keyof typeof documents
export interface Documents {
  subscriber: Subscriber
  profile: Profile
  nas: Nas
  device: Device
}
