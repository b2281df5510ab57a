import * as fc from 'fast-check'
import t from 'tap'
import { RecordKind, sessionOctets } from '../../../agent/model/index.js'
import { fold } from '../../../agent/sessions/index.js'
import { billed, bills, MemoryLedger } from './memory-ledger.js'
import { heard, open, type Said, T0, tell, tickets } from './packets.js'
import { story } from './stories.js'

/*
 * The rules by which sessions are billed, each as a property, and the cases that have names.
 */
// The same packets in every run; FC_SEED tries others.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 4711) })

const GiB = 2n ** 30n

t.test('whatever a NAS says, nothing negative is billed and the deltas add up to the totals', async t => {
  const packet = fc.record({
    status: fc.constantFrom<Said['status']>('start', 'interim', 'interim', 'interim', 'stop', 'on', 'off'),
    id: fc.constantFrom('a', 'b', ''),
    port: fc.constantFrom(1, 2),
    user: fc.constantFrom('alice', 'bob', ''),
    mac: fc.constantFrom('02-00-00-00-00-01', '02-00-00-00-00-02'),
    time: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
    up: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
    down: fc.option(fc.bigInt({ min: 0n, max: 5n * GiB }), { nil: undefined }),
    at: fc.integer({ min: 0, max: 20_000 }),
    untimed: fc.boolean()
  })
  await fc.assert(
    fc.asyncProperty(fc.array(packet, { maxLength: 40 }), async said => {
      const ledger = new MemoryLedger()
      const sessions = await open(ledger)
      await tell(sessions, ...said)
      for (const { usage } of ledger.usage()) {
        t.ok(usage.upOctets >= 0n && usage.downOctets >= 0n, 'octets')
        t.ok(usage.seconds >= 0 && usage.upPackets >= 0 && usage.downPackets >= 0, 'seconds and packets')
        t.ok(usage.periodEnd >= usage.periodStart, 'period')
      }
      const sums = bills(ledger)
      const most = 2n ** 64n - 1n
      for (const session of sessions.list()) {
        const { up, down } = sessionOctets(session)
        t.same(sums.get(session.id), { up: up > most ? most : up, down: down > most ? most : down })
      }
    }),
    { numRuns: 200 }
  )
})

t.test(
  'the periods of a session follow each other without gap or overlap, even when the NAS steps its clock',
  async t => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -90_000, max: 90_000 }), { minLength: 2, maxLength: 8 }),
        async steps => {
          const ledger = new MemoryLedger()
          const sessions = await open(ledger)
          await tell(sessions, { status: 'start', at: 0 })
          for (const [n, step] of steps.entries()) {
            const time = 300 * (n + 1)
            await tell(sessions, {
              status: 'interim',
              at: time + step,
              arrives: time + 0.5,
              time,
              up: BigInt(time),
              down: 0n
            })
          }
          const periods = ledger
            .usage()
            .filter(({ kind }) => kind === RecordKind.usage)
            .map(({ usage }) => usage)
          t.equal(periods.length, steps.length)
          let end = T0
          for (const period of periods) {
            t.equal(period.periodStart, end)
            t.ok(period.periodEnd >= end)
            end = period.periodEnd
          }
          t.same(billed(ledger), { up: BigInt(300 * steps.length), down: 0n })
          t.equal(sessions.counts().open, 1, 'it stayed one session')
        }
      ),
      { numRuns: 100 }
    )
  }
)

t.test('a NAS whose Acct-Session-Time is always 0 has one session all the same, and one bill', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const say = (at: number, octets: bigint): Said => ({ status: 'interim', at, time: 0, up: octets, down: octets })
  await tell(sessions, say(0, 5n), say(300, 10n), say(600, 30n), { ...say(700, 40n), status: 'stop' })
  t.same(billed(ledger), { up: 40n, down: 40n })
  t.equal(bills(ledger).size, 1)
})

