import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { array, assert, integer, property } from 'fast-check'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { edgeMedia, type CloudEvent, type FeedMessage, type SnapshotEnd } from '../../agent/model/edge-api.js'
import {
  BillingCloud,
  billingErrors,
  parseAmount,
  type BillingOptions,
  type Plan
} from '../../sandbox/billing/index.js'
import { mostRanges, newStream, remember, seen, type Stream } from '../../sandbox/billing/stream.js'
import { batch, epoch, tokens, usageEvent } from './events.js'

const { edge, admin } = tokens
const plan: Plan = {
  id: 'home',
  profile: { id: 'home', down: 100_000_000, up: 20_000_000 },
  pricePerGb: parseAmount('0.75'),
  whenSpent: 'walled-garden'
}
const now = Date.parse('2026-11-23T10:00:00.000Z')

async function openCloud(t: Test, options: Partial<BillingOptions> = {}): Promise<BillingCloud> {
  const directory = options.directory ?? t.testdir()
  const log = pino({ level: 'silent' })
  const cloud = await BillingCloud.open({ directory, tokens, log, clock: () => now, ...options })
  t.teardown(() => cloud.close())
  return cloud
}

/** A billing with one plan and the subscriber sub_1, listening. */
async function openShop(t: Test, options: Partial<BillingOptions> & { balance?: string } = {}) {
  const cloud = await openCloud(t, options)
  await cloud.putPlan(plan)
  await cloud.addSubscriber(subscriber('sub_1'), parseAmount(options.balance ?? '1'))
  return { cloud, url: await cloud.listen() }
}

function subscriber(id: string) {
  return { id, username: `user-${id}`, status: 'active' as const, profile: 'home', credentials: { password: 'pw' } }
}

function post(url: string, events: readonly unknown[], headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${edge}`, 'content-type': edgeMedia.events, ...headers },
    body: JSON.stringify(events)
  })
}

async function counter(url: string, method: string, path: string, body?: unknown): Promise<Response> {
  const headers = {
    authorization: `Bearer ${admin}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' })
  }
  return fetch(`${url}/sandbox/v1${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
}

/** Reads the feed from a cursor until `count` messages have come, or it ends. */
async function readFeed(url: string, cursor: string | undefined, count: number) {
  const headers: Record<string, string> = { authorization: `Bearer ${edge}` }
  if (cursor !== undefined) headers['last-event-id'] = cursor
  const response = await fetch(`${url}/v1/feed`, { headers })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (let done = response.status !== 200; !done && framesOf(text).length < count; ) {
    const chunk = await reader?.read()
    text += chunk?.value ?? ''
    done = chunk?.done ?? true
  }
  await reader?.cancel()
  return { status: response.status, messages: framesOf(text), text }
}

function framesOf(text: string): FeedMessage[] {
  const frames = text
    .split('\n\n')
    .slice(0, -1)
    .filter(frame => frame.startsWith('id: '))
  return frames.map(frame => JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '') as FeedMessage)
}

async function readSnapshot(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/snapshot`, { headers: { authorization: `Bearer ${edge}` } })
  return response.text()
}

t.test('usage is charged to the micro-unit, however it is cut into records', async t => {
  const { cloud, url } = await openShop(t, { balance: '10' })
  // 0.75 a GB: 1 octet is 0.00075 micro-units, so a record alone never costs a whole one.
  for (let n = 0; n < 3; n++)
    await post(
      url,
      Array.from({ length: 1000 }, (_, i) => usageEvent(n * 1000 + i + 1, { up: 1, down: 0 }))
    )
  t.equal(
    cloud.account('sub_1').balance,
    10_000_000n - 2n,
    '3000 octets cost 2.25 micro-units: 2, and a quarter is carried'
  )
  await post(url, [usageEvent(3001, { up: 0, down: 1000 })])
  t.equal(cloud.account('sub_1').balance, 10_000_000n - 3n, 'with 1000 more it is 3 exactly')
  t.equal(cloud.account('sub_1').carry, 0n)
  await post(url, [usageEvent(3002, { up: '9007199254740993', down: 0 })])
  t.equal(cloud.account('sub_1').upOctets, 3000n + 9_007_199_254_740_993n, 'octets beyond 2^53 lose nothing')
})

