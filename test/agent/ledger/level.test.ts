import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { metaOperation } from '../../../agent/ledger/start.js'
import { ledgerErrors, openStore } from '../../../agent/ledger/index.js'
import type { Store } from '../../../agent/ledger/index.js'
import { levelPlace, openAt, overriding, temporary } from './places.js'
import { codeOf, collect, entries, entry, ledgerSuite, sequences } from './suite.js'

ledgerSuite('LevelDB', levelPlace)

/** Counts writes; with `hold` they wait until they are let go. */
class Counting {
  puts = 0
  batches = 0
  hold = false
  #held: (() => void)[] = []

  readonly open = async (location: string): Promise<Store> => {
    const store = await openStore(location)
    return overriding(store, {
      put: (...given) => {
        this.puts++
        return this.#hold(store.put(...given))
      },
      batch: (...given) => {
        this.batches++
        return this.#hold(store.batch(...given))
      }
    })
  }

  release(): void {
    this.hold = false
    for (const go of this.#held.splice(0)) go()
  }

  async #hold(done: Promise<void>): Promise<void> {
    await this.#wait()
    return done
  }

  #wait(): Promise<void> | undefined {
    if (!this.hold) return undefined
    return new Promise(resolve => {
      this.#held.push(resolve)
    })
  }
}

/** As long as a group of records waits for more, and one turn longer. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}

t.test('records that are appended turn by turn of the event loop share a write', async t => {
  const counting = new Counting()
  const ledger = await openAt(t, temporary(t), { openStore: counting.open })
  counting.puts = counting.batches = 0
  const receipts = []
  for (const each of entries(1, 4)) {
    receipts.push(ledger.append([each]))
    await new Promise(resolve => setImmediate(resolve))
  }
  await Promise.all(receipts.map(({ durable }) => durable))
  t.equal(counting.puts, 1)
})

t.test('records that arrive while a write is under way share the next one', async t => {
  const counting = new Counting()
  const ledger = await openAt(t, temporary(t), { openStore: counting.open })
  counting.puts = counting.batches = 0
  counting.hold = true
  const first = ledger.append([entry(1)])
  await turns()
  const others = entries(2, 500).map(each => ledger.append([each]))
  await turns()
  t.equal(counting.puts, 1, 'one write is under way and no other')
  t.equal(new Set(others.map(({ durable }) => durable)).size, 1)
  counting.release()
  await Promise.all([first.durable, ...others.map(({ durable }) => durable)])
  t.same([counting.puts, counting.batches], [2, 0])
  t.same((await sequences(ledger.read(1))).length, 500)
})

t.test('changes of tables and cursors ride with the records that arrive with them', async t => {
  const counting = new Counting()
  const ledger = await openAt(t, temporary(t), { openStore: counting.open })
  await ledger.append([entry(1)]).durable
  counting.puts = counting.batches = 0
  await Promise.all([
    ledger.append(entries(2, 3)).durable,
    ledger.write([{ table: 't', key: 'k', value: Buffer.from('v') }]),
    ledger.advance('uplink', 1)
  ])
  t.same([counting.puts, counting.batches], [0, 1])
})

t.test('a block grows to its bound and no further, and an append is never torn', async t => {
  const ledger = await openAt(t, temporary(t), { blockOctets: 900 })
  const receipts = [1, 2, 3].map(() =>
    ledger.append(Array.from({ length: 3 }, () => ({ ...entry(0), payload: Buffer.alloc(100) })))
  )
  const large = ledger.append([{ ...entry(0), payload: Buffer.alloc(5000) }])
  await large.durable
  t.equal(new Set(receipts.map(({ durable }) => durable)).size, 2)
  const spans: number[][] = []
  for await (const piece of ledger.read(1)) if ('first' in piece) spans.push([piece.first, piece.last])
  t.same(spans, [
    [1, 6],
    [7, 9],
    [10, 10]
  ])
})

t.test('a second instance on the same directory is told what to do', async t => {
  const directory = temporary(t)
  const ledger = await openAt(t, directory)
  const error = await openAt(t, directory).then(
    () => undefined,
    (failure: Error) => failure
  )
  t.match(error, { code: 'LEDGER_LOCKED', message: ledgerErrors.LEDGER_LOCKED })
  await ledger.append([entry(1)]).durable
  t.equal(ledger.durableHead, 1, 'the first one goes on')
})

t.test('a directory that cannot be made is named', async t => {
  const file = `${temporary(t)}/file`
  writeFileSync(file, '')
  const error = await openAt(t, `${file}/ledger`).then(
    () => undefined,
    (failure: Error) => failure
  )
  t.match(error, { code: 'LEDGER_UNREADABLE', message: file })
})

t.test('a ledger of a later version is left alone', async t => {
  const directory = temporary(t)
  const ledger = await openAt(t, directory)
  await ledger.close()
  const store = await openStore(`${directory}/store`)
  await store.batch([metaOperation('layout', 99)], { sync: true })
  await store.close()
  t.equal(await codeOf(openAt(t, directory)), 'LEDGER_VERSION')
})

t.test('the mark beside the store names the durable head', async t => {
  const directory = temporary(t)
  const ledger = await openAt(t, directory)
  await ledger.append(entries(1, 258)).durable
  await ledger.close()
  t.same(readFileSync(`${directory}/mark`).subarray(0, 16), Buffer.from('54504d31000000000000010200000000', 'hex'))
})

t.test('a reader of many blocks holds few of them', async t => {
  const ledger = await openAt(t, temporary(t), { blockOctets: 100_000 })
  const payload = Buffer.alloc(10_000)
  for (let round = 0; round < 200; round++) ledger.append(Array.from({ length: 10 }, () => ({ ...entry(0), payload })))
  await ledger.settled()
  const reading = ledger.read(1)[Symbol.asyncIterator]()
  await reading.next()
  const before = process.memoryUsage().arrayBuffers
  let count = 0
  let most = 0
  for (let step = await reading.next(); step.done !== true; step = await reading.next()) {
    count++
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    if (count % 50 === 0) global.gc?.()
  }
  t.equal(count, 199)
  t.ok(most < 20_000_000, `${most} octets of 20,000,000`)
  t.same((await collect(ledger.read(1990))).records.length, 11)
})
