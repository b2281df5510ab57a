import { type Static, type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { eapMethods, Vendor } from '../agent/model/index.js'
import { type Endpoint, type Reading, readings } from './units.js'

/*
 * What the YAML file may say. A `section` has a default for each of its keys (defaults.ts), so all may be left out;
 * a `closed` object must name what is not Optional. `reads` marks texts in human units (units.ts): their static type
 * is what they are read as. Descriptions go into the published JSON Schema and show up in editors.
 */

/** The extra words that this schema uses beside JSON Schema's. */
export interface Reads {
  readonly reads: Reading
  /** Bounds, written as in the file. */
  readonly from?: string
  readonly to?: string
}

const section = <P extends TProperties>(properties: P, description: string) =>
  Type.Unsafe<Static<TObject<P>>>({ type: 'object', description, properties, additionalProperties: false })

const closed = <P extends TProperties>(properties: P, description: string) =>
  Type.Object(properties, { description, additionalProperties: false })

const reads = <T>(reading: Reading, description: string, bounds: { from?: string; to?: string } = {}) =>
  Type.Unsafe<T>({ reads: reading, description, ...bounds })

const choice = <const V extends readonly string[]>(values: V, description: string) =>
  Type.Unsafe<V[number]>({ enum: values, description })

const name = (description: string) => Type.String({ minLength: 1, maxLength: 253, description })
const secret = (description: string) => Type.String({ format: 'secret-reference', description })
const path = (description: string) => Type.String({ minLength: 1, maxLength: 4096, description })
const endpoints = (description: string) =>
  Type.Array(reads<Endpoint>('endpoint', description), { maxItems: 16, description })

const vendors = Vendor.anyOf.map(literal => literal.const)
const authenticatorRules = ['auto', 'required', 'exempt'] as const
const authenticatorWords =
  'Message-Authenticator: auto (demanded once a NAS has shown it), required, exempt (for boxes that cannot; unsafe)'

/** A NAS written by hand. Billing may send more in its feed. */
export const NasEntry = closed(
  {
    id: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$', description: 'A name for the box: bras-1' }),
    addresses: Type.Array(
      Type.String({ format: 'address-or-prefix', description: 'Source address or prefix: 192.0.2.10, 10.8.0.0/16' }),
      { minItems: 1, maxItems: 64, description: 'Where its requests come from; the longest prefix decides' }
    ),
    secret: secret('Its shared secret: file:PATH, credential:NAME or env:NAME'),
    vendor: Type.Optional(choice(vendors, 'Whose vocabulary it speaks; standard is plain RFC attributes')),
    coaAddress: Type.Optional(
      Type.String({ format: 'address', description: 'Where CoA and Disconnect go; its first address if absent' })
    ),
    coaPort: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65535, description: "Port for CoA and Disconnect; the vendor's if absent" })
    ),
    coa: Type.Optional(
      Type.Boolean({ description: 'false where it takes no CoA and no Disconnect: its device is asked at once' })
    ),
    messageAuthenticator: Type.Optional(choice(authenticatorRules, authenticatorWords)),
    certificate: Type.Optional(
      Type.Array(name("A name in the NAS's certificate: subject CN, or SAN (DNS, IP, URI)"), {
        minItems: 1,
        maxItems: 16,
        description: 'RadSec: the NAS is known by its certificate, wherever it connects from'
      })
    ),
    flipDirection: Type.Optional(Type.Boolean({ description: 'true where Acct-Input-Octets is the download' })),
    device: Type.Optional(name("The device document that drives this box by the vendor's own API"))
  },
  'A network access server: who may ask'
)
export type NasEntry = Static<typeof NasEntry>

const RadSec = closed(
  {
    listen: endpoints('Where RADIUS over TLS is received; the usual port is 2083'),
    certificate: path('PEM file: the own certificate, then those that signed it'),
    key: secret("The certificate's key, PEM: file:PATH, credential:NAME or env:NAME"),
    ca: path('PEM file: the CA that signed the certificates of the NASes'),
    crl: Type.Optional(path('PEM file: lists of those that the CA has revoked; one that has run out still counts')),
    byAddress: Type.Optional(
      Type.Boolean({ description: 'true: a certificate whose names no NAS has is taken from the address of a NAS' })
    )
  },
  'RADIUS over TLS (RadSec), for NASes with certificates; off if absent'
)

