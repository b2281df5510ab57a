import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import t from 'tap'
import { openLedger } from '../../../agent/ledger/index.js'
import type { DocumentKind, Documents, Nas, Subscriber } from '../../../agent/model/index.js'
import { Replica, type Change, type DocumentCodec, type Snapshot } from '../../../agent/subscribers/index.js'
import { same } from '../../../agent/subscribers/same.js'
import { MemoryLedger } from '../uplink/memory-ledger.js'

const someone = (id: string, more: Partial<Subscriber> = {}): Subscriber => ({
  id,
  username: `name-${id}`,
  status: 'active',
  profile: 'home',
  ...more
})
const put = (document: Subscriber): Change => ({ kind: 'subscriber', id: document.id, document })
const drop = (id: string): Change => ({ kind: 'subscriber', id, document: undefined })
const snapshotOf = (...subscriber: Subscriber[]): Snapshot => ({ subscriber, profile: [], nas: [], device: [] })
const many = (count: number): Subscriber[] => Array.from({ length: count }, (_, n) => someone(`s${n}`))

function watch(replica: Replica): (readonly Change[])[] {
  const seen: (readonly Change[])[] = []
  replica.on('changed', changes => seen.push(changes))
  return seen
}

void t.test('documents and cursor are one write, and memory follows', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger)
  const seen = watch(replica)
  await replica.apply([put(someone('a')), put(someone('b'))], 'c1')
  t.equal(ledger.writes, 1)
  t.equal(replica.cursor, 'c1')
  t.equal(replica.subscriberByUserName('name-b')?.id, 'b')
  t.strictSame(
    seen.map(changes => changes.map(({ id }) => id)),
    [['a', 'b']]
  )
  t.strictSame(replica.counts(), { subscriber: 2, profile: 0, nas: 0, device: 0 })

  const again = await Replica.open(ledger)
  const byId = (a: Subscriber, b: Subscriber): number => (a.id < b.id ? -1 : 1)
  t.strictSame([...again.subscribers()].sort(byId), [...replica.subscribers()])
  t.equal(again.cursor, 'c1')
})

void t.test('a replay changes nothing, tells nothing and writes at most the cursor', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger)
  await replica.apply([put(someone('a', { addresses: { ipv4: '192.0.2.1', pool: 'p' } }))], 'c1')
  const seen = watch(replica)
  const reordered: Subscriber = { ...someone('a'), addresses: { pool: 'p', ipv4: '192.0.2.1' } }
  await replica.apply([put(reordered)], 'c1')
  t.equal(ledger.writes, 1, 'nothing to write')
  await replica.apply([put(reordered), drop('nobody')], 'c2')
  t.equal(ledger.writes, 2, 'the cursor alone')
  t.strictSame(seen, [])
})

void t.test('of several changes to one document the last counts, once', async t => {
  const replica = await Replica.open(new MemoryLedger())
  const seen = watch(replica)
  await replica.apply([put(someone('a', { profile: 'x' })), drop('a'), put(someone('a', { profile: 'y' }))])
  t.equal(replica.subscriber('a')?.profile, 'y')
  t.equal(seen.flat().length, 1)
})

void t.test('a write that fails changes nothing, and the next one works', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger)
  await replica.apply([put(someone('a'))], 'c1')
  const seen = watch(replica)
  ledger.failing = new Error('no space')
  await t.rejects(replica.apply([put(someone('a', { status: 'suspended' }))], 'c2'), /no space/)
  t.equal(replica.subscriber('a')?.status, 'active')
  t.equal(replica.cursor, 'c1')
  t.strictSame(seen, [])
  ledger.failing = undefined
  await replica.apply([put(someone('a', { status: 'suspended' }))], 'c2')
  t.equal(replica.subscriber('a')?.status, 'suspended')
})

void t.test('a listener that throws does not make an applied change look refused', async t => {
  const replica = await Replica.open(new MemoryLedger())
  replica.on('changed', () => {
    throw new Error('listener')
  })
  await replica.apply([put(someone('a'))], 'c1')
  t.equal(replica.cursor, 'c1')
})

void t.test(
  'two subscribers with one username: the newer wins, is reported, and stays so across a restart',
  async t => {
    const ledger = new MemoryLedger()
    const replica = await Replica.open(ledger)
    const contests: unknown[] = []
    replica.on('contested', found => contests.push(...found))
    await replica.apply([put(someone('z', { username: 'alice' }))])
    await replica.apply([put(someone('a', { username: 'alice' }))])
    t.equal(replica.subscriberByUserName('alice')?.id, 'a')
    t.strictSame(contests, [{ name: 'username', value: 'alice', kept: 'a', lost: 'z' }])
    const again = await Replica.open(ledger)
    t.equal(again.subscriberByUserName('alice')?.id, 'a', 'not simply the last by key')
    await again.apply([drop('a')])
    t.equal(again.subscriberByUserName('alice')?.id, 'z', 'the other has it back')
  }
)

