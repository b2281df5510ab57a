import * as fc from 'fast-check'
import t from 'tap'
import { openLedger } from '../../../agent/ledger/index.js'
import { type Grant, RecordKind, type Session } from '../../../agent/model/index.js'
import { opened } from '../../../agent/sessions/advance.js'
import type { Sessions } from '../../../agent/sessions/index.js'
import { Slot } from '../../../agent/sessions/slot.js'
import { billed, bills, MemoryLedger } from './memory-ledger.js'
import { heard, log, open, type Said, T0, tell, tickets } from './packets.js'

/*
 * The table around the fold: durability and rollback, Accounting-On, silence, checkpoint and replay.
 */
// The same cases in every run; FC_SEED tries others.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 4711) })

const MINUTE = 60_000

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Does something over and over until a task is done; how often. */
async function meanwhile(task: Promise<unknown>, act: () => Promise<unknown>): Promise<number> {
  const state = { done: false, times: 0 }
  const ended = task.finally(() => {
    state.done = true
  })
  while (!state.done) {
    await act()
    state.times++
  }
  await ended
  return state.times
}

/** What must be the same after a restart: everything but when it was last heard and what changed nothing. */
function lasting(sessions: Sessions): unknown[] {
  return [...sessions.list()]
    .map(({ seenAt: _seen, duplicates: _duplicates, late: _late, state, ...rest }) => ({
      ...rest,
      live: state !== 'closed'
    }))
    .sort((a, b) => a.id.localeCompare(b.id))
}

async function quiet(sessions: Sessions, from: number, seconds: number): Promise<void> {
  for (let at = 0; at <= seconds; at += 60) await sessions.sweep(T0 + (from + at) * 1000)
}

t.test('a slot takes over each field of its session, and a snapshot of before stays as it was', async t => {
  const first = opened(heard({ status: 'start', at: 0 }), 'S')
  const slot = new Slot(first, 1, 0, 0)
  const before = slot.snapshot()
  const other = Object.fromEntries(
    Object.entries(first).map(([name, value]) => {
      if (name === 'id') return [name, value]
      return [name, typeof value === 'string' ? `${value}+` : typeof value === 'bigint' ? value + 1n : value + 1.5]
    })
  ) as unknown as Session
  slot.become(other)
  t.strictSame(slot.session, other)
  t.strictSame(before, first)
})

t.test(
  'sessions are listed as wanted, the first ones by their ids, and what is given does not change any more',
  async t => {
    const sessions = await open(new MemoryLedger())
    for (const n of [3, 1, 4, 2, 5])
      await sessions.record(heard({ status: 'start', at: n, id: `A${n}`, user: `u${n}` }))
    const all = [...sessions.list()]
    t.equal(all.length, 5)
    const byId = [...all].sort((a, b) => (a.id < b.id ? -1 : 1))
    for (const most of [1, 2, 4, 5, 9])
      t.strictSame(
        sessions.first(most, () => true),
        byId.slice(0, most)
      )
    const odd = ({ acctSessionId }: Session) => acctSessionId !== 'A4' && acctSessionId !== 'A1'
    t.strictSame(sessions.first(2, odd), byId.filter(odd).slice(0, 2))
    t.strictSame([...sessions.list(odd)], all.filter(odd))
    const [first] = sessions.first(1, () => true)
    await sessions.record(heard({ status: 'stop', at: 9, time: 9, id: first!.acctSessionId, user: first!.userName }))
    t.equal(first?.state, 'open')
    t.equal(sessions.get(first!.id)?.state, 'closed')
  }
)

