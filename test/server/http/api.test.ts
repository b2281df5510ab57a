import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { createApi } from '../../../server/http/api.js'
import { ApiOnDemand, apiErrors, listenOnSocket } from '../../../server/http/index.js'
import { FakeView, noon } from './fake-view.js'

async function apiOf(t: Test, options: { changesPerMinute?: number } = {}) {
  const view = new FakeView()
  const api = await createApi({ view, version: '0.1.0', clock: () => noon, ...options })
  t.teardown(() => api.close())
  const get = async (url: string) => {
    const response = await api.inject({ url })
    return { status: response.statusCode, body: response.json<unknown>(), text: response.body }
  }
  const post = async (url: string, payload?: object) => {
    const response = await api.inject({ url, method: 'POST', ...(payload !== undefined && { payload }) })
    return { status: response.statusCode, body: response.json<unknown>(), text: response.body }
  }
  return { view, api, get, post }
}

t.test('status tells the agent at a glance', async t => {
  const { get } = await apiOf(t)
  t.match((await get('/v1/status')).body, {
    version: '0.1.0',
    startedAt: '2026-11-22T12:00:00.000Z',
    sessions: { open: 1 }
  })
})

t.test('devices come with what they said and what keeps their ports from being billed', async t => {
  const { get } = await apiOf(t)
  const { body } = await get('/v1/devices')
  t.match(body, {
    devices: [{ device: 'sw-1', state: 'down', at: '2026-11-23T12:00:00.000Z', tookMs: 6000, unclaimed: { count: 2 } }]
  })
})

t.test('sessions are filtered and come in pages; octets keep every digit', async t => {
  const { get } = await apiOf(t)
  const first = (await get('/v1/sessions?limit=2')).body as {
    sessions: { id: string; downOctets: string }[]
    cursor: string
  }
  t.same(
    first.sessions.map(session => session.id),
    ['ses-1', 'ses-2']
  )
  t.equal(first.sessions[0]?.downOctets, '9007199254740993')
  t.match((await get(`/v1/sessions?limit=2&cursor=${first.cursor}`)).body, {
    sessions: [{ id: 'ses-3', closedBy: 'stop' }],
    cursor: undefined
  })
  t.match((await get('/v1/sessions?state=stale&subscriber=bob&nas=bras-1')).body, { sessions: [{ id: 'ses-2' }] })
  t.match(await get('/v1/sessions?limit=0'), { status: 400, body: { code: 'API_BAD_REQUEST', message: /limit/ } })
  t.match(await get('/v1/sessions?stat=open'), { status: 400 })
})

t.test('a session explains how it came to its octets', async t => {
  const { get } = await apiOf(t)
  t.match((await get('/v1/sessions/ses-1/why')).body, {
    session: { id: 'ses-1' },
    steps: [
      { cause: 'interim', downOctets: '70000' },
      { cause: 'duplicate', upOctets: '0' }
    ]
  })
  t.match(await get('/v1/sessions/none/why'), {
    status: 404,
    body: { code: 'API_UNKNOWN', message: /«none»/, remedy: /turnpike sessions/ }
  })
})

t.test('a subscriber is found by id or User-Name, and shown without credentials', async t => {
  const { get } = await apiOf(t)
  for (const id of ['sub_1001', 'alice']) {
    const { text, body } = await get(`/v1/subscribers/${id}`)
    t.match(body, {
      subscriber: { id: 'sub_1001', username: 'alice' },
      wanted: { kind: 'full' },
      sessions: [{ id: 'ses-1' }]
    })
    t.notMatch(text, /alices-password|credentials/)
  }
  t.match(await get('/v1/subscribers/nobody'), { status: 404 })
})

t.test('usage counts from a time, 30 days ago unless said', async t => {
  const { get } = await apiOf(t)
  t.match((await get('/v1/subscribers/alice/usage')).body, { since: '2026-10-24T12:00:00.000Z', upOctets: '1200345' })
  t.match((await get('/v1/subscribers/alice/usage?since=2026-11-01T00:00:00Z')).body, {
    since: '2026-11-01T00:00:00.000Z'
  })
  t.match(await get('/v1/subscribers/alice/usage?since=yesterday'), { status: 400, body: { message: /yesterday/ } })
})

