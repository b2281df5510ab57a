import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { pino } from 'pino'
import t from 'tap'
import { type Ledger, openLedger, type TableChange } from '../../../agent/ledger/index.js'
import { encodeUsage, type Entry, readNotice, RecordKind, type Subscriber } from '../../../agent/model/index.js'
import { add, begin, due, renew, reset, usedOf } from '../../../agent/quota/count.js'
import { type Quota, Quotas } from '../../../agent/quota/index.js'

const T0 = Date.parse('2026-11-23T12:00:00Z')
const log = pino({ level: 'silent' })
const quota: Quota = { octets: 1000, used: 0, resetsAt: '2026-12-01T00:00:00Z', onExhausted: 'suspend' }
const alice: Subscriber = { id: 'sub_1', username: 'alice', status: 'active', profile: 'home', quota }

class Documents extends EventEmitter {
  readonly #all = new Map<string, Subscriber>()

  constructor(...subscribers: Subscriber[]) {
    super()
    for (const one of subscribers) this.#all.set(one.id, one)
  }

  subscriber(id: string): Subscriber | undefined {
    return this.#all.get(id)
  }

  subscribers(): Iterable<Subscriber> {
    return this.#all.values()
  }

  apply(document: Subscriber): void {
    this.#all.set(document.id, document)
    this.emit('changed', [{ kind: 'subscriber', id: document.id, document }])
  }
}

function usage(octets: number, subscriber = 'sub_1', time = T0): Entry {
  const texts = { session: 's', nas: 'n', acctSessionId: 'a', userName: 'alice', subscriber, profile: 'home' }
  const record = encodeUsage({
    ...texts,
    cause: 'interim',
    flipped: false,
    replays: false,
    periodStart: time,
    periodEnd: time,
    seconds: 1,
    sessionSeconds: 1,
    upOctets: BigInt(Math.floor(octets / 2)),
    downOctets: BigInt(octets - Math.floor(octets / 2)),
    totalUpOctets: 0n,
    totalDownOctets: 0n,
    upPackets: 0,
    downPackets: 0,
    evidence: Buffer.alloc(0)
  })
  return { kind: RecordKind.usage, time, payload: record }
}

async function told(ledger: Ledger): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const part of ledger.read(1)) {
    if ('lost' in part) throw new Error(part.lost.reason)
    for (const { kind, payload } of part.records) if (kind === RecordKind.quotaReached) all.push(readNotice(payload))
  }
  return all
}