t.test('an answer waits for the sync, also that of a duplicate of what is in flight', async t => {
  const ledger = new MemoryLedger()
  ledger.held = true
  const sessions = await open(ledger)
  const events: string[] = []
  sessions.on('opened', () => events.push('opened'))
  sessions.on('closed', (_session, cause) => events.push(`closed by ${cause}`))
  const start = heard({ status: 'start', at: 0 })
  const first = sessions.record(start)
  const again = sessions.record(start)
  const stop = sessions.record(heard({ status: 'stop', at: 9, time: 9 }))
  t.equal(stop, first, 'one promise for the block')
  let settled = 0
  for (const promise of [first, again]) void promise.then(() => settled++)
  await turn()
  t.equal(settled, 0)
  t.same(events, [])
  ledger.flush()
  await turn()
  t.equal(settled, 2)
  t.same(events, ['opened', 'closed by stop'])
  await sessions.record(start)
  t.pass('a duplicate of what is durable is answered at once')
})

t.test('a lost block takes the table back, so that what is sent again is billed', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(sessions, { status: 'start', at: 0, port: 3 })
  const before = [...sessions.list()]
  ledger.held = true
  ledger.failures = 1
  const told: Said[] = [
    { status: 'interim', at: 300, time: 300, up: 10n, down: 10n, port: 3 },
    { status: 'interim', at: 600, time: 600, up: 20n, down: 30n, port: 3 },
    { status: 'stop', at: 700, time: 700, up: 21n, down: 31n, port: 3 },
    { status: 'start', at: 800, id: 'next' }
  ]
  const lost = told.map(said => sessions.record(heard(said)))
  const duplicate = sessions.record(heard(told[2] ?? { status: 'stop', at: 0 }))
  t.equal(sessions.counts().closed, 1)
  ledger.flush()
  for (const promise of [...lost, duplicate]) await t.rejects(promise, /disk is gone/)
  t.same([...sessions.list()], before)
  t.same(
    sessions.ofSubscriber('sub_1').map(({ id }) => id),
    before.map(({ id }) => id)
  )
  ledger.held = false
  await tell(sessions, ...told)
  t.same(billed(ledger), { up: 21n, down: 31n })
  t.equal(bills(ledger).size, 2)
})

t.test('blocks that are lost together are taken back newest first', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(sessions, { status: 'interim', at: 60, time: 60, up: 1n, down: 1n })
  const before = [...sessions.list()]
  ledger.held = true
  ledger.failures = 1
  const lost = [120, 180, 240].map(at => {
    const promise = sessions.record(heard({ status: 'interim', at, time: at, up: BigInt(at), down: 1n }))
    ledger.seal()
    return promise
  })
  ledger.flush()
  for (const promise of lost) await t.rejects(promise)
  t.same([...sessions.list()], before)
})

t.test('a ledger that takes nothing refuses the packet and leaves the table alone', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  ledger.full = true
  await t.rejects(tell(sessions, { status: 'start', at: 0 }), /LEDGER_FULL/)
  t.equal([...sessions.list()].length, 0)
  ledger.full = false
  await tell(sessions, { status: 'start', at: 0 })
  t.equal(sessions.counts().open, 1)
})

t.test('failing syncs, power cuts and checkpoints in any order: what was acknowledged is billed, once', async t => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('packet' as const), line: fc.integer({ min: 0, max: 2 }) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'fail' as const, line: 0 }) },
    { weight: 1, arbitrary: fc.constant({ do: 'crash' as const, line: 0 }) },
    { weight: 1, arbitrary: fc.constant({ do: 'checkpoint' as const, line: 0 }) },
    { weight: 1, arbitrary: fc.constant({ do: 'duplicate' as const, line: 0 }) }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const ledger = new MemoryLedger()
      let sessions = await open(ledger)
      const totals = [0n, 0n, 0n]
      let clock = 0
      let said: Said = { status: 'start', at: 0, id: 'line0' }
      for (const each of steps) {
        clock += 60
        if (each.do === 'fail') ledger.failures = 1
        else if (each.do === 'checkpoint') await sessions.checkpoint().catch(() => {})
        else if (each.do === 'duplicate') await send(said)
        else if (each.do === 'crash') {
          const durable = lasting(sessions)
          ledger.crash()
          sessions = await open(ledger)
          t.same(lasting(sessions), durable)
        } else {
          const sum = (totals[each.line] ?? 0n) + 7n
          totals[each.line] = sum
          said = { status: 'interim', at: clock, id: `line${each.line}`, time: clock, up: sum, down: 2n * sum }
          await send(said)
        }
      }
      const up = totals.reduce((a, b) => a + b, 0n)
      t.same(billed(ledger), { up, down: 2n * up })

      /** As a NAS does: until it is answered. */
      async function send(packet: Said): Promise<void> {
        if (packet.status === 'start') return
        await sessions.record(heard(packet)).catch(() => sessions.record(heard({ ...packet, arrives: packet.at + 3 })))
      }
    }),
    { numRuns: 150 }
  )
})

