import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { Enforcement } from './agent/enforcement/index.js'
import { type LevelLedger, openLedger } from './agent/ledger/index.js'
import type { AnyDriver, Clock, Device, Nas } from './agent/model/index.js'
import { AttributeProblems, desired, type PolicySettings, render } from './agent/policy/index.js'
import { AddressLeases } from './agent/pool/index.js'
import { Quotas } from './agent/quota/index.js'
import { type SessionSettings, Sessions, Tickets } from './agent/sessions/index.js'
import { Commands, LearntMacs, NasTable, Replica, SealedCodec } from './agent/subscribers/index.js'
import { HttpTransport, mappingBatch, mappingIngest, type Transport, Uplink } from './agent/uplink/index.js'
import { type CloudConfig, type Config, sealKeys, SecretStore } from './config/index.js'
import { loadDictionary } from './config/dictionary/index.js'
import { drivers } from './drivers/index.js'
import { type Dictionary, Secret } from './protocols/radius/index.js'
import { LiveView } from './server/http/agent-view.js'
import { createApi, listenOnSocket, type ListenerStatus } from './server/http/index.js'
import {
  accessHandler,
  accountingHandler,
  type Bound,
  DurableLocks,
  EapServer,
  type Handler,
  onceInformed,
  RadiusServer,
  Rejections,
  withoutHeld
} from './server/radius/index.js'
import { Proxy } from './server/radius/proxy/index.js'
import { RadSec, type ReverseChannel } from './server/radius/tls/index.js'

/*
 * The wiring: builds the parts, in the order in which they depend on each other; stops them in the opposite order,
 * reading first and the ledger last, so that nothing that was acknowledged is still on its way when the disk is let go.
 */

const SWEEP_EVERY = 10_000
const CHECKPOINT_EVERY = 5_000
const LEASE_PATIENCE = 900_000
const TABLE = 'agent'

/** What the wiring needs beside the configuration. */
export interface AgentOptions {
  readonly log: Logger
  readonly version: string
  readonly clock?: Clock
}

/** The parts of a running agent. */
export interface Agent {
  readonly bound: Bound
  readonly ledger: LevelLedger
  readonly replica: Replica
  readonly sessions: Sessions
  readonly enforcement: Enforcement
  readonly radius: RadiusServer
  readonly uplink: Uplink | undefined
  /** Stops in order; nothing acknowledged is lost. */
  close(): Promise<void>
}

/**
 * Starts the agent.
 * @throws ConfigError, LedgerError (`LEDGER_LOCKED`: another agent runs on the same data), RadiusServerError (a port is
 *   taken), ApiError; what had been opened is closed again
 */