const Eap = closed(
  {
    certificate: path('PEM file: the own certificate, then those that signed it'),
    key: secret("The certificate's key, PEM: file:PATH, credential:NAME or env:NAME"),
    ca: Type.Optional(path('PEM file: the CA that signed the certificates of subscribers, for EAP-TLS')),
    crl: Type.Optional(path('PEM file: lists of those that the CA has revoked; one that has run out still counts')),
    methods: Type.Optional(
      Type.Array(choice(eapMethods, 'An EAP method'), {
        minItems: 1,
        maxItems: eapMethods.length,
        description: 'Methods offered, the first one first; all that are possible if absent'
      })
    )
  },
  'EAP with certificates (802.1X, WPA-Enterprise, IKEv2): TLS, TTLS and PEAP; without this only MD5, MSCHAPv2 and GTC'
)

const Radius = section(
  {
    authentication: endpoints('Where Access-Requests are received'),
    accounting: endpoints('Where Accounting-Requests are received'),
    messageAuthenticator: choice(authenticatorRules, `${authenticatorWords}. For NASes that do not say otherwise`),
    rejectDelay: reads<number>('duration', 'How long an Access-Reject waits, against guessing', {
      from: '0s',
      to: '10s'
    }),
    receiveBuffer: reads<number>('size', 'Socket buffer asked for; net.core.rmem_max is its limit', {
      from: '64KiB',
      to: '1GiB'
    }),
    radsec: Type.Optional(RadSec),
    eap: Type.Optional(Eap),
    dictionaries: Type.Array(path('A file in the FreeRADIUS dictionary format'), {
      maxItems: 64,
      description: 'Dictionary files of your own, for attributes that Turnpike does not know'
    })
  },
  'The RADIUS listeners'
)

const Proxy = section(
  {
    realms: Type.Array(
      closed(
        {
          realm: name('user@REALM and REALM\\user, whatever the case: partner.example'),
          servers: Type.Array(
            closed(
              {
                address: Type.String({ format: 'address', description: 'IP address of the server' }),
                authPort: Type.Optional(
                  Type.Integer({ minimum: 1, maximum: 65535, description: 'Port for Access-Requests; 1812 if absent' })
                ),
                acctPort: Type.Optional(
                  Type.Integer({ minimum: 1, maximum: 65535, description: 'Port for accounting; 1813 if absent' })
                ),
                secret: secret('The secret shared with it: file:PATH, credential:NAME or env:NAME')
              },
              'A RADIUS server of the partner'
            ),
            { minItems: 1, maxItems: 8, description: 'Asked in this order; the next when one is silent' }
          ),
          strip: Type.Optional(Type.Boolean({ description: 'true: the partner is sent the name without the realm' })),
          accounting: Type.Optional(
            choice(['both', 'theirs'] as const, 'Who keeps accounting: both (ours first), or the partner alone')
          )
        },
        'A realm that belongs to a partner'
      ),
      { maxItems: 1000, description: 'Realms whose requests are forwarded; all other names are ours' }
    )
  },
  "Forwarding by realm to partners' RADIUS servers; off if absent"
)

const Nats = closed(
  {
    user: Type.Optional(name('User whose password the token is; a token, an nkey seed or a .creds file needs none')),
    eventSubject: Type.Optional(name('Subject that events are published on; turnpike.events if absent')),
    feedStream: Type.Optional(name('Stream that holds the feed of this agent; TURNPIKE_FEED if absent')),
    snapshotSubject: Type.Optional(
      name('Subject that billing answers on for the snapshot; turnpike.snapshot if absent')
    ),
    inFlight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'Events ahead of their acknowledgement, 256 if absent; with 1 none can ever pass another'
      })
    )
  },
  'Names at the NATS server, where cloud.url is tls:// or nats://'
)

const texts = (description: string, value: TSchema = Type.String({ minLength: 1, maxLength: 1024 })) =>
  Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: value, maxProperties: 64, description })

