import t from 'tap'
import { withoutLoop, withoutStrace } from './disk.js'
import { confusing, damaged, drainingADay, misbehaving } from './rows-billing.js'
import { failing, failures, killed, powerless } from './rows-box.js'
import { flooded, startedAndStopped, timeTravelled, withoutFaketime } from './rows-load.js'

/*
 * A bounded part of the fault tests, for every `npm test`: each with the whole agent as a process of its own. They mostly
 * wait, and so run beside each other. All of them: npm run test:faults.
 */

t.jobs = 4
const buffered = true

t.test('kill -9 under load: what was acknowledged is at billing, once', { buffered }, t => killed(t, 2))
t.test('the power is cut under load: the same', { buffered, skip: withoutLoop ?? false }, t => powerless(t, 1))
t.test(
  'fsync fails: accounting is silent, access answers, and all goes on by itself',
  { buffered, skip: withoutLoop ?? withoutStrace ?? false },
  t => failing(t, failures['every fdatasync fails with EIO'])
)
t.test('a flipped bit: what is lost is reported with its range', { buffered }, t => damaged(t, 1))
t.test('billing answers wrongly: nothing is lost or counted twice', { buffered }, t =>
  misbehaving(t, ['garbage', 'closing after', 'naming unknown ids'], 1)
)
t.test('a backlog is drained beside accounting, within 64 MiB', { buffered }, t => drainingADay(t, 10_000))
t.test('feed and snapshot replayed, reordered and cut: the replica equals billing', { buffered }, t => confusing(t))
t.test('the clock jumps: no session and no record expires', { buffered, skip: withoutFaketime ?? false }, t =>
  timeTravelled(t, 0.2)
)
t.test('started while packets arrive, stopped in the middle, and not twice', { buffered }, t => startedAndStopped(t, 1))
t.test('floods of strangers and of repetitions', { buffered }, t => flooded(t, 5000))