export async function startAgent(config: Config, { log, version, clock = Date.now }: AgentOptions): Promise<Agent> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed())
      await closer().catch(error => log.error({ err: error }, 'a part did not stop cleanly'))
  }
  try {
    return { ...(await build(config, { log, version, clock }, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function build(
  config: Config,
  { log, version, clock }: Required<AgentOptions>,
  closers: (() => Promise<unknown>)[]
): Promise<Omit<Agent, 'close'>> {
  const startedAt = clock()
  const secrets = new SecretStore()
  const dictionary = loadDictionary(config.radius.dictionaries)
  const ledger = await openTheLedger(config, log, clock)
  closers.push(() => ledger.close())

  const replica = await Replica.open(ledger, { log, clock, codec: sealing(config, secrets, log) })
  const commands = await Commands.open(ledger, clock, { log })
  const nases = new NasTable(config.nas, replica)
  const tickets = new Tickets(await ticketKey(ledger))
  const sessions = await Sessions.open({ ledger, clock, log, tickets, settings: sessionSettings(config, replica) })
  closers.push(() => sessions.close())
  closers.push(every(CHECKPOINT_EVERY, () => sessions.checkpoint(), log))
  closers.push(every(SWEEP_EVERY, () => sessions.sweep(clock()), log))
  const learnt = await LearntMacs.open(ledger, replica, log)
  const quotas = await Quotas.open({ ledger, documents: replica, clock, log })
  closers.push(() => quotas.close())
  const pools = await AddressLeases.open({
    ledger,
    pools: config.pools,
    sessions,
    clock,
    log,
    patience: Math.max(LEASE_PATIENCE, 3000 * config.policy.interimInterval)
  })
  closers.push(() => pools.close())
  closers.push(every(SWEEP_EVERY, async () => pools.sweep(), log))

  const settings: PolicySettings = { ...config.policy, localPools: pools }
  let radsec: RadSec | undefined
  const reverse = (nas: Nas) => radsec?.reverse(nas.id)
  const driversFor = driverCache({
    secrets,
    dictionary,
    replica,
    walled: config.policy.walledGarden.addressList,
    clock,
    log,
    closers,
    reverse
  })
  const enforcement = new Enforcement({
    ledger,
    replica,
    sessions,
    commands,
    nases,
    settings,
    policy: { desired: (who, profile, now) => desired(who, profile, now, quotas.of(who.id)), render },
    driversFor,
    clock,
    log,
    brakes: config.enforcement.blocksPerHour === undefined ? {} : { blocksPerHour: config.enforcement.blocksPerHour },
    mayBlock: () =>
      replica.held === undefined ? undefined : 'a snapshot that removes many subscribers waits for a person',
    limits: { proof: config.enforcement.proofTimeout }
  })

  quotas.on('crossed', subscriber => enforcement.reconsider(subscriber, 'quota'))
  const problems = new AttributeProblems()

  // A NAS that speaks again after a silence is told what it missed.
  const seen =
    (handle: Handler): Handler =>
    request => {
      enforcement.nasSeen(request.source.nas.id)
      return handle(request)
    }
  const isInformed = () => config.cloud === undefined || replica.cursor !== undefined || replica.counts().subscriber > 0
  const eap = makeEap(config, secrets, clock)
  closers.push(async () => eap.close())
  const rejections = new Rejections({ ledger, clock, log })
  rejections.start()
  closers.push(async () => rejections.close())
  const proxy = await openProxy(config, { secrets, ledger, rejections, clock, log })
  if (proxy !== undefined) closers.push(() => proxy.close())
  const access = onceInformed(
    isInformed,
    accessHandler({
      directory: withoutHeld(replica, id => enforcement.isHeld(id)),
      sessions,
      tickets,
      dictionary,
      settings,
      rejections,
      eap,
      // Who waits at the brake keeps what they have.
      quotaOf: id => (enforcement.isHeld(id) ? undefined : quotas.of(id)),
      learnt,
      pools,
      problems,
      replace: replaced => enforcement.replace(replaced),
      clock,
      log
    })
  )
  const accounting = accountingHandler({ subscribers: replica, sessions, tickets, clock })
  const radius = new RadiusServer({
    nases,
    secretOf: nas => new Secret(secrets.resolve(nas.secretRef)),
    access: seen(proxy?.access(access) ?? access),
    accounting: seen(proxy?.accounting(accounting) ?? accounting),
    clock,
    log,
    locks: await DurableLocks.open(ledger, log),
    messageAuthenticator: config.radius.messageAuthenticator,
    rejectDelay: config.radius.rejectDelay
  })
  closers.push(() => enforcement.close())
  await enforcement.start()

  const uplink =
    config.cloud === undefined
      ? undefined
      : await makeUplink(config.cloud, { secrets, ledger, replica, commands, log, clock, version })
  await uplink?.start()
  if (uplink !== undefined) closers.push(() => uplink.close())

  if (config.radius.radsec !== undefined) {
    const { listen, certificate, ca, key, byAddress = false } = config.radius.radsec
    const files = { certificate, ca, key: () => secrets.text(key) }
    radsec = new RadSec({ files, nases, receiver: radius, clock, log, byAddress })
    await radsec.listen(listen)
    closers.push(async () => radsec?.close())
  }
  const bound = await radius.listen(config.radius)
  closers.push(() => radius.close())
  const listeners = () => listenersOf(bound)
  const diskBudget = config.ledger.diskBudget
  const view = new LiveView({
    version,
    startedAt,
    clock,
    ledger,
    diskBudget,
    replica,
    quotas,
    learnt,
    pools,
    problems,
    sessions,
    enforcement,
    radius,
    listeners,
    uplink
  })
  const api: FastifyInstance = await createApi({ view, version, clock, log })
  closers.push(() => api.close())
  await listenOnSocket(api, config.api.socket)
  log.info({ ...bound, socket: config.api.socket, epoch: ledger.epoch, head: ledger.durableHead }, 'the agent answers')
  return { bound, ledger, replica, sessions, enforcement, radius, uplink }
}

/** Forwarding to partners, where the configuration names any. */
async function openProxy(
  { proxy }: Config,
  { secrets, ...rest }: { secrets: SecretStore; ledger: LevelLedger; rejections: Rejections; clock: Clock; log: Logger }
): Promise<Proxy | undefined> {
  if (proxy === undefined || proxy.realms.length === 0) return undefined
  const realms = proxy.realms.map(realm => ({
    ...realm,
    servers: realm.servers.map(server => ({ ...server, secret: new Secret(secrets.resolve(server.secret)) }))
  }))
  return Proxy.open({ realms, ...rest })
}

function sealing(config: Config, secrets: SecretStore, log: Logger): SealedCodec {
  const { key, previous, from, made } = sealKeys(config, secrets)
  const codec = new SealedCodec(key, { previous, from, discardUnreadable: config.sealing.discardUnreadable })
  if (made) log.warn({ file: from }, 'a key that seals documents was made: keep a copy of this file in a safe place')
  log.info({ from, keyId: codec.keyId }, 'documents are sealed')
  return codec
}

function openTheLedger(config: Config, log: Logger, clock: Clock): Promise<LevelLedger> {
  return openLedger({
    directory: join(config.data, 'ledger'),
    log,
    clock,
    budgetOctets: config.ledger.diskBudget,
    retention: { days: config.ledger.retention / 86_400_000, heldBy: config.cloud === undefined ? [] : ['uplink'] },
    onLowSpace: use => log.error(use, 'the disk of the ledger runs low: make room, or usage will not be acknowledged')
  })
}

/** Without a certificate EAP still speaks MD5, MSCHAPv2 and GTC. */
function makeEap({ radius: { eap } }: Config, secrets: SecretStore, clock: Clock): EapServer {
  if (eap === undefined) return new EapServer({ clock })
  const { certificate, key, ca, methods } = eap
  const tls = {
    certificate: readFileSync(certificate, 'utf8'),
    key: secrets.text(key),
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') })
  }
  return new EapServer({ clock, tls, ...(methods !== undefined && { methods }) })
}

/** The key that signs session tickets: made once, kept with the ledger, so that tickets outlive a restart. */
async function ticketKey(ledger: LevelLedger): Promise<Buffer> {
  const known = await ledger.get(TABLE, 'ticket-key')
  if (known !== undefined) return known
  const value = randomBytes(32)
  await ledger.write([{ table: TABLE, key: 'ticket-key', value }])
  return value
}

function sessionSettings({ policy, sessions }: Config, replica: Replica): Partial<SessionSettings> {
  return {
    interimInterval: policy.interimInterval,
    intervalOf: profile => replica.profile(profile)?.interimInterval,
    missed: sessions.staleAfterMissed,
    grace: sessions.closeAfter / 1000
  }
}

interface DriverParts {
  readonly secrets: SecretStore
  /** Name of the address list that fences on MikroTik routers. */
  readonly walled: string
  readonly clock: Clock
  readonly log: Logger
}

/** The driver of a device document, if it has one of ours. One that cannot be made leaves the NAS its CoA. */
function driversOf(device: Device | undefined, { secrets, walled, clock, log }: DriverParts): AnyDriver[] {
  if (device?.driver !== 'mikrotik') return []
  const credential = () => secrets.text(device.credentialRef ?? '')
  try {
    return [drivers.mikrotik({ device, credential, clock, lists: { walled } })]
  } catch (error) {
    log.error({ err: error, device: device.id }, 'a device cannot be driven: its document is not understood')
    return []
  }
}

/** The drivers of a NAS in the order of the ladder, kept until its document or its device's changes. */
function driverCache(
  of: DriverParts & {
    dictionary: Dictionary
    replica: Replica
    closers: (() => Promise<unknown>)[]
    reverse: (nas: Nas) => ReverseChannel | undefined
  }
): (nas: Nas) => readonly AnyDriver[] {
  const { secrets, dictionary, replica, clock, closers, reverse } = of
  const known = new Map<string, { nas: Nas; device: Device | undefined; drivers: readonly AnyDriver[] }>()
  const release = (drivers: readonly AnyDriver[]) => Promise.all(drivers.map(driver => driver.close()))
  closers.push(() => Promise.all([...known.values()].map(({ drivers }) => release(drivers))))
  return nas => {
    const held = known.get(nas.id)
    const device = nas.device === undefined ? undefined : replica.device(nas.device)
    if (held?.nas === nas && held.device === device) return held.drivers
    if (held !== undefined) void release(held.drivers)
    const secret = new Secret(secrets.resolve(nas.secretRef))
    const dae = drivers['radius-dae']({ nas, secret, dictionary, clock, reverse: () => reverse(nas) })
    const made = [dae, ...driversOf(device, of)]
    known.set(nas.id, { nas, device, drivers: made })
    return made
  }
}

async function makeUplink(
  cloud: CloudConfig,
  parts: {
    secrets: SecretStore
    ledger: LevelLedger
    replica: Replica
    commands: Commands
    log: Logger
    clock: Clock
    version: string
  }
): Promise<Uplink> {
  const { secrets, ...rest } = parts
  const { source, feed, mapping } = cloud
  const transport = await makeTransport(cloud, secrets, parts.clock)
  const events = mapping === undefined ? undefined : mappingBatch(mapping)
  return new Uplink({ ...rest, transport, source, feed, ...(events !== undefined && { limits: { events } }) })
}

/** NATS is loaded only where it is used. */
async function makeTransport(cloud: CloudConfig, secrets: SecretStore, clock: Clock): Promise<Transport> {
  const { url, token, source, ca, certificate, key, mapping, nats } = cloud
  const tls = {
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(certificate !== undefined && { cert: readFileSync(certificate, 'utf8') }),
    ...(key !== undefined && { key: secrets.text(key) })
  }
  const credential = (): string => secrets.text(token)
  if (/^(nats|tls):/.test(url)) {
    const { NatsTransport } = await import('./agent/uplink/nats.js')
    return new NatsTransport({ url, credential, source, ...nats, ...tls })
  }
  const ingest = mapping === undefined ? undefined : mappingIngest(mapping)
  return new HttpTransport({ url, token: credential, clock, ingest, ...tls })
}

/** Does something again and again, one at a time; a failure is logged and tried at the next turn. @returns what stops it */
function every(milliseconds: number, work: () => Promise<unknown>, log: Logger): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    running = work()
      .catch(error => log.warn({ err: error }, 'a regular piece of work failed; it is tried again'))
      .finally(() => (busy = false))
  }, milliseconds)
  return async () => {
    clearInterval(timer)
    await running
  }
}

function listenersOf(bound: Bound): ListenerStatus[] {
  return (['authentication', 'accounting'] as const).flatMap(purpose =>
    bound[purpose].map(({ host, port }) => ({ purpose, address: host, port, receiveBuffer: 0 }))
  )
}
