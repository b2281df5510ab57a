import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cliErrors } from '../../cli/errors.js'
import { table } from '../../cli/table.js'
import { durationWords, octetWords, printable } from '../../cli/words.js'
import { createApi } from '../../server/http/api.js'
import { listenOnSocket } from '../../server/http/index.js'
import { aSession, FakeView, noon } from '../server/http/fake-view.js'
import { shortDirectory, turnpike } from './spawn.js'

const view = new FakeView()
const socket = join(shortDirectory(t), 'api.sock')
const api = await createApi({ view, version: '0.1.0', clock: () => noon })
await listenOnSocket(api, socket)
t.teardown(() => api.close())
const ask = (...words: string[]) => turnpike([...words, '--socket', socket])

t.test('status tells the agent at a glance, in words and in JSON', async t => {
  const [words, json] = await Promise.all([ask('status'), ask('status', '--json')])
  t.equal(words.status, 0)
  t.match(words.stdout, /^version {6}0\.1\.0, since 2026-11-22 12:00:00$/m)
  t.match(words.stdout, /^billing {6}connected, nothing waits, 1 refused by billing/m)
  t.match(words.stdout, /^all is well$/m)
  t.match(JSON.parse(json.stdout), { version: '0.1.0', sessions: { open: 1 } })
})

t.test('what needs a person stands last in the status, marked', async t => {
  const before = view.state
  t.teardown(() => (view.state = before))
  view.state = {
    ...before,
    attention: ['The disk is nearly full.'],
    uplink: { state: 'refused', backlog: 12, backlogAgeMs: 90_000, perSecond: 0, quarantined: 0, lastError: '401' }
  }
  const { stdout } = await ask('status')
  t.match(
    stdout,
    /billing {6}refuses our token, 12 records waiting, the oldest for 1m 30s, 0\.0\/s taken, not shrinking; 401/
  )
  t.match(stdout, /\n! The disk is nearly full\.\n$/)
  const uplink = {
    state: 'connected',
    backlog: 90_000,
    backlogAgeMs: 90_000,
    perSecond: 1234.5,
    quarantined: 0
  } as const
  view.state = { ...before, uplink: { ...uplink, drainSeconds: 72.9 } }
  const [words, json] = await Promise.all([ask('status'), ask('status', '--json')])
  t.match(words.stdout, /90,?000 records waiting, the oldest for 1m 30s, 1235\/s taken, gone in 1m 12s$/m)
  t.match(JSON.parse(json.stdout), { uplink: { perSecond: 1234.5, drainSeconds: 72.9 } })
})

t.test('devices are a table, and their problems stand below it', async t => {
  const [words, status] = await Promise.all([ask('devices'), ask('status')])
  t.match(words.stdout, /^sw-1 {4}snmp {4}down {8}1 {7}2 {2}2026-11-23 12:00:00 {4}6s {2}Nothing answers\.$/m)
  t.match(words.stdout, /\n! sw-1, port ge-9: the device counts no port of that name\.\n1 device\n$/)
  t.match(status.stdout, /^devices {6}1 up, 0 down$/m)
})

t.test('sessions are an aligned table, filtered, and whole in JSON', async t => {
  const [words, filtered, json, one] = await Promise.all([
    ask('sessions'),
    ask('sessions', '--nas', 'bras-2', '--state', 'closed'),
    ask('sessions', '--json'),
    ask('sessions', '--limit', '1')
  ])
  const lines = words.stdout.split('\n')
  t.match(lines[0], /^SUBSCRIBER {2}USER-NAME {2}NAS {5}ADDRESS +UP +DOWN +FOR {2}STATE {3}ID$/)
  t.match(
    lines[1],
    /^sub_1001 {4}alice {6}bras-1 {2}100\.64\.0\.10 {2}1\.20 MB {2}9\.01 PB {2}59m 00s {2}open {4}ses-1$/
  )
  t.match(words.stdout, /\n3 sessions\n$/)
  t.match(filtered.stdout, /ses-3\n1 session\n$/)
  t.match(JSON.parse(json.stdout), {
    sessions: [{ id: 'ses-1', downOctets: '9007199254740993' }, { id: 'ses-2' }, { id: 'ses-3' }]
  })
  t.match(one.stdout, /\n1 session, and there are more: --limit\n$/)
})

t.test('usage and why explain a bill', async t => {
  const [usage, why] = await Promise.all([
    ask('usage', 'alice', '--since', '2026-11-01T00:00:00Z'),
    ask('why', 'ses-1')
  ])
  t.match(usage.stdout, /^subscriber {2}alice \(sub_1001\)\nsince {7}2026-11-01 00:00:00\n/)
  t.match(usage.stdout, /together {4}99\.2 MB \(99200468 octets\)/)
  t.match(why.stdout, /interim {4}\+5\.00 kB {2}\+70\.0 kB {4}4711 {2}counters grew/)
  t.match(why.stdout, /duplicate {6}\+0 B {6}\+0 B {7}– {2}the same totals again/)
})

