import t from 'tap'
import { enforcementDefaults } from '../../../agent/enforcement/index.js'
import { DriverError, type Session, type Subscriber } from '../../../agent/model/index.js'
import { FakeDevice } from './device.js'
import { newSession } from './tables.js'
import { scene, settle, World } from './world.js'

const onSwitch: Partial<Subscriber> = { devices: [{ device: 'sw', port: 'ge3' }] }
const secret: Partial<Subscriber> = { credentials: { password: 'x' } }

t.test('CoA and Disconnect in vain: the port is switched off, and restoring switches that port on', async t => {
  const { world, nas } = await scene(['alice'], {}, ['disconnect'])
  const sw = device(world, 'sw', 'snmp')
  world.replica.people.set('alice', world.person('alice', { ...onSwitch, ...secret }))
  nas.conduct = { nak: 501 }
  world.suspend('alice')
  await world.time.pass(100)
  t.strictSame(nas.verbs(), ['disconnect'])
  t.match(world.last('alice'), { state: 'proven', way: 'port', proof: 'observed', nas: 'bras-1' })
  t.match([...sw.has], [['ge3', 'blocked']])
  world.cut(nas, 's1')
  await settle()
  world.restore('alice')
  await settle()
  t.strictSame(sw.verbs, ['block', 'restore'])
  t.match([...sw.has], [['ge3', 'full']])
  t.match(world.last('alice'), { state: 'proven', way: 'port', proof: 'observed', want: 'full', nas: 'sw', afterMs: 0 })
})

t.test('what stands is undone after a restart too, also when the port was renamed meanwhile', async t => {
  const world = await suspendedByPort(t)
  await world.restart()
  world.replica.people.set('alice', { ...world.replica.people.get('alice')!, devices: [{ device: 'sw', port: 'ge9' }] })
  world.restore('alice')
  await settle()
  const sw = world.devices.get('sw')
  t.equal(sw?.has.get('ge3'), 'full')
  t.equal(world.last('alice')?.state, 'proven')
  await world.restart()
  await settle()
  t.strictSame(sw?.verbs, ['block', 'restore'], 'nothing is left to undo')
})

t.test('a block whose answer was lost is undone as well, after a restart in the middle of it', async t => {
  const world = new World()
  const sw = device(world, 'sw', 'snmp')
  sw.mute = true
  world.person('alice', onSwitch)
  await world.start()
  world.suspend('alice')
  await settle()
  t.equal(sw.has.get('ge3'), 'blocked', 'the device did it')
  await world.enforcement.close()
  sw.mute = false
  const { suspension: _, ...person } = world.replica.people.get('alice')!
  world.replica.people.set('alice', { ...person, status: 'active' })
  await world.start()
  await settle()
  t.equal(sw.has.get('ge3'), 'full')
})

t.test('restoring takes a device that did not answer until it does', async t => {
  const world = await suspendedByPort(t)
  const sw = world.devices.get('sw')!
  sw.failure = new DriverError('UNREACHABLE', 'nobody there')
  world.restore('alice')
  await world.time.pass(enforcementDefaults.proof)
  t.match(world.last('alice'), { state: 'failed', want: 'full', nas: 'sw' })
  const words = world.enforcement.status().alarms.map(alarm => alarm.words)
  t.match(
    words.find(each => each.startsWith('alice')),
    /^alice on sw: port tried in vain\. .* Check its power, the route/
  )
  t.notMatch(words.join(), /CoA|Access-Request/, 'nothing of RADIUS is said of a switch')
  sw.failure = undefined
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.equal(sw.has.get('ge3'), 'full')
  t.match(world.last('alice'), { state: 'proven', want: 'full' })
})

t.test('a port that was off before is left as it was found', async t => {
  const world = new World()
  const sw = device(world, 'sw', 'snmp')
  sw.has.set('ge3', 'blocked')
  world.person('alice', onSwitch)
  await world.start()
  world.suspend('alice')
  await settle()
  t.equal(world.last('alice')?.state, 'proven')
  world.restore('alice')
  await settle()
  t.strictSame(sw.verbs, ['block'])
  t.equal(sw.has.get('ge3'), 'blocked')
})

t.test('two ports on two switches: only both together are proof', async t => {
  const { world, nas } = await scene(['alice'], {}, ['disconnect'])
  const [one, two] = [device(world, 'sw', 'snmp'), device(world, 'sw-2', 'snmp')]
  const devices = [...(onSwitch.devices ?? []), { device: 'sw-2', port: 'ge7' }]
  world.replica.people.set('alice', world.person('alice', { devices, ...secret }))
  nas.conduct = { nak: 501 }
  two.failure = new DriverError('REJECTED', 'The port ge7 was not switched off: it is a trunk.')
  world.suspend('alice')
  await world.time.pass(100)
  t.match(world.last('alice'), { state: 'failed', detail: /it is a trunk/ })
  two.failure = undefined
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.equal(world.last('alice')?.state, 'proven')
  t.match([one.has.get('ge3'), two.has.get('ge7')], ['blocked', 'blocked'])
})

