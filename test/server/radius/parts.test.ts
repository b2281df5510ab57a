import fc from 'fast-check'
import t from 'tap'
import { LedgerError } from '../../../agent/ledger/index.js'
import { type Entry, readNotice, RecordKind } from '../../../agent/model/index.js'
import { Code, encodeRequest, Packet } from '../../../protocols/radius/index.js'
import { Delayed } from '../../../server/radius/delayed.js'
import { Duplicates } from '../../../server/radius/duplicates.js'
import { printable } from '../../../server/radius/printable.js'
import { Quiet } from '../../../server/radius/quiet.js'
import { ReplyRing } from '../../../server/radius/reply-ring.js'
import type { Rejected } from '../../../server/radius/rejected.js'
import { Rejections } from '../../../server/radius/rejections.js'
import { lines, secret, T0 } from './rig.js'

const NOTHING = Buffer.alloc(0)

function packet(identifier: number): Packet {
  return Packet.decode(encodeRequest(Code.AccessRequest, identifier, Buffer.alloc(0), secret).datagram) as Packet
}

t.test('printable: one line of at most 64 characters, whatever came', async t => {
  t.equal(printable('alice@example.net'), 'alice@example.net')
  t.equal(printable('Jürgen 李 🦆'), 'Jürgen 李 🦆')
  t.equal(printable('a\r\nb\u0000\u007f\u0085'), 'a\\x0d\\x0ab\\x00\\x7f\\x85')
  t.equal(printable('a\u202eb\u2028'), 'a\\u202eb\\u2028')
  t.equal(printable('x'.repeat(64)), 'x'.repeat(64))
  t.equal(printable('x'.repeat(65)), `${'x'.repeat(64)}…`)
  t.equal(printable(`${'x'.repeat(63)}🦆`), `${'x'.repeat(63)}\\ud83e…`, 'half a character is shown as what it is')
})

t.test('Quiet: one line a minute about a thing, with how many were held back; many things share one', async t => {
  let now = T0
  const quiet = new Quiet(() => now, 60_000, 2)
  t.equal(quiet.may('a'), 0)
  t.equal(quiet.may('a'), undefined)
  t.equal(quiet.may('b'), 0)
  t.equal(quiet.may('c'), 0, 'the third kind has the line of all others')
  t.equal(quiet.may('d'), undefined)
  now += 59_999
  t.equal(quiet.may('a'), undefined)
  now += 1
  t.equal(quiet.may('a'), 2)
  now += 60_000
  t.equal(quiet.may('e'), 0, 'those that went quiet make room')
  now -= 3_600_000
  t.equal(quiet.may('e'), 0, 'a clock that was set back silences nobody')
})

t.test('Delayed: all wait equally long, in order, on one timer', async t => {
  let now = T0
  const timers: { call: () => void; delay: number }[] = []
  const delayed = new Delayed(1000, 2, () => now, {
    start: (call, delay) => timers.push({ call, delay }),
    stop: () => {}
  })
  const called: string[] = []
  t.ok(delayed.add(() => called.push('first')))
  now += 400
  t.ok(delayed.add(() => called.push('second')))
  t.notOk(
    delayed.add(() => called.push('third')),
    'no more than two wait'
  )
  t.same(
    timers.map(({ delay }) => delay),
    [1000]
  )
  now += 600
  timers[0]!.call()
  t.same(called, ['first'])
  t.equal(timers[1]?.delay, 400)
  delayed.flush()
  t.same(called, ['first', 'second'])
  t.equal(delayed.size, 0)
})

t.test('Delayed: a clock that was set back holds nothing longer than the delay', async t => {
  let now = T0
  const timers: (() => void)[] = []
  const delayed = new Delayed(1000, 10, () => now, { start: call => timers.push(call), stop: () => {} })
  let called = 0
  delayed.add(() => called++)
  now -= 3_600_000
  timers[0]!()
  t.equal(called, 1)
})

t.test('Delayed: without a delay nothing waits', async t => {
  const delayed = new Delayed(0, 0, () => T0, { start: () => t.fail('a timer'), stop: () => {} })
  let called = 0
  t.ok(delayed.add(() => called++))
  t.equal(called, 1)
})