const Mapping = closed(
  {
    path: Type.String({
      format: 'url-path',
      description: 'Path of the events endpoint below cloud.url: /api/v1/events'
    }),
    types: Type.Optional(
      texts('Which event types are sent, and what they are called there; all as they are if absent')
    ),
    fields: Type.Optional(
      texts(
        'Their field: where it comes from (subject, data.upOctets + data.downOctets, time as seconds); dots nest',
        Type.String({ format: 'field-source', description: 'Where a field comes from' })
      )
    ),
    flatten: Type.Optional(Type.Boolean({ description: 'true: the fields of data stand beside the others' })),
    extra: Type.Optional(texts('Their field: a fixed text in each event; dots nest')),
    body: Type.Optional(
      choice(['array', 'wrapped', 'single'], 'A list of events, a list inside an object, or one event; array if absent')
    ),
    wrapper: Type.Optional(name('Key of the list inside the object; events if absent')),
    batch: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Most events in one request' })),
    mediaType: Type.Optional(name('Content-Type of the body')),
    gzip: Type.Optional(Type.Boolean({ description: 'true: bodies are compressed' })),
    tokenHeader: Type.Optional(name('Header that carries the token; authorization if absent')),
    tokenPrefix: Type.Optional(
      Type.String({ maxLength: 64, description: 'What stands before the token; "Bearer " if absent' })
    ),
    headers: Type.Optional(texts('More headers; no secrets')),
    anySuccess: Type.Optional(
      Type.Boolean({ description: 'true: each answer 2xx takes the whole batch, whatever its body says' })
    ),
    spoilt: Type.Optional(
      Type.Array(Type.Integer({ minimum: 400, maximum: 499, description: 'A status' }), {
        minItems: 1,
        maxItems: 16,
        description: 'Statuses that say that one event spoils the batch; 400 if absent'
      })
    ),
    duplicate: Type.Optional(name('Words in such an answer that say that the event is there already'))
  },
  'How events look and travel at an API of others'
)

const Cloud = closed(
  {
    url: Type.String({
      format: 'cloud-url',
      description: "Base URL of billing's Edge API: https://billing.example.net; tls://nats.example.net for NATS"
    }),
    token: secret('Bearer token: file:PATH, credential:NAME or env:NAME'),
    source: Type.Optional(name('Name of this agent in events; /agents/HOSTNAME if absent. Never change it later')),
    ca: Type.Optional(path('PEM file: trust this CA and no other')),
    certificate: Type.Optional(path('PEM file: client certificate')),
    key: Type.Optional(secret("The client certificate's key, PEM: file:PATH, credential:NAME or env:NAME")),
    feed: Type.Optional(Type.Boolean({ description: 'false: events are sent and nothing is asked for' })),
    nats: Type.Optional(Nats),
    mapping: Type.Optional(Mapping)
  },
  'Billing in the cloud. Without it the agent keeps its records until there is one'
)

const Policy = section(
  {
    walledGarden: section(
      {
        addressList: name('MikroTik address list that fences a walled subscriber'),
        filter: Type.Optional(name('Filter-Id of a walled subscriber on other NASes')),
        pool: Type.Optional(name('Framed-Pool of a walled subscriber')),
        redirectUrl: Type.Optional(
          Type.String({ format: 'web-url', description: 'The pay page, where a NAS redirects' })
        )
      },
      'What a suspended subscriber meets instead of the network'
    ),
    throttle: section(
      {
        down: reads<number>('rate', 'Download', { from: '8k', to: '1000G' }),
        up: reads<number>('rate', 'Upload', { from: '8k', to: '1000G' })
      },
      'The rate of a throttled subscriber'
    ),
    interimInterval: reads<number>('seconds', 'How often a NAS reports usage, where the profile does not say', {
      from: '60s',
      to: '1d'
    }),
    sessionTimeoutWalled: reads<number>('seconds', 'How long a walled session may last until it must ask again', {
      from: '60s',
      to: '1d'
    }),
    replyMessage: Type.Boolean({ description: 'Whether a reject tells the subscriber why (Reply-Message)' })
  },
  'What subscribers get where their profile does not say'
)