t.test('duplicates and reordering change nothing, within a batch and across batches', async t => {
  const { cloud, url } = await openShop(t)
  const events = batch(1, 40, { up: 700, down: 5000 })
  const shuffled = [...events.slice(20), ...events.slice(0, 20).toReversed()]
  t.same(await (await post(url, [...shuffled, ...shuffled])).json(), { accepted: 40, duplicates: 40, rejected: [] })
  t.same(await (await post(url, events)).json(), { accepted: 0, duplicates: 40, rejected: [] })
  t.equal(cloud.totals().downOctets, 200_000n)
  t.equal(cloud.account('sub_1').balance, 1_000_000n - 171n, '228,000 octets at 0.75 a GB')
  t.same(cloud.streams(), [{ source: '/agents/edge-1', epoch, complete: 40, gaps: [] }])
})

t.test('gaps are reported until they are filled or reported lost', async t => {
  const { cloud, url } = await openShop(t)
  const [stream] = (await post(url, [usageEvent(3), usageEvent(8), usageEvent(9)]), cloud.streams())
  t.same(stream?.gaps, [
    { from: 1, to: 2 },
    { from: 4, to: 7 }
  ])
  await post(url, [usageEvent(2), usageEvent(1), usageEvent(5)])
  t.same(cloud.streams()[0]?.gaps, [
    { from: 4, to: 4 },
    { from: 6, to: 7 }
  ])
  const lost = { ...usageEvent(10), type: 'turnpike.ledger.lost', data: { from: 4, to: 7, reason: 'checksum' } }
  await post(url, [lost])
  t.match(cloud.streams()[0], { complete: 10, gaps: [] })
})

t.test('another epoch or source starts from 1 again', async t => {
  const { cloud, url } = await openShop(t)
  await post(url, [
    usageEvent(1),
    usageEvent(1, {}, { epoch: 'EPOCH2' }),
    usageEvent(1, {}, { source: '/agents/edge-2' })
  ])
  t.equal(cloud.totals().events, 3)
  t.equal(cloud.streams().length, 3)
})

t.test('an event that does not fit is rejected with a reason, its neighbours count', async t => {
  const { url } = await openShop(t)
  const bad = [
    { ...usageEvent(2), data: { upOctets: -1 } },
    { ...usageEvent(3), type: 'turnpike.unheard-of' },
    { ...usageEvent(4), id: 'no-place' },
    'not an event'
  ]
  const answer = (await (await post(url, [usageEvent(1), ...bad, usageEvent(5)])).json()) as Record<string, unknown>
  t.match(answer, { accepted: 2, duplicates: 0, rejected: bad.map(() => ({ reason: /./ })) })
})

t.test('a spent balance suspends as the plan says, and a payment restores, both at once on the feed', async t => {
  const { cloud, url } = await openShop(t, { balance: '0.000300' })
  const { cursor } = JSON.parse((await readSnapshot(url)).trimEnd().split('\n').at(-1) ?? '') as SnapshotEnd
  await post(url, [usageEvent(1, { up: 0, down: 400_000 })])
  t.match(await (await counter(url, 'GET', '/subscribers/sub_1')).json(), {
    status: 'suspended',
    balance: '0.000000',
    invoice: 'INV-000001',
    suspension: { how: 'walled-garden', reference: 'INV-000001', noticeAt: '2026-11-23T10:00:00.000Z' }
  })
  await post(url, [usageEvent(2, { up: 0, down: 4_000_000 })])
  t.equal(cloud.totals().invoices, 1, 'what is used in the walled garden opens no second invoice')
  t.equal((await counter(url, 'POST', '/subscribers/sub_1/payments', { amount: '0.003' })).status, 201)
  t.equal(cloud.account('sub_1').document.status, 'suspended', 'paying exactly the debt leaves nothing to use')
  t.match(await (await counter(url, 'POST', '/subscribers/sub_1/payments', { amount: '5', id: 'pay-1' })).json(), {
    amount: '5.000000',
    balanceAfter: '5.000000'
  })
  await counter(url, 'POST', '/subscribers/sub_1/payments', { amount: '5', id: 'pay-1' })
  t.equal(cloud.account('sub_1').balance, 5_000_000n, 'the same payment again is the same payment')
  t.match(await cloud.invoice('INV-000001'), { settledAt: '2026-11-23T10:00:00.000Z' })
  const { messages } = await readFeed(url, cursor, 2)
  t.match(messages, [
    { type: 'subscriber.changed', data: { id: 'sub_1', status: 'suspended', suspension: { how: 'walled-garden' } } },
    { type: 'subscriber.changed', data: { id: 'sub_1', status: 'active' } }
  ])
  t.notOk('suspension' in (messages[1]?.data ?? {}))
})

