import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import { encodeUsage, RecordKind } from '../../../agent/model/index.js'
import { Commands, Replica } from '../../../agent/subscribers/index.js'
import { HttpTransport, mappingBatch, mappingIngest, toEvent, Uplink } from '../../../agent/uplink/index.js'
import type { Mapping, WireEvent } from '../../../agent/uplink/index.js'
import { mapped, type Shape } from '../../../agent/uplink/mapping.js'
import { parseConfig } from '../../../config/index.js'
import { quickSleep, silent, until, usageEntry } from './cloud.js'
import { MemoryLedger } from './memory-ledger.js'

const text = readFileSync(new URL('../../../../docs/third-party-billing.md', import.meta.url), 'utf8')
const nats = readFileSync(new URL('../../../../docs/nats.md', import.meta.url), 'utf8')
const signal = new AbortController().signal

const blocks = (source: string, opening: string): string[] =>
  [...source.matchAll(new RegExp(`^\`\`\`${opening}\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block)

/** The event that the document shows, made by the agent. */
const usage = toEvent(
  {
    kind: RecordKind.usage,
    sequence: 4711,
    time: Date.parse('2026-11-23T10:05:00.250Z'),
    payload: encodeUsage({
      cause: 'interim',
      flipped: false,
      replays: true,
      periodStart: Date.parse('2026-11-23T10:00:00Z'),
      periodEnd: Date.parse('2026-11-23T10:05:00Z'),
      seconds: 300,
      sessionSeconds: 600,
      upOctets: 1200345n,
      downOctets: 98000123n,
      totalUpOctets: 2400690n,
      totalDownOctets: 196000246n,
      upPackets: 9000,
      downPackets: 70000,
      session: 'ses_1',
      nas: 'bras-1',
      acctSessionId: '81000001',
      userName: 'alice',
      subscriber: 'sub_1001',
      profile: 'home-100',
      evidence: Buffer.alloc(0)
    })
  },
  '01JD8Q5T0V4Z1W9GQ2RXKC7M3E',
  '/agents/edge-1'
)
const status: WireEvent = {
  id: 'E-2',
  sequence: 2,
  time: 0,
  json: Buffer.from('{"type":"turnpike.agent.status","id":"E-2","data":{}}')
}

const mappingOf = (yaml: string): Mapping => {
  const { mapping } = parseConfig(yaml, '/etc/turnpike/turnpike.yaml', {}).cloud ?? {}
  if (mapping === undefined) throw new Error('no mapping')
  return mapping
}

void t.test('each example of the document is a configuration that gives the JSON beside it', async t => {
  t.strictSame(JSON.parse(blocks(text, 'json event')[0] ?? ''), JSON.parse(usage.json.toString()), 'the event')
  const examples = blocks(text, 'yaml')
  const bodies = blocks(text, 'json body')
  t.equal(examples.length, 4)
  t.equal(bodies.length, examples.length)
  for (const [n, yaml] of examples.entries()) {
    const ingest = mappingIngest(mappingOf(yaml))
    t.strictSame(JSON.parse(String(ingest.body([status, usage]))), JSON.parse(bodies[n] ?? ''), ingest.path)
    t.equal(ingest.body([status]), undefined, 'nothing for them in it')
    t.equal(parseConfig(yaml, '/x', {}).cloud?.feed, false)
  }
  t.strictSame(
    examples.map(yaml => mappingBatch(mappingOf(yaml))),
    [100, 100, 100, 1]
  )
})

void t.test('every key of a mapping stands in the document, and the example for NATS is a configuration', async t => {
  const schema = JSON.parse(
    readFileSync(new URL('../../../../config/turnpike.schema.json', import.meta.url), 'utf8')
  ) as { properties: { cloud: { properties: Record<string, { properties: object }> } } }
  const cloud = schema.properties.cloud.properties
  for (const key of Object.keys(cloud['mapping']?.properties ?? {})) t.match(text, new RegExp(`^\\| .*\`${key}\``, 'm'))
  for (const key of Object.keys(cloud['nats']?.properties ?? {})) t.match(nats, new RegExp(`^\\| .*\`${key}\``, 'm'))
  t.match(parseConfig(blocks(nats, 'yaml')[0] ?? '', '/x', {}).cloud, { nats: { feedStream: 'FEED_EDGE_1' } })
})

