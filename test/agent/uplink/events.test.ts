import { readFileSync, writeFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import * as fc from 'fast-check'
import t from 'tap'
import {
  causes,
  documents,
  encodeUsage,
  eventTypes,
  noticeEntry,
  RecordKind,
  type UsageRecord
} from '../../../agent/model/index.js'
import {
  BatchAnswer,
  CloudEvent,
  eventData,
  type EventType,
  feedData,
  FeedEnvelope,
  SnapshotEnd,
  type UsageData
} from '../../../agent/model/edge-api.js'
import { edgeApiDocument } from '../../../agent/model/edge-api-document.js'
import { retryAfterMs } from '../../../agent/uplink/answers.js'
import { Backoff } from '../../../agent/uplink/backoff.js'
import { batches, type Batch, type BatchLimits } from '../../../agent/uplink/batch.js'
import { toEvent } from '../../../agent/uplink/index.js'
import { readLines } from '../../../agent/uplink/lines.js'
import { Rate } from '../../../agent/uplink/rate.js'
import { readEventStream } from '../../../agent/uplink/sse.js'
import { quickSleep, until, usageEntry } from './cloud.js'
import { MemoryLedger } from './memory-ledger.js'

const ajv = new Ajv({ strict: false })
formats.default(ajv)
const checkEvent = ajv.compile(CloudEvent)
const checkData = new Map(Object.entries(eventData).map(([type, schema]) => [type, ajv.compile(schema)]))

void t.test('the schemas of what billing sends are schemas: no start checks that', async t => {
  const schemas = { BatchAnswer, FeedEnvelope, SnapshotEnd, ...feedData, ...documents }
  for (const [name, schema] of Object.entries(schemas)) t.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText()}`)
})

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }))
const octets = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.bigInt(0n, 100n),
  fc.constant(2n ** 53n),
  fc.constant(2n ** 53n - 1n)
)
const time = fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.constant(Number.NaN), fc.constant(-1), fc.constant(9e15))
const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const usage: fc.Arbitrary<UsageRecord> = fc.record({
  cause: fc.constantFrom(...causes),
  flipped: fc.boolean(),
  replays: fc.boolean(),
  periodStart: time,
  periodEnd: time,
  seconds: uint32,
  sessionSeconds: uint32,
  upOctets: octets,
  downOctets: octets,
  totalUpOctets: octets,
  totalDownOctets: octets,
  upPackets: fc.nat(),
  downPackets: fc.double(),
  session: text,
  nas: text,
  acctSessionId: text,
  userName: text,
  subscriber: text,
  profile: text,
  evidence: fc.constant(Buffer.from('x'))
})
const throughUtf8 = (value: string): string => Buffer.from(value).toString()

void t.test('usage becomes the JSON that its fields say, whatever is in them', async t => {
  fc.assert(
    fc.property(usage, record => {
      for (const kind of [RecordKind.usage, RecordKind.sessionStarted, RecordKind.sessionEnded]) {
        const entry = { kind, time: 1_700_000_000_123, payload: encodeUsage(record), sequence: 4711 }
        const event = JSON.parse(toEvent(entry, '01JEPOCH', '/agents/"edge" 1').json.toString()) as CloudEvent
        t.ok(checkEvent(event), JSON.stringify(checkEvent.errors))
        const check = checkData.get(event.type)
        t.ok(check?.(event.data), JSON.stringify(check?.errors))
        t.equal(event.id, '01JEPOCH-0000000000004711')
        t.equal(event.sequence, '0000000000004711')
        t.equal(event.source, '/agents/"edge" 1')
        t.equal(event.subject ?? '', throughUtf8(record.subscriber))
        t.equal(event.data['username'], throughUtf8(record.userName))
        if (kind === RecordKind.sessionStarted) continue
        t.equal(BigInt(event.data['totalDownOctets'] as string), record.totalDownOctets)
        if (kind !== RecordKind.usage) continue
        const data = event.data as UsageData
        t.equal(BigInt(data.upOctets), record.upOctets)
        t.equal(typeof data.upOctets, record.upOctets <= BigInt(Number.MAX_SAFE_INTEGER) ? 'number' : 'string')
        if (record.periodStart >= 0 && record.periodStart < 4e12)
          t.equal(Date.parse(data.periodStart), record.periodStart)
      }
    }),
    { numRuns: 200 }
  )
})

void t.test('every kind of record has an event type with a schema; notices carry their subject outside', async t => {
  t.strictSame(Object.values(eventTypes).sort(), Object.keys(eventData).sort())
  const entry = noticeEntry(RecordKind.enforcement, 5, { subject: 'sub_1', state: 'proven' })
  const event = JSON.parse(toEvent({ ...entry, sequence: 1 }, 'E', '/a').json.toString()) as CloudEvent
  t.match(event, {
    type: 'turnpike.enforcement' satisfies EventType,
    subject: 'sub_1',
    time: '1970-01-01T00:00:00.005Z'
  })
  t.strictSame(event.data, { state: 'proven' })
  const nameless = toEvent({ ...noticeEntry(RecordKind.agentStatus, 5, { version: '1' }), sequence: 2 }, 'E', '/a')
  t.notOk('subject' in (JSON.parse(nameless.json.toString()) as object))
})

void t.test('the published document is what the schemas say', async t => {
  const path = new URL('../../../../docs/edge-api.openapi.json', import.meta.url)
  const text = `${JSON.stringify(edgeApiDocument(), null, 2)}\n`
  if (process.env['TURNPIKE_WRITE_DOCS'] !== undefined) writeFileSync(path, text)
  const file = readFileSync(path, 'utf8')
  t.equal(file, text)
  const references = new Set([...file.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name))
  const { schemas } = (edgeApiDocument() as { components: { schemas: Record<string, object> } }).components
  for (const name of references) t.ok(name !== undefined && name in schemas, `${name} is defined`)
})

const collect = async (ledger: MemoryLedger, limits: BatchLimits, count: number, clock = () => 0): Promise<Batch[]> => {
  const stop = new AbortController()
  const found: Batch[] = []
  for await (const batch of batches(
    { ledger, source: '/a', limits, clock, sleep: quickSleep() },
    { from: 1 },
    stop.signal
  )) {
    found.push(batch)
    if (found.length === count) break
  }
  return found
}
const roomy: BatchLimits = { events: 1000, octets: 1 << 20, ageMs: 1000 }

void t.test('a batch closes by count', async t => {
  const ledger = new MemoryLedger()
  ledger.append(Array.from({ length: 250 }, (_, n) => usageEntry(n)))
  const found = await collect(ledger, { ...roomy, events: 100 }, 2)
  t.strictSame(
    found.map(({ events, through }) => [events.length, through]),
    [
      [100, 100],
      [100, 200]
    ]
  )
})

void t.test('a batch closes before it would pass its size, brackets and commas counted', async t => {
  const ledger = new MemoryLedger()
  ledger.append(Array.from({ length: 200 }, (_, n) => usageEntry(n)))
  const found = await collect(ledger, { ...roomy, octets: 10_000 }, 5)
  for (const { events } of found) {
    const octets = Buffer.byteLength(`[${events.map(({ json }) => json).join(',')}]`)
    t.ok(octets <= 10_000 && octets > 9000, String(octets))
  }
  t.equal((await collect(ledger, { ...roomy, octets: 10 }, 1))[0]?.events.length, 1, 'one alone always travels')
})

void t.test('a batch closes by age, and waits for others until then', async t => {
  const ledger = new MemoryLedger()
  let now = 0
  let left = 0
  const stop = new AbortController()
  const wake: (() => void)[] = []
  const source = batches(
    {
      ledger,
      source: '/a',
      limits: roomy,
      clock: () => now,
      sleep: (ms, signal) =>
        new Promise(resolve => {
          left = ms
          wake.push(resolve)
          signal.addEventListener('abort', () => resolve())
        })
    },
    { from: 1 },
    stop.signal
  )
  const first = source.next()
  await until(() => ledger.waiting === 1)
  ledger.append([usageEntry(1)])
  await until(() => wake.length === 1)
  t.equal(left, 1000)
  now = 400
  ledger.append([usageEntry(2)])
  await until(() => wake.length === 2)
  t.equal(left, 600, 'from the first event on')
  now = 1000
  wake[1]?.()
  const { value } = await first
  t.match(value, { through: 2 })
  t.equal(ledger.waiting, 0, 'nobody is left waiting')
  const none = source.next()
  await until(() => ledger.waiting === 1)
  stop.abort()
  t.strictSame(await none, { value: undefined, done: true })
  t.equal(ledger.waiting, 0)
})

void t.test('lost ranges and unreadable records are named and passed', async t => {
  const ledger = new MemoryLedger()
  ledger.append(Array.from({ length: 20 }, (_, n) => usageEntry(n)))
  ledger.lost.push({ from: 5, to: 8, reason: 'checksum' })
  ledger.records[11] = { kind: RecordKind.usage, time: 1, payload: Buffer.from('rot'), sequence: 12 }
  const found = await collect(ledger, roomy, 2, () => Date.now())
  const lost = found.flatMap(batch => batch.lost)
  t.match(lost, [
    { from: 5, to: 8, reason: 'checksum' },
    { from: 12, to: 12, reason: /unreadable record/ }
  ])
  const sequences = found.flatMap(({ events }) => events.map(({ sequence }) => sequence))
  t.strictSame(sequences, [1, 2, 3, 4, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20])
  t.equal(found.at(-1)?.through, 20)
})

void t.test('Retry-After is seconds or a date by billing’s own clock, and at most an hour', async t => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT'
  t.equal(retryAfterMs({ retryAfter: '7' }, 0), 7000)
  t.equal(retryAfterMs({ retryAfter: '999999' }, 0), 3_600_000)
  t.equal(retryAfterMs({ retryAfter: 'Wed, 21 Oct 2026 07:28:30 GMT', date }, 0), 30_000)
  t.equal(retryAfterMs({ retryAfter: 'Wed, 21 Oct 2026 07:28:30 GMT' }, Date.parse(date)), 30_000)
  t.equal(retryAfterMs({ retryAfter: 'Wed, 21 Oct 2025 07:28:30 GMT', date }, 0), 0, 'past')
  for (const retryAfter of ['', 'soon', '-1', '1.5x']) t.equal(retryAfterMs({ retryAfter }, 0), undefined, retryAfter)
})

void t.test('backoff is full jitter under a bound that doubles to 30 s', async t => {
  const most = new Backoff(() => 1)
  t.strictSame(
    Array.from({ length: 8 }, () => most.next()),
    [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
  )
  most.reset()
  t.equal(most.next(), 500)
  t.equal(new Backoff(() => 0).next(), 0)
})

void t.test('rate and time to drain are those of the last minute', async t => {
  let now = 0
  const rate = new Rate(() => now)
  t.equal(rate.drainSeconds(10), undefined)
  for (now = 0; now <= 120_000; now += 1000) rate.note(now / 2, now / 5)
  t.equal(rate.perSecond, 500)
  t.equal(rate.drainSeconds(3000), 10)
  t.equal(rate.drainSeconds(0), 0)
})

async function* cutAt(octets: Buffer, places: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0
  for (const to of [...places, octets.length]) {
    yield octets.subarray(from, to)
    from = to
  }
}

void t.test('lines and messages are the same however the network cuts them', async t => {
  const content = Buffer.from(': hi\n\nid: 1\ndata: ä€𝄞\n\nid: 2\r\ndata: x\r\ndata: y\r\n\r\nid: 3\ndata: cut')
  const places = fc.array(fc.integer({ min: 0, max: content.length })).map(all => all.sort((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(places, async places => {
      const messages = []
      for await (const group of readEventStream(cutAt(content, places))) messages.push(...group)
      t.strictSame(messages, [
        { cursor: '1', data: 'ä€𝄞' },
        { cursor: '2', data: 'x\ny' }
      ])
      const lines = []
      for await (const line of readLines(cutAt(content, places))) lines.push(line)
      t.strictSame(lines, content.toString().split('\n'))
    }),
    { numRuns: 100 }
  )
})

void t.test('a line or a message without end is refused before it fills the memory', async t => {
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.alloc(1 << 16, 'a')
  }
  const drain = async (all: AsyncIterable<unknown>): Promise<void> => {
    for await (const one of all) if (one === undefined) return
  }
  await t.rejects(drain(readLines(endless())), { code: 'UPLINK_TOO_LONG' })
  await t.rejects(drain(readEventStream(endless())), { code: 'UPLINK_TOO_LONG' })
})
