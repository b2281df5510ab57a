import * as fc from 'fast-check'
import t from 'tap'
import { billed, bills, MemoryLedger } from './memory-ledger.js'
import { open, tell } from './packets.js'
import { afterAll, bill, delivered, follow, story, together, withTicket } from './stories.js'

/*
 * Whatever happens to the packets on their way, the bill is the same: each rule as a property.
 */
// The same packets in every run; FC_SEED tries others.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 4711) })

t.test(
  'reordered, duplicated and lost packets in any combination give the same bill as long as the last arrives',
  async t => {
    const deliveries = story.chain(said => fc.record({ last: fc.constant(said.at(-1)), order: delivered(said) }))
    await fc.assert(
      fc.asyncProperty(deliveries, fc.boolean(), async ({ last, order }, queued) => {
        const ledger = new MemoryLedger()
        const sessions = await open(ledger)
        await tell(sessions, ...(queued ? afterAll(order, last?.at ?? 0) : order))
        t.same(billed(ledger), { up: last?.up, down: last?.down })
        t.equal(bills(ledger).size, 1, 'one session')
        t.same(
          [...sessions.list()].map(({ state }) => state),
          ['closed']
        )
      }),
      { numRuns: 150 }
    )
  }
)

t.test('a NAS that sends no Event-Timestamp is billed the same, its packets late by up to half a minute', async t => {
  const deliveries = story.chain(said =>
    fc.record({
      last: fc.constant(said.at(-1)),
      said: fc.constant(said),
      lateness: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 20, maxLength: 20 })
    })
  )
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ last, said, lateness }) => {
      const ledger = new MemoryLedger()
      const sessions = await open(ledger)
      const twice = [...said, ...said].map((each, n) => ({
        ...each,
        untimed: true,
        arrives: each.at + (lateness[n] ?? 0)
      }))
      await tell(sessions, ...twice.sort((a, b) => a.arrives - b.arrives))
      t.same(billed(ledger), { up: last?.up, down: last?.down })
      t.equal(bills(ledger).size, 1, 'one session')
    }),
    { numRuns: 150 }
  )
})

/** Two sessions of one line, one after the other, under one Acct-Session-Id. */
const pair = fc
  .tuple(story, story, fc.integer({ min: 10, max: 5_000 }))
  .map(([first, second, pause]) => ({ first, second: follow(first, second, pause) }))

t.test(
  'two sessions in a row under one Acct-Session-Id are billed each, whatever is lost, repeated and reordered',
  async t => {
    const deliveries = pair.chain(({ first, second }) =>
      fc.record({ first: fc.constant(first), second: fc.constant(second), a: delivered(first), b: delivered(second) })
    )
    await fc.assert(
      fc.asyncProperty(deliveries, async ({ first, second, a, b }) => {
        const ledger = new MemoryLedger()
        const sessions = await open(ledger)
        // The first session's last packet comes after the second has begun: its Stop was lost and sent again.
        const [start, ...rest] = second
        if (start !== undefined) await tell(sessions, ...a.slice(0, -1), start, ...a.slice(-1), ...b, ...rest.slice(-1))
        t.same(billed(ledger), bill(first, second))
      }),
      { numRuns: 150 }
    )
  }
)

t.test('with our ticket in Class, two such sessions are billed exactly in any order of all their packets', async t => {
  const deliveries = pair.chain(({ first, second }) => {
    const all = [...withTicket(first), ...withTicket(second)]
    return fc.record({
      due: fc.constant(bill(first, second)),
      order: fc.shuffledSubarray(all, { minLength: all.length })
    })
  })
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ due, order }) => {
      const ledger = new MemoryLedger()
      await tell(await open(ledger), ...order)
      t.same(billed(ledger), due)
    }),
    { numRuns: 200 }
  )
})

t.test(
  'without it too, when they come out of a queue together: the first packets live, the rest lost, repeated, shuffled',
  async t => {
    const row = fc
      .tuple(pair, story, fc.integer({ min: 10, max: 5_000 }))
      .map(([{ first, second }, third, pause]) => [first, second, follow(second, third, pause)] as const)
    const deliveries = row.chain(stories => {
      const all = stories.flat()
      const last = stories.map(said => said.at(-1)).filter(each => each !== undefined)
      return fc.record({
        due: fc.constant(bill(...stories)),
        until: fc.constant(all.at(-1)?.at ?? 0),
        live: fc.nat({ max: all.length }).map(count => all.slice(0, count)),
        queued: fc
          .tuple(fc.subarray(all), fc.subarray(all))
          .chain(([some, again]) =>
            fc.shuffledSubarray([...last, ...some, ...again], { minLength: 3 + some.length + again.length })
          )
      })
    })
    await fc.assert(
      fc.asyncProperty(deliveries, async ({ due, until, live, queued }) => {
        const ledger = new MemoryLedger()
        const sessions = await open(ledger)
        await tell(sessions, ...live, ...together(queued, until))
        t.same(billed(ledger), due)
      }),
      { numRuns: 400 }
    )
  }
)
