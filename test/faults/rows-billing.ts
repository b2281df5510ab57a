import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { exportRecords } from '../../agent/ledger/index.js'
import { decodeUsage, RecordKind } from '../../agent/model/index.js'
import type { LedgerLostData } from '../../agent/model/edge-api.js'
import type { Misbehaviour } from '../../sandbox/billing/misbehaviour.js'
import { seededRandom } from '../../sandbox/nas/index.js'
import { writeBacklog } from '../../bench/backlog/records.js'
import { pause } from './calls.js'
import { figures, mebibytes } from './figures.js'
import { Rig } from './rig.js'

/*
 * What happens on the other side: billing is away, lies or confuses its feed; and what lies on the disk has changed.
 */

const MOST_ABOVE_IDLE = 64
const DOWN = { status: 503, retryAfter: 1, times: 1_000_000 }

/** Each way in which billing answers a batch wrongly. */
export const answers: Readonly<Record<string, NonNullable<Misbehaviour['events']>[number]>> = {
  unavailable: { status: 503 },
  'asking for patience': { status: 429, retryAfter: 1 },
  unauthorized: { status: 401 },
  garbage: { garbage: true },
  slow: { delayMs: 300 },
  'closing before': { close: 'before' },
  'closing after': { close: 'after' },
  'closing half-way': { close: 'half-way' },
  'naming unknown ids': { lie: 'unknown-ids' },
  'taking only half': { lie: 'omit' },
  hanging: { hang: true }
}

/** Billing misbehaves in each of these ways, and then behaves. */
export async function misbehaving(t: Test, ways: readonly (keyof typeof answers)[], times: number): Promise<void> {
  const rig = await Rig.make(t)
  await rig.start()
  await rig.synced()
  const events = ways.flatMap(way => ({ ...answers[way], times }))
  rig.billing.misbehave({ events })
  const calls = rig.calls({ window: 16 })
  await calls.more(400)
  await calls.stop()
  // The backoff is full jitter: it may take a while until the script is played through.
  await rig.drained()
  rig.assertBooks(t, calls)
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  t.equal((await rig.agent.status()).uplink.quarantined, 0, 'nothing was set aside')
  const { duplicates } = rig.billing.totals()
  figures(t, { ways: ways.length, calls: calls.acknowledged.size, comeTwiceToBilling: duplicates })
}

/** A backlog as of a day without billing is drained, while accounting goes on; memory stays what it was. */
export async function drainingADay(t: Test, records: number): Promise<void> {
  const rig = await Rig.make(t)
  await rig.start()
  await rig.synced()
  await rig.agent.status() // what answers is loaded when it is first asked, here as below
  await pause(500)
  const idle = rig.agent.memory()
  await rig.agent.end('SIGTERM')
  const octets = await writeBacklog(join(rig.data, 'ledger'), records)
  rig.billing.misbehave({ events: [DOWN] })
  const agent = await rig.start()
  const watched = agent.watchMemory()
  await rig.synced()
  const calls = rig.calls({ window: 4 })
  await calls.more(200)
  const from = Date.now()
  rig.billing.misbehave({ events: [{ close: 'after' }, { garbage: true }] })
  while ((await agent.status()).uplink.backlog > 2000) await pause(100)
  const seconds = (Date.now() - from) / 1000
  await calls.stop()
  await rig.drained()
  const aboveIdle = mebibytes(watched() - idle)
  t.ok(aboveIdle <= MOST_ABOVE_IDLE, `${aboveIdle} MiB above idle`)
  rig.assertBooks(t, calls)
  const called = [...calls.acknowledged.values()].reduce((sum, of) => sum + of, 0n)
  const { upOctets, downOctets } = rig.billing.totals()
  t.equal(upOctets + downOctets, octets + called, 'the bill is right to the octet')
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  figures(t, { records, perSecond: Math.round(records / seconds), idleMiB: mebibytes(idle), aboveIdle })
}

/** One change to what lies on the disk. */
type Damage = (path: string, place: number) => void

const flip: Damage = (path, place) => {
  const octets = readFileSync(path)
  const at = Math.floor(place * octets.length)
  octets[at] = (octets[at] ?? 0) ^ 16
  writeFileSync(path, octets)
}
const truncate: Damage = (path, place) => truncateSync(path, Math.floor(place * statSync(path).size))

/**
 * A ledger that billing has nothing of, left behind by kill -9, so that it lies in tables and in LevelDB's log, is copied
 * and damaged; an agent that starts on the copy sends what is whole and reports the rest by its range.
 */
export async function damaged(t: Test, copies: number): Promise<void> {
  const rig = await Rig.make(t)
  rig.billing.misbehave({ events: [DOWN] })
  await rig.start()
  await rig.synced()
  const calls = rig.calls()
  await calls.more(300)
  await rig.agent.end('SIGTERM')
  await rig.start()
  await calls.more(300)
  await calls.stop()
  // The witness of the last block (agent/ledger/mark.ts) is written just after it.
  await pause(500)
  await rig.agent.end('SIGKILL')
  const pristine = join(rig.directory, 'pristine')
  cpSync(rig.data, pristine, { recursive: true })
  const written = await usageIn(join(rig.data, 'ledger'))
  const random = seededRandom(23)
  const hit = { tables: 0, logs: 0 }
  let records = 0
  for (let copy = 0; copy < copies; copy++) {
    const kind = copy % 4 < 2 ? 'logs' : 'tables'
    const damage = copy % 2 === 0 ? flip : truncate
    records += await onCopy(t, pristine, { damage, kind, random }, { sent: calls.sent, written })
    hit[kind]++
  }
  t.ok(records > 0, 'some of it was lost')
  figures(t, { copies, ...hit, usageRecords: written.size, lost: records })
}

