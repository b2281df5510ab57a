import t from 'tap'
import { enforcementDefaults } from '../../../agent/enforcement/index.js'
import type { Grant } from '../../../agent/model/index.js'
import { scene, settle } from './world.js'

t.test('a suspension by reject disconnects, and the Stop proves it', async t => {
  const { world, nas } = await scene()
  world.suspend('alice')
  await settle()
  t.strictSame(nas.verbs(), ['disconnect'])
  t.strictSame(world.states('alice'), ['requested', 'sent', 'proven'], 'the Stop came before the ACK')
  t.match(world.last('alice'), {
    want: 'blocked',
    way: 'disconnect',
    proof: 'stop',
    reference: 'invoice alice',
    username: 'alice',
    session: 's1',
    nas: 'bras-1',
    afterMs: 0
  })
  t.match(world.enforcement.status(), { open: 0, failed: 0, alarms: [] })
})

t.test('the packet leaves in the same turn as the change', async t => {
  const { world, nas } = await scene()
  world.suspend('alice')
  t.strictSame(nas.verbs(), ['disconnect'])
})

t.test('an ACK is no proof: it is acknowledged first, and proven when the Stop comes', async t => {
  const { world, nas } = await scene()
  nas.conduct = 'liar'
  world.suspend('alice')
  await settle()
  t.strictSame(world.states('alice'), ['requested', 'sent', 'acknowledged'])
  await world.time.pass(1200)
  nas.conduct = 'obeys'
  world.cut(nas, 's1')
  await settle()
  t.match(world.last('alice'), { state: 'proven', proof: 'stop', afterMs: 1200 })
})

t.test('a refused Access-Request of the same equipment is proof too; of another it is none', async t => {
  const { world, nas } = await scene()
  nas.conduct = 'liar'
  world.suspend('alice')
  await settle()
  const refusal = { subscriber: 'alice', userName: 'alice', nas: 'bras-1', code: 'SUSPENDED', at: world.time.now }
  world.sessions.emit('refused', { ...refusal, callingStation: 'another' })
  world.sessions.emit('refused', { ...refusal, callingStation: '02-alice', nas: 'bras-2' })
  await settle()
  t.equal(world.last('alice')?.state, 'acknowledged')
  world.sessions.emit('refused', { ...refusal, callingStation: '02-alice' })
  await settle()
  t.match(world.last('alice'), { state: 'proven', proof: 'refused' })
})

t.test(
  'no proof in time: the next way is tried; all ways spent: it failed, and an alarm says what to check',
  async t => {
    const { world, nas } = await scene(['alice'], {}, ['disconnect', 'change'])
    nas.drivers.push(nas.driver('mikrotik', ['block', 'restore']))
    nas.conduct = 'liar'
    world.suspend('alice', 'walled-garden')
    await world.time.pass(30)
    t.strictSame(nas.verbs(), ['coa'])
    await world.time.pass(enforcementDefaults.unobserved)
    t.strictSame(nas.verbs(), ['coa', 'disconnect'], 'nobody can read the NAS back: CoA is not waited for long')
    await world.time.pass(enforcementDefaults.proof)
    t.strictSame(nas.verbs(), ['coa', 'disconnect', 'block'])
    t.match(world.last('alice'), { state: 'proven', way: 'api', proof: 'observed' })
  }
)

t.test('all ways spent: it failed, an alarm says what to check, and proof that comes late is taken', async t => {
  const { world, nas } = await scene()
  nas.conduct = { nak: 501 }
  world.suspend('alice')
  await world.time.pass(100)
  t.match(world.last('alice'), {
    state: 'failed',
    errorCause: 501,
    way: 'disconnect',
    detail: /alice on bras-1: disconnect tried in vain.*log of the NAS/
  })
  t.equal(world.enforcement.status().alarms.length, 1)
  world.cut(nas, 's1')
  await settle()
  t.match(world.last('alice'), { state: 'proven', proof: 'stop' })
  t.strictSame(world.enforcement.status().alarms, [])
})

t.test('a failed order is tried again by itself, without repeating its complaint', async t => {
  const { world, nas } = await scene()
  nas.conduct = { nak: 501 }
  world.suspend('alice')
  await world.time.pass(2 * enforcementDefaults.repair)
  t.equal(world.states('alice').filter(state => state === 'failed').length, 1)
  nas.conduct = 'obeys'
  await world.time.pass(enforcementDefaults.repair + enforcementDefaults.round)
  t.equal(world.last('alice')?.state, 'proven')
})

