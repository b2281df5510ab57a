import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Ledger, TableChange } from '../ledger/contract.js'
import { type CounterSample, isPolled, type Session, sessionOctets } from '../model/index.js'
import { accountingOf, sessionIdOf, terminate, type Who } from './accounting.js'
import { type Counted, type Meter, monotonic, readMeter, type Totals, wholeSecond } from './meter.js'
import type { ReplicaView, SessionsView } from './needs.js'
import { PORT_PREFIX, readStored, storedMeter, TABLE } from './stored.js'

/*
 * The order of writes, each durable before the next. A new meter: the Stop of the one before, its own Start, the table, its
 * first totals. A meter that is released: the table, then its Stop. Cut off anywhere, the table still names the meter whose
 * totals are the last that were billed, so that the next poll bills the rest, and nothing twice; a session that no meter
 * counts is ended at the next start.
 */

/** A port as it was read, and whose it is. */
export interface PortReading {
  readonly port: string
  readonly owner: string
  readonly sample: CounterSample
}

export interface MeteringOptions {
  readonly ledger: Ledger
  readonly sessions: SessionsView
  readonly replica: Pick<ReplicaView, 'subscriber'>
  readonly log: Logger
}

interface Running {
  readonly meter: Meter
  readonly totals: Totals
}

/** What a poll makes of one port. */
interface Step {
  readonly port: string
  /** With what the sample says. */
  readonly now: Running
  /** Where a new meter begins: it, without octets. */
  readonly start?: Running
  /** Where another meter ends: it, and Acct-Terminate-Cause. */
  readonly end?: { readonly running: Running; readonly cause: number }
}

/** Turns counters of ports into usage of the subscribers behind them, by the rules of sessions. */
export class Metering {
  readonly #options: MeteringOptions
  /** device → port. */
  readonly #running = new Map<string, Map<string, Running>>()

  private constructor(options: MeteringOptions) {
    this.#options = options
  }

  /** Goes on where the ledger stands. @throws LedgerError */
  static async open(options: MeteringOptions): Promise<Metering> {
    const metering = new Metering(options)
    const sessions = new Map<string, Session>()
    for (const session of options.sessions.list(isPolled)) sessions.set(session.acctSessionId, session)
    for await (const [key, value] of options.ledger.entries(TABLE))
      if (key.startsWith(PORT_PREFIX)) metering.#load(key, value, sessions)
    await each([...sessions.values()], session => metering.#endOrphan(session))
    return metering
  }

  /** Ports of a device that are metered. */
  ports(device: string): readonly string[] {
    return [...(this.#running.get(device)?.keys() ?? [])]
  }

  devices(): readonly string[] {
    return [...this.#running.keys()]
  }

  /**
   * Takes what one poll of a device read, all of it in as few writes as there are steps.
   * @param nas  under which NAS its sessions are kept
   * @returns settles when it is durable; rejects with LedgerError when it is not: the next poll brings the same octets
   */
  async take(device: string, nas: string, readings: readonly PortReading[]): Promise<void> {
    const steps = readings.map(reading => this.#follow(device, nas, reading))
    const begun = steps.flatMap(({ port, start }) => (start === undefined ? [] : [{ port, start }]))
    await each(steps, async ({ port, end }) => {
      if (end !== undefined) await this.#record(port, end.running, 'stop', end.cause)
    })
    await each(begun, ({ port, start }) => this.#record(port, start, 'start'))
    await this.#store(
      device,
      begun.map(({ port, start }) => [port, start.meter])
    )
    for (const { port, start } of begun) this.#put(device, port, start)
    await each(steps, async ({ port, now }) => {
      await this.#record(port, now, 'interim')
      this.#put(device, port, now)
    })
  }

  /** Ends the metering of ports: whoever was behind them is no longer, or is counted by RADIUS. */
  async release(device: string, ports: readonly string[]): Promise<void> {
    const running = this.#running.get(device)
    const ended = ports.flatMap(port => {
      const found = running?.get(port)
      return found === undefined ? [] : [{ port, found }]
    })
    if (running === undefined || ended.length === 0) return
    await this.#store(
      device,
      ended.map(({ port }) => [port, undefined])
    )
    for (const { port } of ended) running.delete(port)
    if (running.size === 0) this.#running.delete(device)
    await each(ended, async ({ port, found }) => {
      if (this.#isLive(found.meter)) await this.#record(port, found, 'stop', terminate.released)
    })
  }

  #follow(device: string, nas: string, reading: PortReading): Step {
    const { port, owner, sample } = reading
    const before = this.#running.get(device)?.get(port)
    const isLive = before !== undefined && this.#isLive(before.meter)
    const ending = (cause: number) => isLive && { end: { running: before, cause } }
    if (before === undefined || before.meter.subscriber !== owner) {
      const at = Math.max(sample.at, before?.totals.at ?? 0)
      const counted = { up: { base: sample.upOctets, used: 0n }, down: { base: sample.downOctets, used: 0n } }
      return { ...begin(device, nas, reading, counted, at), ...ending(terminate.released) }
    }
    const read = readMeter(before.meter, before.totals, sample)
    const anew = (cause: number): Step => ({ ...begin(device, nas, reading, read, before.totals.at), ...ending(cause) })
    if (read.why !== undefined) {
      this.#options.log.info({ device, port, subscriber: owner }, `a port is counted anew: ${read.why}`)
      return anew(terminate.restarted)
    }
    // A session that was closed by silence or by its NAS is not reopened: it may be forgotten, and would bill all again.
    if (!isLive || before.meter.nas !== nas) return anew(terminate.released)
    const { totals } = before
    const meter = { ...before.meter, bootId: sample.bootId ?? '' }
    const octets = { up: totals.up + read.up.used, down: totals.down + read.down.used }
    return { port, now: { meter, totals: { ...octets, ...monotonic(meter, totals, sample.at) } } }
  }

  #isLive({ subscriber, acctSessionId }: Meter): boolean {
    return this.#options.sessions.ofSubscriber(subscriber).some(session => session.acctSessionId === acctSessionId)
  }

  #record(
    port: string,
    { meter, totals }: { readonly meter: Omit<Who, 'port'>; readonly totals: Totals },
    status: 'start' | 'interim' | 'stop',
    cause?: number
  ): Promise<void> {
    const { sessions, replica } = this.#options
    const subscriber = replica.subscriber(meter.subscriber)
    return sessions.record(accountingOf({ ...meter, port }, subscriber, status, totals, cause))
  }

  async #store(device: string, meters: readonly (readonly [port: string, Meter | undefined])[]): Promise<void> {
    const changes: TableChange[] = meters.map(([port, meter]) => storedMeter(device, port, meter))
    if (changes.length > 0) await this.#options.ledger.write(changes)
  }

  #put(device: string, port: string, running: Running): void {
    const ports = this.#running.get(device) ?? new Map<string, Running>()
    this.#running.set(device, ports.set(port, running))
  }

