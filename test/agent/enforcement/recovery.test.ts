import { pino } from 'pino'
import t from 'tap'
import { enforcementDefaults, pruneEvidence, verifyEvidence } from '../../../agent/enforcement/index.js'
import { Rates } from '../../../agent/enforcement/rates.js'
import { Standing } from '../../../agent/enforcement/standing.js'
import { Store } from '../../../agent/enforcement/store.js'
import { scene, settle, World } from './world.js'

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
  await settle(200)
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

t.test(
  'a rate or a block that is noted anew after billing removed the subscriber is still that of one who left',
  async t => {
    const { ledger } = new World()
    const store = new Store(ledger, pino({ level: 'silent' }))
    const [rates, standing] = [await Rates.open(store), await Standing.open(store)]
    const alice = { subscriber: 'alice', addresses: ['192.0.2.7'] }
    const rate = { up: 1, down: 2 }
    const block = { ...alice, kind: 'blocked', ports: [], names: [], nases: [] } as const
    await rates.note({ ...alice, device: 'gw', rate })
    await standing.note({ ...block, device: 'gw' })
    for (const marks of [rates, standing]) marks.removed('alice', true)
    for (const device of ['gw', 'gw-2']) {
      await rates.note({ ...alice, device, rate })
      await standing.note({ ...block, device })
    }
    await store.close()
    for (const marks of [await Rates.open(store), await Standing.open(store)]) {
      t.strictSame(marks.departed(), ['alice'])
      marks.removed('alice', false)
      t.strictSame(marks.departed(), [])
    }
  }
)