t.test('a checkpoint while packets go on is consistent: nothing is lost and nothing counts twice after it', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const say = (n: number, minute: number): Said => {
    return { status: 'interim', id: `s${n}`, at: minute * 60, time: minute * 60, up: BigInt(minute), down: BigInt(n) }
  }
  for (let n = 0; n < 1_200; n++) void sessions.record(heard(say(n, 1)))
  await ledger.settled()
  let minute = 2
  await meanwhile(sessions.checkpoint(), () => {
    for (let n = 0; n < 1_200; n += 37) void sessions.record(heard(say(n, minute)))
    minute++
    return turn()
  })
  await ledger.settled()
  const before = lasting(sessions)
  t.equal(ledger.tables.get('sessions')?.size, 1_200)
  t.ok(JSON.parse(String(ledger.tables.get('sessions-checkpoint')?.get('state'))).sequence >= 2_400)
  const restarted = await open(ledger)
  t.same(lasting(restarted), before)
  t.equal(minute > 3, true, 'packets did arrive meanwhile')
})

t.test('a checkpoint never holds what the ledger then loses', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(sessions, { status: 'start', at: 0 })
  ledger.held = true
  ledger.failures = 1
  const said: Said = { status: 'interim', at: 60, time: 60, up: 9n, down: 9n }
  const lost = [sessions.record(heard(said)), sessions.checkpoint()]
  ledger.flush()
  for (const promise of lost) await t.rejects(promise)
  const waiting = sessions.record(heard(said))
  const written = sessions.checkpoint()
  ledger.tables.clear()
  ledger.flush()
  ledger.held = false
  await Promise.all([waiting, written])
  ledger.blocks.splice(1)
  const restarted = await open(ledger)
  t.match([...restarted.list()], [{ segmentUp: 0n, seconds: 0 }])
})

t.test('a checkpoint that was damaged is noticed, and the whole ledger is replayed', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  for (const id of ['a', 'b', 'c']) await tell(sessions, { status: 'interim', id, at: 60, time: 60, up: 5n, down: 6n })
  await sessions.checkpoint()
  const before = lasting(sessions)
  const table = ledger.tables.get('sessions')
  const [gone = ''] = table?.keys() ?? []
  table?.delete(gone)
  const restarted = await open(ledger)
  t.same(lasting(restarted), before)
  await tell(restarted, { status: 'stop', id: 'a', at: 90, time: 90, up: 5n, down: 6n })
  t.same(billed(ledger), { up: 15n, down: 18n })
})

t.test('a checkpoint that was cut off half-way is ahead of its own word, and replay skips what it holds', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger, { grace: 60, interimInterval: 20 })
  await tell(sessions, { status: 'interim', at: 60, time: 60, up: 5n, down: 6n })
  await quiet(sessions, 0, 240)
  await tell(sessions, { status: 'interim', at: 300, time: 300, up: 7n, down: 8n })
  await sessions.checkpoint()
  const before = lasting(sessions)
  ledger.tables.get('sessions-checkpoint')?.set('state', Buffer.from('{"sequence":0,"stored":1}'))
  t.same(lasting(await open(ledger)), before)
})

