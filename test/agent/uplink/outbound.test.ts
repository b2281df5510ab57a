import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import t from 'tap'
import { readNotice, RecordKind } from '../../../agent/model/index.js'
import type { CloudEvent } from '../../../agent/model/edge-api.js'
import { Commands, Replica } from '../../../agent/subscribers/index.js'
import { HttpTransport, Uplink, type HttpTimeouts, type UplinkOptions } from '../../../agent/uplink/index.js'
import { half, quickSleep, ScriptedCloud, silent, until, usageEntry } from './cloud.js'
import { MemoryLedger } from './memory-ledger.js'

interface Bench {
  readonly cloud: ScriptedCloud
  readonly ledger: MemoryLedger
  readonly slept: number[]
  /** A new uplink on the same ledger, as after a restart. */
  readonly uplink: (more?: Partial<UplinkOptions>) => Promise<Uplink>
}

type Arrange = { records?: number; timeouts?: Partial<HttpTimeouts>; token?: () => string }

async function bench(t: Test, { records = 0, timeouts = {}, token = () => 'token' }: Arrange = {}): Promise<Bench> {
  const cloud = new ScriptedCloud()
  const url = await cloud.listen()
  t.teardown(() => cloud.close())
  const ledger = new MemoryLedger()
  ledger.append(Array.from({ length: records }, (_, n) => usageEntry(n)))
  const slept: number[] = []
  const uplink = async (more: Partial<UplinkOptions> = {}): Promise<Uplink> => {
    const replica = await Replica.open(ledger)
    await replica.apply([], 'start')
    const made = new Uplink({
      ledger,
      replica,
      commands: await Commands.open(ledger, () => 0),
      transport: new HttpTransport({ url, token, timeouts }),
      source: '/agents/test',
      log: silent,
      clock: Date.now,
      version: '1.2.3',
      sleep: quickSleep(slept),
      random: half,
      limits: { events: 100, ageMs: 0 },
      ...more
    })
    t.teardown(() => made.close())
    await made.start()
    return made
  }
  return { cloud, ledger, slept, uplink }
}

const through = (ledger: MemoryLedger): number => ledger.cursor('uplink')
const usageIds = (ledger: MemoryLedger): string[] =>
  ledger.records
    .filter(({ kind }) => kind === RecordKind.usage)
    .map(({ sequence }) => `${ledger.epoch}-${String(sequence).padStart(16, '0')}`)

/** Every usage record is at billing, once, in order. */
function complete(t: Test, { cloud, ledger }: Bench, but: readonly string[] = []): void {
  const usage = cloud.accepted.filter(id => cloud.byId.get(id)?.type === 'turnpike.usage')
  t.strictSame(
    usage,
    usageIds(ledger).filter(id => !but.includes(id))
  )
}

const status =
  (code: number, headers: Record<string, string> = {}, body = 'no') =>
  (response: ServerResponse): unknown =>
    response.writeHead(code, headers).end(body)

void t.test('the backlog goes out in batches, in order, gzip, with the token, one request at a time', async t => {
  const all = await bench(t, { records: 350 })
  const uplink = await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all)
  t.strictSame(
    all.cloud.batches.slice(0, 3).map(({ length }) => length),
    [100, 100, 100]
  )
  t.equal(all.cloud.mostConcurrent, 1)
  t.match(
    all.cloud.headers.find(headers => headers['content-type'] !== undefined),
    {
      'content-type': 'application/cloudevents-batch+json',
      'content-encoding': 'gzip',
      authorization: 'Bearer token'
    }
  )
  t.match(uplink.status(), { state: 'ok', backlog: 0, backlogAgeMs: 0, quarantined: 0 })
  all.ledger.append([usageEntry(1000)])
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all)
})

