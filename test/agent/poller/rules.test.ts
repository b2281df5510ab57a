import t from 'tap'
import { type CounterSample, decodeUsage, DriverError, RecordKind } from '../../../agent/model/index.js'
import { scheduleOf, withoutSchedule } from '../../../agent/poller/schedule.js'
import { heard } from '../sessions/packets.js'
import { settle } from '../enforcement/time.js'
import { MemoryLedger } from '../sessions/memory-ledger.js'
import { billed, type Box, device, Documents, house, subscriber, told } from './house.js'

/* Schedules, limits, who is billed, and what is told of devices. */

const MINUTE = 60_000
const ROUND = 5 * MINUTE

t.test('what a port counts is billed to the subscriber behind it, as a session of polls', async t => {
  const { time, ledger, documents, box, sessions, device: of } = await house(t)
  const sw = box('sw-1')
  sw.use('ge1', 1000, 5000)
  sw.use('ge2', 7, 7)
  documents.put(device('sw-1'), subscriber('ann', ['sw-1/ge1'], { addresses: { ipv4: '198.51.100.7' } }))
  await time.pass(ROUND)
  sw.use('ge1', 200, 3000)
  await time.pass(ROUND)
  sw.use('ge1', 1, 2)
  await time.pass(ROUND)
  t.strictSame(billed(ledger, 'ann'), { up: 201n, down: 3002n }, 'not what the port had counted before')
  const [session] = sessions.ofSubscriber('ann')
  t.match(session, { nas: 'sw-1', nasPort: 'ge1', userName: 'ann@example.net', framedIpv4: '198.51.100.7' })
  t.match(session?.acctSessionId, /^poll:sw-1:ge1:/)
  const usage = ledger.blocks.flatMap(({ records }) => records).filter(({ kind }) => kind === RecordKind.usage)
  t.ok(usage.every(({ payload }) => decodeUsage(payload).cause === 'poll'))
  t.match(of('sw-1'), { state: 'up', counted: 1, unclaimed: { count: 1, first: ['ge2'] }, problems: [] })
})

t.test('a device is asked at its own interval, a tenth more or less, and by one at a time', async t => {
  let number = 0
  const { time, documents, box } = await house(t, { random: () => (number = (number + 0.37) % 1) })
  documents.put(device('often', { interval: 60 }), device('seldom', { interval: 3600 }), device('never', false))
  await time.pass(60 * MINUTE)
  t.ok(Math.abs(box('often').asked - 60) <= 6, `asked ${box('often').asked} times an hour`)
  t.ok(box('seldom').asked <= 2)
  t.equal(box('never').asked, 0)
  t.equal(box('often').most, 1)
})

t.test('a document that says nothing, or nonsense, of polls has the usual schedule', t => {
  const usual = { interval: 300_000, deadline: 30_000 }
  for (const poll of [undefined, true, 'often', { interval: 'soon', deadline: -1 }, { interval: 0 }, { deadline: 1e9 }])
    t.same(scheduleOf(device('d', poll)), usual)
  t.same(
    scheduleOf(device('d', { interval: 20 })),
    { interval: 20_000, deadline: 20_000 },
    'no poll outlasts its interval'
  )
  t.same(withoutSchedule({ ...device('d'), options: { poll: false, port: 1 } }).options, { port: 1 })
  t.end()
})

t.test('devices that hang cost the others nothing, and are given up at their deadline', async t => {
  const { time, documents, box, poller, device: of } = await house(t, { lanes: { quick: 2, slow: 100 } })
  for (let n = 0; n < 20; n++) {
    box(`hung${n}`).fault = 'hang'
    documents.put(device(`hung${n}`, { interval: 60 }))
  }
  for (let n = 0; n < 20; n++) documents.put(device(`good${n}`, { interval: 60 }))
  await time.pass(10 * MINUTE)
  for (let n = 0; n < 20; n++) t.ok(box(`good${n}`).asked >= 9, `asked ${box(`good${n}`).asked} times in ten minutes`)
  t.match(of('hung3'), { state: 'down', detail: /did not answer within 30 s: check its power/ })
  t.match(poller.counts(), { quick: 0, waiting: 0 })
})

t.test('no more devices are asked at once than may be', async t => {
  let [now, most] = [0, 0]
  const waiting: (() => void)[] = []
  const slowly = {
    name: 'box',
    close: async () => undefined,
    health: async () => {
      most = Math.max(most, ++now)
      await new Promise<void>(resolve => waiting.push(resolve))
      now--
      return 'well'
    }
  }
  const { time, documents } = await house(t, { driverFor: () => slowly, lanes: { quick: 3 } })
  documents.put(...Array.from({ length: 50 }, (_, n) => device(`d${n}`)))
  await time.pass(MINUTE / 2 + 900)
  t.equal(now, 3, 'they wait until one is done')
  for (let done = waiting.shift(); done !== undefined; done = waiting.shift()) {
    done()
    await settle()
  }
  t.same([most, now], [3, 0])
})

