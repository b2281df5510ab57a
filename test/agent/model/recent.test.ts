import fc from 'fast-check'
import t from 'tap'
import { Recent } from '../../../agent/model/index.js'

t.test('a bounded map forgets as a Map does whose first key is deleted', async t => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key, value: fc.nat() }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({ do: fc.constant('trim' as const), most: fc.nat(4) })
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), steps => {
      const recent = new Recent<number>()
      const model = new Map<string, number>()
      for (const each of steps) {
        if (each.do === 'set') {
          recent.set(each.key, each.value)
          model.delete(each.key)
          model.set(each.key, each.value)
        } else if (each.do === 'delete') {
          recent.delete(each.key)
          model.delete(each.key)
        } else {
          recent.trim(each.most)
          for (const first of [...model.keys()].slice(0, Math.max(0, model.size - each.most))) model.delete(first)
        }
        if (recent.size !== model.size || recent.oldest() !== [...model.values()][0]) return false
        if ([...model].some(([name, value]) => recent.get(name) !== value)) return false
      }
      return true
    }),
    { numRuns: 300, seed: 7 }
  )
  t.pass('300 histories agree')
})

t.test('what is replaced again and again leaves nothing behind', async t => {
  const recent = new Recent<number>()
  for (let n = 0; n < 10_000; n++) recent.set('one', n)
  t.equal(recent.size, 1)
  t.equal(recent.oldest(), 9_999)
  recent.forgetOldest()
  t.same([recent.size, recent.oldest(), recent.get('one')], [0, undefined, undefined])
  recent.forgetOldest()
  t.equal(recent.size, 0)
})
