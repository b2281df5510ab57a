import * as fc from 'fast-check'
import t from 'tap'
import type { Ledger, LedgerRecord, Lost } from '../../../agent/ledger/index.js'
import { LedgerError } from '../../../agent/ledger/index.js'
import type { Entry } from '../../../agent/model/index.js'

/** A place in which an engine keeps one ledger: opening it again finds what was there. */
export interface Place {
  /** @param octets how much may wait, and how large a block may grow; the engine's own bounds when absent */
  open(octets?: { readonly queueOctets?: number; readonly blockOctets?: number }): Promise<Ledger>
}

/** Makes an empty place that goes away with the test. */
export type MakePlace = (t: Tap) => Place

/** As much of a test as a place needs. */
export type Tap = Pick<typeof t, 'teardown'>

/** A usage record with a payload that tells it from others. */
export function entry(text: string | number, time = 1_795_000_000_000): Entry {
  return { kind: 1, time, payload: Buffer.from(`record ${text}`) }
}

/** Entries that are numbered as their sequences will be. */
export function entries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => entry(from + index))
}

/** Everything that a read gives, blocks opened up. */
export async function collect(read: ReturnType<Ledger['read']>): Promise<{ records: LedgerRecord[]; lost: Lost[] }> {
  const records: LedgerRecord[] = []
  const lost: Lost[] = []
  for await (const piece of read) {
    if ('lost' in piece) lost.push(piece.lost)
    else records.push(...piece.records)
  }
  return { records, lost }
}

/** Sequences of what a read gives. */
export async function sequences(read: ReturnType<Ledger['read']>): Promise<number[]> {
  return (await collect(read)).records.map(({ sequence }) => sequence)
}