t.test('half an answer counts for what it tells, and the rest comes with the next', async t => {
  const { time, ledger, documents, box, device: of } = await house(t)
  const sw = box('sw-1')
  documents.put(device('sw-1'), subscriber('ann', ['sw-1/ge1']), subscriber('bob', ['sw-1/ge2']))
  for (const port of ['ge1', 'ge2']) sw.use(port, 1, 1)
  await time.pass(ROUND)
  for (const port of ['ge1', 'ge2']) sw.use(port, 10, 10)
  sw.fault = 'half'
  await time.pass(ROUND)
  t.equal(billed(ledger, 'ann').up, 10n)
  t.equal(billed(ledger, 'bob').up, 0n)
  t.match(of('sw-1')?.detail, /had told 1 ports when its 30 s were over: give it longer \(options\.poll\.deadline\)/)
  sw.fault = undefined
  await time.pass(ROUND)
  t.equal(billed(ledger, 'bob').up, 10n)
})

t.test('a table of 100,000 rows takes the memory of the ports that count', async t => {
  async function* endless(): AsyncGenerator<CounterSample> {
    for (let n = 0; n < 100_000; n++) yield { key: `interface:p${n}`, at: 0, upOctets: 1n, downOctets: 1n }
  }
  const driver = { name: 'huge', health: async () => '', readCounters: endless, close: async () => undefined }
  const { time, documents, device: of } = await house(t, { driverFor: () => driver })
  documents.put(device('huge'), subscriber('ann', ['huge/p99999']))
  await time.pass(MINUTE)
  while (of('huge')?.at === 0) await settle()
  await settle(20)
  const { counted, unclaimed } = of('huge') ?? {}
  t.strictSame(
    { counted, left: unclaimed?.count, named: unclaimed?.first.length },
    { counted: 1, left: 99_999, named: 20 }
  )
})

t.test(
  'a port of two subscribers, a name of two ports, a port that is not there: nobody is billed, and it is said',
  async t => {
    const { time, ledger, documents, box, device: of } = await house(t)
    const twice = async function* (): AsyncGenerator<CounterSample> {
      for (const octets of [5n, 900n, 5n])
        yield { key: 'interface:same', at: time.now, upOctets: octets, downOctets: octets }
      yield* box('sw-1').driver().readCounters?.(new AbortController().signal) ?? []
    }
    box('sw-1').use('ge1', 1, 1)
    const { poller } = await house(t, {
      ledger,
      time,
      documents,
      driverFor: () => ({ ...box('sw-1').driver(), readCounters: twice })
    })
    documents.put(device('sw-1'))
    documents.put(subscriber('ann', ['sw-1/ge1', 'sw-1/same', 'sw-1/gone']), subscriber('bob', ['sw-1/ge1']))
    await time.pass(3 * ROUND)
    t.ok(of('sw-1'))
    t.same(poller.status()[0]?.problems, [
      'ge1: several subscribers have it, so nobody is billed for it.',
      'same: several ports of the device are called so.',
      'gone: the device counts no port of that name.'
    ])
    t.same(billed(ledger, 'ann'), { up: 0n, down: 0n })
  }
)

t.test('whoever has a session by RADIUS is counted by that alone', async t => {
  const { time, ledger, documents, box, sessions } = await house(t)
  documents.put(
    device('sw-1'),
    subscriber('ann', ['sw-1/ge1']),
    subscriber('eve', ['sw-1/ge2'], { credentials: { password: 'x' } })
  )
  for (const port of ['ge1', 'ge2']) box('sw-1').use(port, 1, 1)
  await time.pass(ROUND)
  t.equal(sessions.ofSubscriber('eve').length, 0, 'who logs in by RADIUS is not polled')
  await sessions.record({
    ...heard({ status: 'start', at: 0 }),
    subscriber: 'ann',
    nas: 'bras-1',
    receivedAt: time.now,
    eventAt: time.now
  })
  box('sw-1').use('ge1', 500, 500)
  await time.pass(ROUND)
  t.same(billed(ledger, 'ann'), { up: 0n, down: 0n })
  t.same(
    sessions.ofSubscriber('ann').map(({ nas }) => nas),
    ['bras-1']
  )
})