t.test('a suspension by hand is not lifted by a payment, only by restore', async t => {
  const { cloud, url } = await openShop(t)
  t.equal((await counter(url, 'POST', '/subscribers/sub_1/suspend', { how: 'reject', reason: 'fraud' })).status, 200)
  await cloud.pay('sub_1', 1n)
  t.match(cloud.account('sub_1').document, { status: 'suspended', suspension: { how: 'reject', reason: 'fraud' } })
  await counter(url, 'POST', '/subscribers/sub_1/restore')
  t.equal(cloud.account('sub_1').document.status, 'active')
})

t.test('usage keeps the price of the plan under which it was made', async t => {
  const { cloud, url } = await openShop(t)
  await cloud.putPlan({ ...plan, id: 'gold', profile: { id: 'gold' }, pricePerGb: 3_000_000n })
  t.equal((await counter(url, 'PUT', '/subscribers/sub_1/plan', { plan: 'gold' })).status, 200)
  await post(url, [usageEvent(1, { up: 0, down: 4000 }), usageEvent(2, { up: 0, down: 1000 }, { profile: 'gold' })])
  t.equal(cloud.account('sub_1').balance, 1_000_000n - 3n - 3n)
})

t.test(
  'what was answered is there after a kill -9, once, and what was not can come again',
  { timeout: 60_000 },
  async t => {
    const directory = t.testdir()
    let acknowledged = 0
    for (const killAfter of [3, 7, 12]) {
      const child = fork(new URL('./billing-process.js', import.meta.url), [directory], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc']
      })
      t.teardown(() => child.kill('SIGKILL'))
      const [url] = (await once(child, 'message')) as [string]
      for (let n = 0; n < killAfter; n++) {
        const answer = (await (await post(url, batch(acknowledged + 1, 25))).json()) as {
          accepted: number
          duplicates: number
        }
        t.equal(answer.accepted + answer.duplicates, 25)
        acknowledged += 25
      }
      const unanswered = post(url, batch(acknowledged + 1, 25)).catch(() => undefined)
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await Promise.all([exit, unanswered])
    }
    const cloud = await openCloud(t, { directory })
    const [stream] = cloud.streams()
    t.ok((stream?.complete ?? 0) >= acknowledged, 'every acknowledged event is there')
    t.same(stream?.gaps, [], 'a batch is there whole or not at all')
    await post(await cloud.listen(), batch(acknowledged + 1, 25))
    t.equal(cloud.totals().events, acknowledged + 25, 'each once')
    t.equal(cloud.totals().upOctets, BigInt(acknowledged + 25) * 10n)
  }
)

const hasPrlimit = existsSync('/usr/bin/prlimit')
const skip = hasPrlimit || process.env['CI'] === 'true' ? false : 'needs prlimit (apt-get install util-linux)'