/** The code with which a promise rejects, or a function throws. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string | undefined> {
  try {
    await (typeof work === 'function' ? work() : work)
    return undefined
  } catch (error) {
    return error instanceof LedgerError ? error.code : String(error)
  }
}

/** All that an engine must do to be a ledger. */
export function ledgerSuite(name: string, makePlace: MakePlace): void {
  t.test(name, async t => {
    await t.test('a new ledger is empty and its first record is number 1', async t => {
      const ledger = await opened(t, makePlace(t))
      t.same([ledger.next, ledger.durableHead, ledger.floor, ledger.cursor('uplink')], [1, 0, 1, 0])
      t.equal(ledger.state().status, 'ok')
      t.match(ledger.epoch, /^[0-9A-HJKMNP-TV-Z]{26}$/)
      t.same(await sequences(ledger.read(1)), [])
      await ledger.settled()
    })

    await t.test('records get dense numbers at once and are read as they were written', async t => {
      const ledger = await opened(t, makePlace(t))
      const odd: Entry[] = [
        { kind: 10, time: 0, payload: Buffer.alloc(0) },
        { kind: 3, time: 2 ** 48 - 1, payload: Buffer.from([0, 255, 10]) }
      ]
      const one = ledger.append(odd)
      const two = ledger.append(entries(3, 5))
      t.same([one.first, two.first, ledger.next], [1, 3, 6])
      await two.durable
      t.equal(ledger.durableHead, 5)
      const { records } = await collect(ledger.read(1))
      t.same(
        records,
        [...odd, ...entries(3, 5)].map((each, index) => ({ sequence: index + 1, ...each }))
      )
    })

    await t.test('what arrives in one turn of the event loop becomes durable with one promise', async t => {
      const ledger = await opened(t, makePlace(t))
      const receipts = [1, 2, 3].map(number => ledger.append([entry(number)]))
      t.equal(new Set(receipts.map(({ durable }) => durable)).size, 1)
      t.equal(receipts[0]?.durable, ledger.settled())
      t.equal(ledger.settled(), ledger.settled())
      t.equal(ledger.durableHead, 0)
      await ledger.settled()
      t.equal(ledger.durableHead, 3)
    })

    await t.test('an empty append takes no number', async t => {
      const ledger = await opened(t, makePlace(t))
      const receipt = ledger.append([])
      await receipt.durable
      t.same([receipt.first, ledger.next, ledger.durableHead], [1, 1, 0])
    })

    await t.test(
      'a record that cannot be stored is refused together with its neighbours, and takes no number',
      async t => {
        const ledger = await opened(t, makePlace(t))
        const bad: Entry[] = [
          { ...entry(1), kind: 0 as never },
          { ...entry(1), kind: 256 as never },
          { ...entry(1), time: -1 },
          { ...entry(1), time: 0.5 },
          { ...entry(1), time: Number.NaN },
          { ...entry(1), payload: Buffer.alloc(16 * 1024 * 1024 + 1) }
        ]
        for (const each of bad) t.equal(await codeOf(() => ledger.append([entry(1), each])), 'LEDGER_BAD_ENTRY')
        t.equal(ledger.next, 1)
        await ledger.append([entry(1)]).durable
        t.same(await sequences(ledger.read(1)), [1])
      }
    )

    await t.test(
      'reading starts and stops in the middle of blocks, and at the head as it was when it began',
      async t => {
        const ledger = await opened(t, makePlace(t))
        for (const from of [1, 11, 21]) await ledger.append(entries(from, from + 9)).durable
        t.same(await sequences(ledger.read(5, { to: 24 })), numbers(5, 23))
        t.same(await sequences(ledger.read(11, { to: 12 })), [11])
        t.same(await sequences(ledger.read(30)), [30])
        t.same(await sequences(ledger.read(31)), [])
        t.same(await sequences(ledger.read(7, { to: 7 })), [])
        t.same(await sequences(ledger.read(-3, { to: 2 })), [1])
        t.same(await sequences(ledger.read(25, { to: 1000 })), numbers(25, 30))

        const seen: number[] = []
        for await (const piece of ledger.read(1)) {
          if ('lost' in piece) t.fail('nothing is lost')
          else seen.push(...piece.records.map(({ sequence }) => sequence))
          await ledger.append([entry('later')]).durable
        }
        t.same(seen, numbers(1, 30))
      }
    )

    await t.test('a block says what it answers for, and under which epoch', async t => {
      const ledger = await opened(t, makePlace(t))
      await ledger.append(entries(1, 9)).durable
      for await (const piece of ledger.read(4, { to: 7 })) {
        t.match(piece, { epoch: ledger.epoch, first: 4, last: 6 })
      }
    })

    await t.test('reading ends when the signal says so', async t => {
      const ledger = await opened(t, makePlace(t))
      await ledger.append(entries(1, 3)).durable
      const reason = new Error('enough')
      await t.rejects(sequences(ledger.read(1, { signal: AbortSignal.abort(reason) })), reason)
    })

    await t.test('reached tells when a sequence is durable, or the signal aborts', async t => {
      const ledger = await opened(t, makePlace(t))
      let told = false
      const wait = async (): Promise<void> => {
        await ledger.reached(2)
        told = true
      }
      const waiting = wait()
      await ledger.append([entry(1)]).durable
      t.equal(told, false)
      const abort = new AbortController()
      const aborted = ledger.reached(99, abort.signal)
      abort.abort()
      await aborted
      await ledger.append([entry(2)]).durable
      await waiting
      await ledger.reached(2)
      t.equal(told, true)
    })

    await t.test('a cursor moves forward only, and not beyond what is durable', async t => {
      const ledger = await opened(t, makePlace(t))
      await ledger.append(entries(1, 9)).durable
      await Promise.all([ledger.advance('uplink', 7), ledger.advance('uplink', 5), ledger.advance('other', 2)])
      t.same([ledger.cursor('uplink'), ledger.cursor('other'), ledger.cursor('third')], [7, 2, 0])
      await ledger.advance('uplink', 3)
      t.equal(ledger.cursor('uplink'), 7)
      t.equal(await codeOf(ledger.advance('uplink', 10)), 'LEDGER_BAD_CURSOR')
      t.equal(await codeOf(ledger.advance('uplink', Number.NaN)), 'LEDGER_BAD_CURSOR')
      t.equal(ledger.cursor('uplink'), 7)
    })

    await t.test('tables change together, are told apart and come back by key', async t => {
      const ledger = await opened(t, makePlace(t))
      await ledger.write([
        { table: 'a', key: 'é', value: Buffer.from('3') },
        { table: 'a', key: 'b', value: Buffer.from('2') },
        { table: 'a', key: '', value: Buffer.alloc(0) },
        { table: 'ab', key: 'c', value: Buffer.from('other') }
      ])
      await ledger.write([
        { table: 'a', key: 'b', value: undefined },
        { table: 'a', key: 'b', value: Buffer.from('4') },
        { table: 'ab', key: 'c', value: undefined }
      ])
      t.same(await table(ledger, 'a'), [
        ['', ''],
        ['b', '4'],
        ['é', '3']
      ])
      t.same(await table(ledger, 'ab'), [])
      t.same(await ledger.get('a', 'é'), Buffer.from('3'))
      t.equal(await ledger.get('a', 'none'), undefined)
      t.equal(await ledger.get('', 'a'), undefined)
      t.equal(await codeOf(ledger.write([{ table: 'a\0b', key: '', value: undefined }])), 'LEDGER_BAD_ENTRY')
    })

    await t.test('too much waiting is refused at once, and does not stay refused', async t => {
      const ledger = await opened(t, makePlace(t), { queueOctets: 1000 })
      const receipt = ledger.append([{ ...entry(1), payload: Buffer.alloc(900) }])
      t.equal(await codeOf(() => ledger.append([{ ...entry(1), payload: Buffer.alloc(200) }])), 'LEDGER_FULL')
      t.equal(await codeOf(ledger.write([{ table: 't', key: 'k', value: Buffer.alloc(200) }])), 'LEDGER_FULL')
      t.equal(ledger.next, 2)
      await receipt.durable
      await ledger.append([{ ...entry(1), payload: Buffer.alloc(200) }]).durable
      t.equal(ledger.durableHead, 2)
    })

    await t.test('closing stores what was waiting, and then nothing goes any more', async t => {
      const place = makePlace(t)
      const ledger = await opened(t, place)
      const { durable } = ledger.append(entries(1, 3))
      const never = ledger.reached(4)
      const closed = ledger.close()
      t.equal(ledger.close(), closed)
      await Promise.all([durable, closed])
      t.equal(await codeOf(never), 'LEDGER_CLOSED')
      t.equal(await codeOf(() => ledger.append([entry(1)])), 'LEDGER_CLOSED')
      t.equal(await codeOf(ledger.write([{ table: 't', key: 'k', value: undefined }])), 'LEDGER_CLOSED')
      t.equal(await codeOf(ledger.advance('uplink', 1)), 'LEDGER_CLOSED')
      t.equal(await codeOf(sequences(ledger.read(1))), 'LEDGER_CLOSED')
      t.equal(await codeOf(ledger.get('t', 'k')), 'LEDGER_CLOSED')
      t.equal(await codeOf(ledger.reached(4)), 'LEDGER_CLOSED')
      const again = await opened(t, place)
      t.same(await sequences(again.read(1)), [1, 2, 3])
      t.same([again.epoch, again.next, again.durableHead], [ledger.epoch, 4, 3])
    })

    await t.test('does as a list and some maps would, whatever the order of calls', async t => {
      await fc.assert(
        fc.asyncProperty(fc.commands(commands(), { size: '+1' }), async given => {
          const place = makePlace(t)
          const real = { place, ledger: await place.open(SMALL) }
          try {
            await fc.asyncModelRun(() => ({ model: emptyModel(), real }), given)
          } finally {
            await real.ledger.close()
          }
        }),
        { numRuns: Number(process.env['TURNPIKE_MODEL_RUNS'] ?? 25) }
      )
    })
  })
}