void t.test('a closed subscriber never takes the username of an open one', async t => {
  const replica = await Replica.open(new MemoryLedger())
  const contests: unknown[] = []
  replica.on('contested', found => contests.push(...found))
  await replica.apply([put(someone('old', { username: 'alice', status: 'closed' }))])
  t.equal(replica.subscriberByUserName('alice')?.id, 'old')
  await replica.apply([put(someone('new', { username: 'alice' }))])
  await replica.apply([put(someone('old', { username: 'alice', status: 'closed', profile: 'other' }))])
  t.equal(replica.subscriberByUserName('alice')?.id, 'new')
  t.strictSame(contests, [], 'a name that is used again is no mistake')
  await replica.apply([put(someone('new', { username: 'bob' }))])
  t.equal(replica.subscriberByUserName('alice')?.id, 'old')
})

void t.test(
  'a MAC finds its subscriber in any spelling, and no longer once it is gone from the credentials',
  async t => {
    const replica = await Replica.open(new MemoryLedger())
    await replica.apply([put(someone('a', { credentials: { macs: ['02:00:00:00:00:0a', '02:00:00:00:00:0b'] } }))])
    for (const spelling of ['02:00:00:00:00:0a', '02-00-00-00-00-0A', '0200.0000.000A', '02000000000a'])
      t.equal(replica.subscriberByMac(spelling)?.id, 'a', spelling)
    t.equal(replica.subscriberByMac('02:00:00:00:00'), undefined)
    await replica.apply([put(someone('a', { credentials: { macs: ['02:00:00:00:00:0b'] } }))])
    t.equal(replica.subscriberByMac('02:00:00:00:00:0a'), undefined)
    t.equal(replica.subscriberByMac('02:00:00:00:00:0b')?.id, 'a')
  }
)

void t.test('a snapshot removes up to 20 % by itself, and tells only what differs', async t => {
  const replica = await Replica.open(new MemoryLedger())
  await replica.replaceAll(snapshotOf(...many(10)), 'c1')
  const seen = watch(replica)
  t.equal(await replica.replaceAll(snapshotOf(...many(8)), 'c2'), 'applied')
  t.strictSame(
    seen.flat().map(({ id, document }) => [id, document]),
    [
      ['s8', undefined],
      ['s9', undefined]
    ]
  )
})

void t.test('a snapshot that removes more is held whole, across restarts, until a person confirms it', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger, { clock: () => 7 })
  await replica.replaceAll(snapshotOf(...many(10)), 'c1')
  const seen = watch(replica)
  const left = [...many(6), someone('new')]
  t.equal(await replica.replaceAll(snapshotOf(...left), { cursor: 'c2', sequence: '9' }), 'held')
  t.equal(replica.counts().subscriber, 10)
  t.equal(replica.subscriber('new'), undefined, 'nothing of it is applied')
  t.equal(replica.cursor, 'c1')
  t.strictSame(seen, [])

  const again = await Replica.open(ledger)
  t.strictSame(again.held, { position: { cursor: 'c2', sequence: '9' }, at: 7, removes: 4, of: 10 })
  await again.confirmHeld()
  t.strictSame([...again.subscribers()].map(({ id }) => id).sort(), left.map(({ id }) => id).sort())
  t.strictSame(again.position, { cursor: 'c2', sequence: '9' })
  t.equal(again.held, undefined)
  t.strictSame([...(ledger.tables.get('held') ?? [])], [], 'nothing stays behind')
  await t.rejects(again.confirmHeld(), { code: 'SUBSCRIBERS_NOTHING_HELD' })
})

void t.test('a later snapshot that is in order ends the hold; one can be discarded by a person', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger)
  const holds: unknown[] = []
  replica.on('held', held => holds.push(held?.removes))
  await replica.replaceAll(snapshotOf(...many(10)), 'c1')
  await replica.replaceAll(snapshotOf(), 'c2')
  t.equal(await replica.replaceAll(snapshotOf(...many(9)), 'c3'), 'applied')
  t.equal(replica.held, undefined)
  await replica.replaceAll(snapshotOf(), 'c4')
  await replica.discardHeld()
  t.equal(replica.counts().subscriber, 9)
  t.strictSame(holds, [10, undefined, 9, undefined])
  t.equal((await Replica.open(ledger)).held, undefined)
})

void t.test('a snapshot that names a document twice is refused whole', async t => {
  const replica = await Replica.open(new MemoryLedger())
  await t.rejects(replica.replaceAll(snapshotOf(someone('a'), someone('a')), 'c'), {
    code: 'SUBSCRIBERS_DUPLICATE_DOCUMENT'
  })
  t.equal(replica.counts().subscriber, 0)
})

