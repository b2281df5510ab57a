import t from 'tap'
import { enforcementDefaults } from '../../../agent/enforcement/index.js'
import { type Applied, DriverError, type Session, type Subscriber } from '../../../agent/model/index.js'
import { FakeDevice } from './device.js'
import { newSession } from './tables.js'
import { settle, World } from './world.js'

/* The rates of lines that nobody authenticates: they are held by the device that the subscriber's document names. */

const HOME = '5000000/50000000'
const MUCH = '10000000/100000000'
const line = (host = 7): Partial<Subscriber> => ({ bind: { nas: 'gw' }, addresses: { ipv4: `192.0.2.${host}` } })
const much = { id: 'much', up: 10_000_000, down: 100_000_000 }

t.test('a line that becomes known gets the rate of its profile, and billing hears the proof', async t => {
  const { world, gw } = await gateway()
  world.replica.put(world.person('alice', line()))
  await settle()
  t.match([...gw.rates], [['alice', HOME]])
  t.strictSame(world.states('alice'), ['requested', 'sent', 'acknowledged', 'proven'])
  t.match(world.notices('alice')[0], {
    want: 'full',
    detail: 'the line has 5000000 bit/s up and 50000000 bit/s down at gw'
  })
  t.match(world.last('alice'), { way: 'api', proof: 'observed', nas: 'gw', detail: `alice has ${HOME}` })
  t.match(gw.asked[0]?.who, { ipv4: '192.0.2.7', sessions: [], rated: true })
})

t.test('a line that a start finds is given its rate; a restart and a snapshot without news say nothing', async t => {
  const { world, gw } = await gateway(['alice', 'bob'])
  t.strictSame(gw.verbs, ['setRate', 'setRate'])
  const told = world.notices().length
  await world.restart({ certificates: false })
  world.replica.put(...world.replica.people.values())
  world.replica.putProfile({ ...world.replica.profiles.get('home')! })
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.strictSame(gw.verbs, ['setRate', 'setRate'])
  t.equal(world.notices().length, told)
})

t.test('another plan, other rates of the plan, another address: each reaches the device once', async t => {
  const { world, gw } = await gateway(['alice'])
  world.replica.putProfile(much)
  world.replica.put({ ...world.replica.people.get('alice')!, profile: 'much' })
  await settle()
  t.equal(gw.rates.get('alice'), MUCH)
  world.replica.putProfile({ ...much, up: 20_000_000 })
  await world.time.pass(100)
  t.equal(gw.rates.get('alice'), '20000000/100000000')
  world.replica.put({ ...world.replica.people.get('alice')!, addresses: { ipv4: '192.0.2.99' } })
  await world.time.pass(100)
  t.match(gw.asked.at(-1), { verb: 'setRate', who: { ipv4: '192.0.2.99' } })
  t.equal(gw.asked.length, 4)
})

t.test('a thousand lines of one plan are changed at the pace of rates, and a restore goes before them', async t => {
  const people = Array.from({ length: 1000 }, (_, n) => `line-${n}`)
  const { world, gw } = await gateway(people)
  await world.time.pass(1000 * enforcementDefaults.pace)
  t.equal(gw.rates.size, 1000)
  world.person('mallory', line(200))
  world.suspend('mallory')
  await settle()
  const before = gw.asked.length
  world.replica.putProfile({ ...much, id: 'home' })
  await settle(80)
  t.ok(gw.asked.length - before < 20, `${gw.asked.length - before} calls at once`)
  await world.time.pass(50 * enforcementDefaults.pace)
  const done = gw.asked.length - before
  t.ok(done >= 40 && done <= 70, `${done} calls after 50 times the pace`)
  world.restore('mallory')
  await settle()
  t.match(gw.asked.at(-1), { verb: 'restore', who: { id: 'mallory' } }, 'nobody waits for rates')
  await world.time.pass(1000 * enforcementDefaults.pace)
  t.ok(people.every(id => gw.rates.get(id) === MUCH))
  t.equal(gw.asked.length - before, 1001, 'one call a line')
})

t.test(
  'a plan that changes while the last rate is on its way: the last word counts, also back to the first',
  async t => {
    const { world, gw } = await gateway(['alice'])
    let open = () => {}
    gw.gate = new Promise(resolve => (open = resolve))
    world.replica.putProfile({ ...much, id: 'home' })
    await world.time.pass(100)
    world.replica.putProfile({ ...much, id: 'home', up: 1 })
    await world.time.pass(100)
    gw.gate = undefined
    open()
    await world.time.pass(100)
    t.equal(gw.rates.get('alice'), '1/100000000')
    t.match(world.last('alice'), { state: 'proven' })
    t.equal(world.notices('alice').filter(({ way }) => way === 'superseded').length, 1)
    world.replica.putProfile({ ...much, id: 'home' })
    world.replica.putProfile({ ...much, id: 'home', up: 1 })
    await world.time.pass(100)
    t.equal(gw.rates.get('alice'), '1/100000000')
    t.strictSame([world.last('alice')?.state, world.enforcement.status().open], ['proven', 0])
  }
)

