import { pino } from 'pino'
import {
  type AnyDriver,
  type Applied,
  type AttributeValue,
  type Capability,
  type Cause,
  DriverError,
  type EnforcementNotice,
  type Grant,
  type Nas,
  type Observation,
  readNotice,
  RecordKind,
  type Session,
  type SessionRef,
  type Subscriber,
  type SubscriberRef,
  type Treatment,
  type TreatmentKind
} from '../../../agent/model/index.js'
import { Enforcement, type EnforcementOptions } from '../../../agent/enforcement/index.js'
import { defaultPolicySettings, desired, render } from '../../../agent/policy/index.js'
import { Commands, newSession, Replica, Sessions } from './tables.js'
import type { FakeDevice } from './device.js'
import { settle, Time } from './time.js'
import { MemoryLedger } from '../sessions/memory-ledger.js'

/** How a simulated NAS takes requests. `deaf`: answers nothing. `liar`: says ACK and does nothing. */
export type Conduct = 'obeys' | 'deaf' | 'liar' | { readonly nak: number }

/** A NAS that keeps what its sessions really have, and a driver that speaks to it. */
export class FakeNas {
  readonly nas: Nas
  readonly drivers: AnyDriver[]
  conduct: Conduct = 'obeys'
  /** Time that an answer takes; 0 answers at once. */
  delay = 0
  /** Whether a cut subscriber dials again. */
  redials = true
  /** Whether a Stop reaches us. */
  stops = true
  readonly sent: {
    readonly verb: string
    readonly session: string
    readonly at: number
    readonly kind?: TreatmentKind
  }[] = []
  readonly actual = new Map<string, { kind: TreatmentKind; attributes: readonly AttributeValue[] }>()
  inFlight = 0
  mostInFlight = 0
  readonly #world: World

  constructor(
    world: World,
    id: string,
    more: Partial<Nas> = {},
    capabilities: readonly Capability[] = ['disconnect', 'change']
  ) {
    this.#world = world
    this.nas = { id, addresses: ['192.0.2.1'], vendor: 'standard', secretRef: 'env:X', ...more }
    this.drivers = [this.driver('radius-dae', capabilities)]
  }