t.test(
  'a disk that takes nothing is answered 503, and the same batch counts once when it does again',
  { skip },
  async t => {
    const child = fork(new URL('./billing-process.js', import.meta.url), [t.testdir()], {
      stdio: ['ignore', 'inherit', 'ignore', 'ipc']
    })
    t.teardown(() => child.kill('SIGKILL'))
    const [url] = (await once(child, 'message')) as [string]
    const limit = (octets: string): void =>
      void execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${octets}:`])
    t.equal((await post(url, batch(1, 10))).status, 200)
    limit('1')
    for (const attempt of ['first', 'second']) {
      const response = await post(url, batch(11, 10))
      t.equal(response.status, 503, attempt)
      t.ok(response.headers.get('retry-after'))
      t.match(await response.json(), { code: 'BILLING_STORAGE' })
    }
    limit('unlimited')
    t.same(await (await post(url, batch(11, 10))).json(), { accepted: 10, duplicates: 0, rejected: [] })
    t.match(await (await counter(url, 'GET', '/usage')).json(), {
      events: 20,
      upOctets: '200',
      streams: [{ complete: 20 }]
    })
  }
)

t.test('state survives closing and opening: accounts, plans, payments, feed, commands', async t => {
  const directory = t.testdir()
  const { cloud, url } = await openShop(t, { directory })
  await counter(url, 'POST', '/subscribers/sub_1/payments', { amount: '2.50', id: 'first' })
  await counter(url, 'PUT', '/nases/bras-1', { addresses: ['192.0.2.1'], vendor: 'mikrotik', secretRef: 'file:/s' })
  await counter(url, 'POST', '/commands', { id: 'cmd-1', verb: 'diagnose' })
  const before = { snapshot: await readSnapshot(url), feed: (await readFeed(url, undefined, 4)).messages }
  await cloud.close()
  const again = await openCloud(t, { directory })
  const url2 = await again.listen()
  t.equal(await readSnapshot(url2), before.snapshot)
  t.same((await readFeed(url2, undefined, 4)).messages, before.feed)
  t.equal(again.account('sub_1').balance, 3_500_000n)
  t.match(await again.payments('sub_1'), [{ id: 'first', amount: 2_500_000n }])
  const completed = { command: 'cmd-1', outcome: 'done', words: 'all well' }
  await post(url2, [{ ...usageEvent(1), type: 'turnpike.command.completed', subject: 'cmd-1', data: completed }])
  t.match(await (await counter(url2, 'GET', '/commands/cmd-1')).json(), { outcome: 'done', words: 'all well' })
})

t.test(
  'the feed resumes behind the cursor, and a cursor that is too old, foreign or from the future gets 410',
  async t => {
    const { cloud, url } = await openShop(t, { feedLength: 4 })
    const { messages } = await readFeed(url, undefined, 2)
    t.match(messages, [{ type: 'profile.changed' }, { type: 'subscriber.changed' }])
    const cursor = messages[1]?.id ?? ''
    for (let n = 2; n <= 5; n++) await cloud.addSubscriber(subscriber(`sub_${n}`), 1n)
    const rest = await readFeed(url, cursor, 4)
    t.same(
      rest.messages.map(message => message.subject),
      ['sub_2', 'sub_3', 'sub_4', 'sub_5']
    )
    t.equal((await readFeed(url, messages[0]?.id, 1)).status, 410, 'messages after it are gone')
    t.equal((await readFeed(url, undefined, 1)).status, 410, 'so is the beginning')
    t.equal((await readFeed(url, 'another-epoch-0000000000000003', 1)).status, 410)
    t.equal((await readFeed(url, cursor.replace(/\d{16}$/, '0000000000000099'), 1)).status, 410)
  }
)

t.test('a message arrives on an open feed when it is made, with heartbeats between', async t => {
  const { cloud, url } = await openShop(t, { heartbeatMs: 5 })
  const cursor = (await readFeed(url, undefined, 2)).messages.at(-1)?.id
  const response = await fetch(`${url}/v1/feed`, {
    headers: { authorization: `Bearer ${edge}`, 'last-event-id': cursor ?? '' }
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes(': heartbeat')) text += (await reader?.read())?.value ?? ''
  const suspended = once(cloud.events, 'suspended')
  await cloud.suspend('sub_1')
  await suspended
  while (framesOf(text).length === 0) text += (await reader?.read())?.value ?? ''
  t.match(framesOf(text), [{ type: 'subscriber.changed', data: { status: 'suspended' } }])
  await reader?.cancel()
})

t.test('a heartbeat later than the Edge API allows is refused', async t => {
  await t.rejects(openCloud(t, { heartbeatMs: 15_001 }), RangeError)
})

t.test('the snapshot holds every document, then the cursor and the counts', async t => {
  const { url } = await openShop(t)
  const lines = (await readSnapshot(url))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(lines, [
    { kind: 'profile', document: plan.profile },
    { kind: 'subscriber', document: subscriber('sub_1') },
    { cursor: /-0{15}2$/, counts: { subscriber: 1, profile: 1, nas: 0, device: 0 } }
  ])
})

t.test('every route wants its own bearer token', async t => {
  const { cloud, url } = await openShop(t)
  const openapi = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${admin}` } })
  const { paths } = (await openapi.json()) as { paths: Record<string, Record<string, unknown>> }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => ({ path, method }))
  )
  t.ok(routes.length >= 18, `${routes.length} routes are described`)
  for (const { path, method } of [...routes, { path: '/openapi.json', method: 'get' }]) {
    const wrong = path.startsWith('/v1') ? admin : edge
    for (const authorization of [undefined, 'Bearer ', `Bearer ${wrong}`, `Basic ${edge}`, `Bearer ${edge}${admin}`]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
      const response = await fetch(`${url}${path.replace('{id}', 'sub_1')}`, { method: method.toUpperCase(), headers })
      t.equal(
        response.status,
        401,
        `${method} ${path} with ${authorization === undefined ? 'nothing' : 'a wrong token'}`
      )
    }
  }
  t.equal(cloud.account('sub_1').document.status, 'active')
})

