import t from 'tap'
import { Brake } from '../../../agent/enforcement/brakes.js'
import { Circuits } from '../../../agent/enforcement/circuit.js'
import { within } from '../../../agent/enforcement/deadline.js'
import {
  compare,
  ladder,
  type AppliedTreatment,
  type Reach,
  retryRules,
  type Verb
} from '../../../agent/enforcement/index.js'
import { standsUnproven } from '../../../agent/enforcement/ladder.js'
import { NasQueues, queueDefaults } from '../../../agent/enforcement/queue.js'
import { retryRule, retryWait } from '../../../agent/enforcement/retry.js'
import {
  type AnyDriver,
  type Capability,
  DriverError,
  driverErrors,
  type Treatment,
  type TreatmentKind
} from '../../../agent/model/index.js'
import { settle, Time } from './world.js'

function treatment(kind: TreatmentKind, attributes: Record<string, string | number>): Treatment {
  return { kind, reason: '', attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })) }
}

function applied(
  kind: TreatmentKind,
  attributes: Record<string, string | number>,
  more: Partial<AppliedTreatment> = {}
): AppliedTreatment {
  return { ...treatment(kind, attributes), ...more }
}

function driver(acts: AnyDriver['acts'], ...capabilities: Capability[]): AnyDriver {
  return { name: acts, acts, sees: 'all', capabilities, health: async () => 'well', close: async () => undefined }
}

function reach(driver: AnyDriver): Reach {
  return { driver, place: 'bras-1', ports: [], beside: false }
}

t.test('what a session has and what it should have', t => {
  const had = applied('full', { 'Filter-Id': 'gold', 'Framed-Pool': 'home' })
  const cases: readonly [string, AppliedTreatment, Treatment, unknown][] = [
    ['the same is nothing to do', had, treatment('full', { 'Filter-Id': 'gold', 'Framed-Pool': 'home' }), undefined],
    [
      'timeouts and names are not in force',
      had,
      treatment('full', {
        'Filter-Id': 'gold',
        'Framed-Pool': 'home',
        'Session-Timeout': 60,
        'ERX-Primary-Dns': '192.0.2.1'
      }),
      undefined
    ],
    [
      'another pool waits for the next authentication',
      had,
      treatment('full', { 'Filter-Id': 'gold', 'Framed-Pool': 'other' }),
      undefined
    ],
    [
      'another filter is a change that CoA can say',
      had,
      treatment('full', { 'Filter-Id': 'silver', 'Framed-Pool': 'home' }),
      { difference: 'sideways', sayable: true, how: { attributes: [{ name: 'Filter-Id', value: 'silver' }] } }
    ],
    [
      'a fence by another filter can be said',
      had,
      treatment('walled', { 'Filter-Id': 'garden', 'Framed-Pool': 'home' }),
      { difference: 'tighter', sayable: true }
    ],
    [
      'a fence by another pool cannot',
      had,
      treatment('walled', { 'Framed-Pool': 'garden' }),
      { difference: 'tighter', sayable: false }
    ],
    ['blocked is never said by CoA', had, treatment('blocked', {}), { difference: 'tighter', sayable: false }],
    [
      'what is in force and has to go cannot be taken away by CoA',
      applied('walled', { 'Filter-Id': 'x', 'HTTP-Redirect': 'y' }),
      treatment('full', { 'Filter-Id': 'gold' }),
      { difference: 'looser', sayable: false }
    ],
    [
      'a restore that replaces the fence can be said',
      applied('walled', { 'Filter-Id': 'garden' }),
      treatment('full', { 'Filter-Id': 'gold' }),
      { difference: 'looser', sayable: true }
    ],
    ['a session that was cut holds nobody back', applied('blocked', {}), treatment('full', {}), undefined],
    [
      'what is uncertain is said again',
      applied('full', { 'Filter-Id': 'gold' }, { uncertain: true }),
      treatment('full', { 'Filter-Id': 'gold' }),
      { difference: 'sideways', sayable: true }
    ],
    [
      'and counts as tighter while it may still be as it was',
      applied('walled', { 'Filter-Id': 'garden' }, { uncertain: true, was: 'full' }),
      treatment('walled', { 'Filter-Id': 'garden' }),
      { difference: 'tighter' }
    ],
    [
      'AVPairs are told apart by what stands before the =',
      applied('full', { 'Cisco-AVPair': 'ip:sub-qos-policy-in=a' }),
      treatment('full', { 'Cisco-AVPair': 'ip:sub-qos-policy-out=b' }),
      { difference: 'sideways', sayable: false }
    ]
  ]
  for (const [name, has, wants, expected] of cases) t.match(compare(has, wants), expected, name)
  t.end()
})

