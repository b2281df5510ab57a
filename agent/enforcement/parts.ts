import type { After, AnyDriver, Session } from '../model/index.js'
import { desired, render } from '../policy/index.js'
import type { Alarms } from './alarms.js'
import { AppliedTable } from './applied.js'
import { Brake, brakeDefaults } from './brakes.js'
import { CommandRunner } from './commands.js'
import { Decisions } from './decisions.js'
import { Desires } from './desires.js'
import { Dispatch } from './dispatch.js'
import { Drift } from './drift.js'
import { EvidenceLog } from './evidence.js'
import { Journal } from './journal.js'
import { Lines } from './lines.js'
import type { EnforcementLimits, EnforcementOptions } from './options.js'
import { Orders } from './orders.js'
import { NasQueues } from './queue.js'
import { Rates } from './rates.js'
import { Reaches } from './reach.js'
import { Replacements } from './replacements.js'
import { Rounds } from './rounds.js'
import { Silences } from './silences.js'
import { Slices } from './slices.js'
import { Standing } from './standing.js'
import type { Store } from './store.js'
import type { Watches } from './watches.js'

/** What the parts have in common, and whom they tell. */
export interface Means {
  readonly limits: EnforcementLimits
  readonly after: After
  readonly random: () => number
  readonly store: Store
  readonly alarms: Alarms
  readonly watches: Watches
  /** Asks a driver of a NAS or device whether it answers. */
  readonly probe: (place: string, driver: string) => Promise<void>
  /** A NAS or device is back. */
  readonly back: (place: string) => void
  readonly silent: (place: string, driver: AnyDriver, silent: boolean) => void
  readonly consider: (subscriber: string, by: string) => void
}

/** Everything that enforcement is made of, while it runs. */
export type Parts = Awaited<ReturnType<typeof buildParts>>

/** Loads what was applied and decided, and puts the parts together; none of them acts yet. @throws LedgerError */
export async function buildParts(options: EnforcementOptions, means: Means) {
  const { ledger, replica, sessions, commands, clock, log } = options
  const { limits, after, random, store, alarms, watches } = means
  const applied = await AppliedTable.open(store, id => isOpen(sessions.get(id)))
  const decisions = await Decisions.open(store)
  const standing = await Standing.open(store)
  const rates = await Rates.open(store)
  const brake = await Brake.open({ ...brakeDefaults, ...options.brakes }, clock, store)
  const evidence = await EvidenceLog.open(store)
  const journal = new Journal({ ledger, evidence, clock, log, after })
  const silences = new Silences({ limits, clock, after, random, probe: means.probe, back: means.back })
  const queues = new NasQueues({ limits, clock, after, silent: means.silent })
  const reaches = reachesOf(options)
  const lines = new Lines({ sessions, replica, reaches, standing, rates, certificates: options.certificates ?? true })
  const desires = desiresOf(options, { applied, decisions, reaches, standing, lines })
  const times = limits
  const marks = { standing, rates }
  const dispatch = new Dispatch({ sessions, reaches, ...marks, queues, watches, applied, times, after, random })
  const orders = ordersOf(options, { desires, decisions, dispatch, journal, brake, alarms })
  const release = (): number => orders.release()
  const runner = new CommandRunner({ commands, sessions, desires, dispatch, journal, clock, after, log, release })
  const replacements = new Replacements({ dispatch, desires, journal, alarms, clock, log })
  const slices = new Slices(means.consider, log)
  const lost = (id: string): void => slices.add([id], 'reconciliation')
  const drift = new Drift({ ...marks, reaches, desires, dispatch, queues, replica, lost })
  const rounds = new Rounds({ times, ledger, sessions, desires, orders, slices, drift, clock, after, log })
  const kept = { applied, decisions, ...marks, lines, brake, evidence, journal }
  return { ...kept, silences, queues, reaches, desires, orders, runner, replacements, slices, drift, rounds }
}

/** Whether a session is open or silent, not ended. */
export function isOpen(session: Session | undefined): boolean {
  return session !== undefined && session.state !== 'closed'
}

function reachesOf({ nases, driversFor, driverOf = () => undefined, log }: EnforcementOptions): Reaches {
  return new Reaches({ nases, driversFor, driverOf, log })
}

function desiresOf(
  { replica, sessions, nases, settings, clock, policy = { desired, render } }: EnforcementOptions,
  known: { applied: AppliedTable; decisions: Decisions; reaches: Reaches; standing: Standing; lines: Lines }
): Desires {
  return new Desires({ replica, sessions, nases, policy, settings, clock, ...known })
}

function ordersOf(
  { clock, log, replica, mayBlock = () => undefined }: EnforcementOptions,
  means: { desires: Desires; decisions: Decisions; dispatch: Dispatch; journal: Journal; brake: Brake; alarms: Alarms }
): Orders {
  return new Orders({ ...means, clock, log, mayBlock, subscribers: () => replica.counts().subscriber })
}