void t.test('what does not fit together is told with its line', async t => {
  const refused = (cloud: string, words: RegExp): unknown =>
    t.throws(() => parseConfig(`cloud: {token: env:T, ${cloud}}`, '/x.yaml', {}), { message: words }, cloud)
  refused('url: "https://b.example", nats: {inFlight: 2}', /cloud\.url is not that of NATS/)
  refused('url: "tls://b.example", mapping: {path: /x}', /no mapping: it is for HTTP/)
  refused('url: "nats://b.example"', /tls:\/\/ for NATS/)
  refused('url: "https://b.example", mapping: {path: x}', /a path that begins with \//)
  refused('url: "https://b.example", mapping: {path: /x, fields: {a: data.up - 1}}', /a field of the event/)
  refused('url: "https://b.example", mapping: {path: /x, filds: {a: id}}', /Did you mean «fields»/)
  for (const url of ['tls://b.example', 'nats://127.0.0.1:4222', 'nats://localhost'])
    t.equal(parseConfig(`cloud: {token: env:T, url: "${url}"}`, '/x.yaml', {}).cloud?.url, url)
})

/** What a shape makes of an event. */
const shape = (shape: Shape, event: object): unknown =>
  mapped(shape)({ ...status, json: Buffer.from(JSON.stringify(event)) })

void t.test('fields are renamed, nested, added up and converted; what is absent is left out', async t => {
  const event = {
    id: 'e',
    type: 'a',
    time: '2026-01-01T00:00:01.500Z',
    data: { n: 5, big: '9007199254740993', text: '12', list: [1], id: 'inner' }
  }
  const one = (source: string): unknown => (shape({ fields: { x: source } }, event) as { x?: unknown }).x
  t.equal(one('id'), 'e')
  t.equal(one('data.n + data.text'), 17)
  t.equal(one('data.n + data.big'), '9007199254740998', 'exact')
  t.equal(one('data.n + data.gone'), 5)
  t.equal(one('data.gone + data.id'), undefined)
  t.equal(one('data.n as text'), '5')
  t.equal(one('data.list as text'), '[1]')
  t.equal(one('data.text as number'), 12)
  t.equal(one('data.id as number'), undefined)
  t.equal(one('time as seconds'), 1767225601)
  t.equal(one('time as milliseconds'), 1767225601500)
  t.equal(one('data.id as seconds'), undefined)
  t.strictSame(one('data.list'), [1])
  t.equal(one('constructor.name'), undefined, 'what every object has is no field')
  t.strictSame(shape({ fields: { 'a.b': 'id', 'a.c.d': 'type', e: 'gone' } }, event), { a: { b: 'e', c: { d: 'a' } } })
  t.strictSame(shape({ types: { a: 'theirs' }, fields: { t: 'type' } }, event), { t: 'theirs' })
  t.equal(shape({ types: { b: 'theirs' } }, event), undefined)
  t.equal(shape({ types: {} }, { ...event, type: 'toString' }), undefined)
  t.match(shape({ types: { a: 'theirs' } }, event), { ...event, type: 'theirs' })
  t.match(shape({ flatten: true, extra: { 'fixed.by': 'us' } }, event), {
    id: 'e',
    n: 5,
    data: undefined,
    fixed: { by: 'us' }
  })
  t.strictSame(shape({ fields: { data: 'data' }, extra: { 'data.n': 'mine' } }, event), {
    data: { ...event.data, n: 'mine' }
  })
  for (const source of ['', 'a -b', 'a+b', 'a as date', '__proto__', 'a..b', 'id as text as text'])
    t.throws(() => mapped({ fields: { x: source } }), { code: 'UPLINK_BAD_MAPPING' }, source)
})

interface Api {
  readonly url: string
  readonly asked: { path: string | undefined; headers: IncomingHttpHeaders; body: unknown }[]
}

/** An HTTP API; `answer` says status and body, or undefined to hang up without one. */
async function api(t: Test, answer: (body: unknown) => { status: number; body?: string } | undefined): Promise<Api> {
  const asked: Api['asked'] = []
  const server = createServer((request, response) => {
    let said = ''
    request.on('data', chunk => (said += String(chunk)))
    request.on('end', () => {
      const body = said === '' ? undefined : (JSON.parse(said) as unknown)
      asked.push({ path: request.url, headers: request.headers, body })
      const result = answer(body)
      if (result === undefined) response.destroy()
      else response.writeHead(result.status).end(result.body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`, asked }
}

void t.test('path, token and headers are as the mapping says', async t => {
  const { url, asked } = await api(t, () => ({ status: 204 }))
  const mapping: Mapping = {
    path: '/in',
    types: { 'turnpike.usage': 'u' },
    fields: { i: 'id' },
    tokenHeader: 'X-Api-Key',
    tokenPrefix: 'Key ',
    headers: { 'X-Version': '7' }
  }
  const transport = new HttpTransport({ url, token: () => 'secret', ingest: mappingIngest(mapping) })
  t.teardown(() => transport.close())
  t.strictSame(await transport.send([status], signal), { kind: 'taken', rejected: [] })
  t.equal(asked.length, 0, 'nothing for them, no request')
  t.strictSame(await transport.send([usage, status], signal), { kind: 'taken', rejected: [] })
  t.match(asked, [{ path: '/base/in', body: [{ i: usage.id }] }])
  t.match(asked[0]?.headers, { 'x-api-key': 'Key secret', 'x-version': '7', 'content-type': 'application/json' })
  t.equal(asked[0]?.headers.authorization, undefined)
  t.equal(asked[0]?.headers['content-encoding'], undefined)
})

void t.test('an answer means what the mapping says, and otherwise what it means for the Edge API', async t => {
  const other = { ...usage, id: 'other' }
  const kind = (mapping: Partial<Mapping>, status: number, body: string, events = [usage, other]): string =>
    mappingIngest({ path: '/', ...mapping }).read({ status, body }, events, 0).kind
  t.equal(kind({}, 200, '{"ok":true}'), 'retry', '200 without our JSON is no answer')
  t.equal(kind({}, 200, '{"accepted":2,"duplicates":0,"rejected":[]}'), 'taken')
  t.equal(kind({}, 202, 'queued'), 'taken')
  t.equal(kind({ anySuccess: true }, 200, '{"ok":true}'), 'taken')
  t.equal(kind({ anySuccess: true }, 301, ''), 'retry')
  t.equal(kind({}, 400, 'no'), 'poisoned')
  t.equal(kind({}, 422, 'no'), 'retry')
  t.equal(kind({ spoilt: [422] }, 422, 'no'), 'poisoned')
  const known = { spoilt: [422], duplicate: 'exists' }
  t.equal(kind(known, 422, 'it exists', [usage]), 'taken')
  t.equal(kind(known, 422, 'it exists'), 'poisoned', 'one of several: which?')
  t.equal(kind(known, 422, 'bad', [usage]), 'poisoned')
  t.equal(kind({ anySuccess: true }, 401, ''), 'refused')
  t.equal(kind({ anySuccess: true }, 429, ''), 'wait')
})

void t.test(
  'send-only: an API that takes batches whole or not at all gets each event once, and no feed is asked for',
  async t => {
    const stored: string[] = []
    let lost = 0
    const { url, asked } = await api(t, body => {
      const ids = (body as { events: { transaction_id: string }[] }).events.map(event => event.transaction_id)
      const details = ids.map(id =>
        stored.includes(id) ? 'value_already_exist' : id.endsWith('7') ? 'value_is_invalid' : ''
      )
      if (details.some(detail => detail !== ''))
        return { status: 422, body: JSON.stringify({ error_details: details }) }
      stored.push(...ids)
      // Stored, and the answer lost.
      return lost++ === 1 ? undefined : { status: 200, body: '{"events":[]}' }
    })
    const mapping = mappingOf(blocks(text, 'yaml')[1] ?? '')
    const ledger = new MemoryLedger()
    const uplink = new Uplink({
      ledger,
      replica: await Replica.open(ledger),
      commands: await Commands.open(ledger, Date.now),
      transport: new HttpTransport({ url, token: () => 'x', ingest: mappingIngest(mapping) }),
      source: '/agents/t',
      log: silent,
      clock: Date.now,
      version: '1',
      sleep: quickSleep(),
      limits: { ageMs: 0, events: 8 },
      feed: false
    })
    t.teardown(() => uplink.close())
    for (let n = 1; n <= 60; n++) ledger.append([usageEntry(n)])
    await uplink.start()
    await until(() => uplink.status().backlog === 0)
    const wanted = Array.from({ length: 60 }, (_, n) => n + 1).filter(n => n % 10 !== 7)
    t.strictSame(
      stored.map(id => Number(id.split('-').at(-1))).filter(n => n <= 60),
      wanted,
      'each once, in order'
    )
    t.strictSame(
      (await uplink.quarantined()).map(({ sequence }) => sequence),
      [7, 17, 27, 37, 47, 57]
    )
    t.equal(uplink.status().feed.state, 'off')
    t.ok(asked.every(({ path }) => path === '/base/api/v1/events/batch'))
  }
)
