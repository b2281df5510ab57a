import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  exportRecords,
  markRestored,
  openLedger,
  recordsOf,
  repair,
  restore,
  verify
} from '../../../agent/ledger/index.js'
import type { DiskUse, LedgerOptions, LevelLedger } from '../../../agent/ledger/index.js'
import type { Entry, RecordKind } from '../../../agent/model/index.js'
import { openAt, temporary } from './places.js'
import type { Tap } from './suite.js'
import { codeOf, collect, entries, entry, sequences } from './suite.js'

const DAY = 86_400_000

/** A ledger whose time in service is set by hand. */
class Aging {
  readonly ledger: LevelLedger
  readonly #clock: { days: number }

  private constructor(ledger: LevelLedger, clock: { days: number }) {
    this.ledger = ledger
    this.#clock = clock
  }

  static async open(t: Tap, options: Partial<LedgerOptions> = {}): Promise<Aging> {
    const clock = { days: 0 }
    const ledger = await openAt(t, temporary(t), { blockOctets: 250, monotonic: () => clock.days * DAY, ...options })
    return new Aging(ledger, clock)
  }

  set days(days: number) {
    this.#clock.days = days
  }

  /** Appends records of the given kinds, in blocks of their own, on a day of service. */
  async on(day: number, kinds: readonly RecordKind[]): Promise<void> {
    this.days = day
    await this.ledger.sweep()
    await this.ledger.append(kinds.map((kind): Entry => ({ ...entry(day), kind }))).durable
    await this.ledger.sweep()
  }
}

t.test('records go when their period of service is over and the uplink has passed them, not before', async t => {
  const aging = await Aging.open(t)
  const { ledger } = aging
  await aging.on(0, [1, 1, 1])
  await aging.on(1, [1, 1])
  await aging.on(50, [1])
  await ledger.advance('uplink', 2)
  aging.days = 89
  t.equal(await ledger.sweep(), 1, 'the period is not over')
  aging.days = 200
  t.equal(await ledger.sweep(), 1, 'the uplink has not passed the whole block')
  await ledger.advance('uplink', 4)
  aging.days = 201
  t.equal(await ledger.sweep(), 4, 'a block is dropped as a whole')
  t.same(await sequences(ledger.read(1)), [4, 5, 6])
  t.same((await collect(ledger.read(1))).lost, [], 'what was dropped is not lost')
  await ledger.advance('uplink', 6)
  t.equal(await ledger.sweep(), 6, 'the last block stays: it tells where the log ends')
  t.same(await sequences(ledger.read(1)), [6])
})

t.test('no step of the clock expires anything', async t => {
  let now = 0
  const aging = await Aging.open(t, { clock: () => now })
  await aging.on(0, [1, 1])
  await aging.on(1, [1, 1])
  await aging.ledger.advance('uplink', 4)
  for (now of [400 * DAY, -DAY, 4000 * DAY]) t.equal(await aging.ledger.sweep(), 1)
})

t.test('kinds with periods of their own go out of the middle, and all numbers stay accounted for', async t => {
  const aging = await Aging.open(t, { retention: { days: 90, byKind: { 6: 365, 4: 7 } } })
  const { ledger } = aging
  await aging.on(0, [1, 4, 6])
  await aging.on(1, [4, 4])
  await aging.on(2, [1, 6])
  await aging.on(3, [1])
  await ledger.advance('uplink', 8)
  const left = async (day: number): Promise<number[]> => {
    aging.days = day
    await ledger.sweep()
    const { records, lost } = await collect(ledger.read(1))
    t.same(lost, [])
    return records.map(({ sequence }) => sequence)
  }
  t.same(await left(5), [1, 2, 3, 4, 5, 6, 7, 8])
  t.same(await left(11), [1, 3, 6, 7, 8])
  t.same(await left(100), [3, 7, 8])
  t.equal(ledger.floor, 1)
  const spans: unknown[] = []
  for await (const piece of ledger.read(2, { to: 7 }))
    if ('first' in piece) spans.push([piece.first, piece.last, piece.records.length])
  t.same(spans, [[2, 6, 1]], 'a thinned block answers for numbers that it does not hold')
  t.match(await ledger.verify(), { lost: [], records: 3 })
  t.same(await left(400), [8])
  t.equal(ledger.floor, 8)
})