t.test('suspend and restore take a decision to the agent, with its words', async t => {
  view.said.length = 0
  const suspended = await ask('suspend', 'alice', '--how', 'reject', '--reason', 'abuse', '--reference', 'case 7')
  const restored = await ask('restore', 'alice', '--json')
  t.match(suspended.stdout, /^sub_1001 is suspended; 1 session to change \(turnpike enforcements/)
  t.match(JSON.parse(restored.stdout), { status: 'active', sessions: 1 })
  t.same(view.said, [
    { suspend: 'alice', how: 'reject', reason: 'abuse', reference: 'case 7' },
    { restore: 'alice', reason: 'restored by hand' }
  ])
})

t.test('rejections: who, how often, from where and why', async t => {
  const { stdout } = await ask('rejections')
  t.match(
    stdout,
    /^2026-11-23 .* +120 {2}alice +02:00:00:00:00:01 +bras-1 +WRONG_CREDENTIAL +The password does not fit\.$/m
  )
  t.match((await ask('status')).stdout, /^rejections +1 kind within the last hour \(turnpike rejections\)$/m)
})

t.test('enforcements, the brake and the quarantine', async t => {
  view.said.length = 0
  const steps = await ask('enforcements', '--subscriber', 'sub_1001')
  t.match(steps.stdout, /sub_1001 +walled +proven +420 ms +disconnect +bras-1 +the NAS sent a Stop/)
  t.match((await ask('release')).stdout, /^3 blocks released$/m)
  t.match(
    (await ask('quarantine')).stdout,
    / 12 {2}2026-11-23 12:00:00 {2}turnpike\.usage {2}sub_1001 {2}unknown subject/
  )
  t.match((await ask('quarantine', 'resend', '12', '13')).stdout, /^2 events taken by billing now$/m)
  t.same(view.said, ['release', { resend: [12, 13] }])
})

t.test('a refusal is one sentence with what to do, and status 1', async t => {
  const { status, stdout, stderr } = await ask('usage', 'nobody')
  t.same([status, stdout], [1, ''])
  t.equal(
    stderr,
    'turnpike: There is no subscriber «nobody», by id or User-Name. Nothing has that id. Check the spelling; turnpike sessions lists what is there.\n'
  )
})

t.test('without an agent there is one sentence, and status 3', async t => {
  const { status, stderr } = await turnpike(['sessions', '--socket', `${socket}.none`])
  t.equal(status, 3)
  t.match(
    stderr,
    /^turnpike: The agent is not running: nobody listens on .*\.none\. Start it with systemctl start turnpike .*\n$/
  )
  const debug = await turnpike(['sessions', '--socket', `${socket}.none`, '--debug'])
  t.match(debug.stderr, /\n {4}at /, 'where it comes from is shown only when asked for')
})

t.test('a mistyped command line is told, with the nearest command, and status 2', async t => {
  const ended = await Promise.all([
    ask('sesions'),
    ask('suspend'),
    ask('suspend', 'a', '--how', 'kick'),
    ask('sessions', '--limit', 'x')
  ])
  t.same(
    ended.map(({ status }) => status),
    [2, 2, 2, 2]
  )
  t.match(ended[0]?.stderr, /Did you mean sessions\?/)
  t.match(ended[2]?.stderr, /reject, walled-garden, throttle/)
  t.match(ended[3]?.stderr, /A whole number belongs here, not «x»/)
})

t.test('the socket is found through the configuration, whose errors name line and column', async t => {
  const directory = shortDirectory(t)
  const good = join(directory, 'good.yaml')
  const bad = join(directory, 'bad.yaml')
  writeFileSync(good, `api: {socket: ${socket}}\n`)
  writeFileSync(bad, 'data: /x\nlogs: {}\n')
  const [found, wrong, none, variable] = await Promise.all([
    turnpike(['status', '--config', good]),
    turnpike(['status', '--config', bad]),
    turnpike(['status', '--config', join(directory, 'none.yaml')]),
    turnpike(['status'], { env: { TURNPIKE_CONFIG: good } })
  ])
  t.same([found.status, wrong.status, none.status, variable.status], [0, 2, 2, 0])
  t.match(wrong.stderr, /^turnpike: .*bad\.yaml:2:1: logs: found the unknown key «logs».*Did you mean «log»\?\n$/)
  t.match(none.stderr, /none\.yaml cannot be read: there is no such file/)
})

t.test('version and help', async t => {
  const [version, help] = await Promise.all([turnpike(['--version']), turnpike(['sessions', '--help'])])
  t.match(version, { status: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(help, { status: 0, stdout: /--subscriber[^]*--json/ })
})

t.test('what came from the network cannot steer the terminal', async t => {
  view.all.push(aSession({ id: 'ses-9', userName: 'eve\u001B[2J\u202E\n', nas: 'bras-9' }))
  t.teardown(() => view.all.pop())
  const { stdout } = await ask('sessions', '--nas', 'bras-9')
  for (const character of ['\u001B', '\u202E']) t.notOk(stdout.includes(character))
  t.match(stdout, /eve\uFFFD\[2J/)
  t.equal(printable('a\u0007b'), 'a\uFFFDb')
})

t.test('octets and durations are said in human units', async t => {
  const octets: [bigint | number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [12_345_678, '12.3 MB'],
    [2n ** 64n, '18.4 EB']
  ]
  for (const [value, words] of octets) t.equal(octetWords(value), words)
  const durations: [number, string][] = [
    [0, '0 ms'],
    [420, '420 ms'],
    [5000, '5s'],
    [307_000, '5m 07s'],
    [3_720_000, '1h 02m'],
    [183_600_000, '2d 3h']
  ]
  for (const [value, words] of durations) t.equal(durationWords(value), words)
})

t.test('a table without rows still has its titles', async t => {
  t.equal(table<{ a: string }>([], [{ title: 'A', value: row => row.a }]), 'A\n')
})

t.test('each error has a remedy', async t => {
  for (const [code, remedy] of Object.entries(cliErrors)) t.ok(remedy.length > 30, code)
})
