import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openLedger } from '../../../agent/ledger/index.js'
import type { Subscriber } from '../../../agent/model/index.js'
import { LearntMacs, Replica, SealedCodec } from '../../../agent/subscribers/index.js'
import { SecretStore, sealKeys } from '../../../config/index.js'
import { MemoryLedger } from '../uplink/memory-ledger.js'

const alice: Subscriber = {
  id: 'sub_1',
  username: 'alice',
  status: 'active',
  profile: 'home',
  credentials: { password: 'correct horse battery staple' },
  bind: { learnMacs: 2 }
}
const put = (document: Subscriber) => [{ kind: 'subscriber' as const, id: document.id, document }]
const old = Buffer.alloc(32, 1)
const young = Buffer.alloc(32, 2)

function octetsIn(directory: string): Buffer {
  return Buffer.concat(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .map(name => join(directory, name))
      .filter(path => statSync(path).isFile())
      .map(path => readFileSync(path))
  )
}

t.test('no password lies on the disk in clear', async t => {
  const directory = t.testdir()
  for (const codec of [undefined, new SealedCodec(old)]) {
    const place = join(directory, codec === undefined ? 'clear' : 'sealed')
    const ledger = await openLedger({ directory: place })
    const replica = await Replica.open(ledger, codec === undefined ? {} : { codec })
    await replica.apply(put(alice), 'c1')
    await ledger.close()
    const found = octetsIn(place)
    t.equal(found.includes('correct horse battery staple'), codec === undefined)
    t.equal(found.includes('alice'), codec === undefined)
  }
})

t.test('documents in clear and under a previous key are read and sealed with the present one', async t => {
  const ledger = new MemoryLedger()
  await (await Replica.open(ledger)).apply(put(alice), 'c1')
  t.same((await Replica.open(ledger, { codec: new SealedCodec(old) })).subscriber('sub_1'), alice)
  const rotated = await Replica.open(ledger, { codec: new SealedCodec(young, { previous: [old] }) })
  t.same(rotated.subscriber('sub_1'), alice)
  t.equal(rotated.cursor, 'c1')
  const { writes } = ledger
  t.same(
    (await Replica.open(ledger, { codec: new SealedCodec(young) })).subscriber('sub_1'),
    alice,
    'the old key is not needed'
  )
  t.equal(ledger.writes, writes, 'nothing is left to seal')
})

t.test('another key stops the start with what to do, and loses nothing', async t => {
  const ledger = new MemoryLedger()
  await (await Replica.open(ledger, { codec: new SealedCodec(old) })).apply(put(alice), 'c1')
  await t.rejects(Replica.open(ledger, { codec: new SealedCodec(young, { from: 'file:seal.key' }) }), {
    code: 'SUBSCRIBERS_SEAL_KEY',
    message: /Put the key back.*file:seal\.key is [0-9a-f]{16}/
  })
  t.same((await Replica.open(ledger, { codec: new SealedCodec(old) })).subscriber('sub_1'), alice)
  const empty = await Replica.open(ledger, { codec: new SealedCodec(young, { discardUnreadable: true }) })
  t.equal(empty.subscriber('sub_1'), undefined)
  t.equal(empty.cursor, undefined, 'billing sends everything again')
})

t.test('a document that was tampered with is damaged, not believed', async t => {
  const codec = new SealedCodec(old)
  const stored = codec.encode('7\n{}')
  t.equal(codec.decode(stored), '7\n{}')
  t.notSame(codec.encode('7\n{}'), stored, 'never the same twice')
  for (const at of [21, stored.length - 1]) {
    const changed = Buffer.from(stored)
    changed[at]! ^= 1
    t.throws(() => codec.decode(changed))
  }
  t.throws(() => codec.decode(stored.subarray(0, 12)))
  t.throws(() => new SealedCodec(Buffer.alloc(15)), RangeError)
})

t.test('the key is made once, for this user alone, where none is configured', async t => {
  const data = t.testdir({})
  const sealing = { previous: [], discardUnreadable: false }
  const first = sealKeys({ data, sealing }, new SecretStore())
  t.match(first, { made: true, from: join(data, 'seal.key') })
  t.equal(statSync(join(data, 'seal.key')).mode & 0o777, 0o600)
  const second = sealKeys({ data, sealing }, new SecretStore())
  t.equal(second.made, false)
  t.same(second.key, first.key)
})

t.test('learnt MAC addresses survive a restart; another binding or a reset forgets them', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger)
  await replica.apply(put(alice))
  const learnt = await LearntMacs.open(ledger, replica)
  learnt.learn(alice, '00:00:00:00:00:01')
  learnt.learn(alice, '00:00:00:00:00:01')
  learnt.learn(alice, '00:00:00:00:00:02')
  t.same(learnt.of('sub_1'), ['00:00:00:00:00:01', '00:00:00:00:00:02'], 'at once')
  await ledger.settled()
  await replica.apply(put({ ...alice, profile: 'other' }))
  t.equal((await LearntMacs.open(ledger, replica)).of('sub_1').length, 2, 'another document with the same binding')
  t.equal(await learnt.reset('sub_1'), 2)
  t.same((await LearntMacs.open(ledger, replica)).of('sub_1'), [])
  learnt.learn(alice, '00:00:00:00:00:03')
  await ledger.settled()
  await replica.apply(put({ ...alice, bind: { learnMacs: 1 } }))
  t.same(learnt.of('sub_1'), [], 'another binding starts anew')
  await ledger.settled()
  t.same((await LearntMacs.open(ledger, replica)).of('sub_1'), [])
})