void t.test('documents go through the codec; one that cannot be read, or is missing, asks for a snapshot', async t => {
  const ledger = new MemoryLedger()
  const codec: DocumentCodec = {
    encode: text => Buffer.from(text).map(octet => octet ^ 0x55) as Buffer,
    decode: stored => Buffer.from(stored.map(octet => octet ^ 0x55)).toString()
  }
  const replica = await Replica.open(ledger, { codec })
  await replica.apply([put(someone('a', { credentials: { password: 'hunter2' } })), put(someone('b'))], 'c1')
  const stored = ledger.tables.get('documents') ?? new Map<string, Buffer>()
  t.equal(stored.size, 2)
  for (const octets of stored.values()) t.notMatch(octets.toString(), 'hunter2')
  t.equal((await Replica.open(ledger, { codec })).subscriber('a')?.credentials?.password, 'hunter2')

  const [pageOfA = ''] = [...stored].find(([, octets]) => codec.decode(octets).includes('hunter2')) ?? []
  stored.set(pageOfA, Buffer.from('rot'))
  const damaged = await Replica.open(ledger, { codec })
  t.equal(damaged.cursor, undefined)
  t.equal(damaged.subscriber('b')?.id, 'b')
  stored.delete(pageOfA)
  t.equal((await Replica.open(ledger, { codec })).cursor, undefined, 'the count tells')
})

/** Ids that lie in one page. */
function neighbours(count: number): string[] {
  const pageOf = (id: string): number => crc32(id) % 8192
  const found: string[] = []
  for (let n = 0; found.length < count; n++) if (pageOf(`s${n}`) === pageOf('s0')) found.push(`s${n}`)
  return found
}

void t.test('documents of one page come and go one by one, and the newest claim stands after a restart', async t => {
  const ledger = new MemoryLedger()
  const [first, second, third] = neighbours(3) as [string, string, string]
  const replica = await Replica.open(ledger)
  await replica.apply([put(someone(second, { username: 'u' })), put(someone(third)), put(someone('far'))])
  await replica.apply([put(someone(first, { username: 'u' }))])
  t.equal(ledger.tables.get('documents')?.size, 2)
  t.equal((await Replica.open(ledger)).subscriberByUserName('u')?.id, first, 'whatever its place in the page')
  await replica.apply([drop(first), put(someone(third, { profile: 'z' }))])
  const reopened = await Replica.open(ledger)
  t.equal(reopened.subscriberByUserName('u')?.id, second)
  t.equal(reopened.subscriber(third)?.profile, 'z')
  t.equal(reopened.subscriber(first), undefined)
  await reopened.apply([drop(second), drop(third)])
  t.equal(ledger.tables.get('documents')?.size, 1, 'an empty page is not kept')
})

void t.test('NASes come back in the order in which they came: of two with one prefix the first keeps it', async t => {
  const ledger = new MemoryLedger()
  const replica = await Replica.open(ledger)
  const nas = (id: string): Nas => ({ id, addresses: ['192.0.2.1'], vendor: 'standard', secretRef: 'env:S' })
  const ids = Array.from({ length: 20 }, (_, n) => `nas-${n}`)
  await replica.apply(ids.map(id => ({ kind: 'nas', id, document: nas(id) })))
  t.strictSame(
    [...(await Replica.open(ledger)).nases()].map(({ id }) => id),
    ids
  )
})

void t.test('a damaged page takes its own documents only, and a snapshot brings them back', async t => {
  const ledger = new MemoryLedger()
  const near = neighbours(2)
  const everybody = [...near.map(id => someone(id)), someone('far')]
  await (await Replica.open(ledger)).apply(everybody.map(put), 'c1')
  const pages = ledger.tables.get('documents') ?? new Map<string, Buffer>()
  const [damaged = ''] = [...pages].find(([, octets]) => octets.includes(`"${near[0]}"`)) ?? []
  pages.set(damaged, Buffer.from('[1,{"id":'))
  const replica = await Replica.open(ledger)
  t.strictSame(
    [...replica.subscribers()].map(({ id }) => id),
    ['far']
  )
  t.equal(replica.cursor, undefined, 'a snapshot is taken')
  await replica.replaceAll(snapshotOf(...everybody), 'c2')
  t.equal((await Replica.open(ledger)).counts().subscriber, 3)
})