const sometimes: readonly (readonly [
  string,
  (response: ServerResponse, batch: CloudEvent[], cloud: ScriptedCloud) => unknown,
  number[]
])[] = [
  ['429 with seconds', status(429, { 'retry-after': '7' }), [7000]],
  [
    '503 with a date',
    status(503, { date: 'Wed, 21 Oct 2026 07:28:00 GMT', 'retry-after': 'Wed, 21 Oct 2026 07:28:09 GMT' }),
    [9000]
  ],
  ['503 without', status(503), [250]],
  ['401', status(401), [250]],
  ['403', status(403), [250]],
  ['500', status(500), [250]],
  ['404', status(404), [250]],
  ['a redirect, which is not followed', status(302, { location: 'https://example.invalid/' }), [250]],
  ['200 with garbage', status(200, {}, '<html>'), [250]],
  ['200 with an answer of another shape', status(200, {}, '{"ok":true}'), [250]],
  ['200 with nothing', status(200, {}, ''), [250]],
  ['200 that takes nothing', status(200, {}, '{"accepted":0,"duplicates":0,"rejected":[]}'), [250]],
  ['a reset before the answer', response => response.socket?.destroy(), [250]],
  [
    'a reset after it was stored',
    (response, batch, cloud) => {
      cloud.store(batch)
      response.socket?.destroy()
    },
    [250]
  ],
  [
    'an answer that breaks off',
    (response, batch, cloud) => {
      const body = JSON.stringify(cloud.store(batch))
      response.writeHead(200, { 'content-length': String(body.length) })
      response.write(body.slice(0, 10), () => response.socket?.destroy())
    },
    [250]
  ],
  ['silence', (response, _, cloud) => cloud.hanging.add(response), [250]],
  [
    'an answer that never ends',
    response => {
      response.writeHead(200)
      response.write('{')
    },
    [250]
  ],
  [
    'an endless answer',
    response => {
      response.writeHead(200)
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 16, ' '), more)
      }
      response.on('error', () => {})
      more()
    },
    [250]
  ]
]

for (const [name, answer, waits] of sometimes)
  void t.test(`${name}: the same batch again, nothing lost, nothing twice`, async t => {
    const all = await bench(t, { records: 150, timeouts: { send: 300 } })
    const { cloud } = all
    cloud.events.push((response, batch) => answer(response, batch, cloud))
    await all.uplink({ heartbeatMs: 60_000 })
    await until(() => through(all.ledger) === all.ledger.durableHead)
    complete(t, all)
    t.strictSame(cloud.batches[0], cloud.batches[1], 'the same')
    t.strictSame(all.slept.slice(0, 1), waits)
  })

void t.test('trouble without end is waited for without end, with growing waits', async t => {
  const all = await bench(t, { records: 5 })
  for (let n = 0; n < 40; n++) all.cloud.events.push(n % 2 === 0 ? status(500) : response => response.socket?.destroy())
  const uplink = await all.uplink()
  await until(() => all.slept.length > 20)
  t.match(uplink.status(), { state: 'retrying', backlog: Number })
  await until(() => through(all.ledger) === all.ledger.durableHead)
  t.strictSame(all.slept.slice(0, 8), [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000])
  complete(t, all)
  t.equal(uplink.status().state, 'ok')
})

void t.test('401: the backlog is kept, the alarm is raised, and a renewed token is used at once', async t => {
  let token = 'old'
  const all = await bench(t, { records: 5, token: () => token })
  const gate = (response: ServerResponse, batch: CloudEvent[]): void => {
    if (token === 'new') return all.cloud.take(response, batch)
    all.cloud.events.push(gate)
    response.writeHead(401).end()
  }
  all.cloud.events.push(gate)
  const uplink = await all.uplink()
  await until(() => all.slept.length > 5)
  t.match(uplink.status(), { state: 'refused', lastError: 'HTTP 401' })
  t.equal(through(all.ledger), 0)
  token = 'new'
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all)
  t.equal(all.cloud.headers.at(-1)?.authorization, 'Bearer new')
})

void t.test('a token that cannot be read is an alarm and no crash', async t => {
  const all = await bench(t, {
    records: 5,
    token: () => {
      throw new Error('no such file')
    }
  })
  const uplink = await all.uplink()
  await until(() => uplink.status().state === 'refused')
  t.match(uplink.status(), { lastError: /token.*no such file/ })
})

