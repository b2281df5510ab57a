import type { Logger } from 'pino'
import type { Enforcement } from './agent/enforcement/index.js'
import type { LevelLedger } from './agent/ledger/index.js'
import type { Clock } from './agent/model/index.js'
import type { Poller } from './agent/poller/index.js'
import { AttributeProblems, type PolicySettings } from './agent/policy/index.js'
import type { Sessions } from './agent/sessions/index.js'
import type { Provisioner } from './agent/provisioning/index.js'
import type { Replica } from './agent/subscribers/index.js'
import type { Uplink } from './agent/uplink/index.js'
import { loadDictionary } from './config/dictionary/index.js'
import { type Config, SecretStore } from './config/index.js'
import { LiveView } from './server/http/agent-view.js'
import { ApiOnDemand, listenOnSocket, type ListenerStatus } from './server/http/index.js'
import type { Bound, RadiusServer, RejectedLately } from './server/radius/index.js'
import type { RadSec } from './server/radius/tls/index.js'
import { gatherRejections, listen, listenForTls, makeRadius } from './wiring/answering.js'
import type { Base } from './wiring/base.js'
import { startUplink } from './wiring/billing.js'
import { Closers } from './wiring/closers.js'
import { deviceDrivers } from './wiring/drivers.js'
import { makeEnforcement } from './wiring/enforcing.js'
import { startPolling } from './wiring/polling.js'
import { makeProvisioner, startDeviceCommands } from './wiring/provisioning.js'
import { Renewals } from './wiring/renewals.js'
import { openState, type State } from './wiring/state.js'

/*
 * The order of things: what is known, what enforces, what asks the devices, what speaks to billing, what answers the network. Stopped in the
 * opposite order, the network first and the ledger last, so that nothing that was acknowledged is still on its way when
 * the disk is let go.
 */

/** How often files of certificates are looked at, milliseconds. */
const LOOK_EVERY = 60_000

/** What the agent needs beside the configuration. */
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
  readonly poller: Poller
  readonly radius: RadiusServer
  readonly uplink: Uplink | undefined
  /** Reads certificates and shared secrets again; those that are of no use change nothing. */
  reload(): void
  /** Stops in order; nothing acknowledged is lost. */
  close(): Promise<void>
}

/**
 * Starts the agent.
 * @throws ConfigError, LedgerError (`LEDGER_LOCKED`: another agent runs on the same data), RadiusServerError (a port is
 *   taken), ApiError; what had been opened is closed again
 */
export async function startAgent(config: Config, { log, version, clock = Date.now }: AgentOptions): Promise<Agent> {
  const closers = new Closers(log)
  const dictionary = loadDictionary(config.radius.dictionaries)
  const renewals = new Renewals(clock, log)
  const base: Base = { config, secrets: new SecretStore(), dictionary, clock, log, version, closers, renewals }
  try {
    const parts = await start(base)
    closers.every(LOOK_EVERY, () => renewals.look())
    return { ...parts, reload: () => renewals.all(), close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

async function start(base: Base): Promise<Omit<Agent, 'close' | 'reload'>> {
  const { config, closers, log } = base
  const state = await openState(base)
  const settings: PolicySettings = { ...config.policy, localPools: state.pools }
  let radsec: RadSec | undefined
  const devices = deviceDrivers(base, state.replica)
  const enforcement = makeEnforcement(base, state, settings, { devices, reverse: nas => radsec?.reverse(nas.id) })
  const problems = new AttributeProblems()
  const rejections = gatherRejections(base, state)
  const radius = await makeRadius(base, state, { settings, enforcement, problems, rejections })
  closers.add(() => enforcement.close())
  await enforcement.start()
  const poller = await startPolling(base, state)
  const provisioner = makeProvisioner(base, state, devices)
  startDeviceCommands(base, state, provisioner)
  const uplink = await startUplink(base, state)
  radsec = await listenForTls(base, state, radius)
  const bound = await listen(base, radius)
  await openApi(base, state, {
    problems,
    enforcement,
    poller,
    provisioner,
    radius,
    rejectedLately: rejections.lately,
    uplink,
    listeners: () => listenersOf(bound)
  })
  // First of all at the stop: the API waits for who is still at it.
  closers.add(() => provisioner.close())
  const { ledger, replica, sessions } = state
  log.info({ ...bound, socket: config.api.socket, epoch: ledger.epoch, head: ledger.durableHead }, 'the agent answers')
  return { bound, ledger, replica, sessions, enforcement, poller, radius, uplink }
}

interface Shown {
  readonly problems: AttributeProblems
  readonly enforcement: Enforcement
  readonly poller: Poller
  readonly provisioner: Provisioner
  readonly radius: RadiusServer
  readonly rejectedLately: RejectedLately
  readonly uplink: Uplink | undefined
  readonly listeners: () => readonly ListenerStatus[]
}

async function openApi(
  { config, version, clock, log, closers, renewals }: Base,
  state: State,
  shown: Shown
): Promise<void> {
  const { diskBudget } = config.ledger
  const warnings = () => renewals.attention()
  const view = new LiveView({ version, startedAt: clock(), clock, diskBudget, warnings, ...state, ...shown })
  const api = new ApiOnDemand({ view, version, clock, log })
  closers.add(() => api.close())
  await listenOnSocket(api, config.api.socket)
}

function listenersOf(bound: Bound): ListenerStatus[] {
  return (['authentication', 'accounting'] as const).flatMap(purpose =>
    bound[purpose].map(({ host, port, receiveBuffer }) => ({ purpose, address: host, port, receiveBuffer }))
  )
}
