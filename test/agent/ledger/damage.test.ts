import { cpSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { openLedger, openStore, repair, verify } from '../../../agent/ledger/index.js'
import type { LevelLedger, Lost } from '../../../agent/ledger/index.js'
import { Space, sequenceKey, tableKey } from '../../../agent/ledger/keys.js'
import { Mark, readMark } from '../../../agent/ledger/mark.js'
import { mendTable } from '../../../agent/ledger/tablefile.js'
import { openAt, temporary } from './places.js'
import type { Tap } from './suite.js'
import { collect, entries, entry, sequences } from './suite.js'

const FLIPS = Number(process.env['TURNPIKE_FLIPS'] ?? 25)
if (FLIPS > 100) t.setTimeout(FLIPS * 1000)

const HEAD = 2000
const BLOCK = 10

/** A closed ledger of 2,000 records in blocks of 10, half of it in a table of LevelDB's and half in its log. */
async function written(t: Tap): Promise<string> {
  const directory = temporary(t)
  for (const from of [1, HEAD / 2 + 1]) {
    const ledger = await openLedger({ directory, reserveOctets: 0, blockOctets: 300 })
    for (let first = from; first < from + HEAD / 2; first += BLOCK) ledger.append(entries(first, first + BLOCK - 1))
    await ledger.write([{ table: 't', key: `from ${from}`, value: Buffer.from('value') }])
    await ledger.close()
  }
  return directory
}

/** A copy of a ledger, to be damaged. */
function copied(t: Tap, directory: string): string {
  const copy = temporary(t)
  cpSync(directory, copy, { recursive: true })
  return copy
}

function files(directory: string): string[] {
  return readdirSync(join(directory, 'store')).filter(
    name => statSync(join(directory, 'store', name)).size > 0 && !name.startsWith('LOG')
  )
}

/** Fails unless every sequence is either read as it was written or told as lost, and new records get new ids. */
async function assertAccounted(ledger: LevelLedger, what: string): Promise<readonly Lost[]> {
  const { records, lost } = await collect(ledger.read(1))
  const seen = new Uint8Array(HEAD + 1)
  for (const { sequence, payload } of records) {
    if (payload.toString() !== `record ${sequence}`) throw new Error(`${what}: ${sequence} reads ${payload.toString()}`)
    seen[sequence] = (seen[sequence] ?? 0) + 1
  }
  for (const { from, to } of lost)
    for (let sequence = from; sequence <= to; sequence++) seen[sequence] = (seen[sequence] ?? 0) + 1
  const bad = seen.findIndex((count, sequence) => sequence > 0 && count !== 1)
  if (bad !== -1) throw new Error(`${what}: ${bad} was told ${seen[bad]} times of ${JSON.stringify(lost)}`)
  if (ledger.next <= HEAD) throw new Error(`${what}: ${ledger.next} would be given again`)
  return lost
}

t.test(
  'one flipped bit, wherever it is: all is read as written or told as lost, and told the same the next time',
  async t => {
    const directory = await written(t)
    const names = files(directory)
    const sizes = names.map(name => statSync(join(directory, 'store', name)).size)
    const place = fc.integer({ min: 0, max: names.length - 1 }).chain(file =>
      fc.record({
        file: fc.constant(file),
        offset: fc.integer({ min: 0, max: (sizes[file] ?? 1) - 1 }),
        bit: fc.integer({ min: 0, max: 7 })
      })
    )
    await fc.assert(
      fc.asyncProperty(place, async ({ file, offset, bit }) => {
        const copy = copied(t, directory)
        const path = join(copy, 'store', names[file] ?? '')
        const octets = readFileSync(path)
        octets[offset] = (octets[offset] ?? 0) ^ (1 << bit)
        writeFileSync(path, octets)
        await assertSurvives(copy, `${names[file]} octet ${offset} bit ${bit}`)
      }),
      { numRuns: FLIPS }
    )
  }
)

t.test(
  'a flipped bit that would make LevelDB end the process costs one block of a file, and the original is kept',
  async t => {
    const directory = await written(t)
    const table = files(directory).find(name => name.endsWith('.ldb')) ?? ''
    for (const [octet, bit] of [
      [1, 4],
      [0, 0],
      [2, 6],
      [10, 7]
    ] as const) {
      const copy = copied(t, directory)
      const path = join(copy, 'store', table)
      const octets = readFileSync(path)
      octets[octet] = (octets[octet] ?? 0) ^ (1 << bit)
      writeFileSync(path, octets)
      await t.rejects(verify(copy), { code: 'LEDGER_UNREADABLE', message: `Corruption: LevelDB cannot read ${table}` })
      await assertSurvives(copy, `octet ${octet} bit ${bit}`)
      const report = await verify(copy)
      t.ok(total(report.lost) > 0 && total(report.lost) < 200, `${total(report.lost)} records lost`)
      t.equal(readdirSync(join(copy, 'damaged')).length, 1)
    }
  }
)

t.test('after three starts that came to nothing the files are looked through', async t => {
  const directory = await written(t)
  const table = files(directory).find(name => name.endsWith('.ldb')) ?? ''
  const path = join(directory, 'store', table)
  const octets = readFileSync(path)
  octets[1] = (octets[1] ?? 0) ^ 16
  writeFileSync(path, octets)
  // What three crashes leave behind: reading it is what ends the process, so nobody reads it here.
  for (let start = 0; start < 3; start++) await (await Mark.open(join(directory, 'mark'))).close()
  const ledger = await openAt(t, directory)
  t.ok(total(await assertAccounted(ledger, 'crashing')) > 0)
  await ledger.close()
  t.same(await readMark(join(directory, 'mark')), { head: HEAD, starts: 0 })
})

t.test('files that are cut short, empty or gone: all is read as written or told as lost', async t => {
  const directory = await written(t)
  for (const name of files(directory)) {
    for (const part of [0, 0.5, 0.99, undefined]) {
      const copy = copied(t, directory)
      const path = join(copy, 'store', name)
      if (part === undefined) rmSync(path)
      else truncateSync(path, Math.floor(statSync(path).size * part))
      await assertSurvives(copy, part === undefined ? `${name} gone` : `${name} cut to ${part}`)
    }
  }
})

/** Opens a damaged ledger twice: it accounts for everything, tells of each loss once, and goes on. */
async function assertSurvives(directory: string, what: string): Promise<void> {
  const told: Lost[] = []
  const ledger = await openLedger({ directory, reserveOctets: 0, checkFiles: true, onLost: lost => told.push(lost) })
  const lost = await assertAccounted(ledger, what)
  const epochs = new Set([ledger.epoch])
  const added = await append(ledger)
  await ledger.close()
  const again = await openLedger({ directory, reserveOctets: 0, onLost: lost => told.push(lost) })
  const { lost: still } = await collect(again.read(1, { to: HEAD + 1 }))
  epochs.add(again.epoch)
  const kept = await collect(again.read(added))
  await again.close()
  if (total(still) !== total(lost))
    throw new Error(`${what}: lost ${JSON.stringify(lost)}, then ${JSON.stringify(still)}`)
  if (total(told) !== total(lost))
    throw new Error(`${what}: told of ${JSON.stringify(told)}, lost are ${JSON.stringify(lost)}`)
  if (kept.records.length !== 1 || epochs.size !== 1) throw new Error(`${what}: does not go on`)
}

async function append(ledger: LevelLedger): Promise<number> {
  const { first, durable } = ledger.append([entry('new')])
  await durable
  return first
}

function total(lost: readonly Lost[]): number {
  return lost.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}

/** Changes a stored value behind the ledger's back. */
async function spoil(directory: string, key: Buffer, how: (value: Buffer) => Buffer | undefined): Promise<void> {
  const store = await openStore(join(directory, 'store'))
  const value = how((await store.get(key)) ?? Buffer.alloc(0))
  await store.batch([value === undefined ? { type: 'del', key } : { type: 'put', key, value }], { sync: true })
  await store.close()
}

function flip(value: Buffer): Buffer {
  const octets = Buffer.from(value)
  octets[50] = (octets[50] ?? 0) ^ 1
  return octets
}

t.test('a damaged block is put into quarantine and its exact range is told once, wherever reading began', async t => {
  const directory = await written(t)
  await spoil(directory, sequenceKey(Space.block, 101), flip)
  await spoil(directory, sequenceKey(Space.block, 111), value => value.subarray(0, 30))
  await spoil(directory, sequenceKey(Space.block, 501), () => undefined)
  const told: Lost[] = []
  const ledger = await openAt(t, directory, { onLost: lost => told.push(lost), clock: () => 1234 })
  t.same(await sequences(ledger.read(99, { to: 122 })), [99, 100, 121])
  t.same(told, [{ from: 101, to: 120, reason: 'checksum, short' }])
  t.same((await collect(ledger.read(105, { to: 110 }))).lost, [
    { from: 105, to: 109, reason: 'checksum, short', noticedAt: 1234 }
  ])
  t.same((await collect(ledger.read(508, { to: 509 }))).lost, [{ from: 508, to: 508, reason: 'missing' }])
  t.same(told.slice(1), [{ from: 501, to: 510, reason: 'missing' }])
  await assertAccounted(ledger, 'spoiled')
  t.equal(told.length, 2, 'told once')
  t.same(
    ledger.losses.map(({ from, to }) => [from, to]),
    [
      [101, 120],
      [501, 510]
    ]
  )
  t.match(await ledger.verify(), { records: HEAD - 30, quarantined: 2, damagedBlocks: 0, head: HEAD })
  await ledger.close()
  t.equal((await openAt(t, directory)).epoch, ledger.epoch, 'the end is not in doubt')
})

t.test('a block that stands where it does not belong is not believed', async t => {
  const directory = await written(t)
  let other = Buffer.alloc(0)
  await spoil(directory, sequenceKey(Space.block, 201), value => (other = Buffer.from(value)))
  await spoil(directory, sequenceKey(Space.block, 301), () => other)
  const ledger = await openAt(t, directory)
  t.same(await assertAccounted(ledger, 'misplaced'), [{ from: 301, to: 310, reason: 'misplaced' }])
})

t.test('where the end is damaged or missing, a new epoch begins beyond everything that was given out', async t => {
  const whole = await written(t)
  for (const how of [flip, () => undefined]) {
    const directory = copied(t, whole)
    await spoil(directory, sequenceKey(Space.block, HEAD - BLOCK + 1), how)
    const { epoch } = await openAndClose(whole)
    const ledger = await openAt(t, directory)
    t.not(ledger.epoch, epoch)
    t.equal(ledger.next, 1_000_000_001)
    t.same(
      (await assertAccounted(ledger, 'end')).map(({ from, to }) => [from, to]),
      [[HEAD - BLOCK + 1, HEAD]]
    )
    const epochs = new Set<string>()
    await ledger.append([entry('new')]).durable
    for await (const piece of ledger.read(1)) if ('epoch' in piece) epochs.add(piece.epoch)
    t.same([...epochs], [epoch, ledger.epoch], 'old records keep their epoch')
  }
})

async function openAndClose(directory: string): Promise<LevelLedger> {
  const ledger = await openLedger({ directory, reserveOctets: 0 })
  await ledger.close()
  return ledger
}

t.test('damaged entries of tables are put into quarantine, and their owner is told', async t => {
  const directory = await written(t)
  for (const from of [1, 1001])
    await spoil(directory, tableKey('t', `from ${from}`), () => Buffer.from('no value with a sum'))
  const told: string[] = []
  const ledger = await openAt(t, directory, { onDamagedEntry: (table, key) => told.push(`${table}: ${key}`) })
  t.equal(await ledger.get('t', 'from 1'), undefined)
  for await (const _ of ledger.entries('t')) t.fail('nothing whole is in it')
  t.same(told, ['t: from 1', 't: from 1001'])
  t.match(await ledger.verify(), { quarantined: 2, damagedEntries: 0, tables: {} })
})

t.test('a damaged cursor starts over, for what billing has seen it knows', async t => {
  const directory = await written(t)
  const ledger = await openAt(t, directory)
  await ledger.advance('uplink', 1500)
  await ledger.close()
  await spoil(directory, Buffer.from('cuplink'), () => Buffer.from('nonsense'))
  const again = await openAt(t, directory)
  t.equal(again.cursor('uplink'), 0)
  t.equal(again.epoch, ledger.epoch)
  t.match(await again.verify(), { quarantined: 1 })
})

t.test('verify reports damage and changes nothing; repair puts it away', async t => {
  const directory = await written(t)
  await spoil(directory, sequenceKey(Space.block, 101), flip)
  await spoil(directory, tableKey('t', 'from 1'), () => Buffer.from('no value with a sum'))
  const damaged = {
    floor: 1,
    head: HEAD,
    blocks: HEAD / BLOCK - 1,
    records: HEAD - 10,
    damagedBlocks: 1,
    damagedEntries: 1,
    quarantined: 0,
    lost: [{ from: 101, to: 110, reason: 'checksum' }],
    tables: { t: 1 }
  }
  const progress: number[] = []
  t.match(await verify(directory, { onProgress: sequence => progress.push(sequence) }), damaged)
  t.ok(progress.length > 1)
  t.equal(progress.at(-1), HEAD)
  t.match(await verify(directory), damaged)
  t.match(await repair(directory), { ...damaged, damagedBlocks: 0, damagedEntries: 0, quarantined: 2 })
})

t.test(
  'what repair saved stays: LevelDB compresses the tables that it writes then, and they are read all the same',
  async t => {
    const directory = await written(t)
    const store = join(directory, 'store')
    const [table = ''] = files(directory).filter(name => name.endsWith('.ldb'))
    truncateSync(join(store, table), Math.floor(statSync(join(store, table)).size / 2))
    const found = await repair(directory)
    t.match(found, { records: HEAD / 2, lost: [{ from: 1, to: HEAD / 2 }] })
    const tables = files(directory).filter(name => name.endsWith('.ldb'))
    const isCompressed = (octets: Buffer): boolean =>
      mendTable(octets).state === 'sound' && !octets.includes('record 1500') && octets.length > 1000
    t.ok(
      tables.some(name => isCompressed(readFileSync(join(store, name)))),
      'one of them is compressed'
    )
    t.match(await verify(directory), { records: HEAD / 2, damagedBlocks: 0 })
    const ledger = await openAt(t, directory)
    const { records } = await collect(ledger.read(1))
    t.equal(records.length, HEAD / 2, 'the next start takes nothing away')
  }
)