void t.test('400: bisecting finds exactly the poisonous events, and the others go through', async t => {
  const all = await bench(t, { records: 300 })
  const ids = usageIds(all.ledger)
  const poisonous = [ids[0], ids[57], ids[58], ids[199], ids[250]].filter(id => id !== undefined)
  for (const id of poisonous) all.cloud.poison.add(id)
  const uplink = await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all, poisonous)
  const aside = await uplink.quarantined()
  t.strictSame(
    aside.map(({ id }) => id),
    poisonous
  )
  t.match(aside[0], { sequence: 1, reason: 'HTTP 400: spoilt' })
  t.equal(uplink.status().quarantined, 5)
  t.ok(all.cloud.batches.length < 80, `${all.cloud.batches.length} requests`)
})

void t.test('413: batches are halved until they fit; one that never fits is set aside', async t => {
  const all = await bench(t, { records: 200 })
  const [, , , giant] = usageIds(all.ledger)
  const gate = (response: ServerResponse, batch: CloudEvent[]): void => {
    all.cloud.events.push(gate)
    if (batch.length > 30 || batch.some(({ id }) => id === giant)) response.writeHead(413).end('too much')
    else all.cloud.take(response, batch)
  }
  all.cloud.events.push(gate)
  const uplink = await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all, [giant ?? ''])
  t.match(await uplink.quarantined(), [{ id: giant, reason: 'HTTP 413: too much' }])
})

void t.test('204 and any other 2xx mean that all were accepted', async t => {
  const all = await bench(t, { records: 300 })
  const taken = [204, 202, 201, 299].map(code => (response: ServerResponse, batch: CloudEvent[]) => {
    all.cloud.store(batch)
    response.writeHead(code).end()
  })
  all.cloud.events.push(...taken)
  await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all)
  t.equal(all.cloud.duplicates, 0)
})

void t.test(
  'rejected ids are set aside with their reason; ids that were never sent are reported, not believed',
  async t => {
    const all = await bench(t, { records: 100 })
    const [id = ''] = usageIds(all.ledger).slice(41)
    all.cloud.events.push((response, batch) => all.cloud.take(response, batch, [{ id, reason: 'no such subscriber' }]))
    const stranger = { id: 'stranger', reason: 'lie' }
    all.cloud.events.push((response, batch) => {
      const answer = all.cloud.store(batch) as { rejected: object[] }
      response.writeHead(200).end(JSON.stringify({ ...answer, rejected: [stranger, stranger] }))
    })
    const uplink = await all.uplink()
    await until(() => through(all.ledger) === all.ledger.durableHead)
    complete(t, all, [id])
    t.match(await uplink.quarantined(), [{ id, sequence: 42, reason: 'no such subscriber' }])
    const problems = all.ledger.records
      .filter(({ kind }) => kind === RecordKind.agentStatus)
      .map(r => readNotice(r.payload))
    t.match(
      problems.find(({ problems }) => problems !== undefined),
      { problems: [{ code: 'ANSWER_ODD', words: /rejected 2 events/ }] }
    )
  }
)

void t.test('what was set aside can be sent again, by id or all, and forgotten', async t => {
  const all = await bench(t, { records: 100 })
  const ids = usageIds(all.ledger)
  const some = [ids[3], ids[4], ids[9]].filter(id => id !== undefined)
  for (const id of some) all.cloud.poison.add(id)
  const uplink = await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  t.equal(uplink.status().quarantined, 3)
  all.cloud.poison.delete(some[0] ?? '')
  t.strictSame(await uplink.resend([some[0] ?? '', 'unknown']), { taken: 1, rejected: 0, gone: 0 })
  t.strictSame(await uplink.resend(), { taken: 0, rejected: 2, gone: 0 }, 'still poisonous')
  t.equal(uplink.status().quarantined, 2)
  await uplink.forget([some[1] ?? ''])
  all.cloud.poison.clear()
  t.strictSame(await uplink.resend(), { taken: 1, rejected: 0, gone: 0 })
  t.strictSame(await uplink.quarantined(), [])
  t.ok(all.cloud.byId.has(some[2] ?? ''))
})