t.test('a restore brings the rate back by itself; while somebody is held back no rate is changed', async t => {
  const { world, gw } = await gateway(['alice'])
  for (const how of ['throttle', 'walled-garden', 'reject'] as const) {
    world.suspend('alice', how)
    await settle()
    world.replica.putProfile({ ...much, id: 'home', up: how.length })
    await world.time.pass(100)
    t.equal(gw.verbs.at(-1), 'block', how)
    world.restore('alice')
    await settle()
    t.equal(gw.verbs.at(-1), 'restore')
    t.equal(gw.rates.get('alice'), `${how.length}/100000000`)
    t.match(world.last('alice'), { state: 'proven', want: 'full' })
  }
  t.equal(gw.asked.length, 7, 'the rate alone was sent once')
})

t.test('a line that is polled has a session that RADIUS never gave: its rate is the device’s too', async t => {
  const { world, gw } = await gateway(['alice'])
  poll(world, 'alice')
  await settle()
  world.suspend('alice')
  await settle()
  world.restore('alice')
  await settle()
  world.replica.putProfile({ ...much, id: 'home' })
  await world.time.pass(100)
  t.strictSame(gw.verbs, ['setRate', 'block', 'restore', 'setRate'])
  t.equal(gw.rates.get('alice'), MUCH)
  t.match(gw.asked.at(-1)?.who, { ipv4: '192.0.2.7', sessions: [] })
})

t.test('whoever leaves takes the rate along, also when that waits for a device or a restart', async t => {
  const { world, gw } = await gateway(['alice', 'bob'])
  world.replica.remove('alice')
  await world.time.pass(100)
  t.match([...gw.rates], [['bob', HOME]])
  t.match(world.last('alice'), { state: 'proven', way: 'api' })
  gw.failure = new DriverError('UNREACHABLE', 'nobody there')
  world.replica.remove('bob')
  await world.time.pass(100)
  t.equal(gw.rates.size, 1)
  gw.failure = undefined
  await world.restart({ certificates: false })
  await world.time.pass(100)
  t.equal(gw.rates.size, 0)
  const asked = gw.asked.length
  await world.restart({ certificates: false })
  t.equal(gw.asked.length, asked, 'nothing is left to undo')
})

t.test(
  'what the document does not say any more is taken back: the device, the rate of the plan, the line itself',
  async t => {
    const { world, gw } = await gateway(['alice', 'bob', 'carol'])
    const other = new FakeDevice('linux', true)
    world.devices.set('gw-2', other)
    world.replica.put({ ...world.replica.people.get('alice')!, bind: { nas: 'gw-2' } })
    world.replica.put({ ...world.replica.people.get('bob')!, credentials: { password: 'x' } })
    world.replica.put({ ...world.replica.people.get('carol')!, profile: 'open' })
    await world.time.pass(100)
    t.match(
      [[...gw.rates.keys()], [...other.rates.keys()]],
      [['carol'], ['alice']],
      'a plan that is not known says nothing'
    )
    world.replica.putProfile({ id: 'open' })
    await world.time.pass(100)
    t.strictSame([...gw.rates.keys()], [])
  }
)

t.test('a device that cannot limit is left alone; one that learns to is asked then', async t => {
  const world = new World()
  const plain = new FakeDevice('linux')
  world.devices.set('gw', plain)
  world.person('alice', line())
  world.person('bob', { devices: [{ device: 'gw', port: 'x' }] })
  await world.start({ certificates: false })
  await world.time.pass(100)
  t.strictSame([plain.verbs, world.notices(), world.enforcement.status().alarms], [[], [], []])
  const able = new FakeDevice('linux', true)
  world.devices.set('gw', able)
  world.replica.emit('changed', [{ kind: 'device', id: 'gw', document: {} }])
  await world.time.pass(100)
  t.match([...able.rates], [['alice', HOME]], 'bob has no address by which a device could tell him')
})