async function opened(t: Tap, place: Place, octets?: Parameters<Place['open']>[0]): Promise<Ledger> {
  const ledger = await place.open(octets)
  t.teardown(() => ledger.close())
  return ledger
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

async function table(ledger: Ledger, name: string): Promise<string[][]> {
  const found: string[][] = []
  for await (const [key, value] of ledger.entries(name)) found.push([key, value.toString()])
  return found
}

/* The model: what a ledger is when nothing can go wrong. */

const SMALL = { blockOctets: 120 }

interface Model {
  records: string[]
  tables: Map<string, Map<string, string>>
  cursors: Map<string, number>
}

interface Real {
  readonly place: Place
  ledger: Ledger
}

type Command = fc.AsyncCommand<Model, Real>

function emptyModel(): Model {
  return { records: [], tables: new Map(), cursors: new Map() }
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (left !== right) throw new Error(`${what}: found ${left}, wanted ${right}`)
}

function command(words: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => words }
}

function commands(): fc.Arbitrary<Command>[] {
  const word = fc.constantFrom('a', 'b', 'ß')
  const consumer = fc.constantFrom('uplink', 'other')
  return [
    fc
      .tuple(fc.array(fc.string({ maxLength: 40 }), { maxLength: 6 }), fc.boolean())
      .map(([texts, wait]) => append(texts, wait)),
    fc.array(fc.tuple(word, word, fc.option(fc.string())), { maxLength: 4 }).map(write),
    fc.tuple(consumer, fc.nat({ max: 40 })).map(([name, back]) => advance(name, back)),
    fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 })).map(([from, length]) => read(from, length)),
    word.map(readTable),
    fc.constant(reopen())
  ]
}

