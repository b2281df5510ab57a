import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { Renewals } from '../../wiring/renewals.js'

const NOON = Date.parse('2026-11-27T12:00:00Z')
const DAY = 86_400_000
const MINUTE = 60_000

function rig(t: Test) {
  const lines: { level: number; msg: string; why?: string }[] = []
  const log = pino({ level: 'info' }, { write: line => lines.push(JSON.parse(line) as (typeof lines)[number]) })
  const clock = { now: NOON }
  const renewals = new Renewals(() => clock.now, log)
  const file = join(t.testdir({ 'eap.pem': 'first' }), 'eap.pem')
  const state = { until: NOON + 60 * DAY, renewed: 0, wrong: '' }
  renewals.add({
    what: 'the certificate of EAP',
    files: [file],
    renew: () => {
      if (state.wrong !== '') throw new Error(state.wrong)
      state.renewed++
    },
    until: () => state.until
  })
  return { lines, clock, renewals, file, state }
}

t.test('a file that was changed is read again, once; one that was not, only when a person asks', async t => {
  const { renewals, file, state } = rig(t)
  renewals.look()
  t.equal(state.renewed, 0)
  writeFileSync(file, 'another one')
  renewals.look()
  renewals.look()
  t.equal(state.renewed, 1)
  renewals.all()
  t.equal(state.renewed, 2)
  rmSync(file)
  renewals.look()
  t.equal(state.renewed, 2, 'while the file is not there, nothing is read')
})

t.test('what cannot be used is told once, stands in the status, and is tried until it can be', async t => {
  const { renewals, file, state, lines, clock } = rig(t)
  state.wrong = 'The key does not fit.'
  writeFileSync(file, 'the certificate came before its key')
  renewals.look()
  renewals.look()
  t.match(
    lines.filter(({ level }) => level === 50),
    [{ msg: /the old one stays/, why: 'The key does not fit.' }]
  )
  t.same(renewals.attention(), ['The certificate of EAP was changed, and cannot be used: The key does not fit.'])
  state.wrong = ''
  renewals.look()
  t.equal(state.renewed, 0, 'what has not changed is read again after a while only')
  clock.now += 10 * MINUTE
  renewals.look()
  t.equal(state.renewed, 1)
  t.same(renewals.attention(), [])
})

t.test('a failed file that changes is read again at once', async t => {
  const { renewals, file, state } = rig(t)
  state.wrong = 'The key does not fit.'
  writeFileSync(file, 'the certificate came before its key')
  renewals.look()
  state.wrong = ''
  writeFileSync(file, 'now both are there')
  renewals.look()
  t.equal(state.renewed, 1)
})

t.test('a file that stays away is told, and one that comes back is taken even where it is the same', async t => {
  const { renewals, file, state, lines } = rig(t)
  renewals.add({ what: 'every secret', renew: () => undefined })
  renameSync(file, `${file}.away`)
  renewals.look()
  t.same(renewals.attention(), [], 'somebody may be replacing it')
  renewals.look()
  renewals.look()
  t.match(renewals.attention(), [/^The certificate of EAP cannot be renewed: .*eap\.pem is not there/])
  t.equal(lines.filter(({ level }) => level === 50).length, 1)
  state.wrong = 'There is none.'
  renewals.all()
  t.match(renewals.attention(), [/There is none\.$/])
  renameSync(`${file}.away`, file)
  state.wrong = ''
  renewals.look()
  t.equal(state.renewed, 1)
  t.same(renewals.attention(), [])
})

t.test('what runs out within two weeks is told once a day, and what has run out is an error', async t => {
  const { renewals, state, lines, clock } = rig(t)
  state.until = NOON + 13 * DAY
  renewals.look()
  renewals.look()
  t.match(lines, [{ level: 40, msg: 'The certificate of EAP runs out in 13 days (2026-12-10): renew it' }])
  t.match(renewals.attention(), [/runs out in 13 days/])
  clock.now += 13 * DAY
  renewals.look()
  t.match(lines[1], { level: 50, msg: /has run out \(2026-12-10\)/ })
  state.until = clock.now + 365 * DAY
  renewals.all()
  t.same(renewals.attention(), [])
})

t.test('what was not read yet is read at once; one that cannot be is tried until it can', async t => {
  const { lines, renewals, clock } = rig(t)
  const state = { wrong: 'There is none.', until: Infinity }
  renewals.add({
    what: 'the list',
    files: [join(t.testdir({ 'list.pem': 'rubbish' }), 'list.pem')],
    renew: () => {
      if (state.wrong !== '') throw new Error(state.wrong)
      state.until = clock.now + DAY
    },
    until: () => state.until,
    soon: 0,
    meanwhile: 'It counts all the same.',
    unread: true
  })
  t.same(renewals.attention(), ['The list cannot be used: There is none.'])
  t.match(lines, [{ level: 50, msg: /it is tried again every ten minutes, and when it changes/ }])
  state.wrong = ''
  clock.now += 10 * MINUTE
  renewals.look()
  t.same(renewals.attention(), [], 'nor is it told before its end')
  t.equal(lines.length, 1)
  clock.now += DAY
  t.match(renewals.attention(), [/^The list has run out \(2026-11-28\): renew it; .*\. It counts all the same\.$/])
})