  /** Takes the session of a stored meter out of `sessions`. Without it nobody knows what was billed. */
  #load(key: string, value: Buffer, sessions: Map<string, Session>): void {
    const [, device = '', port = ''] = key.split('\0')
    try {
      const meter = readStored(value)
      const session = sessions.get(meter.acctSessionId)
      if (session === undefined) return
      sessions.delete(meter.acctSessionId)
      this.#put(device, port, { meter, totals: totalsOf(session) })
    } catch (error) {
      this.#options.log.error({ err: error, device, port }, 'a meter cannot be read: the port is counted from now on')
    }
  }

  /** A session that was cut off before its meter was stored, or after that was taken away. */
  async #endOrphan(session: Session): Promise<void> {
    if (session.state === 'closed') return
    await this.#record(session.nasPort, { meter: session, totals: totalsOf(session) }, 'stop', terminate.released)
  }
}

function totalsOf(session: Session): Totals {
  const { lastAt, seenAt, seconds } = session
  return { ...sessionOctets(session), at: Math.max(lastAt, seenAt), seconds }
}

/** A new meter, counting from where its counters stood at `at`. */
function begin(
  device: string,
  nas: string,
  { port, owner, sample }: PortReading,
  { up, down }: { readonly up: Counted; readonly down: Counted },
  at: number
): Step {
  const startedAt = wholeSecond(at)
  const meter: Meter = {
    subscriber: owner,
    acctSessionId: sessionIdOf(device, port, sample.at, randomBytes(3).toString('base64url')),
    nas,
    startedAt,
    bits: sample.bits ?? 64,
    bootId: sample.bootId ?? '',
    upBase: up.base,
    downBase: down.base
  }
  const none: Totals = { up: 0n, down: 0n, at: startedAt, seconds: 0 }
  const totals = { up: up.used, down: down.used, ...monotonic(meter, none, sample.at) }
  return { port, start: { meter, totals: none }, now: { meter, totals } }
}

/** Every one is tried: one that fails must not leave the others half done. */
async function each<T>(of: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const settled = await Promise.allSettled(of.map(act))
  for (const result of settled) if (result.status === 'rejected') throw result.reason
}