function append(texts: string[], wait: boolean): Command {
  return command(`append(${JSON.stringify(texts)}, ${wait})`, async (model, { ledger }) => {
    const receipt = ledger.append(texts.map(text => ({ ...entry(1), payload: Buffer.from(text) })))
    same(receipt.first, model.records.length + 1, 'first')
    model.records.push(...texts)
    same(ledger.next, model.records.length + 1, 'next')
    if (wait) await receipt.durable
  })
}

function write(changes: [string, string, string | null][]): Command {
  return command(`write(${JSON.stringify(changes)})`, async (model, { ledger }) => {
    await ledger.write(
      changes.map(([table, key, value]) => ({ table, key, value: value === null ? undefined : Buffer.from(value) }))
    )
    for (const [table, key, value] of changes) {
      const entries = model.tables.get(table) ?? new Map<string, string>()
      model.tables.set(table, entries)
      if (value === null) entries.delete(key)
      else entries.set(key, value)
    }
  })
}

function advance(consumer: string, back: number): Command {
  return command(`advance(${consumer}, head − ${back})`, async (model, { ledger }) => {
    await ledger.settled()
    const sequence = Math.max(0, ledger.durableHead - back)
    await ledger.advance(consumer, sequence)
    model.cursors.set(consumer, Math.max(model.cursors.get(consumer) ?? 0, sequence))
    same(ledger.cursor(consumer), model.cursors.get(consumer), 'cursor')
  })
}

function read(from: number, length: number): Command {
  return command(`read(${from}, ${from + length})`, async (model, { ledger }) => {
    await ledger.settled()
    const { records, lost } = await collect(ledger.read(from, { to: from + length }))
    const wanted = model.records.map((text, index) => [index + 1, text] as const)
    same(
      records.map(({ sequence, payload }) => [sequence, payload.toString()]),
      wanted.filter(([sequence]) => sequence >= from && sequence < from + length),
      'records'
    )
    same(lost, [], 'lost')
  })
}

function readTable(name: string): Command {
  return command(`entries(${name})`, async (model, { ledger }) => {
    const wanted = [...(model.tables.get(name) ?? [])].sort(([one], [other]) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other))
    )
    same(await table(ledger, name), wanted, 'entries')
    for (const [key, value] of wanted) same((await ledger.get(name, key))?.toString(), value, 'get')
  })
}

function reopen(): Command {
  return command('reopen()', async (model, real) => {
    const { epoch } = real.ledger
    await real.ledger.close()
    real.ledger = await real.place.open(SMALL)
    same([real.ledger.epoch, real.ledger.durableHead], [epoch, model.records.length], 'epoch and head')
    for (const [consumer, sequence] of model.cursors) same(real.ledger.cursor(consumer), sequence, 'cursor')
  })
}
