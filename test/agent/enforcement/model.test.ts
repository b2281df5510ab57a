import * as fc from 'fast-check'
import t from 'tap'
import { enforcementDefaults } from '../../../agent/enforcement/index.js'
import { type FakeNas, settle, World } from './world.js'

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
  const property = fc.assert(
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
  await t.resolves(property)
})
