import fc from 'fast-check'
import t from 'tap'
import { enforcementDefaults, pruneEvidence, verifyEvidence } from '../../../agent/enforcement/index.js'
import { type FakeNas, settle, World } from './world.js'

interface Scene {
  readonly world: World
  readonly nas: FakeNas
}

/** One NAS, and `people` online on it. */
async function scene(
  people: readonly string[] = ['alice'],
  nas: Parameters<World['nas']>[1] = {},
  capabilities?: Parameters<World['nas']>[2]
): Promise<Scene> {
  const world = new World()
  const box = world.nas('bras-1', nas, capabilities)
  for (const id of people) world.person(id)
  await world.start()
  for (const id of people) world.dial(id, box)
  await settle()
  return { world, nas: box }
}

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
  nas.conduct = 'deaf'
  for (const id of people) world.suspend(id)
  world.suspend('zoe')
  await settle()
  t.match(world.last('zoe'), { state: 'proven', afterMs: 0 })
  t.equal(nas.inFlight, enforcementDefaults.concurrency)
  t.match(world.enforcement.status().queues, [{ nas: 'bras-1', running: 8, waiting: 192 }])
})

t.test('the brake: beyond the cap an hour, blocks wait for a person; restores never do', async t => {
  const people = Array.from({ length: 60 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  for (const id of people) world.suspend(id)
  await world.time.pass(1000)
  t.equal(nas.sent.length, 50)
  t.match(world.enforcement.status(), { held: 10, brake: { used: 50, limit: 50 } })
  t.match(world.last('p59'), { state: 'held', detail: /release the brake/ })
  t.ok(world.enforcement.isHeld('p59'))
  world.restore('p59')
  await settle()
  t.match(world.last('p59'), { state: 'failed', way: 'superseded', detail: /before anything was done/ })
  world.restore('p0')
  await world.time.pass(1000)
  t.match(world.last('p0'), { state: 'proven', want: 'full' })
  await world.restart()
  t.equal(world.enforcement.status().held, 9, 'a restart does not release it')
  t.equal(nas.sent.length, 50)
  world.commands.emit('requested', { id: 'c1', verb: 'release-brake' })
  await world.time.pass(1000)
  t.equal(nas.sent.length, 59)
  t.match(world.commands.completed, [{ id: 'c1', outcome: 'done', words: '9 held decisions went on.' }])
  t.match(world.enforcement.status(), { held: 0, open: 0, failed: 0 })
})

t.test('the cap is a share of the subscribers where that is more, and is free again after an hour', async t => {
  const world = new World()
  world.nas('bras-1')
  for (let n = 0; n < 2000; n++) world.person(`p${n}`)
  await world.start()
  for (let n = 0; n < 101; n++) world.suspend(`p${n}`)
  await settle()
  t.match(world.enforcement.status(), { held: 1, brake: { used: 100, limit: 100 } })
  await world.time.pass(62 * 60_000)
  t.equal(world.enforcement.status().brake.used, 0)
  world.suspend('p500')
  await settle()
  t.equal(world.last('p500')?.state, 'proven')
})

t.test('stale data blocks nobody: what would make things worse is held until it is fresh', async t => {
  const { world, nas } = await scene(['alice', 'bob'])
  let stale: string | undefined = 'the cloud has not been heard for two days'
  world.suspend('bob', 'walled-garden')
  await world.time.pass(100)
  await world.restart({ mayBlock: () => stale })
  nas.sent.length = 0
  world.suspend('alice')
  world.restore('bob')
  await world.time.pass(20_000)
  t.match(world.last('alice'), { state: 'held', detail: /two days/ })
  t.match(world.last('bob'), { state: 'proven', want: 'full' })
  t.notOk(nas.sent.some(({ session }) => session === 's1'))
  stale = undefined
  await world.time.pass(enforcementDefaults.round)
  t.match(world.last('alice'), { state: 'proven', want: 'blocked' })
})

t.test('a validity that ends is acted on when it ends', async t => {
  const { world, nas } = await scene()
  world.replica.put({ ...world.person('alice'), validUntil: new Date(world.time.now + 7_200_500).toISOString() })
  await world.time.pass(7_200_499)
  t.strictSame(nas.verbs(), [])
  await world.time.pass(1)
  t.strictSame(nas.verbs(), ['disconnect'])
  t.match(world.last('alice'), { state: 'proven', want: 'blocked', afterMs: 0 })
})

t.test('a subscriber whom billing removed is cut; one who is merely unknown is not', async t => {
  const { world, nas } = await scene(['alice', 'bob'])
  world.replica.remove('alice')
  await settle()
  t.strictSame(nas.verbs(), ['disconnect'])
  world.replica.people.delete('bob')
  await world.restart()
  await world.time.pass(60_000)
  t.strictSame(nas.verbs(), ['disconnect'], 'a replica that lost somebody cuts nobody')
})

t.test('the first start takes everybody as found: no flood of orders, and who is online is put right', async t => {
  const world = new World()
  const nas = world.nas('bras-1')
  for (let n = 0; n < 100; n++) world.person(`p${n}`, { status: 'suspended', suspension: { how: 'reject' } })
  world.person('alice')
  world.dial('alice', nas, { announce: false })
  world.replica.people.set('alice', {
    id: 'alice',
    username: 'alice',
    profile: 'home',
    status: 'suspended',
    suspension: { how: 'reject' }
  })
  await world.start()
  t.strictSame([...new Set(world.notices().map(({ subject }) => subject))], ['alice'])
  t.strictSame(nas.verbs(), ['disconnect'])
})

t.test('a new subscriber who is suspended from the start is no order either', async t => {
  const { world } = await scene()
  const fresh = {
    id: 'new',
    username: 'new',
    profile: 'home',
    status: 'suspended',
    suspension: { how: 'reject' }
  } as const
  world.replica.put(fresh)
  await settle()
  t.strictSame(world.notices('new'), [])
})

t.test('after a restart: what was decided meanwhile is carried out, what was under way is taken up', async t => {
  const { world, nas } = await scene(['alice', 'bob'])
  nas.conduct = 'deaf'
  world.suspend('alice')
  await world.time.pass(10)
  const { enforcement } = world.last('alice') ?? {}
  await world.enforcement.close()
  world.suspend('bob')
  nas.conduct = 'obeys'
  await world.start()
  await world.time.pass(1000)
  t.match(world.last('alice'), { state: 'proven', enforcement }, 'under the same id')
  t.match(world.last('bob'), { state: 'proven', proof: 'stop' })
})

t.test('after a restart the treatment of open sessions is known: nothing is sent that they have', async t => {
  const { world, nas } = await scene(['alice', 'bob'], {}, ['disconnect', 'change', 'observe'])
  world.suspend('alice', 'walled-garden')
  await settle()
  await world.restart()
  await world.time.pass(60_000)
  t.strictSame(nas.verbs(), ['coa'])
})

t.test('where nobody remembers, the last that was proven counts, and else the whole profile', async t => {
  const { world, nas } = await scene(['alice', 'bob'])
  world.suspend('alice', 'walled-garden')
  await world.time.pass(10_000)
  await world.enforcement.close()
  world.ledger.tables.delete('applied')
  nas.sent.length = 0
  await world.start()
  await world.time.pass(100)
  t.strictSame(nas.verbs(), [])
  await world.enforcement.close()
  world.ledger.tables.delete('applied')
  world.ledger.tables.delete('decisions')
  await world.start()
  t.strictSame(nas.verbs(), ['coa'], 'alice, who is taken to have everything')
})

t.test('a NAS that comes back is put right: by its first packet after a silence', async t => {
  const { world, nas } = await scene()
  world.enforcement.nasSeen('bras-1')
  nas.conduct = { nak: 501 }
  world.suspend('alice')
  await world.time.pass(1000)
  t.equal(world.last('alice')?.state, 'failed')
  nas.conduct = 'obeys'
  await world.time.pass(enforcementDefaults.silence + 1)
  t.equal(world.last('alice')?.state, 'failed')
  world.enforcement.nasSeen('bras-1')
  await settle()
  t.equal(world.last('alice')?.state, 'proven')
})

t.test('a NAS that did not answer is probed, and what waited for it is made up when it does', async t => {
  const people = Array.from({ length: 20 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  nas.conduct = 'deaf'
  for (const id of people) world.suspend(id)
  await world.time.pass(40_000)
  t.match(
    world.enforcement.status().alarms.find(({ key }) => key === 'nas:bras-1/radius-dae'),
    { words: /bras-1 does not answer/ }
  )
  t.equal(world.enforcement.status().failed, 20)
  const asked = nas.sent.length
  t.ok(asked < 60, `${asked} requests to a dead NAS in 40 s`)
  nas.conduct = 'obeys'
  await world.time.pass(36_000)
  t.match(world.enforcement.status(), { failed: 0, open: 0, alarms: [] })
  t.strictSame(world.wrong(), [])
})

t.test('no such session: a silent one is gone, a live one is an alarm that speaks of keys', async t => {
  const { world, nas } = await scene(['alice', 'bob'])
  nas.conduct = { nak: 503 }
  const silent = world.sessions.all.get('s1')
  if (silent !== undefined) world.sessions.all.set('s1', { ...silent, state: 'stale' })
  world.suspend('alice')
  world.suspend('bob')
  await world.time.pass(enforcementDefaults.proof + 100)
  t.match(world.last('alice'), { state: 'proven', proof: 'offline' })
  t.match(world.last('bob'), { state: 'failed', errorCause: 503, detail: /keys do not match/ })
})

t.test('the command disconnect ends a session, once, and says how', async t => {
  const { world, nas } = await scene(['alice', 'bob'])
  const command = { id: 'c1', verb: 'disconnect', arguments: { subscriber: 'alice' } } as const
  world.commands.emit('requested', command)
  world.commands.emit('requested', command)
  await settle()
  t.strictSame(nas.verbs(), ['disconnect'])
  t.match(world.commands.completed, [{ id: 'c1', outcome: 'done', words: /ended \(stop\)/ }])
  world.commands.emit('requested', { id: 'c2', verb: 'disconnect', arguments: { session: 'nowhere' } })
  world.commands.emit('requested', { id: 'c3', verb: 'disconnect' })
  nas.conduct = { nak: 504 }
  world.commands.emit('requested', { id: 'c4', verb: 'disconnect', arguments: { session: 's2' } })
  world.commands.emit('requested', { id: 'c5', verb: 'reboot' })
  await settle()
  t.match(world.commands.completed.slice(1), [
    { id: 'c2', outcome: 'done', words: /nothing to do/ },
    { id: 'c3', outcome: 'refused' },
    { id: 'c4', outcome: 'failed', words: /504/ }
  ])
  t.strictSame(world.notices(), [], 'billing hears of commands by their outcome')
})

t.test('a command past its deadline is expired, and nothing more is sent for it', async t => {
  const { world, nas } = await scene()
  nas.conduct = 'liar'
  const deadline = new Date(world.time.now + 3000).toISOString()
  world.commands.emit('requested', { id: 'c1', verb: 'disconnect', arguments: { session: 's1' }, deadline })
  await world.time.pass(3000)
  t.match(world.commands.completed, [{ id: 'c1', outcome: 'expired' }])
  await world.time.pass(60_000)
  t.strictSame(nas.verbs(), ['disconnect'])
})

t.test('reauthorize tells the session again what it should have', async t => {
  const { world, nas } = await scene()
  world.commands.emit('requested', { id: 'c1', verb: 'reauthorize', arguments: { session: 's1' } })
  await world.time.pass(100)
  t.strictSame(nas.verbs(), ['coa'])
  t.match(world.commands.completed, [{ id: 'c1', outcome: 'done', words: 'CoA-ACK' }])
})

t.test('commands that were pending when the agent stopped are taken up', async t => {
  const { world, nas } = await scene()
  world.commands.waiting.push({ id: 'c1', verb: 'disconnect', arguments: { subscriber: 'alice' } })
  await world.restart()
  t.strictSame(nas.verbs(), ['disconnect'])
  t.match(world.commands.completed, [{ id: 'c1', outcome: 'done' }])
})

t.test('the evidence log says who, why, what and what proved it, and shows any change to it', async t => {
  const { world } = await scene()
  world.enforcement.orderedBy('alice', 'operator jan')
  world.suspend('alice')
  await world.time.pass(100)
  world.restore('alice')
  await world.time.pass(100)
  await world.enforcement.close()
  const entries = []
  for await (const entry of world.enforcement.evidence('alice')) entries.push(entry)
  t.match(entries[0], {
    sequence: 1,
    orderedBy: 'operator jan',
    reference: 'invoice alice',
    noticeAt: '2026-11-01T00:00:00Z',
    reason: /unpaid/,
    state: 'requested',
    want: 'blocked'
  })
  t.match(
    entries.map(({ state }) => state),
    ['requested', 'sent', 'proven', 'requested', 'proven']
  )
  t.equal(entries[3]?.orderedBy, 'billing')
  const good = await verifyEvidence(world.ledger)
  t.match(good, { entries: 5, broken: undefined, head: entries.at(-1)?.hash })
  const table = world.ledger.tables.get('evidence') ?? new Map<string, Buffer>()
  const whole = [...table].sort(([a], [b]) => a.localeCompare(b))
  const check = async (entries: readonly (readonly [string, Buffer])[]): Promise<unknown> => {
    world.ledger.tables.set('evidence', new Map(entries))
    return (await verifyEvidence(world.ledger)).broken
  }
  const changed = whole.map(
    ([key, value], n) => [key, n === 2 ? Buffer.from(value.toString().replace('stop', 'drop')) : value] as const
  )
  t.match(await check(changed), { sequence: 3, why: /changed/ })
  t.match(await check(whole.toSpliced(2, 1)), { sequence: 3, why: /missing/ })
  t.match(await check(whole.slice(0, -1)), { sequence: 5, why: /last entries/ })
  t.equal(await check(whole), undefined)
})

t.test('evidence that has outlived its time is dropped, and the chain still holds', async t => {
  const { world } = await scene()
  world.suspend('alice')
  await world.time.pass(100)
  world.restore('alice')
  await world.time.pass(100)
  const dropped = await pruneEvidence(world.ledger, world.time.now - 100)
  t.equal(dropped, 3)
  t.match(await verifyEvidence(world.ledger), { entries: 2, broken: undefined })
  t.equal(await pruneEvidence(world.ledger, Infinity), 2)
  await world.restart()
  world.suspend('alice')
  await world.time.pass(100)
  t.match(await verifyEvidence(world.ledger), { entries: 2, broken: undefined })
})

t.test('a ledger that does not take notices gets them when it does', async t => {
  const { world } = await scene()
  world.ledger.full = true
  world.suspend('alice')
  await settle()
  t.strictSame(world.notices(), [])
  world.ledger.full = false
  await world.time.pass(2000)
  t.strictSame(world.states('alice'), ['requested', 'sent', 'proven'])
})

t.test('one that cannot be worked out does not stop the others', async t => {
  const world = new World()
  const nas = world.nas('bras-1')
  for (const id of ['a', 'b', 'c']) world.person(id)
  await world.start()
  for (const id of ['a', 'b', 'c']) world.dial(id, nas)
  await settle()
  await world.restart({
    policy: {
      desired: subscriber => {
        if (subscriber.id === 'b') throw new RangeError('a bug')
        return subscriber.status === 'active' ? { kind: 'full', reason: '' } : { kind: 'blocked', reason: '' }
      },
      render: (_subscriber, _profile, kind, reason) => ({ kind, reason, attributes: [] })
    }
  })
  const suspended = ['a', 'b', 'c'].map(id => ({ id, username: id, profile: 'home', status: 'suspended' as const }))
  world.replica.put(...suspended)
  await settle()
  t.strictSame(
    nas.sent.map(({ session }) => session),
    ['s1', 's3']
  )
})

t.test('a thousand suspensions on one NAS: a few at a time, all proven, the first at once', async t => {
  const people = Array.from({ length: 1000 }, (_, n) => `p${n}`)
  const { world, nas } = await scene(people)
  await world.restart({ brakes: { blocksPerHour: 5000 } })
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
  await world.time.pass(10_000)
  t.equal(world.notices().filter(({ state, afterMs }) => state === 'proven' && afterMs < 10_000).length, 1000)
  t.equal(nas.mostInFlight, enforcementDefaults.concurrency)
})

/** What can happen to a provider, in any order. */
const happening = fc.oneof(
  fc.record({
    what: fc.constant('suspend' as const),
    who: fc.nat(4),
    how: fc.constantFrom('reject' as const, 'walled-garden' as const, 'throttle' as const)
  }),
  fc.record({ what: fc.constant('restore' as const), who: fc.nat(4) }),
  fc.record({ what: fc.constant('rate' as const), filter: fc.constantFrom('home-50', 'home-100', 'home-200') }),
  fc.record({ what: fc.constant('time' as const), ms: fc.constantFrom(0, 10, 60, 700, 2500, 9000) }),
  fc.record({
    what: fc.constant('conduct' as const),
    nas: fc.nat(1),
    conduct: fc.constantFrom('deaf' as const, 'liar' as const, 'obeys' as const, { nak: 503 }, { nak: 501 })
  }),
  fc.record({ what: fc.constant('delay' as const), nas: fc.nat(1), ms: fc.constantFrom(0, 5, 300) }),
  fc.record({ what: fc.constant('hang up' as const), who: fc.nat(4) }),
  fc.record({ what: fc.constant('dial' as const), who: fc.nat(4) }),
  fc.record({ what: fc.constant('restart' as const) })
)

t.test('whatever happens in whatever order, in the end every session has what billing wants', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { minLength: 1, maxLength: 25 }),
      fc.constantFrom('standard' as const, 'mikrotik' as const, 'accel-ppp' as const),
      fc.boolean(),
      async (happenings, vendor, liars) => {
        const world = new World()
        const boxes = [
          world.nas('bras-0', { vendor }),
          world.nas('bras-1', { vendor }, ['disconnect', 'change', 'observe'])
        ]
        const people = ['p0', 'p1', 'p2', 'p3', 'p4']
        for (const id of people) world.person(id)
        await world.start()
        const boxOf = (who: number): FakeNas => boxes[who % 2] as FakeNas
        people.forEach((id, who) => world.dial(id, boxOf(who)))
        await settle()
        for (const one of happenings) {
          if (one.what === 'suspend') world.suspend(`p${one.who}`, one.how)
          if (one.what === 'restore') world.restore(`p${one.who}`)
          // An ACK ends a change of rate: a NAS that lies about one is not found out, by design.
          if (one.what === 'rate' && !liars)
            world.replica.putProfile({ id: 'home', up: 5_000_000, down: 50_000_000, filter: one.filter })
          if (one.what === 'time') await world.time.pass(one.ms)
          if (one.what === 'conduct' && (liars || one.conduct !== 'liar')) boxOf(one.nas).conduct = one.conduct
          if (one.what === 'delay') boxOf(one.nas).delay = one.ms
          if (one.what === 'hang up')
            for (const { id } of world.sessions.ofSubscriber(`p${one.who}`)) world.cut(boxOf(one.who), id)
          if (one.what === 'dial' && world.sessions.ofSubscriber(`p${one.who}`).length === 0)
            world.dial(`p${one.who}`, boxOf(one.who))
          if (one.what === 'restart') await world.restart()
        }
        for (const box of boxes) {
          box.conduct = 'obeys'
          box.delay = 0
        }
        await world.time.pass(2 * enforcementDefaults.repair + 60_000)
        const { open, failed, held, alarms } = world.enforcement.status()
        await world.enforcement.close()
        return world.wrong().length === 0 && open + failed + held === 0 && alarms.length === 0
      }
    ),
    { numRuns: Number(process.env['FC_RUNS'] ?? 60), seed: Number(process.env['FC_SEED'] ?? 20261123) }
  )
  t.pass()
})