t.test('a NAS that corrects its clock between Start and the first report goes on in the same session', async t => {
  for (const step of [-7_200, -3, 25, 7_200]) {
    const ledger = new MemoryLedger()
    await tell(
      await open(ledger),
      { status: 'start', at: 0 },
      { status: 'interim', at: 300 + step, arrives: 304, time: 300, up: 10n, down: 20n },
      { status: 'stop', at: 600 + step, arrives: 600, time: 600, up: 30n, down: 40n }
    )
    t.same(billed(ledger), { up: 30n, down: 40n }, `${step} s`)
    t.equal(bills(ledger).size, 1, 'one session')
  }
})

t.test('a box whose clock was wrong and is put right bills what began before once', async t => {
  const day = 86_400
  for (const wrong of [-20_000 * day, -day, 400 * day]) {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    const stop: Said = { status: 'stop', id: 'short', at: 60, time: 60, up: 5n, down: 5n }
    await tell(
      sessions,
      { status: 'start', at: 0, arrives: wrong + 0.4 },
      { status: 'interim', at: 300, arrives: wrong + 300.4, time: 300, up: 10n, down: 20n },
      { ...stop, arrives: wrong + 301.4 },
      { ...stop, arrives: 302 },
      { status: 'interim', at: 300, arrives: 303, time: 300, up: 10n, down: 20n },
      { status: 'interim', at: 600, time: 600, up: 30n, down: 40n },
      { status: 'interim', at: 300, arrives: 601, time: 300, up: 10n, down: 20n },
      { status: 'stop', at: 900, time: 900, up: 50n, down: 60n }
    )
    t.same(billed(ledger), { up: 55n, down: 65n }, `${wrong / day} days`)
    t.equal(bills(ledger).size, 2, 'two sessions')
  }
})

t.test('a Stop that is sent again while the clock of the box jumps is counted once', async t => {
  for (const [first, second] of [
    [0, 400],
    [400, 0],
    [-1, 400],
    [0, -1]
  ] as const) {
    const ledger = new MemoryLedger()
    const stop: Said = { status: 'stop', at: 60, time: 60, up: 5n, down: 5n }
    const arrives = (days: number): number => 61.4 + days * 86_400
    await tell(await open(ledger), { ...stop, arrives: arrives(first) }, { ...stop, arrives: arrives(second) + 1 })
    t.same(billed(ledger), { up: 5n, down: 5n }, `from ${first} to ${second} days`)
  }
})

t.test('folding is deterministic and a packet folded again changes nothing', async t => {
  fc.assert(
    fc.property(story, said => {
      let session: ReturnType<typeof fold>['session'] | undefined
      for (const each of said) {
        const packet = heard(each)
        const once = fold(session, packet, 'S1')
        t.same(fold(session, packet, 'S1'), once)
        const again = fold(once.session, packet, 'S2')
        t.equal(again.records.length, 0)
        t.match(again.verdict, /duplicate|late/)
        session = again.session
      }
    }),
    { numRuns: 100 }
  )
})

t.test('Gigawords: a 32-bit counter that wraps is billed exactly', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(
    sessions,
    { status: 'start', at: 0 },
    { status: 'interim', at: 300, time: 300, up: 2n ** 32n - 1n, down: 2n ** 32n - 10n },
    { status: 'interim', at: 600, time: 600, up: 2n ** 32n, down: 3n * 2n ** 32n + 7n }
  )
  const [, last] = ledger.usage().filter(({ kind }) => kind === RecordKind.usage)
  t.equal(last?.usage.upOctets, 1n)
  t.equal(last?.usage.downOctets, 2n * 2n ** 32n + 17n)
  t.equal(last?.usage.cause, 'interim')
})

t.test('10 Gbit/s for a year is billed to the octet', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const day = 86_400
  await tell(sessions, { status: 'start', at: 0 })
  for (let n = 1; n <= 365; n++) {
    const octets = 1_250_000_000n * BigInt(n * day)
    await tell(sessions, {
      status: n === 365 ? 'stop' : 'interim',
      at: n * day,
      time: n * day,
      up: octets,
      down: octets + 1n
    })
  }
  t.same(billed(ledger), { up: 39_420_000_000_000_000n, down: 39_420_000_000_000_001n })
})