t.test('no credential of a subscriber is shown at the counter', async t => {
  const { url } = await openShop(t)
  t.notMatch(await (await counter(url, 'GET', '/subscribers')).text(), /"pw"|credentials/)
  t.notMatch(await (await counter(url, 'GET', '/subscribers/sub_1')).text(), /"pw"|credentials/)
})

t.test('the counter answers mistakes with a code and a sentence', async t => {
  const { url } = await openShop(t)
  const mistakes = [
    ['GET', '/subscribers/nobody', undefined, 404, 'BILLING_NOT_FOUND'],
    ['POST', '/subscribers', { document: subscriber('sub_1') }, 409, 'BILLING_EXISTS'],
    ['POST', '/subscribers', { document: { ...subscriber('sub_2'), profile: 'none' } }, 404, 'BILLING_NOT_FOUND'],
    ['POST', '/subscribers/sub_1/payments', { amount: '-1' }, 400, 'BILLING_BAD_AMOUNT'],
    ['POST', '/subscribers/sub_1/payments', { amount: '1', id: 'a/b' }, 400, 'BILLING_BAD_DOCUMENT'],
    ['POST', '/subscribers/sub_1/payments', { amount: 5 }, 400, 'FST_ERR_VALIDATION'],
    ['PUT', '/plans/other', { ...plan, pricePerGb: '1' }, 400, 'BILLING_BAD_DOCUMENT'],
    ['GET', '/commands/none', undefined, 404, 'BILLING_NOT_FOUND'],
    ['DELETE', '/nases/none', undefined, 404, 'BILLING_NOT_FOUND']
  ] as const
  for (const [method, path, body, status, code] of mistakes) {
    const response = await counter(url, method, path, body)
    t.equal(response.status, status, `${method} ${path}`)
    t.match(await response.json(), { code, message: /./ })
  }
  t.ok(Object.values(billingErrors).every(remedy => remedy.length > 20))
})