t.test('the ladder: CoA, Disconnect, the vendor API, the port, in that order, as the drivers have them', t => {
  const dae = driver('session', 'disconnect', 'change', 'block', 'restore')
  const api = driver('line', 'disconnect', 'block', 'restore', 'observe')
  const port = driver('port', 'block', 'restore')
  const step = compare(applied('full', { 'Filter-Id': 'a' }), treatment('walled', { 'Filter-Id': 'b' }))
  const cut = compare(applied('full', {}), treatment('blocked', {}))
  const rate = compare(applied('full', { 'Filter-Id': 'a' }), treatment('full', { 'Filter-Id': 'b' }))
  const rungs = (of: typeof step): string[] =>
    of === undefined
      ? []
      : ladder(of, [dae, api, port].map(reach)).map(({ way, verb, driver }) => `${way} ${verb} ${driver.name}`)
  t.strictSame(rungs(step), [
    'coa change session',
    'disconnect disconnect session',
    'api block line',
    'api disconnect line',
    'port block port'
  ])
  t.strictSame(rungs(cut), [
    'disconnect disconnect session',
    'api block line',
    'api disconnect line',
    'port block port'
  ])
  t.strictSame(
    rungs(rate),
    ['coa change session', 'disconnect disconnect session', 'api disconnect line'],
    'nobody is blocked to change a rate'
  )
  const verbs: readonly Verb[] = ['change', 'disconnect', 'block', 'restore']
  t.strictSame(
    verbs.filter(verb => standsUnproven(verb, 'sideways')),
    ['change']
  )
  t.strictSame(
    verbs.filter(verb => standsUnproven(verb, 'looser') || standsUnproven(verb, 'tighter')),
    []
  )
  t.end()
})

t.test('the table of retries agrees with the model about what may be retried', t => {
  for (const [code, { again }] of Object.entries(retryRules)) {
    const { retry } = driverErrors[code as keyof typeof driverErrors]
    if (retry) t.ok(again > 0, code)
    else t.equal(again, 0, code)
  }
  t.equal(retryRule(new DriverError('REJECTED', 'busy', { deviceCode: 506 })).again, 2, 'Resources Unavailable passes')
  t.equal(retryWait(retryRules.UNREACHABLE, 1, 0), 0, 'full jitter')
  t.equal(retryWait(retryRules.UNREACHABLE, 2, 1), 500)
  t.equal(retryWait(retryRules.UNREACHABLE, 9, 1), 2000)
  t.end()
})

t.test('a circuit opens after three failures, lets one through from time to time, and closes on an answer', t => {
  const time = new Time()
  const circuits = new Circuits(time.clock)
  t.notOk(circuits.failed('x'))
  t.notOk(circuits.failed('x'))
  t.equal(circuits.refuses('x'), undefined)
  t.ok(circuits.failed('x'))
  t.equal(circuits.refuses('x')?.code, 'UNREACHABLE')
  time.now += 1000
  t.equal(circuits.refuses('x'), undefined, 'one probe')
  t.equal(circuits.refuses('x')?.code, 'UNREACHABLE', 'and one only')
  time.now += 2000
  t.equal(circuits.refuses('x'), undefined)
  t.ok(circuits.worked('x'))
  t.notOk(circuits.worked('x'))
  t.equal(circuits.refuses('x'), undefined)
  t.end()
})

t.test('a driver that never settles is left behind when its time is up', async t => {
  const time = new Time()
  const late = within(5000, time.after, new AbortController().signal, () => new Promise(() => undefined))
  const ended = late.catch((error: unknown) => error)
  await time.pass(5000)
  t.match(await ended, { code: 'TIMEOUT' })
})

t.test('what the driver says of its failure beats "took too long"', async t => {
  const time = new Time()
  const act = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new DriverError('AUTH', 'another secret')))
    )
  const ended = within(5000, time.after, new AbortController().signal, act).catch((error: unknown) => error)
  await time.pass(5000)
  t.match(await ended, { code: 'AUTH' })
})

t.test('a call given up while it waits is never made', async t => {
  const time = new Time()
  const queues = new NasQueues({
    limits: { ...queueDefaults, concurrency: 1 },
    clock: time.clock,
    after: time.after,
    silent: () => undefined
  })
  const made: string[] = []
  let finish: () => void = () => undefined
  const call = (name: string, signal: AbortSignal, wait: Promise<void>): Promise<void> =>
    queues.run({ nas: 'n', driver: driver('line'), lane: 'tighter', signal, act: () => (made.push(name), wait) })
  const gone = new AbortController()
  const first = call('first', new AbortController().signal, new Promise(resolve => (finish = resolve)))
  const second = call('second', gone.signal, Promise.resolve()).catch((error: unknown) => error)
  const third = call('third', new AbortController().signal, Promise.resolve())
  gone.abort(new Error('superseded'))
  t.match(await second, { message: 'superseded' })
  finish()
  await Promise.all([first, third])
  t.strictSame(made, ['first', 'third'])
  await settle()
  t.strictSame(queues.status(), [])
})

t.test('the brake counts an hour back, and a person lets it go', async t => {
  const time = new Time()
  const kept: unknown[] = []
  const store = { read: async function* () {}, put: (...put: unknown[]) => kept.push(put) }
  const brake = await Brake.open({ blocksPerHour: 2, shareOfSubscribers: 0.05 }, time.clock, store as never)
  t.strictSame([brake.take(10), brake.take(10), brake.take(10)], [true, true, false])
  t.equal(brake.limit(100), 5)
  time.now += 30 * 60_000
  t.notOk(brake.take(10))
  time.now += 31 * 60_000
  t.ok(brake.take(10))
  brake.release()
  t.equal(brake.used, 0)
  t.ok(kept.length > 0)
})