t.test(
  'a total that falls while session time grows is a counter reset: a new segment, up and down together',
  async t => {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    await tell(
      sessions,
      { status: 'start', at: 0 },
      { status: 'interim', at: 300, time: 300, up: 1_000n, down: 9_000n },
      { status: 'interim', at: 600, time: 600, up: 1_500n, down: 200n },
      { status: 'stop', at: 700, time: 700, up: 1_600n, down: 250n }
    )
    t.same(billed(ledger), { up: 1_000n + 1_600n, down: 9_000n + 250n })
    t.equal([...sessions.list()][0]?.resets, 1)
    t.equal(sessions.counts().packets.reset, 1)
  }
)

t.test('a Stop without counters keeps the last totals, and one with zeros in the same second does too', async t => {
  for (const last of [{ time: 400 }, { time: 300, up: 0n, down: 0n }]) {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    await tell(
      sessions,
      { status: 'interim', at: 300, time: 300, up: 10n, down: 20n },
      { status: 'stop', at: 400, ...last }
    )
    t.same(billed(ledger), { up: 10n, down: 20n })
    t.match([...sessions.list()][0], { state: 'closed', closedBy: 'stop', segmentUp: 10n })
  }
})

t.test('a Stop retransmitted is a duplicate and an Interim-Update after it is late', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const stop: Said = { status: 'stop', at: 600, time: 600, up: 5n, down: 6n, cause: 1 }
  await tell(
    sessions,
    { status: 'start', at: 0 },
    stop,
    { ...stop, arrives: 604, delay: 4 },
    { status: 'interim', at: 300, time: 300, up: 3n, down: 3n, arrives: 605 }
  )
  t.match([...sessions.list()], [{ state: 'closed', duplicates: 1, late: 1, terminateCause: 1 }])
  t.same(billed(ledger), { up: 5n, down: 6n })
})

t.test('a Stop that is repeated hours later, without a word about when it was, is still a duplicate', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const stop: Said = { status: 'stop', at: 60, time: 60, up: 5n, down: 6n, untimed: true }
  await tell(
    sessions,
    { status: 'start', at: 0, untimed: true, arrives: 0 },
    { ...stop, arrives: 60 },
    { ...stop, arrives: 9_000 }
  )
  t.match([...sessions.list()], [{ state: 'closed', duplicates: 1 }])
  t.same(billed(ledger), { up: 5n, down: 6n })
})

t.test('the Stop has the last word of its second', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(
    sessions,
    { status: 'stop', at: 15, time: 15, up: 5n, down: 6n },
    { status: 'interim', at: 15, time: 15, up: 6n, down: 7n, arrives: 16 }
  )
  t.match([...sessions.list()], [{ state: 'closed', late: 1 }])
  t.same(billed(ledger), { up: 5n, down: 6n })
})

t.test('packet counters have no Gigawords: one that falls has wrapped', async t => {
  const session = fold(
    undefined,
    { ...heard({ status: 'interim', at: 60, time: 60, up: 1n, down: 1n }), upPackets: 2 ** 32 - 5 },
    'S'
  ).session
  const next = { ...heard({ status: 'interim', at: 120, time: 120, up: 2n, down: 2n }), upPackets: 3 }
  t.equal(fold(session, next).records[0]?.usage.upPackets, 8)
})

t.test('an Interim-Update proves life even when no octet passed', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(sessions, { status: 'start', at: 0 }, { status: 'interim', at: 300, time: 300, up: 0n, down: 0n })
  const records = ledger.usage()
  t.same(
    records.map(({ kind }) => kind),
    [RecordKind.sessionStarted, RecordKind.usage]
  )
  t.match(records[1]?.usage, { seconds: 300, upOctets: 0n, downOctets: 0n })
})

