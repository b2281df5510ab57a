import t from 'tap'
import type { TreatmentKind } from '../../../agent/model/index.js'
import { desired, render } from '../../../agent/policy/index.js'
import { settle, World } from './world.js'

/* What moves enforcement beside billing's documents: quotas, and logins that replace others. */

t.test('a session that a newer login replaces is ended, and its Stop proves it', async t => {
  const world = new World()
  const nas = world.nas('bras-1')
  world.person('alice')
  await world.start()
  const old = world.dial('alice', nas)!
  nas.redials = false
  world.enforcement.replace([old])
  world.enforcement.replace([old])
  await settle()
  t.strictSame(nas.verbs(), ['disconnect'], 'asked twice, ended once')
  t.strictSame(world.states('alice'), ['requested', 'sent', 'proven'])
  t.match(world.notices('alice')[0], { want: 'blocked', session: old.id, detail: /^replaced: / })
  t.match(world.last('alice'), { proof: 'stop' })
  t.match(world.enforcement.status(), { open: 0, alarms: [] })
})

t.test('a session that cannot be ended is an alarm until it is gone', async t => {
  const world = new World()
  const nas = world.nas('bras-1')
  world.person('alice')
  await world.start()
  const old = world.dial('alice', nas)!
  nas.redials = false
  nas.conduct = { nak: 406 }
  world.enforcement.replace([old])
  await settle()
  await world.time.pass(60_000)
  t.equal(world.enforcement.status().alarms.length, 1)
  t.equal(world.last('alice')?.state, 'failed')
  world.cut(nas, old.id)
  await settle()
  t.same(world.enforcement.status().alarms, [])
})

t.test(
  'a quota that is used up changes the open session to its other profile by CoA, and a reset brings it back',
  async t => {
    const world = new World()
    const nas = world.nas('bras-1', { vendor: 'mikrotik' })
    world.replica.profiles.set('slow', { id: 'slow', up: 128_000, down: 256_000, filter: 'home-50' })
    world.person('alice', { quota: { octets: 1000, onExhausted: 'profile', profile: 'slow' } })
    let used = 0
    const standing = () => ({ used, octets: 1000, exhausted: used >= 1000, resetsAt: undefined })
    await world.start({
      policy: { desired: (who, profile, now) => desired(who, profile, now, standing()), render }
    })
    const session = world.dial('alice', nas)!
    await settle()
    const rate = () => nas.actual.get(session.id)?.attributes.find(({ name }) => name === 'Mikrotik-Rate-Limit')?.value
    t.equal(rate(), '5M/50M')
    used = 1000
    world.enforcement.reconsider('alice', 'quota')
    await settle()
    t.equal(rate(), '128k/256k')
    used = 0
    world.enforcement.reconsider('alice', 'quota')
    await world.time.pass(1000)
    t.equal(rate(), '5M/50M')
  }
)

t.test('a quota that suspends walls the subscriber in', async t => {
  const world = new World()
  const nas = world.nas('bras-1')
  world.person('alice', { quota: { octets: 1000, onExhausted: 'suspend' } })
  let exhausted = false
  const standing = () => ({ used: 0, octets: 1000, exhausted, resetsAt: undefined })
  await world.start({
    policy: { desired: (who, profile, now) => desired(who, profile, now, standing()), render }
  })
  const session = world.dial('alice', nas)!
  await settle()
  exhausted = true
  world.enforcement.reconsider('alice', 'quota')
  await settle()
  const kind: TreatmentKind | undefined = nas.actual.get(session.id)?.kind
  t.equal(kind, 'walled')
  t.match(world.notices('alice')[0], { want: 'walled', detail: /^quota used up/ })
})