t.test('a session whose early records are gone goes on from the totals that the next record names', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(
    sessions,
    { status: 'interim', at: 60, time: 60, up: 100n, down: 100n },
    { status: 'interim', at: 120, time: 120, up: 10n, down: 10n },
    { status: 'interim', at: 180, time: 180, up: 20n, down: 20n }
  )
  ledger.blocks.splice(0, 2)
  const restarted = await open(ledger)
  t.match([...restarted.list()], [{ segmentUp: 20n, earlierUp: 100n }])
})

t.test('Accounting-On closes the sessions of its NAS, and a retransmission spares what opened since', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  const on: Said = { status: 'on', at: 100, id: '', user: '' }
  await tell(
    sessions,
    { status: 'start', at: 0, id: 'a' },
    { status: 'start', at: 0, id: 'a', nas: 'other' },
    on,
    { status: 'start', at: 102, id: 'b', user: 'bob' },
    { ...on, arrives: 103, delay: 3 },
    { ...on, at: 50, arrives: 104 }
  )
  t.match(
    [...sessions.list()].map(({ nas, acctSessionId, state, closedBy }) => [nas, acctSessionId, state, closedBy]),
    [
      ['bras-1', 'a', 'closed', 'nas-restart'],
      ['other', 'a', 'open', ''],
      ['bras-1', 'b', 'open', '']
    ]
  )
  await tell(sessions, { status: 'off', at: 900, id: '', user: '' })
  t.equal(sessions.ofSubscriber('sub_1').length, 1, 'the other NAS keeps its own')
})

t.test('an Accounting-On that was late spares what opened since it happened', async t => {
  const sessions = await open(new MemoryLedger())
  await tell(
    sessions,
    { status: 'start', at: 0, id: 'a' },
    { status: 'start', at: 105, id: 'b' },
    { status: 'on', at: 100, id: '', user: '', arrives: 110, delay: 10 }
  )
  t.same(
    [...sessions.list()].map(({ state }) => state),
    ['closed', 'open']
  )
})

t.test('Accounting-On sent again without any time in it spares what opened since, too', async t => {
  const sessions = await open(new MemoryLedger())
  const on: Said = { status: 'on', at: 100, id: '', user: '', untimed: true, arrives: 100 }
  await tell(
    sessions,
    { status: 'start', at: 0, id: 'a' },
    on,
    { status: 'start', at: 101, id: 'b' },
    { ...on, arrives: 106 }
  )
  t.same(
    [...sessions.list()].map(({ state }) => state),
    ['closed', 'open']
  )
})

t.test(
  'Accounting-On for 20,000 sessions: others are answered meanwhile, new sessions are not closed by it',
  async t => {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    for (let n = 0; n < 20_000; n++) {
      void sessions.record(
        heard({ status: 'start', at: 0, id: `s${n}`, user: `u${n}`, subscriber: `sub_${n}`, port: 1 })
      )
      if (n % 500 === 0) await turn()
    }
    await ledger.settled()
    const restart = sessions.record(heard({ status: 'on', at: 1_000, id: '', user: '' }))
    t.equal(sessions.ofSubscriber('sub_19999').length, 0, 'all are closed at once for those who ask')
    let held = 0
    let n = 0
    const answered = await meanwhile(restart, async () => {
      // Processor time, so that a busy machine does not fail the test.
      const before = process.cpuUsage()
      const id = `new${n++}`
      await sessions.record(heard({ status: 'start', at: 1_001, id, user: id, subscriber: 'sub_new' }))
      const { user, system } = process.cpuUsage(before)
      held = Math.max(held, (user + system) / 1000)
    })
    t.ok(answered > 10, `${answered} answered meanwhile`)
    t.ok(held < 100, `the longest wait took ${Math.round(held)} ms`)
    t.match(sessions.counts(), { open: answered, closed: 20_000 })
    t.equal(sessions.ofSubscriber('sub_new').length, answered)
  }
)

