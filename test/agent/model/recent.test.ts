import fc from 'fast-check'
import t from 'tap'
import { Recent } from '../../../agent/model/index.js'

t.test('the newest half is always there, and never more than was allowed', async t => {
  const key = fc.integer({ min: 0, max: 12 }).map(String)
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 9 }), fc.array(fc.tuple(key, fc.nat()), { maxLength: 200 }), (most, sets) => {
      const recent = new Recent<number>(most)
      const last = new Map<string, number>()
      for (const [name, value] of sets) {
        recent.set(name, value)
        last.delete(name)
        last.set(name, value)
        const newest = [...last].slice(-Math.floor(most / 2))
        if (newest.some(([known, held]) => recent.get(known) !== held)) return false
        const held = [...last].filter(([known]) => recent.get(known) !== undefined)
        if (held.length > most || held.some(([known, latest]) => recent.get(known) !== latest)) return false
      }
      return true
    }),
    { numRuns: 300, seed: 7 }
  )
  t.pass('300 histories hold')
})

t.test('what is replaced again and again leaves the others alone', async t => {
  const recent = new Recent<number>(4)
  recent.set('other', 1)
  for (let n = 0; n < 10_000; n++) recent.set('one', n)
  t.same([recent.get('one'), recent.get('other')], [9_999, 1])
  for (const key of ['one', 'two', 'other']) recent.set(key, 2)
  for (const key of ['one', 'other', 'never']) recent.delete(key)
  t.same([recent.get('one'), recent.get('two'), recent.get('other')], [undefined, 2, undefined])
})