t.test('a reader that is under way while records are dropped and thinned misses nothing that is kept', async t => {
  const aging = await Aging.open(t, { blockOctets: 1, retention: { days: 90, byKind: { 6: 365 } } })
  const { ledger } = aging
  aging.days = 0
  for (let each = 0; each < 1000; each++)
    ledger.append([{ ...entry(each), kind: each % 2 === 0 ? 1 : 6, payload: Buffer.alloc(2000) }])
  await ledger.settled()
  await ledger.advance('uplink', 1000)
  await ledger.sweep()
  aging.days = 1
  await ledger.append([entry('later')]).durable
  await ledger.sweep()
  const seen: number[] = []
  for await (const piece of ledger.read(1)) {
    if ('lost' in piece) t.fail(`${piece.lost.from} to ${piece.lost.to} is not lost`)
    else seen.push(...piece.records.filter(({ kind }) => kind === 6).map(({ sequence }) => sequence))
    if (seen.length !== 1) continue
    aging.days = 100
    await ledger.sweep()
  }
  t.same(
    seen,
    Array.from({ length: 500 }, (_, index) => 2 * index + 2)
  )
  t.ok((await ledger.verify()).blocks < 20, 'thinned')
})

t.test('time in service adds up over restarts', async t => {
  const directory = temporary(t)
  let days = 0
  const options = { blockOctets: 1, monotonic: () => days * DAY }
  for (const text of ['one', 'two', 'three']) {
    const ledger = await openAt(t, directory, options)
    await ledger.append([entry(text), entry(text)]).durable
    await ledger.advance('uplink', ledger.durableHead)
    await ledger.sweep()
    days += 40
    await ledger.close()
    days += 1000
  }
  const ledger = await openAt(t, directory, options)
  t.equal(
    await ledger.sweep(),
    3,
    'the first two are 120 days of service old, the next 80; being off counts for nothing'
  )
})

t.test('whoever asks may drop what every consumer has passed', async t => {
  const ledger = await openAt(t, temporary(t), { retention: { heldBy: ['uplink', 'audit'] } })
  for (const from of [1, 11, 21]) await ledger.append(entries(from, from + 9)).durable
  await ledger.advance('uplink', 30)
  t.equal(await ledger.dropBefore(25), 1, 'the other has passed nothing')
  await ledger.advance('audit', 25)
  t.equal(await ledger.dropBefore(15), 11)
  t.equal(await ledger.dropBefore(1000), 21)
  t.same(
    await sequences(ledger.read(1)),
    entries(21, 30).map((_, index) => 21 + index)
  )
})

t.test('a spent budget drops what was sent, and refuses records when nothing can go', async t => {
  const directory = temporary(t)
  const low: DiskUse[] = []
  const states: string[] = []
  const ledger = await openAt(t, directory, {
    budgetOctets: 9_000_000,
    blockOctets: 100_000,
    onLowSpace: use => low.push(use),
    onState: ({ status }) => states.push(status)
  })
  await ledger.checkCapacity()
  t.same(low, [])
  const payload = Buffer.alloc(1000)
  for (let batch = 0; batch < 120; batch++)
    await ledger.append(Array.from({ length: 100 }, () => ({ ...entry(0), payload }))).durable
  await ledger.checkCapacity()
  t.equal(low.length, 1)
  t.equal(await codeOf(() => ledger.append([entry(1)])), 'LEDGER_NO_SPACE')
  t.match(ledger.state(), { status: 'degraded', words: 'the budget of 9000000 octets is spent' })
  t.equal(ledger.floor, 1)
  await ledger.advance('uplink', 10_000)
  await ledger.checkCapacity()
  t.ok(ledger.floor > 1 && ledger.floor < 9000, `the oldest were dropped, up to ${ledger.floor}`)
  t.ok((await ledger.disk()).used <= 9_000_000)
  await ledger.append([entry(1)]).durable
  t.same(states, ['degraded', 'ok'])
})

t.test('the reserve stands beside the store', async t => {
  const directory = temporary(t)
  const ledger = await openAt(t, directory, { reserveOctets: 1_500_000 })
  await ledger.checkCapacity()
  t.ok(existsSync(join(directory, 'reserve')))
  t.equal(ledger.state().status, 'ok')
})