t.test('a local decision reaches the agent with its words', async t => {
  const { post, view } = await apiOf(t)
  t.match(await post('/v1/subscribers/alice/suspend', { reason: 'unpaid', reference: 'inv-7' }), {
    status: 200,
    body: { subscriber: 'sub_1001', status: 'suspended', sessions: 1 }
  })
  await post('/v1/subscribers/alice/suspend', { how: 'reject', reason: 'abuse' })
  await post('/v1/subscribers/alice/restore', { reason: 'paid' })
  t.same(view.said, [
    { suspend: 'alice', how: 'walled-garden', reason: 'unpaid', reference: 'inv-7' },
    { suspend: 'alice', how: 'reject', reason: 'abuse' },
    { restore: 'alice', reason: 'paid' }
  ])
})

t.test('a decision without a reason, of an unknown kind, or with more than asked for is refused', async t => {
  const { post, view } = await apiOf(t)
  for (const body of [{}, { reason: '' }, { reason: 'x', how: 'kick' }, { reason: 'x', credentials: {} }]) {
    t.match(await post('/v1/subscribers/alice/suspend', body), { status: 400, body: { code: 'API_BAD_REQUEST' } })
  }
  t.match(await post('/v1/subscribers/nobody/restore', { reason: 'x' }), { status: 404 })
  t.same(view.said, [])
})

t.test('a failure is told in words, and never what is inside', async t => {
  const { post } = await apiOf(t)
  const inner = await post('/v1/subscribers/broken/restore', { reason: 'x' })
  t.match(inner, { status: 500, body: { code: 'API_FAILED' } })
  t.notMatch(inner.text, 'inner secret')
  t.match(await post('/v1/subscribers/full/restore', { reason: 'x' }), {
    status: 503,
    body: { message: /disk is full/ }
  })
})

t.test('rejections tell who was not let on, how often and why', async t => {
  const { get } = await apiOf(t)
  t.match((await get('/v1/rejections?limit=1')).body, {
    rejections: [{ userName: 'alice', count: 120, firstAt: '2026-11-23T11:00:00.000Z', words: /password/ }]
  })
  t.equal((await get('/v1/rejections?limit=0')).status, 400)
})

t.test('enforcements, the brake and the quarantine', async t => {
  const { get, post, view } = await apiOf(t)
  t.match((await get('/v1/enforcements?subscriber=sub_1001')).body, {
    enforcements: [{ state: 'proven', requestedAt: '2026-11-23T11:59:55.000Z' }]
  })
  t.same((await get('/v1/enforcements?subscriber=other')).body, { enforcements: [] })
  t.match((await post('/v1/brakes/release')).body, { count: 3 })
  t.match((await get('/v1/quarantine')).body, { events: [{ sequence: 12, reason: 'unknown subject' }] })
  t.match((await post('/v1/quarantine/resend', { sequences: [12, 13] })).body, { count: 2 })
  t.match((await post('/v1/quarantine/resend', {})).body, { count: 1 })
  t.same(view.said, ['release', { resend: [12, 13] }, { resend: undefined }])
})

t.test('figures are in the text format of Prometheus', async t => {
  const { api } = await apiOf(t)
  const { body, headers } = await api.inject('/metrics')
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.equal(
    body,
    [
      '# HELP turnpike_sessions Sessions by state',
      '# TYPE turnpike_sessions gauge',
      'turnpike_sessions{state="open"} 1',
      '# HELP turnpike_odd_total Odd\\nhelp',
      '# TYPE turnpike_odd_total counter',
      'turnpike_odd_total{nas="a\\"b\\\\c\\nd"} 2',
      ''
    ].join('\n')
  )
})