t.test('exactly one record of a packet replays, and it carries the attributes', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  for (const said of [
    { status: 'start', at: 0, id: 'a' },
    { status: 'interim', at: 60, time: 60, id: 'b', up: 1n, down: 1n },
    { status: 'stop', at: 90, time: 90, id: 'c', up: 1n, down: 1n }
  ] satisfies Said[]) {
    const before = ledger.usage().length
    await tell(sessions, said)
    const replaying = ledger
      .usage()
      .slice(before)
      .filter(({ usage }) => usage.replays)
    t.equal(replaying.length, 1, said.status)
    t.same(replaying[0]?.usage.evidence, heard(said).evidence)
  }
})

t.test('direction: up is what the subscriber sent, and a NAS that counts the other way is flipped', async t => {
  for (const flip of [false, true]) {
    const ledger = new MemoryLedger()
    await tell(await open(ledger), { status: 'interim', at: 300, time: 300, up: 1n, down: 2n, flip })
    t.same(billed(ledger), flip ? { up: 2n, down: 1n } : { up: 1n, down: 2n })
  }
})

t.test('a Start after the Stop with the same id is a new session; the old Start after its own Stop is not', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(
    sessions,
    { status: 'start', at: 18 },
    { status: 'stop', at: 28, time: 9 },
    { status: 'start', at: 18, arrives: 30, delay: 12 }
  )
  t.match([...sessions.list()], [{ state: 'closed', late: 1 }])
  await tell(
    sessions,
    { status: 'start', at: 32 },
    { status: 'stop', at: 32, time: 0 },
    { status: 'stop', at: 28, time: 9, arrives: 35 }
  )
  t.match(
    [...sessions.list()].map(({ startedAt, state, duplicates }) => [startedAt - T0, state, duplicates]),
    [
      [18_000, 'closed', 1],
      [32_000, 'closed', 0]
    ]
  )
})

t.test(
  'Session-Id reuse after a NAS reboot: fallen session time begins a new session and replaces the lost one',
  async t => {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    await tell(
      sessions,
      { status: 'start', at: 0 },
      { status: 'interim', at: 3_000, time: 3_000, up: 500n, down: 700n },
      { status: 'interim', at: 4_000, time: 300, up: 20n, down: 30n }
    )
    t.match(
      [...sessions.list()].map(({ state, closedBy }) => [state, closedBy]),
      [
        ['closed', 'replaced'],
        ['open', '']
      ]
    )
    t.same(billed(ledger), { up: 520n, down: 730n })
    await tell(sessions, { status: 'stop', at: 3_100, time: 3_100, up: 600n, down: 800n, arrives: 4_001 })
    t.same(billed(ledger), { up: 620n, down: 830n }, 'the Stop that was lost still counts for the first')
    t.match(
      [...sessions.list()].map(({ state, closedBy }) => [state, closedBy]),
      [
        ['closed', 'stop'],
        ['open', '']
      ]
    )
  }
)

t.test(
  'Stop lost: a Start of the same device on the same port replaces the session, another device does not',
  async t => {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    const [one, two] = ['02-00-00-00-00-01', '02-00-00-00-00-02']
    await tell(
      sessions,
      { status: 'start', at: 0, id: 'a', port: 7, mac: one },
      { status: 'start', at: 10, id: 'b', port: 7, mac: two },
      { status: 'start', at: 99, id: 'c', port: 7, mac: one }
    )
    t.match(
      [...sessions.list()].map(({ acctSessionId, state, closedBy }) => [acctSessionId, state, closedBy]),
      [
        ['a', 'closed', 'replaced'],
        ['b', 'open', ''],
        ['c', 'open', '']
      ]
    )
  }
)

t.test(
  'a re-authentication that changes Class in mid-session bills no octet twice, and names the new ticket',
  async t => {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    const before = tickets.issue('sub_1', 'home')
    const after = tickets.issue('sub_1', 'home-fast')
    await tell(
      sessions,
      { status: 'start', at: 0, class: before.octets },
      { status: 'interim', at: 300, time: 300, up: 100n, down: 200n, class: before.octets },
      { status: 'interim', at: 900, time: 900, up: 300n, down: 600n, class: after.octets },
      { status: 'interim', at: 600, time: 600, up: 200n, down: 400n, class: before.octets, arrives: 901 },
      { status: 'stop', at: 1_000, time: 1_000, up: 301n, down: 601n, class: after.octets }
    )
    t.same(billed(ledger), { up: 301n, down: 601n })
    t.match([...sessions.list()], [{ ticket: after.ticket, profile: 'home-fast', late: 1 }])
  }
)