t.test('a backup is a moment of a ledger that goes on, and its restored copy gives no id twice', async t => {
  const directory = temporary(t)
  const backup = join(temporary(t), 'backup')
  const ledger = await openAt(t, directory)
  await ledger.append(entries(1, 500)).durable
  await ledger.advance('uplink', 300)
  await ledger.advance('done', 500)
  await ledger.write([{ table: 't', key: 'k', value: Buffer.from('then') }])
  const appending = ledger.append(entries(501, 510))
  const copying = ledger.backupTo(backup)
  await appending.durable
  ledger.append(entries(511, 520))
  await ledger.write([{ table: 't', key: 'k', value: Buffer.from('later') }])
  await copying
  await ledger.append(entries(521, 530)).durable

  const restored = join(temporary(t), 'restored')
  await restore(backup, restored)
  const copy = await openAt(t, restored)
  t.not(copy.epoch, ledger.epoch)
  t.same([copy.next, copy.cursor('uplink')], [1_000_000_001, 300])
  t.ok(['then', 'later'].includes((await copy.get('t', 'k'))?.toString() ?? 'none'))
  const { records, lost } = await collect(copy.read(301))
  t.same(lost, [])
  t.same(
    records.map(({ sequence }) => sequence),
    Array.from({ length: records.length }, (_, index) => 301 + index)
  )
  t.ok(records.length >= 200)
  await copy.append([entry('after the restore')]).durable
  const ids = new Map<string, string>()
  for (const from of [ledger.read(1), copy.read(301)]) {
    for await (const record of recordsOf(from)) {
      if ('lost' in record) continue
      const id = `${record.epoch}-${record.sequence}`
      const text = record.payload.toString()
      t.equal(ids.get(id) ?? text, text, 'an id names one record')
      ids.set(id, text)
    }
  }
  t.equal(ids.size, 531)
  const head = records.length + 300
  t.equal(copy.behind('uplink'), head - 300 + 1, 'what was jumped over is not waited for')
  t.equal(copy.behind('done'), head - 500 + 1)

  const twice = join(temporary(t), 'twice')
  await restore(backup, twice)
  t.not((await openAt(t, twice)).epoch, copy.epoch, 'each restore is an epoch of its own')
})

t.test('who had finished with everything has nothing before it after a restore', async t => {
  const directory = temporary(t)
  const ledger = await openAt(t, directory)
  await ledger.append(entries(1, 5)).durable
  await ledger.advance('uplink', 5)
  await ledger.close()
  await markRestored(directory, 0)
  const marked = await openAt(t, directory)
  t.not(marked.epoch, ledger.epoch)
  t.same([marked.cursor('uplink'), marked.behind('uplink'), marked.next], [1_000_000_000, 0, 1_000_000_001])
  await marked.append([entry('new')]).durable
  t.same(await sequences(marked.read(marked.cursor('uplink') + 1)), [1_000_000_001])
  await marked.close()
  t.equal((await openAt(t, directory)).epoch, marked.epoch, 'once')
})

t.test('backup and restore overwrite nothing, and leave nothing half done', async t => {
  const ledger = await openAt(t, temporary(t))
  const full = temporary(t)
  writeFileSync(join(full, 'file'), '')
  t.equal(await codeOf(ledger.backupTo(full)), 'LEDGER_NOT_EMPTY')
  t.equal(await codeOf(restore(full, full)), 'LEDGER_NOT_EMPTY')
  const target = join(temporary(t), 'target')
  t.equal(await codeOf(restore(full, target)), 'LEDGER_NO_BACKUP')
  const noBackup = temporary(t)
  const other = await openAt(t, noBackup)
  await other.close()
  t.equal(await codeOf(restore(noBackup, target)), 'LEDGER_NO_BACKUP')
  t.equal(existsSync(target), false)
  const empty = temporary(t)
  await ledger.backupTo(empty)
  t.same(readdirSync(empty), ['store'])
})

t.test('export gives every record that is kept with its epoch, and says what is lost', async t => {
  const directory = temporary(t)
  const ledger = await openLedger({ directory, reserveOctets: 0 })
  await ledger.append(entries(1, 30)).durable
  t.equal(await codeOf(exportRecords(directory).next()), 'LEDGER_LOCKED')
  await ledger.close()
  const found = []
  const progress: number[][] = []
  const onProgress = (...each: number[]): void => void progress.push(each)
  for await (const record of exportRecords(directory, { from: 5, to: 7 }, { onProgress })) found.push(record)
  t.same(progress, [[3, 3]], 'and how far it is')
  t.same(
    found,
    entries(5, 7).map((each, index) => ({ ...each, sequence: 5 + index, epoch: ledger.epoch }))
  )
  for await (const _ of exportRecords(directory, { from: 31 })) t.fail('there is no more')
})

t.test('what an engineer asks of a directory without a ledger is answered in words', async t => {
  const directory = temporary(t)
  mkdirSync(join(directory, 'other'))
  const missing = { code: 'LEDGER_UNREADABLE', message: /holds no ledger/ }
  await t.rejects(async () => verify(directory), missing)
  await t.rejects(async () => repair(directory), missing)
  await t.rejects(async () => markRestored(directory, 0), missing)
  await t.rejects(async () => exportRecords(directory).next(), missing)
  t.same(readdirSync(directory), ['other'])
})
