import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { openLedger } from '../../../agent/ledger/index.js'
import type { Subscriber } from '../../../agent/model/index.js'
import { Quotas } from '../../../agent/quota/index.js'
import { log, open, type Said, T0, tell } from '../sessions/packets.js'

/*
 * A quota across everything that may happen to a subscriber's sessions: it counts what is billed, no more and no less.
 */

const quota = { octets: 1000, used: 0, resetsAt: '2027-01-01T00:00:00Z', onExhausted: 'suspend' as const }
const alice: Subscriber = { id: 'sub_1', username: 'alice', status: 'active', profile: 'home', quota }
const documents = Object.assign(new EventEmitter(), { subscriber: () => alice, subscribers: () => [alice] })

const say = (time: number, octets: bigint, more: Partial<Said> = {}): Said => ({
  status: 'interim',
  at: time,
  time,
  up: 0n,
  down: octets,
  ...more
})

/** What happens in the life of an agent, and what the quota holds then. */
const lives: readonly { readonly said: readonly Said[]; readonly used: number }[] = [
  // Counted, sent again, late, and a counter reset.
  { said: [say(60, 100n), say(60, 100n, { arrives: 61 }), say(30, 50n, { arrives: 62 }), say(120, 40n)], used: 140 },
  // The agent has started again: a repetition of what it knew, and what was missed meanwhile.
  { said: [say(120, 40n, { arrives: 200 }), say(300, 240n)], used: 340 },
  // The NAS restarts, a packet from before comes late and reopens the session; then the id is used again.
  { said: [{ status: 'on', at: 400, id: '', user: '' }, say(390, 300n, { arrives: 401 })], used: 400 },
  {
    said: [{ status: 'start', at: 500 }, say(560, 200n, { time: 60 }), say(560, 200n, { time: 60, arrives: 562 })],
    used: 600
  },
  // Another session of theirs at the same time, and both Stops, twice.
  {
    said: [
      say(50, 400n, { id: 'other', at: 600 }),
      say(90, 250n, { status: 'stop', at: 590, arrives: 601 }),
      say(60, 450n, { id: 'other', status: 'stop', at: 610 }),
      say(90, 250n, { status: 'stop', at: 590, arrives: 611 }),
      say(60, 450n, { id: 'other', status: 'stop', at: 610, arrives: 612 })
    ],
    used: 1100
  }
]

t.test('a quota counts what is billed, across repetitions, resets, restarts and sessions', async t => {
  const directory = t.testdir()
  for (const { said, used } of lives) {
    const ledger = await openLedger({ directory, reserveOctets: 0 })
    const sessions = await open(ledger)
    const quotas = await Quotas.open({ ledger, documents, clock: () => T0, log })
    await tell(sessions, ...said)
    while (quotas.of('sub_1')?.used !== used) await nextTurn()
    t.match(quotas.of('sub_1'), { used, exhausted: used >= 1000 })
    await quotas.close()
    await ledger.close()
  }
})