t.test('Duplicates: bounded per address and in all, the oldest make room', async t => {
  const duplicates = new Duplicates(() => T0, { age: 30_000, perSource: 2, overall: 3 })
  const [a, b, c, d, e] = Array.from({ length: 5 }, (_, n) => packet(n)) as [Packet, Packet, Packet, Packet, Packet]
  const isFresh = (address: string, packet: Packet) => duplicates.take(address, 1812, packet) >= 0
  t.ok(isFresh('192.0.2.1', a))
  t.ok(isFresh('192.0.2.1', b))
  t.notOk(isFresh('192.0.2.1', a))
  t.ok(isFresh('192.0.2.1', c), 'the third of one address pushes its first out')
  t.equal(duplicates.size, 2)
  t.ok(isFresh('192.0.2.2', d))
  t.ok(isFresh('192.0.2.3', e), 'the fourth in all pushes an old one out')
  t.equal(duplicates.size, 3)
  t.notOk(isFresh('192.0.2.1', c))
  t.notOk(isFresh('192.0.2.2', d))
  t.notOk(isFresh('192.0.2.3', e))
  t.ok(isFresh('192.0.2.1', a))
})

t.test('Duplicates: what is old is forgotten, when the address asks again and by the sweep', async t => {
  let now = T0
  const duplicates = new Duplicates(() => now, { age: 30_000, perSource: 10, overall: 10 })
  const first = packet(1)
  duplicates.take('192.0.2.1', 1, first)
  duplicates.take('192.0.2.2', 1, packet(2))
  now += 29_999
  t.notOk(duplicates.take('192.0.2.1', 1, first) >= 0)
  now += 1
  t.ok(duplicates.take('192.0.2.1', 1, first) >= 0)
  t.equal(duplicates.size, 2)
  duplicates.sweep()
  t.equal(duplicates.size, 1)
  now -= 60_000
  t.ok(duplicates.take('192.0.2.1', 1, first) >= 0, 'a clock that was set back keeps nothing for ever')
})

t.test('Duplicates: a late answer to a request whose place was taken disturbs nobody', async t => {
  const duplicates = new Duplicates(() => T0)
  const old = packet(7)
  const place = duplicates.take('192.0.2.1', 1, old)
  const young = packet(7)
  const other = duplicates.take('192.0.2.1', 1, young)
  t.ok(other >= 0)
  duplicates.answered(place, old, Buffer.from('late'))
  duplicates.forget(place, old)
  t.equal(duplicates.take('192.0.2.1', 1, young), ~other)
  t.equal(duplicates.replyOf(other), undefined)
  duplicates.answered(other, young, Buffer.from('in time'))
  t.same(duplicates.replyOf(other), Buffer.from('in time'))
  t.equal(duplicates.size, 1)
  duplicates.forget(other, young)
  duplicates.forget(other, young)
  t.equal(duplicates.size, 0, 'what is forgotten twice is forgotten once')
})

t.test('Duplicates: whatever comes, it recognises what a plain list would', async t => {
  const packets = Array.from({ length: 12 }, (_, n) => packet(n % 4))
  const step = fc.record({
    address: fc.constantFrom('a', 'b'),
    which: fc.nat(11),
    outcome: fc.constantFrom('answer', 'forget', '')
  })
  const limits = { age: 5, perSource: 3, overall: 4 }
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat(2)), { maxLength: 60 }), steps => {
      let now = T0
      const duplicates = new Duplicates(() => now, limits)
      let model: { address: string; packet: Packet; at: number; reply?: Buffer }[] = []
      for (const [{ address, which, outcome }, pause] of steps) {
        now += pause
        const asked = packets[which]!
        const place = duplicates.take(address, 1, asked)
        const known = model.find(one => one.address === address && one.packet === asked && now - one.at < limits.age)
        if (place < 0 !== (known !== undefined)) return false
        if (known !== undefined && Buffer.compare(duplicates.replyOf(~place) ?? NOTHING, known.reply ?? NOTHING) !== 0)
          return false
        if (known === undefined) {
          const taken = (one: { address: string; packet: Packet }) =>
            one.address === address && one.packet.identifier === asked.identifier
          model = model.filter(one => !taken(one) && !(one.address === address && now - one.at >= limits.age))
          const own = model.filter(one => one.address === address)
          if (own.length >= limits.perSource || model.length >= limits.overall) {
            const first = own[0] ?? model[0]
            model = model.filter(one => one !== first)
          }
          model.push({ address, packet: asked, at: now })
        }
        const mine = model.find(one => one.address === address && one.packet === asked)!
        const at = place < 0 ? ~place : place
        if (outcome === 'answer') duplicates.answered(at, asked, (mine.reply = Buffer.from(`${which} at ${now}`)))
        if (outcome === 'forget') duplicates.forget(at, asked)
        if (outcome === 'forget') model = model.filter(one => one !== mine)
        if (duplicates.size !== model.length) return false
      }
      return true
    }),
    { numRuns: 500, seed: 11 }
  )
  t.pass('500 histories agree')
})

