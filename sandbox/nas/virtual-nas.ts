import { EventEmitter, setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { Clock } from '../../agent/model/index.js'
import { AcctStatusType, AcctTerminateCause, Code, type Packet, Secret } from '../../protocols/radius/index.js'
import { readGrant, type Dialer } from './access.js'
import { nasAttributes } from './accounting.js'
import { RadiusClient } from './client.js'
import { judge } from './dae-rules.js'
import { DaeServer, type Ruling } from './dae-server.js'
import type { Equipment, Flavour } from './equipment.js'
import { NasError } from './errors.js'
import type { ClientOptions } from './exchange.js'
import { BadLine, type FaultCounts, type Faults } from './faults.js'
import { Line, type Habits, type LineContext, type LineListener } from './line.js'
import { noOctets, plus, type Octets } from './meter.js'
import { seededRandom, type Random } from './random.js'
import { realSchedule, type Schedule } from './schedule.js'
import type { Session } from './session.js'

/** How CoA and Disconnect are met: as they should be; not at all; answered without acting; acted on without an answer. */
export type CoaManners = 'answer' | 'silent' | 'ack-only' | 'act-only'

/** What a virtual NAS is. */
export interface VirtualNasOptions {
  readonly server: { readonly host: string; readonly authPort: number; readonly acctPort: number }
  readonly secret: Secret | string | Buffer
  readonly subscribers: readonly Dialer[]
  readonly flavour?: Flavour
  /** NAS-Identifier; `virtual-nas` by default. */
  readonly identifier?: string
  /** NAS-IP-Address, and the source of its packets where it is on this machine; 127.0.0.1 by default. */
  readonly address?: string
  /** Our end of the sockets; `address` by default. */
  readonly localAddress?: string
  /** Where CoA is listened for; 0, the default, takes a free port. */
  readonly coaPort?: number
  /** Names of address lists, filters and pools that mean the walled garden; `turnpike-walled` and `walled` by default. */
  readonly walled?: readonly string[]
  readonly retransmission?: Pick<ClientOptions, 'intervalMs' | 'transmissions' | 'again' | 'demandSigned' | 'sockets'>
  readonly habits?: Partial<Habits>
  readonly coa?: CoaManners
  /** On all datagrams, in both directions. */
  readonly faults?: Faults
  readonly seed?: number
  /** The part of Acct-Session-Id that grows with each boot, 0 to 255. */
  readonly boot?: number
  readonly clock?: Clock
  readonly schedule?: Schedule
  readonly log?: Logger
}

/** What happens on a virtual NAS. */
export interface VirtualNasEvents {
  online: [line: Line]
  /** Online, but behind a fence. Also after a CoA that built the fence. */
  walled: [line: Line]
  rejected: [line: Line, message: string]
  unanswered: [line: Line, error: Error]
  /** `cause` is Acct-Terminate-Cause. */
  offline: [line: Line, session: Session, cause: number]
  /** An Accounting-Request was acknowledged; `octets` are its running totals. */
  accounted: [line: Line, session: Session, status: number, octets: Octets]
  coa: [ruling: { readonly ack: boolean; readonly errorCause?: number }, packet: Packet]
  disconnect: [ruling: { readonly ack: boolean; readonly errorCause?: number }, packet: Packet]
}

const defaultHabits: Habits = { reconnectMs: 3000, retryMs: 5000, mostRetryMs: 60_000, stopAgainMs: 5000, stops: true }
const defaultWalled = ['turnpike-walled', 'walled']

/**
 * A network access server that speaks real RADIUS: its subscribers dial in, use the network, are reported, cut off by
 * CoA and Disconnect, and dial again.
 *
 * @example
 * const nas = new VirtualNas({ server: { host: '127.0.0.1', authPort: 1812, acctPort: 1813 }, secret: 's', subscribers })
 * const { coaPort } = await nas.start()
 */
export class VirtualNas extends EventEmitter<VirtualNasEvents> {
  readonly equipment: Equipment
  readonly #options: VirtualNasOptions
  readonly #random: Random
  readonly #outgoing: BadLine
  readonly #incoming: BadLine
  readonly #access: RadiusClient
  readonly #accounting: RadiusClient
  readonly #dae: DaeServer
  readonly #lines = new Map<string, Line>()
  readonly #off = new AbortController()
  #habits: Habits
  #coa: CoaManners
  #boot: number
  #sessions = 0

  /** @throws NasError `NAS_BAD_OPTION` when two subscribers have one name */
  constructor(options: VirtualNasOptions) {
    super()
    const { server, flavour = 'mikrotik', identifier = 'virtual-nas', address = '127.0.0.1' } = options
    const secret = options.secret instanceof Secret ? options.secret : new Secret(options.secret)
    const { schedule = realSchedule, faults = {}, localAddress = address } = options
    this.#options = options
    setMaxListeners(0, this.#off.signal) // every request of every line listens to it
    this.equipment = { flavour, identifier, address, walled: options.walled ?? defaultWalled }
    this.#habits = { ...defaultHabits, ...options.habits }
    this.#coa = options.coa ?? 'answer'
    this.#boot = options.boot ?? 0
    this.#random = seededRandom(options.seed ?? 1)
    this.#outgoing = new BadLine(faults, this.#random, schedule)
    this.#incoming = new BadLine(faults, this.#random, schedule)
    const lines = { outgoing: this.#outgoing, incoming: this.#incoming }
    const common = {
      host: server.host,
      secret,
      localAddress,
      clock: this.#clock,
      schedule,
      ...lines,
      ...options.retransmission
    }
    this.#access = new RadiusClient({ ...common, port: server.authPort })
    this.#accounting = new RadiusClient({ ...common, port: server.acctPort })
    this.#dae = new DaeServer({
      host: localAddress,
      port: options.coaPort ?? 0,
      secret,
      rule: packet => this.#rule(packet),
      answers: () => this.#coa !== 'act-only',
      ...lines
    })
    this.#wire(secret, schedule)
  }

  /**
   * Opens the CoA port and lets the subscribers dial, one after the other.
   * @param spreadMs over which the first dialing is spread
   * @throws the system's error when the CoA port cannot be bound
   */
  async start({ spreadMs = 0 }: { spreadMs?: number } = {}): Promise<{ coaPort: number }> {
    const coaPort = await this.#dae.listen()
    if (this.equipment.flavour === 'standard') void this.#announce(AcctStatusType.AccountingOn)
    this.#dialAll(spreadMs)
    return { coaPort }
  }

  /** All lines, in the order of the options. */
  get lines(): readonly Line[] {
    return [...this.#lines.values()]
  }

  /** @throws NasError `NAS_BAD_OPTION` when nobody has that name */
  line(userName: string): Line {
    const line = this.#lines.get(userName)
    if (line === undefined) throw new NasError('NAS_BAD_OPTION', `no subscriber ${userName}`)
    return line
  }

  /** Octets that all subscribers used so far, and those of them that the server has acknowledged. */
  totals(): { used: Octets; acknowledged: Octets } {
    const { lines } = this
    return {
      used: lines.reduce((sum, line) => plus(sum, line.used), noOctets),
      acknowledged: lines.reduce((sum, line) => plus(sum, line.acknowledged), noOctets)
    }
  }

  /** Counters of datagrams, requests and faults. */
  counts(): Readonly<Record<'access' | 'accounting' | 'dae' | 'outgoing' | 'incoming', object>> & {
    readonly outgoing: FaultCounts
  } {
    return {
      access: { ...this.#access.counts },
      accounting: { ...this.#accounting.counts },
      dae: { ...this.#dae.counts },
      outgoing: { ...this.#outgoing.counts },
      incoming: { ...this.#incoming.counts }
    }
  }

  /** Changes how it behaves from now on. */
  behave({ coa, ...habits }: Partial<Habits> & { readonly coa?: CoaManners }): void {
    this.#habits = { ...this.#habits, ...habits }
    if (coa !== undefined) this.#coa = coa
  }

  /** Reports every open session now. @returns how many reports were not acknowledged */
  async flush(): Promise<number> {
    const reports = await Promise.all(this.lines.map(line => line.report()))
    return reports.filter(acknowledged => !acknowledged).length
  }

  /** Restarts as after a power cut: sessions vanish without a Stop, a standard NAS says Accounting-On, all dial again. */
  async reboot({ spreadMs = 0 }: { spreadMs?: number } = {}): Promise<void> {
    for (const line of this.#lines.values()) line.vanish()
    this.#boot = (this.#boot + 1) % 256
    this.#sessions = 0
    if (this.equipment.flavour === 'standard') await this.#announce(AcctStatusType.AccountingOn)
    this.#dialAll(spreadMs)
  }

  /**
   * Switches off. Gracefully, it sends a Stop for every session and waits until they are acknowledged, at most
   * `patienceMs`; otherwise nothing more is sent.
   */
  async stop({
    graceful = true,
    patienceMs = 10_000
  }: {
    graceful?: boolean
    patienceMs?: number
  } = {}): Promise<void> {
    if (graceful) await this.#hangUpAll(patienceMs)
    this.#off.abort(new NasError('NAS_CLOSED', 'the NAS was switched off'))
    for (const line of this.#lines.values()) line.vanish()
    this.#outgoing.close()
    this.#incoming.close()
    await Promise.all([this.#access.close(), this.#accounting.close(), this.#dae.close()])
  }

  readonly #clock: Clock = () => (this.#options.clock ?? Date.now)()

  #wire(secret: Secret, schedule: Schedule): void {
    const context: LineContext = {
      equipment: this.equipment,
      secret,
      access: this.#access,
      accounting: this.#accounting,
      clock: this.#clock,
      schedule,
      random: this.#random,
      signal: this.#off.signal,
      habits: () => this.#habits,
      newSessionId: () => this.#newSessionId(),
      tell: this.#listener()
    }
    for (const [index, dialer] of this.#options.subscribers.entries()) {
      if (this.#lines.has(dialer.userName))
        throw new NasError('NAS_BAD_OPTION', `two subscribers are called ${dialer.userName}`)
      this.#lines.set(dialer.userName, new Line(dialer, index + 1, context))
    }
  }

  #listener(): LineListener {
    const { log } = this.#options
    return {
      online: line => {
        log?.debug({ userName: line.dialer.userName, walled: line.session?.walled }, 'online')
        this.emit('online', line)
        if (line.session?.walled === true) this.emit('walled', line)
      },
      rejected: (line, message) => this.emit('rejected', line, message),
      unanswered: (line, error) => {
        log?.debug({ userName: line.dialer.userName, err: error }, 'unanswered')
        this.emit('unanswered', line, error)
      },
      offline: (line, session, cause) => this.emit('offline', line, session, cause),
      accounted: (line, session, status, octets) => this.emit('accounted', line, session, status, octets)
    }
  }

  #dialAll(spreadMs: number): void {
    const { lines } = this
    for (const [index, line] of lines.entries()) line.dialAfter(Math.floor((spreadMs * index) / lines.length))
  }

  async #hangUpAll(patienceMs: number): Promise<void> {
    const stops = Promise.all(this.lines.map(line => line.hangUp(AcctTerminateCause.NasReboot)))
    const { schedule = realSchedule } = this.#options
    let cancel = (): void => undefined
    const patience = new Promise<void>(resolve => {
      cancel = schedule(patienceMs, resolve)
    })
    await Promise.race([stops, patience])
    cancel()
  }

  async #announce(status: number): Promise<void> {
    const at = this.#clock()
    const attributes = ({ elapsed }: { elapsed: number }): Buffer =>
      nasAttributes(status, this.equipment, at, Math.floor(elapsed / 1000))
    await this.#accounting.request({ code: Code.AccountingRequest, attributes }).catch(() => undefined)
  }

  /** As MikroTik makes them: the service, then the boot, then the session. */
  #newSessionId(): string {
    this.#sessions++
    return `81${hex(this.#boot, 2)}${hex(this.#sessions, 6)}`
  }

  #rule(packet: Packet): Ruling | undefined {
    if (this.#coa === 'silent') return undefined
    const verdict = judge(packet, this.equipment, this.#clock, this.#nameable())
    if (verdict.answer === 'silence') return undefined
    const ruling = verdict.answer === 'ack' ? { ack: true } : { ack: false, errorCause: verdict.errorCause }
    const lines = verdict.answer === 'ack' && this.#coa !== 'ack-only' ? verdict.sessions.map(({ line }) => line) : []
    const event = packet.code === Code.CoaRequest ? 'coa' : 'disconnect'
    const act = (): void => {
      this.emit(event, ruling, packet)
      for (const line of lines) this.#act(line, packet)
    }
    return { ...ruling, act }
  }

  #act(line: Line, packet: Packet): void {
    if (packet.code === Code.CoaRequest) {
      const before = line.session?.walled
      line.change(readGrant(packet))
      if (line.session?.walled === true && before === false) this.emit('walled', line)
      return
    }
    void line.hangUp(AcctTerminateCause.AdminReset)
    line.dialAfter(this.#habits.reconnectMs)
  }

  *#nameable() {
    for (const line of this.#lines.values()) {
      if (line.session === undefined) continue
      const { acctSessionId, userName, address } = line.session
      yield { line, acctSessionId, userName, address, callingStation: line.dialer.callingStation, port: line.port }
    }
  }
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}