t.test('a line that a queue of the device counts has its rate from whoever made that queue', async t => {
  const { world, gw } = await gateway()
  const devices = [{ device: 'gw', port: 'queue:flat-12' }]
  world.replica.put(world.person('alice', { addresses: { ipv4: '192.0.2.7' }, devices }))
  await settle()
  world.suspend('alice')
  await settle()
  world.restore('alice')
  await settle()
  t.strictSame([gw.verbs, gw.rates.size], [['block', 'restore'], 0])
})

t.test('a gateway that lost its rates is found out by one reading, and told again', async t => {
  const people = Array.from({ length: 20 }, (_, n) => `line-${n}`)
  const { world, gw } = await gateway(people)
  await world.time.pass(1000)
  const look = () => world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  const before = gw.readings
  await look()
  t.match([gw.asked.length, gw.readings - before], [20, 1], 'as long as they are there, one is read')
  gw.rates.clear()
  await look()
  await world.time.pass(1000)
  t.match([gw.rates.size, gw.asked.length], [20, 40])
  for (const id of people) t.match(world.last(id), { state: 'proven' })
})

t.test('a device that does not answer: the alarm names it, and the rate comes when it is back', async t => {
  const { world, gw } = await gateway()
  gw.failure = new DriverError('UNREACHABLE', 'nobody there')
  world.replica.put(world.person('alice', line()))
  await world.time.pass(20_000)
  t.match(world.last('alice'), { state: 'failed', want: 'full', nas: 'gw' })
  t.match(
    world.enforcement
      .status()
      .alarms.map(({ words }) => words)
      .join('\n'),
    /alice on gw: api tried in vain/
  )
  gw.failure = undefined
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.equal(gw.rates.get('alice'), HOME)
  t.strictSame(world.enforcement.status().alarms, [])
})

t.test('a line that nothing can shut fails with what to do, and is shut once billing names its gateway', async t => {
  const world = new World()
  const gw = new FakeDevice('linux')
  world.devices.set('gw', gw)
  for (const id of ['alice', 'bob', 'carol', 'dora']) world.person(id, { addresses: { ipv4: '192.0.2.7' } })
  world.replica.people.set('bob', { ...world.replica.people.get('bob')!, bind: { nas: 'gw-9' } })
  world.replica.people.set('carol', { ...world.replica.people.get('carol')!, credentials: { password: 'x' } })
  world.replica.people.set('dora', { ...world.replica.people.get('dora')!, bind: { nas: 'gw' } })
  await world.start({ certificates: false })
  t.strictSame([...world.enforcement.openForGood()], ['alice', 'bob'], 'known before billing suspends anybody')
  for (const id of ['alice', 'bob', 'carol']) world.suspend(id)
  await settle()
  t.match(world.last('alice'), {
    state: 'failed',
    want: 'blocked',
    detail: /^alice: nothing can shut this line\. .* neither bind\.nas nor devices\. Have billing send/
  })
  t.match(world.last('bob'), { state: 'failed', detail: /of what it names \(gw-9\) nothing has a driver/ })
  t.match(world.last('carol'), { state: 'proven', detail: /the next Access-Request/ })
  t.match(world.enforcement.status(), { failed: 2, alarms: [{ words: /^alice/ }, { words: /^bob/ }] })
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.strictSame(world.states('alice'), ['requested', 'failed'], 'told once')
  await world.restart({ certificates: false })
  t.equal(world.enforcement.status().failed, 2, 'and known after a restart')
  world.replica.put({ ...world.replica.people.get('alice')!, bind: { nas: 'gw' } })
  world.devices.set('gw-9', gw)
  world.replica.emit('changed', [{ kind: 'device', id: 'gw-9', document: {} }])
  await settle()
  for (const id of ['alice', 'bob']) t.match(world.last(id), { state: 'proven', proof: 'observed', want: 'blocked' })
  t.strictSame([gw.has.get('alice'), gw.has.get('bob')], ['blocked', 'blocked'])
  t.strictSame([[...world.enforcement.openForGood()], world.enforcement.status().alarms], [[], []])
})

t.test('where certificates let subscribers on, a document without credentials may still log in', async t => {
  const world = new World()
  world.person('alice')
  await world.start({ certificates: true })
  world.suspend('alice')
  await settle()
  t.match(world.last('alice'), { state: 'proven', proof: 'offline' })
  t.strictSame([...world.enforcement.openForGood()], [])
})

t.test('a suspension that nothing could carry out ends when billing gives credentials, or restores', async t => {
  const world = new World()
  for (const id of ['alice', 'bob']) world.person(id)
  await world.start({ certificates: false })
  for (const id of ['alice', 'bob']) world.suspend(id)
  await settle()
  world.replica.put({ ...world.replica.people.get('alice')!, credentials: { password: 'x' } })
  world.restore('bob')
  await settle()
  t.match(world.last('alice'), { state: 'proven', want: 'blocked', proof: 'offline' })
  t.match(world.last('bob'), { state: 'proven', want: 'full', detail: /nothing of ours stands/ })
  t.match(world.enforcement.status(), { failed: 0, alarms: [] })
})

