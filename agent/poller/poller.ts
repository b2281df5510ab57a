import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import {
  type After,
  afterMs,
  type Clock,
  type Device,
  DriverError,
  isPolled,
  type Milliseconds,
  type Subscriber
} from '../model/index.js'
import type { Change } from '../subscribers/index.js'
import { type Answer, ask } from './asking.js'
import { type LaneLimits, Lanes } from './lanes.js'
import { Metering, type PortReading } from './metering.js'
import type { PolledDriver, ReplicaView, SessionsView } from './needs.js'
import { Owners } from './owners.js'
import type { Damping } from './reachability.js'
import { type Schedule, scheduleDefaults, scheduleOf } from './schedule.js'
import { States } from './states.js'
import { type DeviceStatus, type Last, type PollerCounts, statusOf } from './status.js'
import { Turns } from './turns.js'

/** What polling needs. */
export interface PollerOptions {
  readonly ledger: Ledger
  readonly replica: ReplicaView
  readonly sessions: SessionsView
  /**
   * Makes the driver of a device; the poller closes it. Undefined for a device that is not polled.
   * @throws DriverError when its document is not understood: it counts as down, with these words
   */
  readonly driverFor: (device: Device) => PolledDriver | undefined
  /** The NAS under which the sessions of a device are kept, so that enforcement finds its drivers. Default: its own id. */
  readonly nasOf?: (device: string) => string
  readonly clock: Clock
  readonly log: Logger
  /** For devices whose documents do not say otherwise. */
  readonly schedule?: Partial<Schedule>
  readonly after?: After
  readonly random?: () => number
  readonly lanes?: Partial<LaneLimits>
  readonly damping?: Partial<Damping>
  /** How long a poll may take before it makes way for others, ms. Default 1,000. */
  readonly patience?: Milliseconds
}

interface Entry {
  readonly device: Device
  readonly driver: PolledDriver
  readonly deadline: Milliseconds
  readonly turns: Turns
  last: Last | undefined
}

const PATIENCE = 1000

/** Asks every device from time to time: whether it is there, and what its subscribers' ports counted. */
export class Poller {
  readonly #options: Required<Omit<PollerOptions, 'lanes' | 'damping' | 'schedule'>>
  readonly #damping: Partial<Damping> | undefined
  readonly #schedule: Schedule
  readonly #lanes: Lanes
  readonly #entries = new Map<string, Entry>()
  /** What devices leave behind, until it is done. */
  readonly #leaving = new Set<Promise<void>>()
  readonly #counts = { answered: 0, failed: 0, counters: 0 }
  readonly #changed = (changes: readonly Change[]): void => this.#apply(changes)
  #owners = new Owners([])
  // Opened by start(), before any device is asked.
  #metering!: Metering
  #states!: States

  constructor({ lanes, damping, schedule, ...options }: PollerOptions) {
    const { after = afterMs, random = Math.random, patience = PATIENCE, nasOf = (device: string) => device } = options
    this.#options = { ...options, after, random, patience, nasOf }
    this.#schedule = { ...scheduleDefaults, ...schedule }
    this.#damping = damping
    this.#lanes = new Lanes(lanes)
  }

