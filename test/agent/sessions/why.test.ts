import t from 'tap'
import { type Sessions, why } from '../../../agent/sessions/index.js'
import { MemoryLedger } from './memory-ledger.js'
import { open, type Said, T0, tell } from './packets.js'

/*
 * Why a bill is what it is: every packet, what it added, and the reason.
 */

async function quiet(sessions: Sessions, from: number, seconds: number): Promise<void> {
  for (let at = 0; at <= seconds; at += 60) await sessions.sweep(T0 + (from + at) * 1000)
}

t.test('why: the steps of a bill, each with its reason', async t => {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger, { grace: 60, interimInterval: 20 })
  await tell(
    sessions,
    { status: 'start', at: 0 },
    { status: 'interim', at: 60, time: 60, up: 10n, down: 20n },
    { status: 'interim', at: 120, time: 120, up: 4n, down: 5n },
    { status: 'interim', at: 180, time: 180, up: 4n, down: 5n },
    { status: 'interim', at: 180, time: 180, up: 4n, down: 5n, arrives: 182 },
    { status: 'start', at: 0, id: 'another' }
  )
  await quiet(sessions, 182, 240)
  await tell(
    sessions,
    { status: 'stop', at: 600, time: 600, up: 7n, down: 7n },
    { status: 'interim', at: 60, time: 60, up: 10n, down: 20n, arrives: 601 },
    { status: 'start', at: 0, arrives: 602 }
  )
  const [session] = [...sessions.list()]
  const lines: string[] = []
  for await (const line of why(ledger, session?.id ?? '', { unbilled: sessions.unbilled(session?.id ?? '') }))
    lines.push('lost' in line ? line.lost : `${line.what}: ${line.words}`)
  t.same(lines, [
    'started: Start',
    'usage: Interim-Update: 10 up and 20 down in 60 s more than the totals before (10 up, 20 down in all)',
    'usage: a total fell while session time grew: a new segment begins at 0, 4 up and 5 down in 60 s (14 up, 25 down in all)',
    'usage: Interim-Update: totals did not move, 60 s passed (14 up, 25 down in all)',
    'unbilled: Interim-Update that was counted already; it told 4 up, 5 down in all at 180 s',
    'ended: closed by the agent: nothing was heard for the grace period',
    'started: the NAS goes on with a session that was closed: it is open again',
    'usage: first packet after the session was closed, against the totals before: 3 up and 2 down in 420 s (17 up, 27 down in all)',
    'ended: ended by its Stop',
    'unbilled: Interim-Update older than what counted last; it told 10 up, 20 down in all at 60 s',
    'unbilled: Start of a session that is known already'
  ])
})

t.test('what billed nothing is kept in the checkpoint, a few of each session, and forgotten with it', async t => {
  const ledger = new MemoryLedger()
  const before = await open(ledger)
  const stop: Said = { status: 'stop', at: 60, time: 60, up: 10n, down: 20n }
  await tell(before, { status: 'start', at: 0 }, stop)
  await before.checkpoint()
  for (let n = 1; n <= 20; n++) await tell(before, { ...stop, arrives: 60 + n })
  await tell(before, { status: 'interim', at: 30, time: 30, arrives: 90 })
  const [session] = [...before.list()]
  const id = session?.id ?? ''
  await before.checkpoint()
  const after = await open(ledger)
  t.match(after.get(id), { duplicates: 20, late: 1 }, 'all are counted')
  t.same(after.unbilled(id), before.unbilled(id))
  t.match(
    after.unbilled(id).map(({ verdict, receivedAt, counted }) => [verdict, (receivedAt - T0) / 1000, counted]),
    [...[74, 75, 76, 77, 78, 79, 80].map(at => ['duplicate', at, true]), ['late', 90, false]]
  )
  await quiet(after, 0, 2 * 3600)
  t.same([after.get(id), after.unbilled(id)], [undefined, []])
})