void t.test(
  'billing that rejects everything is stopped at the bound, and goes on when a person has cleared it',
  async t => {
    const all = await bench(t, { records: 400 })
    for (let n = 0; n < 3; n++)
      all.cloud.events.push((response, batch) =>
        all.cloud.take(
          response,
          batch,
          batch.map(({ id }) => ({ id, reason: 'broken' }))
        )
      )
    const uplink = await all.uplink({ quarantineMost: 150 })
    await until(() => uplink.status().state === 'held')
    t.equal(uplink.status().quarantined, 200)
    t.equal(through(all.ledger), 200, 'the third batch waits')
    t.ok((await uplink.resend()).taken >= 200)
    await until(() => through(all.ledger) === all.ledger.durableHead)
    t.equal(uplink.status().state, 'ok')
    await uplink.resend()
    t.strictSame(all.cloud.accepted.filter(id => usageIds(all.ledger).includes(id)).sort(), usageIds(all.ledger))
  }
)

void t.test('a lost range is reported once, as an event of its own', async t => {
  const all = await bench(t, { records: 60 })
  all.ledger.lost.push({ from: 11, to: 20, reason: 'checksum' })
  await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead && through(all.ledger) > 61)
  const gone = usageIds(all.ledger).slice(10, 20)
  complete(t, all, gone)
  const reports = [...all.cloud.byId.values()].filter(({ type }) => type === 'turnpike.ledger.lost')
  t.match(reports, [{ data: { from: 11, to: 20, reason: 'checksum' } }])
})

void t.test('ids keep the epoch under which a record was written', async t => {
  const all = await bench(t, { records: 3 })
  all.ledger.epoch = '01JOTHER'
  await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  t.match(all.cloud.accepted[0], /^01JOTHER-0{15}1$/)
})

void t.test('stopped and started at every point, nothing is lost or twice', async t => {
  for (let point = 1; point <= 24; point++) {
    const all = await bench(t, { records: 250 })
    const [, , poison = '', rejected = ''] = usageIds(all.ledger)
    all.cloud.poison.add(poison)
    let steps = 0
    let first: Uplink | undefined
    let stopped: Promise<void> | undefined
    const step = (): void => {
      if (++steps === point) stopped = first?.close()
    }
    const take = all.cloud.take.bind(all.cloud)
    all.cloud.take = (response, batch) => {
      step()
      const has = batch.some(({ id }) => id === rejected)
      take(response, batch, has ? [{ id: rejected, reason: 'no' }] : [])
      step()
    }
    all.ledger.before = step
    first = await all.uplink()
    await until(() => stopped !== undefined || through(all.ledger) === all.ledger.durableHead)
    await stopped
    const second = await all.uplink()
    await until(() => through(all.ledger) === all.ledger.durableHead)
    complete(t, all, [poison, rejected])
    t.strictSame(
      (await second.quarantined()).map(({ id }) => id),
      [poison, rejected],
      `at step ${point}`
    )
    await second.close()
  }
})

void t.test('a disk that fails stops nothing for good: batches are sent again and recognised', async t => {
  const all = await bench(t, { records: 250 })
  let failures = 3
  all.ledger.before = step => {
    if (step === 'advance' && failures-- > 0) throw new Error('EIO')
  }
  const uplink = await all.uplink()
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all)
  t.ok(all.cloud.duplicates >= 200)
  failures = 3
  all.ledger.append([usageEntry(1000)])
  await until(() => failures < 0 && through(all.ledger) === all.ledger.durableHead && all.ledger.waiting > 0)
  t.equal(all.ledger.waiting, 1, 'what read ahead for the failed attempts has ended')
  t.equal(uplink.status().state, 'ok')
})

void t.test('a range is sent again at billing’s command, once, and says what came of it', async t => {
  const all = await bench(t, { records: 50 })
  const replica = await Replica.open(all.ledger)
  const commands = await Commands.open(all.ledger, () => 0)
  await all.uplink({ replica, commands })
  await until(() => through(all.ledger) === all.ledger.durableHead)
  await commands.request({ id: 'c1', verb: 'resend', arguments: { from: 11, to: 20 } })
  await commands.request({ id: 'c2', verb: 'resend', arguments: { from: 5, to: 'x' } })
  await commands.request({ id: 'c3', verb: 'disconnect' })
  await until(() => commands.pending().length === 1)
  await until(() => through(all.ledger) === all.ledger.durableHead)
  t.equal(all.cloud.duplicates, 10)
  const outcomes = [...all.cloud.byId.values()].filter(({ type }) => type === 'turnpike.command.completed')
  t.match(
    outcomes.map(({ data }) => data).sort((a, b) => (String(a['command']) < String(b['command']) ? -1 : 1)),
    [
      { command: 'c1', outcome: 'done', words: '10 events sent again, 0 rejected, 0 no longer kept' },
      { command: 'c2', outcome: 'failed', words: /range/ }
    ]
  )
})