t.test('a port that many share proves nothing', async t => {
  const sessions = await open(new MemoryLedger())
  for (let n = 0; n < 9; n++) await tell(sessions, { status: 'interim', at: n, time: 1, id: `s${n}`, port: 0 })
  await tell(sessions, { status: 'start', at: 99, id: 'next', port: 0 })
  t.equal(sessions.counts().open, 10)
})

t.test('the same ticket under another Acct-Session-Id is another session', async t => {
  const sessions = await open(new MemoryLedger())
  const ticket = tickets.issue('sub_1', 'home').octets
  await tell(
    sessions,
    { status: 'start', at: 0, id: 'a', class: ticket },
    { status: 'start', at: 5, id: 'b', class: ticket }
  )
  t.equal(sessions.counts().open, 2)
})

t.test('one Acct-Session-Id on two line cards: users, ports and multi-session ids keep the sessions apart', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const ways: Partial<Said>[] = [
    { user: 'alice' },
    { user: 'bob' },
    { port: 1 },
    { port: 2 },
    { multi: 'x' },
    { multi: 'y' }
  ]
  for (const [n, way] of ways.entries()) {
    const id = `id${n >> 1}`
    await tell(sessions, { status: 'start', at: 0, id, subscriber: `sub_${n}`, ...way })
  }
  for (const [n, way] of ways.entries()) {
    const id = `id${n >> 1}`
    const totals = { time: 300, up: BigInt(n + 1), down: 0n }
    await tell(sessions, { status: 'interim', at: 300, id, subscriber: `sub_${n}`, ...totals, ...way })
  }
  t.same(
    [...sessions.list()].map(({ segmentUp }) => segmentUp),
    [1n, 2n, 3n, 4n, 5n, 6n]
  )
})

t.test('a NAS that sends no Acct-Session-Time is ordered by event time', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const say = (at: number, up: bigint, arrives = at + 0.5): Said => ({ status: 'interim', at, up, down: 0n, arrives })
  await tell(sessions, { status: 'start', at: 0 }, say(300, 10n), say(900, 30n), say(600, 20n, 901), say(900, 30n, 902))
  t.same(billed(ledger), { up: 30n, down: 0n })
  t.match([...sessions.list()], [{ seconds: 900, late: 1, duplicates: 1 }])
})

t.test('a session that was closed only by the agent goes on without billing anything twice', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger, { grace: 600, interimInterval: 60 })
  await tell(sessions, { status: 'start', at: 0 }, { status: 'interim', at: 60, time: 60, up: 10n, down: 10n })
  await silence(sessions, 1_000)
  t.match([...sessions.list()], [{ state: 'closed', closedBy: 'silent' }])
  await tell(sessions, { status: 'interim', at: 60, time: 60, up: 10n, down: 10n, arrives: 1_010 })
  t.match([...sessions.list()], [{ state: 'closed', duplicates: 1 }], 'a retransmission does not reopen')
  await tell(sessions, { status: 'interim', at: 1_060, time: 1_060, up: 50n, down: 60n })
  t.match([...sessions.list()], [{ state: 'open', closedBy: '', closedAt: 0 }])
  t.same(billed(ledger), { up: 50n, down: 60n })
  t.same(
    ledger.usage().map(({ usage }) => usage.cause),
    ['start', 'interim', 'silent', 'reopened', 'reopened']
  )
})

async function silence(sessions: Awaited<ReturnType<typeof open>>, seconds: number): Promise<void> {
  for (let at = 0; at <= seconds; at += 60) await sessions.sweep(T0 + at * 1000)
}