  driver(name: string, capabilities: readonly Capability[]): AnyDriver {
    return {
      name,
      acts: name === 'radius-dae' ? 'session' : 'line',
      sees: 'all',
      capabilities,
      health: async signal => {
        await this.#answer('health', '', signal)
        return 'it answers'
      },
      close: async () => undefined,
      ...(capabilities.includes('disconnect') && {
        disconnect: (s: SessionRef, signal: AbortSignal) => this.#disconnect(s, signal)
      }),
      ...(capabilities.includes('change') && {
        change: (s: SessionRef, how: Treatment, signal: AbortSignal) => this.#change(s, how, signal)
      }),
      ...(capabilities.includes('block') && {
        block: (who: SubscriberRef, how: Treatment, signal: AbortSignal) => this.#byApi('block', who, how, signal),
        restore: (who: SubscriberRef, signal: AbortSignal) => this.#byApi('restore', who, who.full, signal)
      }),
      ...(capabilities.includes('observe') && { observe: (who: SubscriberRef) => this.#observe(who) })
    }
  }

  verbs(session?: string): string[] {
    return this.sent.filter(one => session === undefined || one.session === session).map(({ verb }) => verb)
  }

  async #answer(verb: string, session: string, signal: AbortSignal, kind?: TreatmentKind): Promise<Conduct> {
    const { conduct } = this
    this.sent.push({ verb, session, at: this.#world.time.now, ...(kind && { kind }) })
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    try {
      if (conduct === 'deaf') await aborted(signal)
      if (this.delay > 0) await new Promise<void>(resolve => this.#world.time.after(this.delay, resolve))
      if (signal.aborted) throw new DriverError('TIMEOUT', 'given up')
      if (typeof conduct === 'object') {
        const code = conduct.nak === 503 ? 'NO_SUCH_SESSION' : 'REJECTED'
        throw new DriverError(code, `refused: ${conduct.nak}`, { deviceCode: conduct.nak })
      }
      return conduct
    } finally {
      this.inFlight--
    }
  }

  async #disconnect(session: SessionRef, signal: AbortSignal): Promise<Applied> {
    if ((await this.#answer('disconnect', session.id, signal)) === 'obeys') this.#world.cut(this, session.id)
    return { result: 'changed', detail: 'Disconnect-ACK' }
  }

  async #change(session: SessionRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    if (how.attributes.some(({ name }) => name === 'Mikrotik-Address-List'))
      throw new DriverError('UNSUPPORTED', 'not by CoA')
    const conduct = await this.#answer('coa', session.id, signal, how.kind)
    const had = this.actual.get(session.id)
    if (conduct === 'obeys' && had !== undefined) {
      const names = new Set(how.attributes.map(({ name }) => name))
      const attributes = [...had.attributes.filter(({ name }) => !names.has(name)), ...how.attributes]
      this.actual.set(session.id, { kind: how.kind, attributes })
    }
    return { result: 'changed', detail: 'CoA-ACK' }
  }

  async #byApi(verb: 'block' | 'restore', who: SubscriberRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    for (const { id } of who.sessions) {
      if ((await this.#answer(verb, id, signal, how.kind)) === 'obeys') this.actual.set(id, how)
    }
    return { result: 'changed', detail: 'done by the API', proof: 'read back from the device' }
  }

  async #observe(who: SubscriberRef): Promise<Observation> {
    const [kind] = who.sessions.flatMap(({ id }) => this.actual.get(id)?.kind ?? [])
    return {
      present: kind !== undefined,
      ...(kind && { treatment: kind }),
      detail: `the device says ${kind ?? 'gone'}`
    }
  }
}

/** A provider in miniature: documents, sessions, NASes, and enforcement between them. */
export class World {
  readonly time = new Time()
  readonly ledger = new MemoryLedger()
  readonly replica = new Replica()
  readonly sessions = new Sessions()
  readonly commands = new Commands()
  readonly nases = new Map<string, FakeNas>()
  readonly devices = new Map<string, FakeDevice>()
  readonly settings: EnforcementOptions['settings'] = {
    ...defaultPolicySettings,
    walledGarden: { addressList: 'walled', filter: 'garden' }
  }
  enforcement!: Enforcement
  #serial = 0

  constructor() {
    this.replica.profiles.set('home', { id: 'home', up: 5_000_000, down: 50_000_000, filter: 'home-50' })
  }

  async start(more: Partial<EnforcementOptions> = {}): Promise<void> {
    this.enforcement = new Enforcement({
      ledger: this.ledger,
      replica: this.replica,
      sessions: this.sessions,
      commands: this.commands,
      nases: { byId: id => this.nases.get(id)?.nas },
      settings: this.settings,
      driversFor: ({ id, device }) => [
        ...(this.nases.get(id)?.drivers ?? []),
        ...(device === undefined ? [] : [this.devices.get(device)?.driver ?? []].flat())
      ],
      driverOf: id => this.devices.get(id)?.driver,
      clock: this.time.clock,
      after: this.time.after,
      random: () => 0.5,
      log: pino({ level: 'silent' }),
      ...more
    })
    await this.enforcement.start()
    await settle()
  }

  /** A process that dies and comes back: nothing in memory survives. */
  async restart(more: Partial<EnforcementOptions> = {}): Promise<void> {
    await settle()
    await this.enforcement.close()
    await this.start(more)
  }

  nas(id: string, more: Partial<Nas> = {}, capabilities?: readonly Capability[]): FakeNas {
    const nas = new FakeNas(this, id, more, capabilities)
    this.nases.set(id, nas)
    return nas
  }

  /** A subscriber without a session. */
  person(id: string, more: Partial<Subscriber> = {}): Subscriber {
    const person: Subscriber = { id, username: id, status: 'active', profile: 'home', ...more }
    this.replica.people.set(id, person)
    return person
  }

  suspend(id: string, how: 'reject' | 'walled-garden' | 'throttle' = 'reject'): void {
    const suspension = { how, reason: 'unpaid', reference: `invoice ${id}`, noticeAt: '2026-11-01T00:00:00Z' }
    this.replica.put({ ...this.#person(id), status: 'suspended', suspension })
  }

  restore(id: string): void {
    const { suspension: _, ...person } = this.#person(id)
    this.replica.put({ ...person, status: 'active' })
  }

  /** Dials: an Access-Request and, when it is granted, a session. */
  dial(subscriber: string, nas: FakeNas, { announce = true } = {}): Session | undefined {
    const treatment = this.#policy(subscriber, nas)
    const callingStation = `02-${subscriber}`
    const at = this.time.now
    const who = { subscriber, userName: subscriber, nas: nas.nas.id, callingStation, at }
    if (treatment.kind === 'blocked') {
      this.sessions.emit('refused', { ...who, code: 'SUSPENDED' })
      return undefined
    }
    const ticket = `t${++this.#serial}`
    const grant: Grant = { ...who, ticket, profile: 'home', treatment: treatment.kind }
    if (announce) this.sessions.grants.set(ticket, grant)
    if (announce) this.sessions.emit('granted', grant)
    const session = newSession(`s${this.#serial}`, { ...who, ticket }, at)
    nas.actual.set(session.id, treatment)
    this.sessions.all.set(session.id, session)
    if (announce) this.sessions.emit('opened', session)
    return session
  }

  /** A session ends; its Stop arrives, if the NAS sends one; the equipment dials again, if it does. */
  cut(nas: FakeNas, id: string, cause: Cause = 'stop'): void {
    const session = this.sessions.all.get(id)
    if (session === undefined || session.state === 'closed') return
    nas.actual.delete(id)
    if (nas.stops) {
      const closed: Session = { ...session, state: 'closed', closedBy: cause, closedAt: this.time.now }
      this.sessions.all.set(id, closed)
      this.sessions.emit('closed', closed, cause)
    }
    if (nas.redials) this.time.after(50, () => this.#redial(session.subscriber, nas))
  }

  /** Equipment that is online already does not dial. */
  #redial(subscriber: string, nas: FakeNas): void {
    const online = [...nas.actual.keys()].some(id => this.sessions.all.get(id)?.subscriber === subscriber)
    if (!online) this.dial(subscriber, nas)
  }

  /** What billing was told, oldest first. */
  notices(subscriber?: string): EnforcementNotice[] {
    return this.ledger.blocks
      .flatMap(({ records }) => records)
      .filter(({ kind }) => kind === RecordKind.enforcement)
      .map(({ payload }) => readNotice(payload) as unknown as EnforcementNotice)
      .filter(({ subject }) => subscriber === undefined || subject === subscriber)
  }

  states(subscriber: string): string[] {
    return this.notices(subscriber).map(({ state }) => state)
  }

  last(subscriber: string): EnforcementNotice | undefined {
    return this.notices(subscriber).at(-1)
  }

  /** Sessions on the network that do not have what they should. */
  wrong(): string[] {
    return [...this.nases.values()].flatMap(nas =>
      [...nas.actual].flatMap(([id, { kind, attributes }]) => {
        const want = this.#policy(this.sessions.all.get(id)?.subscriber ?? '', nas)
        const same = kind === want.kind && said(attributes) === said(want.attributes)
        return same ? [] : [`${id} has ${kind} ${said(attributes)}, wants ${want.kind} ${said(want.attributes)}`]
      })
    )
  }

  #policy(subscriber: string, nas: FakeNas): Treatment {
    const person = this.#person(subscriber)
    const profile = this.replica.profile(person.profile)
    const { kind, reason } = desired(person, profile, this.time.now)
    return render(person, profile, kind, reason, nas.nas.vendor, this.settings)
  }

  #person(id: string): Subscriber {
    return this.replica.people.get(id) ?? { id, username: id, status: 'closed', profile: 'home' }
  }
}

/** A world with one NAS. */
export interface Scene {
  readonly world: World
  readonly nas: FakeNas
}

/** One NAS, and `people` online on it. */
export async function scene(
  people: readonly string[] = ['alice'],
  nas: Partial<Nas> = {},
  capabilities?: readonly Capability[]
): Promise<Scene> {
  const world = new World()
  const box = world.nas('bras-1', nas, capabilities)
  for (const id of people) world.person(id)
  await world.start()
  for (const id of people) world.dial(id, box)
  await settle()
  return { world, nas: box }
}

function said(attributes: readonly AttributeValue[]): string {
  return attributes
    .filter(({ name }) => /Rate|Bandwidth|Filter|List/.test(name))
    .map(({ name, value }) => `${name}=${value}`)
    .sort()
    .join(' ')
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new DriverError('TIMEOUT', 'nothing was heard')), { once: true })
  })
}

export { settle, Time }