t.test('bodies: gzip and plain are taken, too large gives 413, nonsense gives 400', async t => {
  const { cloud, url } = await openShop(t)
  const send = (body: Buffer | string, headers: Record<string, string> = {}) =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${edge}`, 'content-type': edgeMedia.events, ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body)
    })
  const gzip = { 'content-encoding': 'gzip' }
  t.equal((await send(gzipSync(JSON.stringify(batch(1, 1000))), gzip)).status, 200)
  t.equal(cloud.totals().events, 1000)
  t.equal((await send(gzipSync(Buffer.alloc(1 << 21, 0x20)), gzip)).status, 413, 'a bomb is not blown up')
  t.equal((await send(JSON.stringify(batch(1, 1001)))).status, 413)
  t.equal((await send(Buffer.alloc((1 << 20) + 1, 0x20))).status, 413)
  t.equal((await send('{"not": "a batch"}')).status, 400)
  t.equal((await send('[]')).status, 400)
  t.equal((await send('not json')).status, 400)
  t.equal((await send('not gzip', gzip)).status, 400)
  t.equal((await send('[]', { 'content-encoding': 'br' })).status, 415)
  t.equal((await send('[]', { 'content-type': 'application/json' })).status, 415)
})

t.test('misbehaving by script: whatever the answer was, each event counts once in the end', async t => {
  const { cloud, url } = await openShop(t)
  cloud.misbehave({
    events: [
      { status: 503, retryAfter: 7, times: 2 },
      { status: 204 },
      { garbage: true },
      { close: 'before' },
      { close: 'after' },
      { close: 'half-way' },
      { lie: 'omit' },
      { lie: 'unknown-ids' },
      { delayMs: 1 }
    ]
  })
  const busy = await post(url, batch(1, 2))
  t.equal(busy.status, 503)
  t.equal(busy.headers.get('retry-after'), '7')
  t.equal((await post(url, batch(1, 2))).status, 503)
  t.equal((await post(url, batch(1, 2))).status, 204)
  await t.rejects((await post(url, batch(1, 2))).json(), 'garbage is not JSON')
  t.equal(cloud.totals().events, 0, 'nothing was taken so far')
  await t.rejects(post(url, batch(1, 2)))
  t.equal(cloud.totals().events, 0)
  await t.rejects(post(url, batch(1, 2)))
  t.equal(cloud.totals().events, 2, 'taken, though nobody was told')
  await t.rejects(post(url, batch(3, 2)).then(response => response.text()))
  t.equal(cloud.totals().events, 4)
  t.same(await (await post(url, batch(5, 4))).json(), { accepted: 2, duplicates: 0, rejected: [] })
  t.match(await (await post(url, batch(5, 4))).json(), { accepted: 2, duplicates: 2, rejected: [{ id: /never/ }] })
  t.same(await (await post(url, batch(1, 9))).json(), { accepted: 1, duplicates: 8, rejected: [] })
  t.equal(cloud.totals().upOctets, 90n)
})

t.test('misbehaving: a poisonous event spoils its batch, hanging ends when billing closes', async t => {
  const { cloud, url } = await openShop(t)
  const poison = usageEvent(2)
  t.equal((await counter(url, 'POST', '/misbehave', { poison: [poison.id], events: [{ hang: true }] })).status, 204)
  const hanging = post(url, [usageEvent(1)])
  hanging.catch(() => undefined)
  t.equal((await post(url, [usageEvent(1), poison])).status, 400)
  t.equal((await post(url, [usageEvent(1)])).status, 200)
  t.equal((await counter(url, 'POST', '/misbehave', { events: [{ explode: true }] })).status, 400)
  await cloud.close()
  await t.rejects(hanging)
})

t.test('misbehaving: the feed replays, reorders, is cut in the middle; open feeds meet the script', async t => {
  const { cloud, url } = await openShop(t)
  await cloud.addSubscriber(subscriber('sub_2'), 1n)
  const all = (await readFeed(url, undefined, 3)).messages
  const last = all.at(-1)?.id
  cloud.misbehave({ feed: [{ replay: 2 }, { reorder: true }, { truncate: true }, { status: 500 }] })
  t.same((await readFeed(url, last, 2)).messages, all.slice(1), 'two old ones come again')
  t.same((await readFeed(url, undefined, 3)).messages, [all[1], all[0], all[2]])
  const broken = await readFeed(url, undefined, 1)
  t.same(broken.messages, [])
  t.match(broken.text, /id: .*\nevent: profile.changed\ndata: \{"/, 'the message began')
  t.equal((await readFeed(url, undefined, 1)).status, 500)
  const open = await fetch(`${url}/v1/feed`, { headers: { authorization: `Bearer ${edge}` } })
  const ended = open.text()
  cloud.misbehave({})
  t.match(await ended, /welcome/, 'an open feed ends when the script changes')
})

t.test('misbehaving: the snapshot is cut, ends too early, miscounts, or forgets subscribers', async t => {
  const { cloud, url } = await openShop(t)
  await cloud.addSubscriber(subscriber('sub_2'), 1n)
  cloud.misbehave({
    snapshot: [
      { truncate: 'half' },
      { truncate: 'no-end' },
      { truncate: 'wrong-counts' },
      { omit: 1 },
      { garbage: true }
    ]
  })
  const last = async (): Promise<string> => (await readSnapshot(url)).trimEnd().split('\n').at(-1) ?? ''
  const half = await last()
  t.throws(() => JSON.parse(half) as unknown, 'the last line is cut')
  t.match(JSON.parse(await last()), { kind: 'subscriber' }, 'no cursor')
  t.match(JSON.parse(await last()), { counts: { subscriber: 3 } })
  t.match(JSON.parse(await last()), { counts: { subscriber: 1 } })
  const garbage = await readSnapshot(url)
  t.throws(() => JSON.parse(garbage) as unknown)
  t.match(JSON.parse(await last()), { counts: { subscriber: 2 } }, 'then it behaves')
})

t.test('enforcement steps that the agent reports stand at the account', async t => {
  const { cloud, url } = await openShop(t)
  const step = (sequence: number, state: string): CloudEvent => ({
    ...usageEvent(sequence),
    type: 'turnpike.enforcement',
    data: { state, way: 'disconnect', proof: 'stop', detail: 'the NAS sent a Stop' }
  })
  const seen: string[] = []
  cloud.events.on('event', event => seen.push(event.id))
  await post(url, [step(1, 'sent'), step(2, 'proven'), step(2, 'proven')])
  t.match(cloud.account('sub_1').enforcement, { state: 'proven', way: 'disconnect', proof: 'stop' })
  t.same(seen, [step(1, '').id, step(2, '').id], 'duplicates are not told again')
})

t.test('what was seen agrees with a plain set, in any order', async t => {
  const sequence = integer({ min: 1, max: 40 })
  assert(
    property(array(sequence, { maxLength: 60 }), sequences => {
      const plain = new Set<number>()
      let stream: Stream = newStream
      for (const each of sequences) {
        if (seen(stream, each) !== plain.has(each)) return false
        plain.add(each)
        stream = remember(stream, each) ?? newStream
      }
      const all = Array.from({ length: 41 }, (_, index) => index + 1)
      const ascending = stream.early.every(
        ({ from, to }, index) => from <= to && from > (stream.early[index - 1]?.to ?? stream.watermark) + 1
      )
      return ascending && all.every(each => seen(stream, each) === plain.has(each))
    })
  )
  t.pass('for a hundred orders')
})

t.test('what is remembered of one agent has a bound', async t => {
  let stream: Stream | undefined = newStream
  for (let n = 1; n <= mostRanges; n++) stream = remember(stream ?? newStream, 2 * n)
  t.equal(stream?.early.length, mostRanges)
  t.equal(remember(stream ?? newStream, 2 * mostRanges + 2), undefined, 'one gap more is refused')
  t.equal(remember(stream ?? newStream, 3)?.early.length, mostRanges - 1, 'what closes a gap is taken')
})
