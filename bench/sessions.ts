/*
 * What the session table costs: a packet, an open session, and the longest that it holds the event loop.
 * The ledger here keeps nothing, so that only the table is measured.
 *   node --expose-gc dist/bench/sessions.js [sessions …]        default 1000 100000 1000000
 */
import pino from 'pino'
import type { Block, Ledger, Receipt } from '../agent/ledger/contract.js'
import type { Accounting, Entry } from '../agent/model/index.js'
import { readAccounting, Sessions, Tickets } from '../agent/sessions/index.js'
import { Attr, AttributeWriter, Packet } from '../protocols/radius/index.js'

const NAS = { id: 'bras-1' }
const tickets = new Tickets(Buffer.alloc(32, 7))
const log = pino({ level: 'silent' })
const T0 = Date.UTC(2026, 0, 1)
let now = T0

/** A ledger that forgets at once: one settlement a turn of the event loop, as group commit gives. */
class Nowhere implements Ledger {
  readonly epoch = 'bench'
  readonly floor = 1
  next = 1
  durableHead = 0
  octets = 0
  #open: Promise<void> | undefined

  append(entries: readonly Entry[]): Receipt {
    const first = this.next
    this.next += entries.length
    for (const { payload } of entries) this.octets += payload.length
    return { first, durable: this.settled() }
  }

  settled(): Promise<void> {
    this.#open ??= new Promise(resolve =>
      setImmediate(() => {
        this.#open = undefined
        this.durableHead = this.next - 1
        resolve()
      })
    )
    return this.#open
  }

  state() {
    return { status: 'ok', words: '' } as const
  }

  async *read(): AsyncGenerator<Block> {}
  async *entries(): AsyncGenerator<readonly [string, Buffer]> {}
  write = () => this.settled()
  get = () => Promise.resolve(undefined)
  reached = () => this.settled()
  cursor = () => 0
  advance = () => this.settled()
  close = () => this.settled()
}

/** An Accounting-Request as a MikroTik sends it, 20 attributes. */
function attributes(n: number, status: number, seconds: number): Buffer {
  return new AttributeWriter()
    .uint32(Attr.AcctStatusType, status)
    .uint32(6, 2)
    .uint32(7, 1)
    .uint32(Attr.NasPort, 15_728_640 + n)
    .uint32(Attr.NasPortType, 15)
    .add(Attr.UserName, `subscriber-${n}`)
    .add(Attr.CalledStationId, 'service1')
    .add(Attr.CallingStationId, mac(n))
    .add(Attr.NasPortId, 'ether2')
    .add(Attr.AcctSessionId, `81${n.toString(16).padStart(6, '0')}`)
    .ipv4(Attr.FramedIpAddress, `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`)
    .uint32(Attr.AcctAuthentic, 1)
    .uint32(Attr.EventTimestamp, T0 / 1000 + seconds)
    .uint32(Attr.AcctSessionTime, seconds)
    .uint32(Attr.AcctInputOctets, seconds * 1000)
    .uint32(Attr.AcctOutputOctets, seconds * 100_000)
    .uint32(Attr.AcctInputPackets, seconds * 10)
    .uint32(Attr.AcctOutputPackets, seconds * 100)
    .add(Attr.NasIdentifier, 'MikroTik')
    .ipv4(Attr.NasIpAddress, '192.0.2.1')
    .add(Attr.Class, tickets.issue(`sub_${n}`, 'home-100').octets)
    .finish()
}