t.test(
  'a session that the restart doomed and that goes on all the same is closed and reopened, in that order',
  async t => {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    await tell(sessions, { status: 'interim', at: 60, time: 60, up: 1n, down: 1n })
    ledger.held = true
    const on = sessions.record(heard({ status: 'on', at: 100, id: '', user: '' }))
    const interim = sessions.record(heard({ status: 'interim', at: 120, time: 120, up: 3n, down: 3n }))
    ledger.flush()
    ledger.held = false
    await Promise.all([on, interim])
    await tell(sessions, { status: 'interim', at: 180, time: 180, up: 4n, down: 4n })
    t.match([...sessions.list()], [{ state: 'open', segmentUp: 4n }])
    t.same(
      ledger.usage().map(({ usage }) => usage.cause),
      ['start', 'interim', 'nas-restart', 'reopened', 'reopened', 'interim']
    )
    t.same(billed(ledger), { up: 4n, down: 4n })
  }
)

t.test('a restart that could not be stored is finished when it is sent again', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  await tell(sessions, { status: 'start', at: 0 })
  ledger.failures = 1
  const on: Said = { status: 'on', at: 100, id: '', user: '' }
  await t.rejects(tell(sessions, on))
  t.equal(sessions.counts().open, 1)
  await tell(sessions, { ...on, arrives: 103 })
  t.match([...sessions.list()], [{ closedBy: 'nas-restart' }])
})

t.test('silence: stale after two missed reports, closed after the grace period, forgotten later', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger, { interimInterval: 300, grace: 3_600, keepSynthetic: 7_200, keepEnded: 600 })
  const causes: string[] = []
  sessions.on('closed', (_session, cause) => causes.push(cause))
  await tell(sessions, { status: 'start', at: 0 }, { status: 'stop', at: 1, id: 'z', time: 1 })
  await quiet(sessions, 0, 600)
  t.match(sessions.counts(), { open: 1, stale: 0, closed: 1 })
  await quiet(sessions, 660, 240)
  t.match(sessions.counts(), { open: 0, stale: 1, closed: 0 }, 'the one that ended is forgotten')
  t.equal(sessions.ofSubscriber('sub_1').length, 1, 'a stale session is shown')
  await tell(sessions, { status: 'interim', at: 900, time: 900, up: 1n, down: 1n })
  t.match(sessions.counts(), { open: 1, stale: 0 }, 'a packet proves life')
  await quiet(sessions, 900, 3_600)
  t.match(sessions.counts(), { stale: 1, closed: 0 })
  await quiet(sessions, 4_560, 120)
  t.match([...sessions.list()], [{ state: 'closed', closedBy: 'silent', lastAt: T0 + 900_000, closedAt: T0 + 900_000 }])
  t.same(causes, ['stop', 'silent'])
  await quiet(sessions, 4_740, 7_200)
  t.equal([...sessions.list()].length, 0)
})

t.test('the interval is learnt from the NAS, and a profile may name it', async t => {
  const sessions = await open(new MemoryLedger(), {
    interimInterval: 60,
    intervalOf: profile => (profile === 'home' ? 3_000 : undefined)
  })
  await tell(
    sessions,
    { status: 'start', at: 0, id: 'named' },
    { status: 'interim', at: 900, time: 900, id: 'learnt', up: 1n, down: 1n },
    { status: 'interim', at: 1_800, time: 1_800, id: 'learnt', up: 2n, down: 2n }
  )
  const states = () => [...sessions.list()].map(({ state }) => state)
  await quiet(sessions, 0, 1_900)
  t.same(states(), ['open', 'open'])
  await quiet(sessions, 1_960, 300)
  t.same(states(), ['open', 'stale'])
})