void t.test('sending again beside the backlog still makes one request at a time', async t => {
  const all = await bench(t, { records: 2000 })
  const take = all.cloud.take.bind(all.cloud)
  all.cloud.take = (response, batch) => void setTimeout(() => take(response, batch), 1)
  const uplink = await all.uplink({ limits: { events: 10, ageMs: 0 } })
  await until(() => through(all.ledger) > 200)
  await Promise.all([uplink.resendRange(1, 200), uplink.resendRange(50, 150)])
  await until(() => through(all.ledger) === all.ledger.durableHead)
  t.equal(all.cloud.mostConcurrent, 1)
  t.equal(all.cloud.duplicates, 301)
  complete(t, all)
})

void t.test('the heartbeat tells version, backlog and clock skew, and carries what was too much at once', async t => {
  const all = await bench(t)
  const beats: (() => void)[] = []
  const now = Date.parse('2026-01-01T00:00:00Z')
  const rest = quickSleep()
  all.cloud.events.push((response, batch) => {
    response.setHeader('date', 'Thu, 01 Jan 2026 00:00:10 GMT')
    all.cloud.take(response, batch)
  })
  const replica = await Replica.open(all.ledger)
  await replica.apply([], 'start')
  await all.uplink({
    replica,
    clock: () => now,
    transport: new HttpTransport({
      url: `http://127.0.0.1:${(all.cloud.server.address() as { port: number }).port}`,
      token: () => 'x',
      clock: () => now
    }),
    sleep: (ms, signal) =>
      ms === 60_000
        ? new Promise(resolve => {
            beats.push(resolve)
            signal.addEventListener('abort', () => resolve())
          })
        : rest(Math.min(ms, 59_000), signal)
  })
  await until(() => all.cloud.byId.size === 1)
  for (let n = 0; n < 45; n++)
    for (const id of [`a${n}`, `b${n}`])
      await replica.apply([
        { kind: 'subscriber', id, document: { id, username: `u${n}`, status: 'active', profile: 'p' } }
      ])
  beats[0]?.()
  await until(() => beats.length === 2 && through(all.ledger) === all.ledger.durableHead)
  const found = [...all.cloud.byId.values()].map(({ data }) => data)
  t.match(found[0], { version: '1.2.3', backlog: 0 })
  const last = found.at(-1)
  t.match(last, { version: '1.2.3', clockSkewMs: Number, problemsLeftOut: 15 })
  t.equal((last?.['problems'] as object[] | undefined)?.length, 20)
  t.equal(found.filter(({ problems, version }) => problems !== undefined && version === undefined).length, 10)
})

void t.test('memory does not grow with the backlog', async t => {
  const all = await bench(t, { records: 20_000 })
  let mostAhead = 0
  const take = all.cloud.take.bind(all.cloud)
  all.cloud.take = (response, batch) => {
    const at = Number(batch.at(-1)?.sequence)
    mostAhead = Math.max(mostAhead, all.ledger.reads * all.ledger.blockSize - at)
    take(response, batch)
    all.cloud.batches.length = 0
  }
  await all.uplink({ limits: { events: 1000, ageMs: 0 } })
  await until(() => through(all.ledger) === all.ledger.durableHead)
  complete(t, all)
  t.ok(mostAhead <= 1200, `${mostAhead} records read ahead`)
})

void t.test('close ends within two seconds even while billing hangs', async t => {
  const all = await bench(t, { records: 5 })
  all.cloud.events.push(response => all.cloud.hanging.add(response))
  const uplink = await all.uplink()
  await until(() => all.cloud.hanging.size === 1)
  const before = performance.now()
  await uplink.close()
  t.ok(performance.now() - before < 1000)
  t.match(uplink.status(), { state: 'stopped', backlog: Number })
})