  /** Loads what was counted, and begins. @throws LedgerError */
  async start(): Promise<void> {
    const { ledger, replica, log } = this.#options
    this.#metering = await Metering.open(this.#options)
    this.#states = await States.open(ledger, log, this.#damping)
    this.#owners = new Owners(replica.subscribers())
    for (const device of replica.devices()) this.#add(device, Promise.resolve())
    for (const device of new Set([...this.#metering.devices(), ...this.#states.devices()]))
      if (!this.#entries.has(device)) this.#leave(device, Promise.resolve())
    replica.on('changed', this.#changed)
  }

  /** Stops asking. What was read is recorded first. */
  async close(): Promise<void> {
    this.#options.replica.off('changed', this.#changed)
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    await Promise.all([...entries.map(end), ...this.#leaving])
  }

  /** Every device that is polled. */
  status(): readonly DeviceStatus[] {
    return [...this.#entries.values()].map(({ device: { id }, driver, last }) =>
      statusOf({
        device: id,
        driver: driver.name,
        state: this.#states.of(id),
        last,
        counted: this.#metering.ports(id).length,
        contested: this.#owners.contested(id)
      })
    )
  }

  /** Figures since the start. */
  counts(): PollerCounts {
    return { ...this.#counts, ...this.#lanes.counts() }
  }

  #apply(changes: readonly Change[]): void {
    const touched = new Set<string>()
    for (const { kind, id, document } of changes) {
      if (kind === 'device') this.#replace(id, document as Device | undefined)
      if (kind === 'subscriber')
        for (const device of this.#owners.put(id, document as Subscriber | undefined)) touched.add(device)
    }
    // Whoever is no longer behind a port is released now, and not when the device answers again.
    for (const device of touched)
      this.#entries.get(device)?.turns.do(() => this.#quietly(device, this.#releaseStrangers(device)))
  }

  #replace(id: string, document: Device | undefined): void {
    const before = this.#entries.get(id)
    this.#entries.delete(id)
    const ended = before === undefined ? Promise.resolve() : end(before)
    if (document !== undefined) this.#add(document, ended)
    if (!this.#entries.has(id)) this.#leave(id, ended)
  }

  #add(device: Device, before: Promise<void>): void {
    const schedule = scheduleOf(device, this.#schedule)
    const driver = schedule === undefined ? undefined : this.#driver(device)
    if (schedule === undefined || driver === undefined) return
    const poll = (): Promise<void> => this.#quietly(device.id, this.#poll(entry))
    const turns = new Turns({ ...this.#options, schedule, poll }, before)
    const entry: Entry = { device, driver, deadline: schedule.deadline, turns, last: undefined }
    this.#entries.set(device.id, entry)
  }

  #driver(device: Device): PolledDriver | undefined {
    try {
      return this.#options.driverFor(device)
    } catch (error) {
      if (!(error instanceof DriverError)) this.#options.log.error({ err: error, device: device.id }, 'a driver failed')
      const words = error instanceof DriverError ? error.message : 'Its driver could not be made; the log tells why.'
      const fail = (): Promise<never> => Promise.reject(new DriverError('UNSUPPORTED', words))
      return { name: device.driver, health: fail, close: async () => undefined }
    }
  }

  async #poll(entry: Entry): Promise<void> {
    const { device, driver, turns } = entry
    const { signal } = turns.stopping
    const place = await this.#lanes.enter(this.#states.isSuspect(device.id) ? 'slow' : 'quick')
    try {
      if (signal.aborted) return
      const at = this.#options.clock()
      const answer = await ask(
        driver,
        this.#question(entry, () => place.tire()),
        signal
      )
      if (signal.aborted && !answer.found.ok) return
      const took = this.#options.clock() - at
      this.#counts[answer.found.ok ? 'answered' : 'failed']++
      this.#counts.counters += answer.ports
      entry.last = { answer, at, took, missing: this.#missing(entry, answer) }
      await this.#record(entry, answer)
    } finally {
      place.leave()
    }
  }

  #question({ device: { id }, deadline }: Entry, tired: () => void) {
    const { log, patience, after } = this.#options
    const wanted = (port: string): boolean => this.#owners.of(id, port) !== undefined
    const report = (error: unknown): void =>
      log.error({ err: error, device: id }, 'a driver failed while it was polled')
    return { ...(this.#owners.has(id) && { wanted }), deadline, tired, patience, after, report }
  }

  async #record({ device: { id }, driver }: Entry, { found, samples }: Answer): Promise<void> {
    const { nasOf, clock } = this.#options
    await this.#states.note(id, driver.name, found, clock())
    await this.#releaseStrangers(id)
    const readings: PortReading[] = []
    for (const [port, sample] of samples) {
      const owner = this.#meteredOwner(id, port)
      if (owner !== undefined) readings.push({ port, owner, sample })
    }
    if (readings.length > 0) await this.#metering.take(id, nasOf(id), readings)
  }

  /** Whoever has a session by RADIUS is counted by it, and by nothing else. */
  #meteredOwner(device: string, port: string): string | undefined {
    const owner = this.#owners.of(device, port)
    if (owner === undefined) return undefined
    return this.#options.sessions.ofSubscriber(owner).every(isPolled) ? owner : undefined
  }

  #releaseStrangers(device: string): Promise<void> {
    const strangers = this.#metering.ports(device).filter(port => this.#meteredOwner(device, port) === undefined)
    return this.#metering.release(device, strangers)
  }

  #missing({ device, driver }: Entry, { found, samples, ambiguous }: Answer): readonly string[] {
    if (!found.ok || driver.readCounters === undefined) return []
    const seen = new Set([...samples.keys(), ...ambiguous])
    return this.#owners.portsOf(device.id).filter(port => !seen.has(port))
  }

  /** A device that is no longer polled: nobody is counted there any more. */
  #leave(device: string, after: Promise<void>): void {
    const left = this.#quietly(device, this.#left(device, after))
    this.#leaving.add(left)
    void left.finally(() => this.#leaving.delete(left))
  }

  async #left(device: string, after: Promise<void>): Promise<void> {
    await after
    if (this.#entries.has(device)) return
    await this.#metering.release(device, this.#metering.ports(device))
    await this.#states.forget(device)
  }

  /** What could not be recorded comes again with the next poll: totals run on. */
  #quietly(device: string, work: Promise<void>): Promise<void> {
    return work.catch(error =>
      this.#options.log.warn(
        { err: error, device },
        'what a device told could not be recorded; the next poll brings it'
      )
    )
  }
}

async function end({ driver, turns }: Entry): Promise<void> {
  await turns.stop()
  await driver.close().catch(() => undefined)
}
