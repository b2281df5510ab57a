import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import type { Test } from 'tap'
import {
  type CounterSample,
  decodeUsage,
  type Device,
  readNotice,
  RecordKind,
  type Subscriber
} from '../../../agent/model/index.js'
import { type DeviceStatus, type PolledDriver, Poller, type PollerOptions } from '../../../agent/poller/index.js'
import type { ReplicaView } from '../../../agent/poller/needs.js'
import { Sessions } from '../../../agent/sessions/index.js'
import type { Change } from '../../../agent/subscribers/index.js'
import { Time } from '../enforcement/time.js'
import { MemoryLedger } from '../sessions/memory-ledger.js'

export const log = pino({ level: 'silent' })

/** Documents, as billing has sent them. */
export class Documents extends EventEmitter<{ changed: [readonly Change[]] }> implements ReplicaView {
  readonly #subscribers = new Map<string, Subscriber>()
  readonly #devices = new Map<string, Device>()

  put(...documents: readonly (Subscriber | Device)[]): void {
    const changes = documents.map(document => {
      if ('driver' in document) this.#devices.set(document.id, document)
      else this.#subscribers.set(document.id, document)
      return { kind: 'driver' in document ? 'device' : 'subscriber', id: document.id, document } as const
    })
    this.emit('changed', changes)
  }

  remove(kind: 'subscriber' | 'device', id: string): void {
    if (kind === 'device') this.#devices.delete(id)
    else this.#subscribers.delete(id)
    this.emit('changed', [{ kind, id, document: undefined }])
  }

  subscriber = (id: string) => this.#subscribers.get(id)
  subscribers = () => this.#subscribers.values()
  device = (id: string) => this.#devices.get(id)
  devices = () => this.#devices.values()
}

/** A device that counts in memory, and misbehaves as it is told. */
export class Box {
  readonly ports = new Map<string, { up: bigint; down: bigint }>()
  bootId = 'first'
  /** What a poll does instead of answering. */
  fault: 'hang' | 'half' | Error | undefined
  asked = 0
  /** Polls under way, and the most there were at once. */
  now = 0
  most = 0
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  use(port: string, up: number, down: number): void {
    const before = this.ports.get(port) ?? { up: 0n, down: 0n }
    this.ports.set(port, { up: before.up + BigInt(up), down: before.down + BigInt(down) })
  }

  driver(): PolledDriver {
    return {
      name: 'box',
      health: () => this.#answer().then(() => 'It is there.'),
      readCounters: signal => this.#read(signal),
      close: async () => undefined
    }
  }

  async #answer(): Promise<void> {
    this.asked++
    this.most = Math.max(this.most, ++this.now)
    if (this.fault === 'hang') await new Promise(() => undefined)
    this.now--
    if (this.fault instanceof Error) throw this.fault
  }

  async *#read(_signal: AbortSignal): AsyncGenerator<CounterSample> {
    await this.#answer()
    for (const [port, { up, down }] of this.ports) {
      yield { key: `interface:${port}`, at: this.#clock(), upOctets: up, downOctets: down, bootId: this.bootId }
      if (this.fault === 'half') await new Promise(() => undefined)
    }
  }
}

export interface House {
  readonly time: Time
  readonly ledger: MemoryLedger
  readonly sessions: Sessions
  readonly documents: Documents
  readonly poller: Poller
  box(id: string): Box
  device(id: string): DeviceStatus | undefined
}

export interface HouseOptions extends Partial<PollerOptions> {
  readonly ledger?: MemoryLedger
  readonly time?: Time
  readonly documents?: Documents
  readonly boxes?: Map<string, Box>
}

/** A poller on real sessions over a ledger in memory, in time that the test passes. Random numbers are a half. */
export async function house(t: Test, options: HouseOptions = {}): Promise<House> {
  const {
    ledger = new MemoryLedger(),
    time = new Time(),
    documents = new Documents(),
    boxes = new Map(),
    ...more
  } = options
  const { clock, after } = time
  const box = (id: string): Box => {
    const found = boxes.get(id) ?? new Box(clock)
    boxes.set(id, found)
    return found
  }
  const sessions = await Sessions.open({ ledger, clock, log })
  const poller = new Poller({
    ledger,
    replica: documents,
    sessions,
    driverFor: ({ id }) => box(id).driver(),
    clock,
    after,
    log,
    random: () => 0.5,
    ...more
  })
  await poller.start()
  t.teardown(() => poller.close())
  return { time, ledger, sessions, documents, poller, box, device: id => poller.status().find(of => of.device === id) }
}

export function device(id: string, poll?: unknown): Device {
  return { id, driver: 'box', address: '192.0.2.1', ...(poll !== undefined && { options: { poll } }) }
}

/** A subscriber without RADIUS, behind ports written `device/port`. */
export function subscriber(id: string, ports: readonly string[], more: Partial<Subscriber> = {}): Subscriber {
  const devices = ports.map(place => {
    const [of = '', port = ''] = place.split('/')
    return { device: of, port }
  })
  return { id, username: `${id}@example.net`, status: 'active', profile: 'home', devices, ...more }
}

/** What the ledger bills a subscriber. */
export function billed(ledger: MemoryLedger, of: string): { up: bigint; down: bigint } {
  const total = { up: 0n, down: 0n }
  for (const { kind, payload } of ledger.blocks.flatMap(({ records }) => records)) {
    if (kind !== RecordKind.usage) continue
    const { subscriber, upOctets, downOctets } = decodeUsage(payload)
    if (subscriber !== of) continue
    total.up += upOctets
    total.down += downOctets
  }
  return total
}

/** States of devices that billing is told, in order: `sw-1 up`. */
export function told(ledger: MemoryLedger): string[] {
  const records = ledger.blocks.flatMap(block => block.records).filter(({ kind }) => kind === RecordKind.deviceState)
  return records.map(({ payload }) => {
    const { subject, state } = readNotice(payload)
    return `${String(subject)} ${String(state)}`
  })
}