t.test('reauthorize tells the line its rate again, and whoever leaves then still takes it along', async t => {
  const { world, gw } = await gateway(['alice'])
  let changes = 0
  const change = async (): Promise<Applied> => {
    changes++
    return { result: 'unchanged', detail: 'no rate of a session', proof: 'none' }
  }
  Object.assign(gw.driver, { change, capabilities: [...gw.driver.capabilities, 'change'] })
  const session = poll(world, 'alice')
  await settle()
  gw.rates.clear()
  world.commands.emit('requested', { id: 'c1', verb: 'reauthorize', arguments: { subscriber: 'alice' } })
  await world.time.pass(100)
  t.strictSame([changes, gw.verbs, gw.rates.get('alice')], [0, ['setRate', 'setRate'], HOME])
  t.match(gw.asked.at(-1)?.who, { ipv4: '192.0.2.7', sessions: [], rated: true })
  t.match(world.commands.completed, [{ id: 'c1', outcome: 'done', words: `alice has ${HOME}` }])
  world.sessions.all.delete(session.id)
  world.sessions.emit('closed', { ...session, state: 'closed' }, 'silent')
  world.replica.remove('alice')
  await world.time.pass(100)
  t.equal(gw.rates.size, 0)
})

t.test('where certificates let subscribers on, a rate is only for those whom a polled session shows', async t => {
  const world = new World()
  const gw = new FakeDevice('linux', true)
  world.devices.set('gw', gw)
  for (const [n, id] of ['alice', 'bob'].entries()) world.person(id, line(n + 7))
  world.person('carol', { ...line(9), eapMethods: ['ttls'] })
  world.person('dora', { ...line(10), eapMethods: ['tls', 'peap'] })
  await world.start({ certificates: true })
  for (const id of ['alice', 'dora']) login(world, id)
  await world.time.pass(100)
  t.match([...gw.rates.keys()], ['carol'], 'carol may not come with a certificate')
  for (const id of ['alice', 'dora']) logoff(world, id)
  const session = poll(world, 'bob')
  poll(world, 'dora')
  await world.time.pass(100)
  t.match([...gw.rates.keys()], ['carol', 'bob'])
  world.sessions.all.delete(session.id)
  world.sessions.emit('closed', { ...session, state: 'closed' }, 'silent')
  await world.restart({ certificates: true })
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.strictSame(gw.verbs, ['setRate', 'setRate'], 'it stays while nothing is heard of the line')
  login(world, 'bob')
  await world.time.pass(100)
  t.match([...gw.rates.keys()], ['carol'], 'bob has a certificate after all')
  logoff(world, 'bob')
  world.replica.put(...world.replica.people.values())
  await world.time.pass(100)
  t.equal(gw.asked.length, 3)
})

/** A gateway that can limit, and lines behind it. */
async function gateway(people: readonly string[] = []): Promise<{ world: World; gw: FakeDevice }> {
  const world = new World()
  const gw = new FakeDevice('linux', true)
  world.devices.set('gw', gw)
  for (const [n, id] of people.entries()) world.person(id, line(n + 7))
  await world.start({ certificates: false })
  await world.time.pass(100)
  return { world, gw }
}

/** A session that a reading of the gateway's counters opened. */
function poll(world: World, subscriber: string): Session {
  const who = { subscriber, userName: subscriber, nas: 'gw', callingStation: '', ticket: '' }
  const made = newSession(`poll-${subscriber}`, who, world.time.now)
  const session = { ...made, acctSessionId: `poll:gw:${subscriber}`, framedIpv4: '192.0.2.7' }
  world.sessions.all.set(session.id, session)
  world.sessions.emit('opened', session)
  return session
}

/** Logs on by RADIUS at another box. */
function login(world: World, subscriber: string): void {
  const who = { subscriber, userName: subscriber, nas: 'bras', callingStation: '', ticket: '' }
  const session = newSession(`radius-${subscriber}`, who, world.time.now)
  world.sessions.all.set(session.id, session)
  world.sessions.emit('opened', session)
}

function logoff(world: World, subscriber: string): void {
  const session = world.sessions.all.get(`radius-${subscriber}`)!
  world.sessions.all.delete(session.id)
  world.sessions.emit('closed', { ...session, state: 'closed' }, 'stop')
}