t.test('no way at all is said at once', async t => {
  const { world } = await scene(['alice'], {}, [])
  world.suspend('alice')
  await settle()
  t.match(world.last('alice'), { state: 'failed', detail: /no way of doing it is configured.*Enable CoA/ })
})

t.test('a walled garden goes by CoA where it can be said, and back again', async t => {
  const { world, nas } = await scene(['alice'], {}, ['disconnect', 'change', 'observe'])
  world.suspend('alice', 'walled-garden')
  await settle()
  t.match(world.last('alice'), { state: 'proven', way: 'coa', proof: 'observed', want: 'walled' })
  world.restore('alice')
  await settle()
  t.match(world.last('alice'), { state: 'proven', way: 'coa', proof: 'observed', want: 'full' })
  t.strictSame(nas.verbs(), ['coa', 'coa'])
  t.strictSame(world.wrong(), [])
})

t.test('a walled garden that CoA cannot say comes with the next Access-Accept, and that proves it', async t => {
  const { world, nas } = await scene(['alice'], { vendor: 'mikrotik' })
  world.suspend('alice', 'walled-garden')
  await world.time.pass(100)
  t.strictSame(nas.verbs(), ['disconnect'])
  t.notOk(world.states('alice').slice(0, -1).includes('proven'))
  t.match(world.last('alice'), { state: 'proven', proof: 'reauthentication', afterMs: 50 })
  world.restore('alice')
  await world.time.pass(100)
  t.match(world.last('alice'), { state: 'proven', proof: 'reauthentication', want: 'full' })
  t.strictSame(world.wrong(), [])
})

t.test('who does not come back after being cut for a restore is offline, which is proven by the Stop', async t => {
  const { world, nas } = await scene(['alice'], { vendor: 'mikrotik' })
  world.suspend('alice', 'walled-garden')
  await world.time.pass(100)
  nas.redials = false
  world.restore('alice')
  await world.time.pass(enforcementDefaults.proof)
  t.match(world.last('alice'), { state: 'proven', proof: 'stop', want: 'full' })
})

t.test('suspending and restoring somebody who is offline is proven at once', async t => {
  const { world, nas } = await scene([])
  world.person('bob')
  await world.restart()
  world.suspend('bob')
  await settle()
  t.match(world.notices('bob'), [{ state: 'requested' }, { state: 'proven', proof: 'offline', afterMs: 0 }])
  world.restore('bob')
  await settle()
  t.match(world.last('bob'), { state: 'proven', proof: 'offline', want: 'full' })
  t.strictSame(nas.verbs(), [])
})

t.test('a change of documents that changes nothing on the network is not an order', async t => {
  const { world, nas } = await scene()
  world.replica.put({ ...world.person('alice'), simultaneousUse: 2 })
  await settle()
  world.suspend('alice')
  await world.time.pass(200)
  const before = world.notices().length
  world.suspend('alice')
  await world.time.pass(200)
  t.equal(world.notices().length, before)
  t.strictSame(nas.verbs(), ['disconnect'])
})

t.test('the last word wins: nothing of the older order is sent any more', async t => {
  const { world, nas } = await scene(['alice'], {}, ['disconnect', 'change', 'observe'])
  nas.conduct = 'deaf'
  world.suspend('alice', 'walled-garden')
  await world.time.pass(100)
  t.strictSame(nas.verbs(), ['coa'])
  nas.conduct = 'obeys'
  world.restore('alice')
  await world.time.pass(60_000)
  t.match(
    nas.sent.map(({ kind }) => kind),
    ['walled', 'full'],
    'it is told again, for the first may have arrived'
  )
  const superseded = world.notices('alice').find(({ state }) => state === 'failed')
  t.match(superseded, { way: 'superseded', want: 'walled' })
  t.match(world.last('alice'), { state: 'proven', want: 'full' })
  t.strictSame(world.wrong(), [])
})