void t.test('a write that fails leaves the pages as they were', async t => {
  const ledger = new MemoryLedger()
  const [first, second] = neighbours(2) as [string, string]
  const replica = await Replica.open(ledger)
  await replica.apply([put(someone(first))], 'c1')
  ledger.failing = new Error('no room')
  await t.rejects(replica.apply([put(someone(second)), drop(first)], 'c2'))
  ledger.failing = undefined
  await replica.apply([put(someone('far'))], 'c3')
  t.strictSame([...(await Replica.open(ledger)).subscribers()].map(({ id }) => id).sort(), ['far', first].sort())
})

void t.test('known gives back the document that is held already', async t => {
  const replica = await Replica.open(new MemoryLedger())
  await replica.apply([put(someone('a'))])
  t.equal(replica.known('subscriber', someone('a')), replica.subscriber('a'))
  const other = someone('a', { profile: 'z' })
  t.equal(replica.known('subscriber', other), other)
})

void t.test('equality is that of JSON, whatever the order of keys', async t => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, item]) => [key, shuffled(item)])
    )
  }
  const json = fc.jsonValue({ maxDepth: 3 }).map(value => JSON.parse(JSON.stringify(value)) as unknown)
  fc.assert(
    fc.property(json, json, (a, b) => {
      t.ok(same(a, shuffled(a)))
      t.equal(same(a, b), isDeepStrictEqual(a, b))
      t.equal(same({ a, x: a }, { a, y: a }), false)
      t.equal(same([a], [a, b]), false)
    }),
    { numRuns: 300 }
  )
  t.equal(same({ a: 1, b: undefined }, { a: 1 }), true)
  t.equal(same([], {}), false)
  t.equal(same({}, null), false)
})

void t.test('any sequence of changes, snapshots and restarts ends as a plain map would', async t => {
  const id = fc.constantFrom('a', 'b', 'c', 'd')
  const document = fc.record(
    {
      id,
      username: fc.constantFrom('u', 'v', 'w'),
      status: fc.constantFrom('active', 'suspended', 'closed'),
      profile: fc.constantFrom('p', 'q')
    },
    { noNullPrototype: true }
  ) as fc.Arbitrary<Subscriber>
  const step = fc.oneof(
    document.map(put),
    id.map(drop),
    fc.constant('restart' as const),
    fc.uniqueArray(document, { selector: ({ id }) => id }).map(list => snapshotOf(...list))
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
      const ledger = new MemoryLedger()
      let replica = await Replica.open(ledger)
      const model = new Map<string, Subscriber>()
      let claims: string[] = []
      const play = ({ id, document }: Change): void => {
        const same = JSON.stringify(model.get(id)) === JSON.stringify(document)
        if (document === undefined) model.delete(id)
        else model.set(id, document as Subscriber)
        if (!same) claims = [...claims.filter(other => other !== id), id]
      }
      for (const step of steps) {
        if (step === 'restart') replica = await Replica.open(ledger)
        else if ('kind' in step) {
          play(step)
          await replica.apply([step])
        } else {
          await replica.replaceAll(step, 'c', { mayRemove: 1 })
          for (const document of step.subscriber) play(put(document))
          for (const id of model.keys()) if (!step.subscriber.some(s => s.id === id)) play(drop(id))
        }
      }
      const byId = (a: Subscriber, b: Subscriber): number => (a.id < b.id ? -1 : 1)
      t.strictSame([...replica.subscribers()].sort(byId), [...model.values()].sort(byId))
      for (const name of ['u', 'v', 'w']) {
        const having = claims.map(id => model.get(id)).filter(found => found?.username === name)
        const wins = having.filter(found => found?.status !== 'closed').at(-1) ?? having.at(-1)
        t.strictSame(replica.subscriberByUserName(name), wins)
      }
    }),
    { numRuns: 100 }
  )
})

void t.test('on the real ledger: what was applied stands after a restart', async t => {
  const directory = t.testdir()
  const kinds: { [K in DocumentKind]: Documents[K] } = {
    subscriber: someone('a'),
    profile: { id: 'home', down: 100_000_000 },
    nas: { id: 'n', addresses: ['192.0.2.1'], vendor: 'standard', secretRef: 'env:S' },
    device: { id: 'd', driver: 'x', address: '192.0.2.9' }
  }
  const changes = Object.entries(kinds).map(([kind, document]) => ({
    kind: kind as DocumentKind,
    id: document.id,
    document
  }))
  const ledger = await openLedger({ directory: `${directory}/ledger` })
  await (await Replica.open(ledger)).apply(changes, 'c9')
  await ledger.close()
  const reopened = await openLedger({ directory: `${directory}/ledger` })
  t.teardown(() => reopened.close())
  const replica = await Replica.open(reopened)
  t.strictSame(replica.counts(), { subscriber: 1, profile: 1, nas: 1, device: 1 })
  t.strictSame(replica.device('d'), kinds.device)
  t.equal(replica.cursor, 'c9')
})