t.test('a NAS that takes no CoA: the ladder begins with its own API', async t => {
  const world = new World()
  const gateway = device(world, 'gw', 'linux')
  const nas = world.nas('bras-1', { coa: false, device: 'gw' })
  nas.drivers.length = 0
  world.person('alice', secret)
  await world.start()
  world.dial('alice', nas)
  world.suspend('alice')
  await settle()
  t.match(world.last('alice'), { state: 'proven', way: 'api', proof: 'observed', want: 'blocked' })
  world.restore('alice')
  await settle()
  t.match(world.last('alice'), { state: 'proven', way: 'api', want: 'full' })
  world.suspend('alice', 'walled-garden')
  await settle()
  t.match(world.last('alice'), { state: 'proven', way: 'api' })
  t.strictSame(gateway.verbs, ['block', 'restore', 'block'])
})

t.test('a device that comes back while another is read is read after it', async t => {
  const world = new World()
  const [slow, back] = [device(world, 'gw', 'linux'), device(world, 'gw-2', 'linux')]
  world.person('bob', { devices: [{ device: 'gw-2', port: 'x' }] })
  world.person('alice', { devices: [{ device: 'gw', port: 'x' }] })
  await world.start()
  world.suspend('bob')
  world.suspend('alice')
  await settle()
  t.match([back.has.get('bob'), slow.has.get('alice')], ['blocked', 'blocked'])
  world.enforcement.nasSeen('gw-2')
  let open = () => {}
  slow.gate = new Promise(resolve => (open = resolve))
  await world.time.pass(enforcementDefaults.repair)
  back.has.clear()
  world.enforcement.nasSeen('gw-2')
  await settle()
  t.equal(back.has.get('bob'), undefined, 'it was read before, and alice is being read')
  open()
  await world.time.pass(100)
  t.equal(back.has.get('bob'), 'blocked')
})

t.test('a device that knows nothing of treatments proves none: that it does not see somebody is no block', async t => {
  const { world, nas } = await scene(['alice'], {}, ['disconnect'])
  const observe = async () => ({ present: false, detail: 'no line has that address' })
  nas.drivers.push({ ...nas.driver('openwrt', []), sees: 'nothing', capabilities: ['observe'], observe })
  nas.conduct = 'liar'
  world.suspend('alice')
  await world.time.pass(2 * enforcementDefaults.proof)
  t.match(world.last('alice'), { state: 'failed', want: 'blocked' })
})

t.test('a session that is polled is never named to RADIUS', async t => {
  const { world, nas } = await scene([], {})
  const gateway = device(world, 'gw', 'linux')
  Object.assign(nas.nas, { device: 'gw' })
  for (const [id, place] of [
    ['alice', 'bras-1'],
    ['bob', 'gw']
  ] as const) {
    world.person(id)
    world.sessions.all.set(id, polled(world, id, place))
    for (const how of ['walled-garden', 'reject'] as const) {
      world.suspend(id, how)
      await settle()
      t.match(world.last(id), { state: 'proven', way: 'api', want: how === 'reject' ? 'blocked' : 'walled' })
    }
    world.restore(id)
    await settle()
    t.match(world.last(id), { state: 'proven', way: 'api', want: 'full' })
    t.equal(gateway.has.get(id), 'full')
    world.suspend(id)
    await settle()
    t.equal(gateway.has.get(id), 'blocked', 'and again')
  }
  t.strictSame(nas.sent, [])
})

t.test('a line that nobody authenticates is shut at its device when no session is open', async t => {
  const world = new World()
  const gateway = device(world, 'gw', 'linux')
  const sw = device(world, 'sw', 'snmp')
  const addresses = { ipv4: '192.0.2.7', delegatedPrefix: '2001:db8:7::/48' }
  world.person('alice', { ...onSwitch, bind: { nas: 'gw' }, addresses })
  await world.start()
  world.suspend('alice', 'walled-garden')
  await settle()
  t.match(world.last('alice'), { state: 'proven', way: 'api', proof: 'observed', want: 'walled', nas: 'gw' })
  t.match(gateway.asked[0]?.who, { ipv4: '192.0.2.7', prefixes: ['2001:db8:7::/48'], sessions: [] })
  t.strictSame(sw.asked, [], 'the port is for when nothing else helps')
  world.suspend('alice', 'reject')
  await settle()
  t.equal(gateway.has.get('alice'), 'blocked')
  world.suspend('alice', 'walled-garden')
  await settle()
  t.equal(gateway.has.get('alice'), 'walled')
  world.restore('alice')
  await settle()
  t.strictSame(gateway.verbs, ['block', 'block', 'block', 'restore'])
  t.match(world.last('alice'), { state: 'proven', want: 'full' })
})