t.test('suspended and restored while still in the queue: the network hears nothing of it', async t => {
  const people = Array.from({ length: 20 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  nas.delay = 100
  for (const id of people) world.suspend(id)
  world.restore('p19')
  await world.time.pass(2000)
  t.notOk(nas.sent.some(({ session }) => session === 's20'))
  t.match(world.last('p19'), { state: 'proven', want: 'full' })
})

t.test('a session that opens while its owner is being suspended is cut too', async t => {
  const { world, nas } = await scene(['alice'])
  world.restore('alice')
  nas.conduct = 'liar'
  world.suspend('alice')
  await settle()
  const granted = { ...world.sessions.all.get('s1'), id: 'late', ticket: 'late', callingStation: 'other' }
  world.sessions.all.set('late', granted as never)
  world.sessions.emit('opened', granted as never)
  await settle()
  t.strictSame(nas.verbs('late'), ['disconnect'])
})

t.test('who is online and is granted again what the session has, costs no write', async t => {
  const { world, nas } = await scene(['alice'])
  const written: string[] = []
  const write = world.ledger.write.bind(world.ledger)
  world.ledger.write = changes => {
    written.push(...changes.map(({ table }) => table))
    return write(changes)
  }
  const home = { id: 'home', up: 1, down: 1 }
  const grant = (up: number): Grant => ({
    ticket: 'again',
    subscriber: 'alice',
    userName: 'alice',
    profile: 'home',
    nas: nas.nas.id,
    treatment: 'full',
    callingStation: '02-alice',
    at: world.time.now,
    given: { subscriber: world.replica.subscriber('alice')!, profile: up === 1 ? home : { ...home, up } }
  })
  const writes = async (up: number): Promise<number> => {
    written.length = 0
    world.sessions.emit('granted', grant(up))
    await settle()
    return written.filter(table => table === 'applied').length
  }
  t.equal(await writes(1), 1, 'the first time')
  t.equal(await writes(1), 0, 'and no more')
  t.equal(await writes(2), 1, 'another profile')
})

t.test('a new rate reaches every open session of the profile, paced, and nobody is cut for it', async t => {
  const people = Array.from({ length: 30 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  world.replica.putProfile({ id: 'home', up: 1, down: 1, filter: 'home-100' })
  await settle()
  t.equal(nas.sent.length, 1, 'the first at once')
  await world.time.pass(30 * enforcementDefaults.pace)
  t.equal(nas.sent.length, 30)
  t.strictSame(new Set(nas.verbs()), new Set(['coa']))
  t.strictSame(new Set(people.map(id => world.last(id)?.state)), new Set(['acknowledged']))
  await world.time.pass(60_000)
  t.strictSame(world.wrong(), [])
  t.strictSame(new Set(nas.verbs()), new Set(['coa']), 'an unproven change of rate does not end in a Disconnect')
})

t.test('restores overtake blocks, and both overtake changes of rate', async t => {
  const people = Array.from({ length: 30 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people, {}, ['disconnect', 'change', 'observe'])
  world.suspend('p0', 'walled-garden')
  await settle()
  nas.delay = 10
  nas.sent.length = 0
  for (const id of people.slice(1, 25)) world.suspend(id, 'walled-garden')
  world.restore('p0')
  await world.time.pass(500)
  t.ok(
    nas.sent.findIndex(({ session }) => session === 's1') <= enforcementDefaults.concurrency,
    'right after what was under way'
  )
})

t.test('a NAS that hangs delays nobody else', async t => {
  const people = Array.from({ length: 200 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  const other = world.nas('bras-2')
  world.person('zoe')
  world.dial('zoe', other)
  await settle()
  await world.restart({ brakes: { blocksPerHour: 1000 } })
  await settle(40)
  nas.conduct = 'deaf'
  for (const id of people) world.suspend(id)
  world.suspend('zoe')
  await settle()
  t.match(world.last('zoe'), { state: 'proven', afterMs: 0 })
  t.equal(nas.inFlight, enforcementDefaults.concurrency)
  t.match(world.enforcement.status().queues, [{ nas: 'bras-1', running: 8, waiting: 192 }])
})

t.test('a thousand suspensions on one NAS: a few at a time, all proven, the first at once', async t => {
  const people = Array.from({ length: 1000 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  await world.restart({ brakes: { blocksPerHour: 5000 } })
  await settle(100)
  nas.delay = 20
  nas.redials = false
  const before = world.time.now
  world.replica.put(
    ...people.map(id => ({
      id,
      username: id,
      profile: 'home',
      status: 'suspended' as const,
      suspension: { how: 'reject' as const }
    }))
  )
  t.equal(nas.sent[0]?.at, before)
  await settle(100)
  await world.time.pass(10_000)
  t.equal(world.notices().filter(({ state, afterMs }) => state === 'proven' && afterMs < 10_000).length, 1000)
  t.equal(nas.mostInFlight, enforcementDefaults.concurrency)
})