/** Resolves when the quotas have folded what the ledger holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}

t.test(
  'usage of all sessions counts, at 80 % and 100 % one event each, and whoever listens hears of the last',
  async t => {
    const ledger = await openLedger({ directory: t.testdir() })
    t.teardown(() => ledger.close())
    const documents = new Documents(alice)
    const quotas = await Quotas.open({ ledger, documents, clock: () => T0, log })
    const crossed: string[] = []
    quotas.on('crossed', id => crossed.push(id))
    await ledger.append([usage(300), usage(400), usage(900, 'sub_2')]).durable
    await until(() => quotas.of('sub_1')?.used === 700)
    t.same(await told(ledger), [])
    await ledger.append([usage(150)]).durable
    await until(() => quotas.of('sub_1')?.used === 850)
    t.same(crossed, [])
    await ledger.append([usage(150)]).durable
    await until(() => quotas.of('sub_1')?.exhausted === true)
    await ledger.append([usage(50)]).durable
    await until(() => quotas.of('sub_1')?.used === 1050)
    await ledger.settled()
    t.match(await told(ledger), [
      { subject: 'sub_1', percent: 80, octets: 1000, used: 850, resetsAt: quota.resetsAt },
      { subject: 'sub_1', percent: 100, octets: 1000, used: 1000, onExhausted: 'suspend' }
    ])
    t.same(crossed, ['sub_1'])
    t.equal(quotas.of('sub_2'), undefined)
    documents.apply({ ...alice, quota: { ...quota, octets: 5000 } })
    t.same(crossed, ['sub_1', 'sub_1'], 'a top-up brings it back at once')
    t.match(quotas.of('sub_1'), { used: 1050, octets: 5000, exhausted: false })
    await quotas.close()
  }
)

t.test(
  'however far the table lags behind the ledger after a kill, nothing counts twice and nothing is told twice',
  async t => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(11), { maxLength: 3 }),
        async (steps, kills) => {
          const ledger = await openLedger({ directory: t.testdir(), reserveOctets: 0 })
          try {
            const documents = new Documents(alice)
            let quotas = await Quotas.open({ ledger, documents, clock: () => T0, log })
            let sum = 0
            const tables: TableChange[][] = [await tableOf(ledger)]
            for (const [n, octets] of steps.entries()) {
              await ledger.append([usage(octets)]).durable
              sum += octets
              await until(() => quotas.of('sub_1')?.used === sum)
              tables.push(await tableOf(ledger))
              if (!kills.includes(n)) continue
              await quotas.close()
              const old = tables[(n * 7) % tables.length] ?? []
              await ledger.write(old)
              quotas = await Quotas.open({ ledger, documents, clock: () => T0, log })
            }
            await quotas.close()
            await ledger.settled()
            const percents = ((await told(ledger)) as { percent: number }[]).map(({ percent }) => percent)
            return percents.join() === [80, 100].filter(percent => sum * 100 >= 1000 * percent).join()
          } finally {
            await ledger.close()
          }
        }
      ),
      { numRuns: 12, seed: 20261123 }
    )
    t.pass('12 histories')
  }
)

async function tableOf(ledger: Ledger): Promise<TableChange[]> {
  const changes: TableChange[] = []
  for await (const [key, value] of ledger.entries('quota'))
    changes.push({ table: 'quota', key, value: Buffer.from(value) })
  return changes
}

t.test('usage that a stopped agent did not count counts at the next start, and its events come then', async t => {
  const ledger = await openLedger({ directory: t.testdir() })
  t.teardown(() => ledger.close())
  const documents = new Documents(alice)
  await (await Quotas.open({ ledger, documents, clock: () => T0, log })).close()
  await ledger.append([usage(1200)]).durable
  const quotas = await Quotas.open({ ledger, documents, clock: () => T0, log })
  t.match(quotas.of('sub_1'), { used: 1200, exhausted: true })
  await ledger.settled()
  t.match(await told(ledger), [{ percent: 80 }, { percent: 100 }])
  await quotas.close()
})

t.test('a figure of billing takes the place of what was counted; the same one again does not', t => {
  const counted = add(begin(quota), 900)
  t.equal(usedOf(renew(counted, { ...quota })), 900, 'the same document')
  t.equal(usedOf(renew(counted, { ...quota, octets: 2000 })), 900, 'a top-up')
  t.equal(usedOf(renew(counted, { ...quota, used: 950 })), 950)
  t.equal(usedOf(renew(counted, { ...quota, used: 0, resetsAt: '2027-01-01T00:00:00Z' })), 0, 'a new period')
  const { used: _used, ...without } = quota
  t.equal(usedOf(renew(counted, without)), 900, 'no figure: what was counted stands')
  t.equal(usedOf(renew(counted, { ...without, resetsAt: '2027-01-01T00:00:00Z' })), 0)
  t.end()
})

t.test('a period ends by itself, once; a late figure of it changes nothing', t => {
  const end = Date.parse(quota.resetsAt ?? '')
  const before = add(begin(quota), 1000)
  t.same(due(before), [80, 100])
  t.equal(reset(before, end - 1), before)
  const after = reset(before, end)
  t.equal(usedOf(after), 0)
  t.equal(after.period, before.period + 1)
  const going = add(after, 70)
  t.equal(reset(going, end + 1), going, 'once')
  t.equal(usedOf(renew(going, { ...quota, used: 1000 })), 70, 'late')
  const { used: _used, ...without } = quota
  const next = renew(going, { ...without, resetsAt: '2027-01-01T00:00:00Z' })
  t.equal(usedOf(next), 70, 'the next period had begun already')
  t.end()
})