t.test('whoever leaves is released before the next poll; the next one pays from there', async t => {
  const { time, ledger, documents, box, sessions } = await house(t)
  documents.put(device('sw-1'), subscriber('ann', ['sw-1/ge1']))
  box('sw-1').use('ge1', 1, 1)
  await time.pass(2 * ROUND)
  box('sw-1').use('ge1', 10, 10)
  await time.pass(ROUND)
  documents.remove('subscriber', 'ann')
  await settle()
  t.equal(sessions.ofSubscriber('ann').length, 0)
  documents.put(subscriber('bob', ['sw-1/ge1']))
  box('sw-1').use('ge1', 5, 5)
  await time.pass(ROUND)
  box('sw-1').use('ge1', 100, 100)
  await time.pass(ROUND)
  t.same([billed(ledger, 'ann').up, billed(ledger, 'bob').up], [10n, 100n])
  documents.remove('device', 'sw-1')
  await settle()
  t.equal(sessions.ofSubscriber('bob').length, 0, 'nobody is counted at a device that is gone')
  t.equal(ledger.tables.get('poller')?.size, 0, 'and nothing of it is kept')
})

t.test('the sessions of a device are kept under the NAS that names it', async t => {
  let nas = 'sw-1'
  const { time, ledger, documents, box, sessions } = await house(t, { nasOf: () => nas })
  documents.put(device('sw-1'), subscriber('ann', ['sw-1/ge1']))
  box('sw-1').use('ge1', 1, 1)
  await time.pass(ROUND)
  nas = 'bras-7'
  box('sw-1').use('ge1', 10, 10)
  await time.pass(ROUND)
  t.match(sessions.ofSubscriber('ann'), [{ nas: 'bras-7' }])
  t.equal(billed(ledger, 'ann').up, 10n, 'nothing is lost where another NAS names it')
})

t.test('down is told after two polls that failed, up after one that did not', async t => {
  const { time, ledger, documents, box } = await house(t)
  documents.put(device('sw-1'))
  await time.pass(ROUND)
  box('sw-1').fault = new DriverError('UNREACHABLE', 'Nothing answers.')
  await time.pass(ROUND)
  t.same(told(ledger), ['sw-1 up'])
  await time.pass(ROUND)
  box('sw-1').fault = undefined
  await time.pass(ROUND)
  t.same(told(ledger), ['sw-1 up', 'sw-1 down', 'sw-1 up'])
})

t.test('a device that goes up and down all the time is told as flapping, once, until it is calm', async t => {
  const { time, ledger, documents, box } = await house(t)
  documents.put(device('sw-1', { interval: 60 }))
  for (let n = 0; n < 20; n++) {
    box('sw-1').fault = n % 2 === 0 ? undefined : new DriverError('UNREACHABLE', 'Nothing answers.')
    await time.pass(3 * MINUTE)
  }
  const flapping = told(ledger)
  t.equal(flapping.at(-1), 'sw-1 flapping')
  t.ok(flapping.length <= 6, flapping.join(', '))
  box('sw-1').fault = undefined
  await time.pass(120 * MINUTE)
  t.same(told(ledger).slice(flapping.length), ['sw-1 up'])
})

t.test('a restart of the agent tells nothing anew, and what the disk refused is told with the next poll', async t => {
  const [ledger, documents, boxes] = [new MemoryLedger(), new Documents(), new Map<string, Box>()]
  documents.put(device('sw-1'))
  const first = await house(t, { ledger, documents, boxes })
  ledger.failures = 1
  await first.time.pass(ROUND)
  t.same(told(ledger), [], 'the first was lost')
  await first.time.pass(ROUND)
  t.same(told(ledger), ['sw-1 up'])
  await first.poller.close()
  const second = await house(t, { ledger, documents, boxes })
  await second.time.pass(2 * ROUND)
  t.same(told(ledger), ['sw-1 up'])
})

t.test('a document that is not understood makes the device down with its words, and loses no octet', async t => {
  const {
    time,
    ledger,
    documents,
    box,
    device: of
  } = await house(t, {
    driverFor: ({ id, options = {} }) => {
      if (options['wrong'] === true) throw new DriverError('UNSUPPORTED', 'Device sw-1: wrong is not understood.')
      return box(id).driver()
    }
  })
  documents.put(device('sw-1'), subscriber('ann', ['sw-1/ge1']))
  box('sw-1').use('ge1', 1, 1)
  await time.pass(ROUND)
  documents.put({ ...device('sw-1'), options: { wrong: true } })
  box('sw-1').use('ge1', 10, 10)
  await time.pass(3 * ROUND)
  t.match(of('sw-1'), { state: 'down', detail: /wrong is not understood/, counted: 1 })
  documents.put(device('sw-1'))
  await time.pass(ROUND)
  t.equal(billed(ledger, 'ann').up, 10n)
})