const Pool = closed(
  {
    name: name('As profiles and subscribers name it'),
    ranges: Type.Array(
      Type.String({
        pattern: '^[0-9a-fA-F:.]+(/[0-9]{1,3})?( ?- ?[0-9.]+)?$',
        description: '100.64.0.0/22, 10.0.0.10-10.0.0.250, or for IPv6 a prefix to cut: 2001:db8:100::/40'
      }),
      { minItems: 1, maxItems: 256, description: 'What it gives out; a network and a broadcast address are left out' }
    ),
    prefixLength: Type.Optional(
      Type.Integer({ minimum: 32, maximum: 64, description: 'Length of the IPv6 prefixes given out; 56 if absent' })
    ),
    quarantine: Type.Optional(
      reads<number>('duration', 'How long an address rests before another subscriber gets it; 10m if absent', {
        from: '0s',
        to: '31d'
      })
    )
  },
  'Addresses that the agent gives out itself, for NASes that have no pool'
)

const Sealing = section(
  {
    key: Type.Optional(secret('Key that seals documents on disk; the file seal.key in the data directory if absent')),
    previous: Type.Array(secret('A key that was replaced'), {
      maxItems: 16,
      description: 'Keys that were used before: until the agent has started once with the new one'
    }),
    discardUnreadable: Type.Boolean({
      description: 'true for one start where the key is lost for good: billing sends all documents again'
    })
  },
  'How documents, which hold credentials, lie on the disk: sealed'
)

const Sessions = section(
  {
    staleAfterMissed: Type.Integer({ minimum: 1, maximum: 100, description: 'Missed interims that make it stale' }),
    closeAfter: reads<number>('duration', 'Silence after which a stale session is closed', { from: '5m', to: '31d' })
  },
  'When silence ends a session'
)

const Enforcement = section(
  {
    proofTimeout: reads<number>('duration', 'Wait for proof before the next way is tried', { from: '500ms', to: '5m' }),
    blocksPerHour: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1e6,
        description: 'Brake; the larger of 50 and 5 % of subscribers if absent'
      })
    )
  },
  'How suspensions are carried to the network'
)

const Polling = section(
  {
    interval: reads<number>('duration', 'How often a device is asked, where its document does not say (options.poll)', {
      from: '10s',
      to: '1d'
    }),
    deadline: reads<number>('duration', 'How long a device may take, where its document does not say', {
      from: '1s',
      to: '1h'
    }),
    atOnce: Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'Devices asked at once; those that let us wait give their place to others'
    })
  },
  'How the devices that billing names are asked for counters and health'
)

const Ledger = section(
  {
    retention: reads<number>('duration', 'How long records that billing has are kept as evidence', {
      from: '1d',
      to: '3660d'
    }),
    diskBudget: reads<number>('size', 'Disk that the ledger may fill', { from: '64MiB', to: '100TiB' })
  },
  'The durable log of usage'
)

const Api = section({ socket: path('Unix socket of the local API') }, 'The API that the turnpike command talks to')

const Log = section(
  { level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const, 'The least that is logged') },
  'What the agent logs, as JSON lines on standard output'
)

/** The whole file. */
export const ConfigFile = section(
  {
    data: path('Directory of the ledger and all other state'),
    radius: Radius,
    nas: Type.Array(NasEntry, {
      maxItems: 10_000,
      description: 'The NASes; those that billing sends need not be here'
    }),
    proxy: Type.Optional(Proxy),
    cloud: Type.Optional(Cloud),
    policy: Policy,
    pools: Type.Array(Pool, { maxItems: 1000, description: "Address pools of the agent's own" }),
    sealing: Sealing,
    sessions: Sessions,
    enforcement: Enforcement,
    polling: Polling,
    ledger: Ledger,
    templates: Type.Optional(
      path('Directory of your own templates for turnpike provision, beside those that come with it')
    ),
    api: Api,
    log: Log
  },
  'Configuration of the Turnpike agent'
)
export type ConfigFile = Static<typeof ConfigFile>

/** The schema as the loader walks it: JSON Schema's words that it uses, and `reads`. */
export interface SchemaNode extends Partial<Reads> {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly enum?: readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  /** A schema where the keys are free. */
  readonly additionalProperties?: boolean | SchemaNode
}

/** `ConfigFile`, to be walked. */
export const rootSchema = ConfigFile as unknown as SchemaNode

/** Words for what a reading accepts, its bounds included. */
export function readingWords(reading: Reading, bounds: { from?: string; to?: string }): string {
  const { from, to } = bounds
  return from === undefined ? readings[reading].words : `${readings[reading].words}, from ${from} to ${to}`
}