function mac(n: number): string {
  const hex = n.toString(16).padStart(12, '0').toUpperCase()
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`
}

function read(octets: Buffer): Accounting {
  const packet = Packet.fromAttributes(octets)
  const accounting = typeof packet === 'string' ? undefined : readAccounting(packet, NAS, now, tickets, () => undefined)
  if (accounting === undefined) throw new Error('the benchmark made a packet that cannot be read')
  return accounting
}

/** Nanoseconds a call, the best of five rounds. */
function nanoseconds(calls: number, call: (n: number) => void): number {
  let best = Infinity
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint()
    for (let n = 0; n < calls; n++) call(n)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / calls)
  }
  return Math.round(best)
}

/** Runs a task and gives how long it took, and the longest time in which nothing else could run. Milliseconds. */
async function holding(task: () => Promise<unknown>): Promise<{ took: number; held: number }> {
  let held = 0
  let last = performance.now()
  const beat = () => {
    const at = performance.now()
    held = Math.max(held, at - last)
    last = at
    timer = setImmediate(beat)
  }
  let timer = setImmediate(beat)
  const start = performance.now()
  await task()
  clearImmediate(timer)
  held = Math.max(held, performance.now() - last)
  return { took: round(performance.now() - start), held: round(held) }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}

function heap(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const open = () => Sessions.open({ ledger: new Nowhere(), clock: () => now, log, tickets })

async function fill(sessions: Sessions, count: number): Promise<void> {
  for (let n = 0; n < count; ) {
    const last = Math.min(count, n + 500)
    let durable: Promise<void> | undefined
    for (; n < last; n++) durable = sessions.record(read(attributes(n, 1, 0)))
    await durable
  }
}

/** The cost of record() for sessions picked all over the table, in groups that share a block. */
async function perPacket(sessions: Sessions, count: number): Promise<number> {
  const GROUP = 200
  const ROUNDS = 100
  const templates: Accounting[] = []
  for (let n = 0; n < 5_000; n++)
    templates.push(read(attributes(Math.floor((n * 0.618_033_988_7 * count) % count), 3, 0)))
  let best = Infinity
  let seconds = 0
  for (let round = 0, at = 0; round < ROUNDS; round++) {
    if (at === 0) {
      seconds += 300
      now += 300_000
    }
    const group = templates.slice(at, at + GROUP).map(template => ({
      ...template,
      receivedAt: now,
      eventAt: T0 + seconds * 1000,
      seconds,
      upOctets: BigInt(seconds) * 1000n,
      downOctets: BigInt(seconds) * 100_000n
    }))
    at = (at + GROUP) % templates.length
    const start = process.hrtime.bigint()
    let durable: Promise<void> | undefined
    for (const accounting of group) durable = sessions.record(accounting)
    if (round > 20) best = Math.min(best, Number(process.hrtime.bigint() - start) / group.length)
    await durable
  }
  return Math.round(best)
}

const sizes = process.argv.slice(2).map(Number)
const figures: Record<string, number> = {}
const sample = attributes(1, 3, 300)
const packet = Packet.fromAttributes(sample)
if (typeof packet === 'string') throw new Error(packet)
const issued = tickets.issue('sub_1001', 'home-100').octets
figures['ticketIssueNs'] = nanoseconds(50_000, () => tickets.issue('sub_1001', 'home-100'))
figures['ticketReadNs'] = nanoseconds(50_000, () => tickets.read(issued))
figures['readAccountingNs'] = nanoseconds(50_000, () => readAccounting(packet, NAS, now, tickets, () => undefined))
for (const count of sizes.length > 0 ? sizes : [1_000, 100_000, 1_000_000]) {
  const empty = heap()
  const sessions = await open()
  await fill(sessions, count)
  await sessions.checkpoint()
  figures[`octetsPerSession${count}`] = Math.round((heap() - empty) / count)
  figures[`recordNs${count}`] = await perPacket(sessions, count)
  const swept = await holding(() => sessions.sweep(now))
  figures[`sweepHeldMs${count}`] = swept.held
  process.stdout.write(`${count} sessions: ${figures[`octetsPerSession${count}`]} octets each, `)
  process.stdout.write(`${figures[`recordNs${count}`]} ns a packet, a sweep ${swept.took} ms (held ${swept.held} ms)\n`)
  if (sessions.counts().open !== count) throw new Error('sessions are missing')
}
const many = await open()
await fill(many, 100_000)
const written = await holding(() => many.checkpoint())
figures['checkpoint100000Ms'] = written.took
figures['checkpointHeldMs'] = written.held
const rebooting = await open()
await fill(rebooting, 20_000)
now += 600_000
const restarted = await holding(() => rebooting.record({ ...read(attributes(0, 7, 600)), acctSessionId: '' }))
figures['accountingOn20000Ms'] = restarted.took
figures['accountingOnHeldMs'] = restarted.held
if (rebooting.counts().open !== 0) throw new Error('Accounting-On left sessions open')
process.stdout.write(`${JSON.stringify({ bench: 'sessions', ...figures })}\n`)