t.test('a clock that steps a day back or four hundred days ahead silences nobody', async t => {
  const day = 86_400_000
  const sessions = await open(new MemoryLedger(), { interimInterval: 300, grace: 3_600 })
  await tell(sessions, { status: 'start', at: 0 })
  for (const now of [T0, T0 + MINUTE, T0 + 400 * day, T0 + 400 * day + MINUTE, T0 - day, T0 - day + MINUTE]) {
    await sessions.sweep(now)
  }
  t.equal(sessions.counts().open, 1)
  await quiet(sessions, -86_400, 1_200)
  t.equal(sessions.counts().stale, 1, 'silence is still measured')
})

t.test('the box steps its clock: reports go on in the same session and nothing is billed twice', async t => {
  for (const step of [-86_400, 400 * 86_400]) {
    const ledger = new MemoryLedger()
    const sessions = await open(ledger)
    const say = (at: number, octets: bigint, arrives: number): Said => {
      return { status: 'interim', at, time: at, up: octets, down: octets, arrives }
    }
    await tell(
      sessions,
      { status: 'start', at: 0 },
      say(300, 5n, 301),
      say(600, 9n, 601 + step),
      say(600, 9n, 604 + step)
    )
    await tell(sessions, { ...say(900, 11n, 901 + step), status: 'stop' })
    t.same(billed(ledger), { up: 11n, down: 11n })
    t.match([...sessions.list()], [{ state: 'closed', closedBy: 'stop', duplicates: 1 }])
  }
})

t.test('sweeping a large table lets others in between', async t => {
  const sessions = await open(new MemoryLedger(), { interimInterval: 60, grace: 120 })
  for (let n = 0; n < 6_000; n++) void sessions.record(heard({ status: 'start', at: 0, id: `s${n}` }))
  await quiet(sessions, 0, 60)
  const sweeps = Promise.all([120, 180, 240, 300].map(at => sessions.sweep(T0 + at * 1000)))
  const turns = await meanwhile(sweeps, turn)
  t.ok(turns >= 3)
  await quiet(sessions, 360, 120)
  t.equal(sessions.counts().closed, 6_000)
})

t.test('closed sessions are kept only up to a number, those that closed first go first', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger, { keepClosed: 2 })
  for (const id of ['a', 'b', 'c']) await tell(sessions, { status: 'start', at: 0, id })
  for (const id of ['c', 'a', 'b']) await tell(sessions, { status: 'stop', at: 9, id, time: 9 })
  await sessions.checkpoint()
  await sessions.sweep(T0)
  t.same(
    [...sessions.list()].map(({ acctSessionId }) => acctSessionId),
    ['a', 'b']
  )
  await sessions.checkpoint()
  t.equal(ledger.tables.get('sessions')?.size, 2, 'the checkpoint forgets them too')
  t.equal((await open(ledger, { keepClosed: 2 })).counts().closed, 2)
})

t.test('grants and refusals are remembered, bounded by number and age', async t => {
  const sessions = await open(new MemoryLedger(), { grants: 4, grantAge: 1_000 })
  const grant = (subscriber: string, nas: string, ticket: string, at = T0): Grant => {
    return { ticket, subscriber, userName: 'x', profile: 'p9', nas, treatment: 'full', callingStation: '', at }
  }
  const granted = (subscriber: string, nas: string, ticket = '') =>
    sessions.grantOf({ subscriber, nas, ticket })?.ticket
  const heardOf: string[] = []
  sessions.on('granted', ({ ticket }) => heardOf.push(ticket))
  sessions.on('refused', ({ code }) => heardOf.push(code))
  sessions.granted(grant('sub_9', 'bras-1', 'one'))
  sessions.granted(grant('sub_9', 'bras-2', 'two'))
  sessions.granted(grant('sub_9', 'bras-1', 'three'))
  t.equal(granted('sub_9', 'bras-1', 'one'), 'one', 'by its ticket')
  t.equal(granted('sub_9', 'bras-1'), 'three', 'without a ticket: the last on that NAS')
  t.equal(granted('sub_9', 'bras-3'), undefined)
  sessions.granted(grant('sub_8', 'bras-1', 'four', T0 - 5_000))
  t.equal(granted('sub_8', 'bras-1', 'four'), undefined, 'too old')
  for (const other of ['sub_5', 'sub_6', 'sub_7']) sessions.granted(grant(other, 'bras-1', other))
  t.equal(granted('sub_9', 'bras-1', 'three'), undefined, 'others came since')
  sessions.refused({
    subscriber: 'sub_9',
    userName: 'x',
    nas: 'bras-1',
    code: 'WRONG_PASSWORD',
    callingStation: '',
    at: T0
  })
  t.match(sessions.refusalOf('sub_9'), { code: 'WRONG_PASSWORD' })
  t.same(heardOf, ['one', 'two', 'three', 'four', 'sub_5', 'sub_6', 'sub_7', 'WRONG_PASSWORD'])
})