t.test('whoever must authenticate is not shut at a device: their next request is refused', async t => {
  const world = new World()
  const sw = device(world, 'sw', 'snmp')
  world.person('alice', { ...onSwitch, ...secret })
  await world.start()
  world.suspend('alice')
  await settle()
  t.strictSame(sw.asked, [])
  t.match(world.last('alice'), { state: 'proven', proof: 'offline' })
})

t.test('a line that comes suspended in a new document is shut too; the brake counts it', async t => {
  const world = new World()
  const gateway = device(world, 'gw', 'linux')
  await world.start({ brakes: { blocksPerHour: 1 } })
  for (const id of ['alice', 'bob']) {
    const suspension = { how: 'reject', reason: 'unpaid' } as const
    world.replica.put({ ...world.person(id, { bind: { nas: 'gw' } }), status: 'suspended', suspension })
  }
  await settle()
  t.match([...gateway.has], [['alice', 'blocked']])
  t.equal(world.last('bob')?.state, 'held')
})

t.test('a device that lost what stood is told again', async t => {
  const world = await suspendedByPort(t)
  const sw = world.devices.get('sw')!
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.strictSame(sw.verbs, ['block'], 'what stands is left alone')
  sw.has.set('ge3', 'full')
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.equal(sw.has.get('ge3'), 'blocked')
  t.match(world.last('alice'), { state: 'proven', way: 'port' })
})

t.test('the port and the address of somebody who is gone serve whoever has them next', async t => {
  const world = await suspendedByPort(t)
  const gateway = device(world, 'gw', 'linux')
  const addresses = { ipv4: '192.0.2.7' }
  world.person('bob', { bind: { nas: 'gw' }, addresses })
  world.suspend('bob')
  await settle()
  t.equal(gateway.has.get('bob'), 'blocked')
  world.replica.remove('alice')
  world.replica.remove('bob')
  await world.restart()
  await settle()
  const sw = world.devices.get('sw')!
  t.equal(sw.has.get('ge3'), 'blocked', 'nobody is there yet')
  world.replica.put({ ...world.person('carol', onSwitch) })
  await settle()
  t.equal(sw.has.get('ge3'), 'full')
  t.equal(gateway.has.get('bob'), 'blocked')
  world.replica.put({ ...world.person('dora', { bind: { nas: 'gw' }, addresses }) })
  await settle()
  t.equal(gateway.has.get('bob'), 'full')
})

t.test('what cannot be recorded is not applied', async t => {
  const world = new World()
  const sw = device(world, 'sw', 'snmp')
  world.person('alice', onSwitch)
  await world.start()
  await settle()
  const { write } = world.ledger
  world.ledger.write = async changes => {
    if (changes.some(({ table }) => table === 'standing')) throw new Error('the disk is full')
    return write.call(world.ledger, changes)
  }
  world.suspend('alice')
  await settle()
  t.strictSame(sw.asked, [])
  t.match(world.last('alice'), { state: 'failed', detail: /could not be recorded on disk/ })
})

t.test('a switched-on port proves nothing about what RADIUS holds back', async t => {
  const { world, nas } = await scene(['alice'])
  device(world, 'sw', 'snmp')
  world.replica.people.set('alice', world.person('alice', { ...onSwitch, ...secret }))
  world.suspend('alice', 'walled-garden')
  await world.time.pass(3000)
  nas.conduct = 'liar'
  world.restore('alice')
  await settle()
  t.not(world.last('alice')?.state, 'proven')
})

function device(world: World, id: string, name: 'mikrotik' | 'linux' | 'snmp'): FakeDevice {
  const made = new FakeDevice(name)
  world.devices.set(id, made)
  return made
}

function polled(world: World, subscriber: string, nas: string): Session {
  const who = { subscriber, userName: subscriber, nas, callingStation: '', ticket: '' }
  return { ...newSession(subscriber, who, world.time.now), acctSessionId: `poll:gw:${subscriber}` }
}

/** Somebody without a session, whose port is off. */
async function suspendedByPort(t: { equal(a: unknown, b: unknown): unknown }): Promise<World> {
  const world = new World()
  const sw = device(world, 'sw', 'snmp')
  world.person('alice', onSwitch)
  await world.start()
  world.suspend('alice')
  await settle()
  t.equal(sw.has.get('ge3'), 'blocked')
  return world
}