t.test('ReplyRing: the newest replies are there, whole, and the oldest make room', async t => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(sizes, all => {
      const ring = new ReplyRing(100)
      const added = all.map((length, n) => ({ position: ring.add(Buffer.alloc(length, n)), length, n }))
      let octets = 0
      return added.toReversed().every(({ position, length, n }) => {
        octets += length
        const read = ring.read(position, length)
        if (read === undefined) return octets > 60 // what a round may leave unused at its end
        return read.equals(Buffer.alloc(length, n))
      })
    }),
    { numRuns: 300, seed: 3 }
  )
  t.pass('300 rings agree')
})

t.test('Rejections: gathered by who, where and why, and written once with their number', async t => {
  const written: Entry[] = []
  let full = true
  const ledger = {
    append: (entries: readonly Entry[]) => {
      if (full) throw new LedgerError('LEDGER_FULL')
      written.push(...entries)
      return { first: 1, durable: Promise.resolve() }
    }
  }
  const { log } = lines()
  const rejections = new Rejections({ ledger, clock: () => T0 + 60_000, log })
  const one = {
    subscriber: 'sub_1',
    userName: 'alice',
    nas: 'bras-1',
    code: 'WRONG_CREDENTIAL',
    words: 'No.',
    callingStation: ''
  }
  rejections.note({ ...one, at: T0 })
  rejections.note({ ...one, at: T0 + 2000 })
  rejections.note({ ...one, nas: 'bras-2', at: T0 })
  rejections.note({ ...one, subscriber: '', userName: 'no\u001bbody', code: 'UNKNOWN_SUBSCRIBER', at: T0 })
  rejections.flush()
  t.same(written, [], 'a ledger that takes nothing now gets it later')
  full = false
  rejections.flush()
  rejections.flush()
  t.ok(written.every(({ kind, time }) => kind === RecordKind.accessRejected && time === T0 + 60_000))
  t.match(
    written.map(({ payload }) => readNotice(payload)),
    [
      {
        subject: 'sub_1',
        nas: 'bras-1',
        count: 2,
        firstAt: '2026-11-23T12:00:00.000Z',
        lastAt: '2026-11-23T12:00:02.000Z'
      },
      { subject: 'sub_1', nas: 'bras-2', count: 1 },
      { username: 'no\\x1bbody', code: 'UNKNOWN_SUBSCRIBER', count: 1 }
    ]
  )
  t.equal(written.length, 3)
  t.notOk('subject' in readNotice(written[2]!.payload))
})

t.test('Rejections: people see each kind with its number, the log once an hour and thirty a minute', async t => {
  const ledger = { append: () => ({ first: 1, durable: Promise.resolve() }) }
  const { log, lines: told } = lines()
  let now = T0
  const rejections = new Rejections({ ledger, clock: () => now, log })
  const one = { subscriber: 'sub_1', userName: 'al\u001bice', nas: 'n', callingStation: '', code: 'WRONG_CREDENTIAL' }
  const note = (change: Partial<Rejected> = {}) => rejections.note({ ...one, words: 'No.', at: now, ...change })
  for (let minute = 0; minute < 59; minute++) {
    note()
    note()
    rejections.flush()
    now += 60_000
  }
  t.match(told, [{ msg: 'not let on: No.', code: 'WRONG_CREDENTIAL', userName: 'al\\x1bice' }])
  t.equal(told.length, 1)
  t.match(rejections.lately.list(), [{ userName: 'al\\x1bice', count: 118, at: T0, lastAt: T0 + 58 * 60_000 }])
  now += 120_000
  note({ words: 'No, once more.' })
  t.match(told[1], { earlier: 118 })
  t.equal(rejections.lately.wordsOf('sub_1', 'WRONG_CREDENTIAL'), 'No, once more.')
  for (let n = 0; n < 600; n++) note({ subscriber: '', userName: `guess${n}` })
  t.equal(told.length, 2 + 29, 'guessing does not flood the log')
  t.equal(rejections.lately.list().length, 500)
  t.equal(rejections.lately.list(1).length, 1)
  t.equal(rejections.lately.lastHour(), 500)
  now += 3_600_001
  t.equal(rejections.lately.lastHour(), 0)
})

t.test('Rejections: a thousand kinds a minute are told apart, the rest is one', async t => {
  const written: Entry[] = []
  const ledger = {
    append: (entries: readonly Entry[]) => (written.push(...entries), { first: 1, durable: Promise.resolve() })
  }
  const { log } = lines()
  const rejections = new Rejections({ ledger, clock: () => T0, log })
  for (let n = 0; n < 1500; n++) {
    rejections.note({
      subscriber: '',
      userName: `guess${n}`,
      nas: 'n',
      code: 'UNKNOWN_SUBSCRIBER',
      words: '',
      callingStation: '',
      at: T0
    })
  }
  rejections.close()
  t.equal(written.length, 1001)
  t.match(readNotice(written.at(-1)!.payload), { username: '…others', code: 'OTHERS', count: 500 })
})