/** Acct-Session-Id of each usage record, by sequence. */
async function usageIn(ledger: string): Promise<ReadonlyMap<number, string>> {
  const written = new Map<number, string>()
  for await (const record of exportRecords(ledger))
    if (!('lost' in record) && record.kind === RecordKind.usage)
      written.set(record.sequence, decodeUsage(record.payload).acctSessionId)
  return written
}

interface Pristine {
  readonly sent: ReadonlyMap<string, bigint>
  /** Acct-Session-Id of each usage record, by sequence. */
  readonly written: ReadonlyMap<number, string>
}

/** What is damaged, and how. */
interface Hit {
  readonly damage: Damage
  readonly kind: 'tables' | 'logs'
  readonly random: () => number
}

async function onCopy(
  t: Test,
  from: string,
  { damage, kind, random }: Hit,
  { sent, written }: Pristine
): Promise<number> {
  const rig = await Rig.make(t)
  cpSync(from, rig.data, { recursive: true })
  const store = join(rig.data, 'ledger/store')
  const ending = kind === 'logs' ? '.log' : '.ldb'
  const names = readdirSync(store).filter(name => name.endsWith(ending) && statSync(join(store, name)).size > 1000)
  t.ok(names.length > 0, `there are ${kind} to damage`)
  const name = names[Math.floor(random() * names.length)] ?? ''
  const place = 0.1 + 0.8 * random()
  damage(join(store, name), place)
  await rig.start()
  await rig.drained()
  // The report of a loss is a record itself: it is on its way when the range before it has been passed.
  await rig.drained()
  const ranges = rig.told
    .filter(({ type }) => type === 'turnpike.ledger.lost')
    .map(({ data }) => data as LedgerLostData)
  const isLost = (sequence: number): boolean => ranges.some(({ from, to }) => from <= sequence && sequence <= to)
  const silent = [...written].filter(([sequence, id]) => rig.billed.get(id) !== sent.get(id) && !isLost(sequence))
  const what = `${name} ${damage.name} at ${place.toFixed(3)}`
  t.strictSame(silent.slice(0, 5), [], `${what}: what billing does not have was reported as lost`)
  const wrong = [...rig.billed].filter(([id, octets]) => sent.get(id) !== octets)
  t.strictSame(wrong.slice(0, 5), [], `${what}: nothing wrong was sent`)
  await rig.agent.end('SIGTERM')
  return [...written].filter(([sequence]) => isLost(sequence)).length
}

/** Billing replays, reorders and cuts its feed and its snapshots. */
export async function confusing(t: Test): Promise<void> {
  const rig = await Rig.make(t)
  rig.billing.misbehave({
    snapshot: [{ truncate: 'half' }, { truncate: 'no-end' }, { truncate: 'wrong-counts' }],
    feed: [{ replay: 5 }, { reorder: true }, { truncate: true }, { status: 410 }, { replay: 20 }, { reorder: true }]
  })
  await rig.start()
  await rig.synced()
  const nas = await rig.nas(500)
  let cutOff = 0
  nas.on('disconnect', () => cutOff++)
  while (nas.lines.some(({ state }) => state !== 'online')) await pause(20)
  for (let turn = 0; turn < 12; turn++) {
    const id = `sub_${rig.names[turn % 4]}`
    await (turn % 3 === 2 ? rig.billing.restore(id) : rig.billing.suspend(id, { how: 'reject' }))
    await pause(40)
  }
  await assertSame(t, rig)
  const innocent = nas.lines.slice(4)
  t.ok(
    innocent.every(({ state }) => state === 'online'),
    'nobody else was cut off'
  )
  t.ok(cutOff >= 4 && cutOff <= 12, `${cutOff} times one of the four was`)
  await massRemoval(t, rig, innocent.length)
  t.ok(
    innocent.every(({ state }) => state === 'online'),
    'nobody was cut off'
  )
  figures(t, { subscribers: rig.names.length, decisions: 12, cutOff })
}

/** A snapshot without most subscribers is held. */
async function massRemoval(t: Test, rig: Rig, most: number): Promise<void> {
  rig.billing.misbehave({ feed: [{ status: 410 }], snapshot: [{ omit: most, times: 1000 }] })
  while (!(await rig.agent.status()).attention.some(words => words.includes('waits for you'))) await pause(20)
  t.equal((await rig.agent.status()).documents.subscribers, rig.names.length, 'a snapshot without most of them is held')
}

/** Fails unless the agent comes to think of each subscriber what billing does. */
async function assertSame(t: Test, rig: Rig): Promise<void> {
  const billing = rig.billing.accounts().map(({ document }) => `${document.id} ${document.status} ${document.profile}`)
  const ask = async (id: string): Promise<string> => {
    const { subscriber } = await rig.agent.get<{ subscriber: { id: string; status: string; profile: string } }>(
      `/v1/subscribers/${id}`
    )
    return `${subscriber.id} ${subscriber.status} ${subscriber.profile}`
  }
  const ids = rig.billing.accounts().map(({ document }) => document.id)
  let agent: string[] = []
  for (let patience = 200; patience > 0 && agent.join() !== billing.join(); patience--) {
    agent = await Promise.all(ids.map(ask))
    await pause(50)
  }
  t.strictSame(agent, billing, "the replica equals billing's state")
}