t.test('a ticket too long to name its subscriber is completed from the grant', async t => {
  const sessions = await open(new MemoryLedger())
  const long = 'ü'.repeat(128)
  const { ticket, octets } = tickets.issue(long, 'home')
  sessions.granted({
    ticket,
    subscriber: long,
    userName: 'x',
    profile: 'home',
    nas: 'bras-1',
    treatment: 'full',
    callingStation: '',
    at: T0
  })
  const packet = { ...heard({ status: 'start', at: 0, class: octets }), subscriber: '', profile: '' }
  await sessions.record(packet)
  t.match(sessions.ofSubscriber(long), [{ ticket, profile: 'home' }])
})

t.test('a listener that throws harms nobody', async t => {
  const sessions = await open(new MemoryLedger())
  let second = false
  sessions.once('opened', () => {
    throw new Error('not mine')
  })
  await tell(sessions, { status: 'start', at: 0 })
  sessions.on('closed', () => (second = true))
  await tell(sessions, { status: 'stop', at: 5, time: 5 })
  t.ok(second)
})

t.test('on the real ledger: sessions survive a restart, with and without a checkpoint', async t => {
  const directory = t.testdir()
  const bill = async (ledger: Awaited<ReturnType<typeof openLedger>>) => {
    const sums = { up: 0n, started: 0, ended: 0 }
    for await (const part of ledger.read(1)) {
      if ('lost' in part) throw new Error('records are lost')
      const memory = new MemoryLedger()
      memory.blocks.push(part)
      sums.up += billed(memory).up
      for (const { kind } of part.records) {
        if (kind === RecordKind.sessionStarted) sums.started++
        if (kind === RecordKind.sessionEnded) sums.ended++
      }
    }
    return sums
  }
  let before: unknown[] = []
  for (let round = 1; round <= 3; round++) {
    const ledger = await openLedger({ directory, log })
    const sessions = await open(ledger)
    if (round > 1) t.same(lasting(sessions), before)
    const told: Promise<void>[] = []
    for (let n = 0; n < 300; n++) {
      const totals = { time: 300 * round, up: BigInt(100 * round), down: 1n }
      told.push(
        sessions.record(
          heard({
            status: n % 3 === round - 1 ? 'stop' : 'interim',
            id: `s${n}`,
            user: `u${n}`,
            at: 300 * round,
            ...totals
          })
        )
      )
      if (n === 150 && round !== 2) await sessions.checkpoint()
    }
    await Promise.all(told)
    before = lasting(sessions)
    if (round === 2) await sessions.close()
    await ledger.close()
  }
  const ledger = await openLedger({ directory, log })
  t.teardown(() => ledger.close())
  const sessions = await open(ledger)
  t.same(lasting(sessions), before)
  // A third stopped in each round; what a NAS still reports of one that stopped with more session time goes on with it.
  t.equal(
    (await bill(ledger)).up,
    [...sessions.list()].reduce((sum, { segmentUp }) => sum + segmentUp, 0n)
  )
  t.equal(
    [...sessions.list()].filter((session: Session) => session.state === 'closed').length,
    sessions.counts().closed
  )
})