t.test('the API describes itself', async t => {
  const { get } = await apiOf(t)
  const { paths, openapi } = (await get('/openapi.json')).body as {
    openapi: string
    paths: Record<string, Record<string, { summary: string }>>
  }
  t.match(openapi, /^3\.1/)
  for (const path of [
    '/v1/status',
    '/v1/sessions',
    '/v1/sessions/{id}/why',
    '/v1/subscribers/{id}',
    '/v1/subscribers/{id}/usage',
    '/v1/subscribers/{id}/suspend',
    '/v1/subscribers/{id}/restore',
    '/v1/enforcements',
    '/v1/evidence',
    '/v1/evidence/check',
    '/v1/brakes/release',
    '/v1/quarantine',
    '/v1/quarantine/resend',
    '/v1/rejections',
    '/metrics'
  ])
    t.ok(Object.values(paths[path] ?? {})[0]?.summary, path)
  t.match(await get('/v1/nothing'), { status: 404, body: { code: 'API_UNKNOWN', message: /openapi\.json/ } })
})

t.test('changes are limited, reading is not', async t => {
  const { post, get } = await apiOf(t, { changesPerMinute: 2 })
  const statuses: number[] = []
  for (let n = 0; n < 3; n++) statuses.push((await post('/v1/subscribers/alice/restore', { reason: 'x' })).status)
  t.same(statuses, [200, 200, 429])
  t.equal((await get('/v1/status')).status, 200)
})

t.test('the socket is for the agent’s user and group only, and a stale one is replaced', async t => {
  const directory = shortDirectory(t)
  const path = join(directory, 'run', 'api.sock')
  const { api } = await apiOf(t)
  await listenOnSocket(api, path)
  t.equal(statSync(path).mode & 0o777, 0o660)
  t.equal(statSync(join(directory, 'run')).mode & 0o777, 0o750)
  const client = new Client('http://turnpike', { socketPath: path })
  t.teardown(() => client.close())
  t.equal((await client.request({ path: '/v1/status', method: 'GET' })).statusCode, 200)

  const second = await apiOf(t)
  await t.rejects(listenOnSocket(second.api, path), { code: 'API_SOCKET', message: /Another agent listens/ })
  t.ok(existsSync(path), 'the running agent keeps its socket')

  const stale = join(directory, 'stale.sock')
  leaveStale(stale)
  await listenOnSocket(second.api, stale)
  t.equal(statSync(stale).mode & 0o777, 0o660)
})

t.test('a socket that cannot be made is one sentence', async t => {
  const directory = shortDirectory(t)
  writeFileSync(join(directory, 'file'), 'x')
  const { api } = await apiOf(t)
  await t.rejects(listenOnSocket(api, join(directory, 'file')), { code: 'API_SOCKET', message: /not a socket/ })
  await t.rejects(listenOnSocket(api, join(directory, 'file/api.sock')), { code: 'API_SOCKET', message: /api\.socket/ })
  await t.rejects(listenOnSocket(api, join(directory, 'x'.repeat(200))), {
    code: 'API_SOCKET',
    message: /more than 107 octets/
  })
  mkdirSync(join(directory, 'there'))
  chmodSync(join(directory, 'there'), 0o755)
  writeFileSync(join(directory, 'there', 'other'), '')
  await listenOnSocket(api, join(directory, 'there', 'api.sock'))
  t.equal(statSync(join(directory, 'there')).mode & 0o777, 0o755, 'a directory that was there keeps its mode')
})

t.test('an API on demand opens its socket at once, and is made when somebody first asks', async t => {
  const path = join(shortDirectory(t), 'api.sock')
  const api = new ApiOnDemand({ view: new FakeView(), version: '0.1.0', clock: () => noon })
  await listenOnSocket(api, path)
  t.equal(statSync(path).mode & 0o777, 0o660)
  const client = new Client('http://turnpike', { socketPath: path })
  const answers = await Promise.all(
    ['/v1/status', '/metrics', '/nowhere'].map(place => client.request({ path: place, method: 'GET' }))
  )
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [200, 200, 404]
  )
  await Promise.all(answers.map(({ body }) => body.dump()))
  await client.close()
  await api.close()
  t.notOk(existsSync(path), 'the socket goes with it')
})

t.test('each refusal has a remedy', async t => {
  for (const [code, { remedy }] of Object.entries(apiErrors)) t.ok(remedy.length > 30, code)
})

/** A socket file whose listener died without removing it. */
function leaveStale(path: string): void {
  spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  ])
  if (!existsSync(path)) throw new Error('no stale socket was left')
}

/** A socket's path may have 107 octets: tap's own fixture directories are too deep. */
function shortDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'tp-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
