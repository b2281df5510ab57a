import t, { type Test } from 'tap'
import { withoutLoop, withoutStrace } from './disk.js'
import { answers, confusing, damaged, drainingADay, misbehaving } from './rows-billing.js'
import { failing, failures, killed, powerless } from './rows-box.js'
import { flooded, slow, startedAndStopped, timeTravelled, withoutFaketime } from './rows-load.js'

/*
 * All fault tests, one after the other: npm run test:faults [-- words]. With words, those whose names contain them.
 */

const minutes = 60_000
const chosen = process.argv.slice(2).join(' ')

/** @param most minutes after which it hangs for sure, also on a machine that is busy with other things */
function row(name: string, most: number, skip: string | undefined, run: (t: Test) => Promise<void>): void {
  if (name.includes(chosen)) t.test(name, { timeout: most * minutes, skip: skip ?? false }, run)
}

const names = Object.keys(answers)

t.setTimeout(300 * minutes)
row('kill -9, 200 times', 60, undefined, t => killed(t, 200))
row('power cut, 20 times', 20, withoutLoop, t => powerless(t, 20))
for (const [name, failure] of Object.entries(failures))
  row(name, 10, withoutLoop ?? (name.includes('fdatasync') ? withoutStrace : undefined), t => failing(t, failure))
row('flipped bits and truncated files, 20 copies', 20, undefined, t => damaged(t, 20))
row('billing answers wrongly, each way three times', 30, undefined, t =>
  misbehaving(
    t,
    names.filter(name => name !== 'hanging'),
    3
  )
)
row('billing hangs', 15, undefined, t => misbehaving(t, ['hanging'], 1))
row('a day without billing: a million records', 40, undefined, t => drainingADay(t, 1_000_000))
row('feed and snapshot replayed, reordered, cut', 10, undefined, t => confusing(t))
row('the clock jumps by −1 d and +400 d', 10, withoutFaketime, t => timeTravelled(t, 11))
row('started and stopped under load, 10 times', 20, undefined, t => startedAndStopped(t, 10))
row('floods: 100,000 datagrams each', 15, undefined, t => flooded(t, 100_000))
row('a slow disk: 100 ms a sync', 15, withoutStrace, t => slow(t, 100, 20_000))
row('a disk that stands still: the queue is full', 15, withoutStrace, t => slow(t, 600_000, 400_000, true))
