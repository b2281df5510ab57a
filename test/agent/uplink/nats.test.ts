import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import t from 'tap'
import { headers, nkeys } from '@nats-io/transport-node'
import { openLedger, type LevelLedger } from '../../../agent/ledger/index.js'
import { Commands, Replica } from '../../../agent/subscribers/index.js'
import { toEvent, Uplink, type Answer, type Incoming, type WireEvent } from '../../../agent/uplink/index.js'
import { NatsTransport, type NatsOptions } from '../../../agent/uplink/nats.js'
import { quickSleep, silent, until, usageEntry } from './cloud.js'
import { billingAt, NatsServer, needsNats, type Billing } from './nats-server.js'

/*
 * The uplink over a real NATS server: killed, stopped, started again, with streams that are full or made anew.
 */

t.setTimeout(120_000)

const signal = new AbortController().signal
const events = (from: number, to: number): WireEvent[] =>
  Array.from({ length: to - from + 1 }, (_, n) => {
    const sequence = from + n
    return toEvent({ ...usageEntry(sequence), sequence }, 'E', '/agents/t')
  })

function transport(t: Test, options: Partial<NatsOptions> & { url: string }): NatsTransport {
  const made = new NatsTransport({ credential: () => 'token', source: '/agents/t', ...options })
  t.teardown(() => made.close())
  return made
}

const message = (n: number, more: object = {}): string =>
  JSON.stringify({
    specversion: '1.0',
    type: 'subscriber.changed',
    source: '/billing',
    id: `m${n}`,
    data: { id: `sub_${n}`, username: `user${n}`, status: 'active', profile: 'home' },
    ...more
  })

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const line of lines) found.push(line)
  return found
}

/** Puts messages into the feed. */
async function publish(billing: Billing, from: number, to: number): Promise<void> {
  const stream = billing.manager.jetstream()
  const put = (n: number): Promise<unknown> =>
    stream.publish('turnpike.feed', message(n), { msgID: `m${n}`, timeout: 300 }).catch(() => put(n))
  for (let n = from; n <= to; n++) await put(n)
}

/** The first `count` messages behind a cursor. */
async function read(transport: NatsTransport, cursor: string | undefined, count: number): Promise<Incoming[]> {
  const found: Incoming[] = []
  for await (const group of transport.feed(cursor, signal)) {
    found.push(...group)
    if (found.length >= count) break
  }
  return found
}

void t.test('an address of NATS is tls://, or nats:// to this very box, and holds no secrets', async t => {
  for (const url of ['tls://nats.example', 'tls://nats.example:4443/', 'nats://127.0.0.1:1', 'nats://[::1]:4222'])
    t.doesNotThrow(() => transport(t, { url }), url)
  for (const url of ['nats://nats.example', 'nats://10.0.0.1:4222'])
    t.throws(() => transport(t, { url }), { code: 'UPLINK_INSECURE_URL' }, url)
  for (const url of ['ws://b.example', 'tls:', 'tls://user:hunter2@b.example', 'tls://b.example/path', ''])
    t.throws(() => transport(t, { url }), { code: 'UPLINK_BAD_URL', message: /^((?!hunter2).)*$/ }, url)
})

void t.test('events are stored once and in order, whatever is sent again', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  const made = transport(t, { url: server.url, inFlight: 64 })
  t.strictSame(await made.send(events(1, 1000), signal), { kind: 'taken', rejected: [] })
  t.strictSame(await made.send(events(501, 1500), signal), { kind: 'taken', rejected: [] })
  const stored = await billing.stored('TURNPIKE_EVENTS')
  t.strictSame(
    stored.map(({ id }) => id),
    events(1, 1500).map(({ id }) => id)
  )
  const first = await billing.manager.streams.getMessage('TURNPIKE_EVENTS', { seq: 1 })
  t.strictSame(first?.json(), JSON.parse(String(events(1, 1)[0]?.json)))
  t.equal(first?.header.get('Nats-Msg-Id'), 'E-0000000000000001')
})

void t.test('each trouble of the stream has the answer that it deserves', needsNats, async t => {
  const server = await NatsServer.start(t, 'max_payload: 4096')
  const billing = await billingAt(t, server, { events: { max_msgs: 3, max_msg_size: 1500 } })
  const made = transport(t, { url: server.url, timeouts: { answer: 2000 } })
  const large = (event: WireEvent | undefined, size: number): WireEvent => ({
    ...(event as WireEvent),
    json: Buffer.from(JSON.stringify({ filler: 'x'.repeat(size) }))
  })
  const [one, two, three, four, five] = events(1, 5)
  t.match(
    await made.send([one, large(two, 2000), large(three, 4000), four] as WireEvent[], signal),
    {
      kind: 'taken',
      rejected: [
        { event: { id: two?.id }, reason: /message size exceeds/ },
        { event: { id: three?.id }, reason: /larger than a message/ }
      ]
    },
    'what is too large is set aside, and what stands behind it goes through'
  )
  t.match(await made.send([five, ...events(6, 9)] as WireEvent[], signal), { kind: 'wait', reason: /maximum messages/ })
  t.strictSame(
    (await billing.stored('TURNPIKE_EVENTS')).map(({ id }) => id),
    [one?.id, four?.id, five?.id]
  )
  await billing.manager.streams.delete('TURNPIKE_EVENTS')
  t.match(await made.send(events(1, 3), signal), { kind: 'retry', reason: /no stream takes the events/ })
})

void t.test('the feed comes in order behind its cursor, through a server that is killed', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  await publish(billing, 1, 5)
  const made = transport(t, { url: server.url })
  const begun = await read(made, undefined, 5)
  t.strictSame(
    begun.map(({ data }) => data),
    [1, 2, 3, 4, 5].map(n => message(n))
  )
  t.match(begun.at(-1)?.cursor, /^5@[0-9]{13}$/)
  t.strictSame(
    (await read(made, begun[2]?.cursor, 2)).map(({ data }) => data),
    [message(4), message(5)],
    'from the middle'
  )
  const feed = made.feed(begun[4]?.cursor, signal)
  t.strictSame((await feed.next()).value, [], 'connected, nothing new')
  const broken = t.rejects(feed.next(), { code: 'UPLINK_UNREACHABLE' })
  await server.kill()
  await broken
  await t.rejects(made.feed(begun[4]?.cursor, signal).next(), { code: 'UPLINK_UNREACHABLE' })
  await server.start()
  await publish(billing, 6, 7)
  t.strictSame(
    (await read(made, begun[4]?.cursor, 2)).map(({ data }) => data),
    [message(6), message(7)]
  )
})

void t.test('a place that the stream no longer has, or never had, asks for a snapshot', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  await publish(billing, 1, 10)
  const made = transport(t, { url: server.url })
  const [second, third] = (await read(made, '1', 2)).map(({ cursor }) => cursor)
  const asks = (cursor: string | undefined, name: string): Promise<unknown> =>
    t.rejects(made.feed(cursor, signal).next(), { code: 'UPLINK_CURSOR_TOO_OLD' }, name)
  await billing.manager.streams.purge('TURNPIKE_FEED', { seq: 4 })
  await asks(second, 'what follows is gone')
  t.equal((await read(made, third, 7)).length, 7, 'what follows is there')
  await asks('11', 'after the end')
  await asks('cursor-of-an-https-feed', 'a cursor of another kind')
  await billing.manager.streams.delete('TURNPIKE_FEED')
  await billing.manager.streams.add({ name: 'TURNPIKE_FEED', subjects: ['turnpike.feed'] })
  await publish(billing, 1, 10)
  await asks(third, 'the same number in a stream that was made anew')
  await billing.manager.streams.delete('TURNPIKE_FEED')
  await t.rejects(made.feed('1', signal).next(), { code: 'UPLINK_UNEXPECTED_ANSWER', message: /stream not found/ })
})

void t.test('messages that were deleted in the middle are passed over, lost ones are not', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  await publish(billing, 1, 6)
  await billing.manager.streams.deleteMessage('TURNPIKE_FEED', 3)
  const made = transport(t, { url: server.url })
  t.strictSame(
    (await read(made, '1', 4)).map(({ cursor }) => Number.parseInt(cursor ?? '', 10)),
    [2, 4, 5, 6]
  )
})

void t.test('the snapshot is asked for page by page and joined', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  const asked: unknown[] = []
  const pages = ['{"a":1}\n{"b"', ':2}\n', '{"cursor":"3"}\n']
  billing.connection.subscribe('turnpike.snapshot', {
    callback: (_, request) => {
      asked.push(request.json())
      const at = Number(request.json<{ page?: string }>().page ?? 0)
      const reply = headers()
      if (at < 2) reply.set('Turnpike-Next-Page', String(at + 1))
      request.respond(pages[at], { headers: reply })
    }
  })
  await billing.connection.flush()
  const made = transport(t, { url: server.url })
  t.strictSame(await all(made.snapshot(signal)), ['{"a":1}', '{"b":2}', '{"cursor":"3"}'])
  t.strictSame(asked, [{ source: '/agents/t' }, { source: '/agents/t', page: '1' }, { source: '/agents/t', page: '2' }])
})

void t.test('a snapshot that nobody answers for, or not rightly, is an error', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  const made = transport(t, { url: server.url, timeouts: { answer: 1000 } })
  const take = (): Promise<string[]> => all(made.snapshot(signal))
  await t.rejects(take(), { code: 'UPLINK_NO_STREAM' })
  const answers = [
    { 'Nats-Service-Error-Code': '503', 'Nats-Service-Error': 'not now' },
    { 'Turnpike-Next-Page': '1' },
    undefined
  ]
  billing.connection.subscribe('turnpike.snapshot', {
    callback: (_, request) => {
      const answer = answers.shift()
      if (answer === undefined) return
      const reply = headers()
      for (const [name, value] of Object.entries(answer)) reply.set(name, value)
      request.respond('', { headers: reply })
    }
  })
  await billing.connection.flush()
  await t.rejects(take(), { code: 'UPLINK_UNEXPECTED_ANSWER', message: /503 not now/ })
  await t.rejects(take(), { code: 'UPLINK_UNEXPECTED_ANSWER', message: /empty page/ })
  await t.rejects(take(), { code: 'UPLINK_TIMEOUT' })
})

void t.test('a server that hangs is found out, and one that comes back is used again', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  t.teardown(() => server.signal('SIGCONT'))
  const made = transport(t, { url: server.url, timeouts: { answer: 1000, ping: 100, connect: 1000, silence: 1500 } })
  await made.send(events(1, 1), signal)
  const feed = made.feed(undefined, signal)
  await feed.next()
  t.strictSame((await feed.next()).value, [], 'a heartbeat is a sign of life')
  const dead = t.rejects(feed.next(), { code: /^UPLINK_(UNREACHABLE|FEED_SILENT)$/ })
  server.signal('SIGSTOP')
  t.match(await made.send(events(2, 3), signal), { kind: 'retry' })
  await dead
  await t.rejects(made.feed(undefined, signal).next(), { code: /^UPLINK_(UNREACHABLE|TIMEOUT)$/ })
  server.signal('SIGCONT')
  let answer: Answer = { kind: 'retry', reason: '' }
  while (answer.kind !== 'taken')
    answer = await made.send(events(1, 3), signal).catch(({ message }: Error) => ({ kind: 'retry', reason: message }))
  t.strictSame(
    (await billing.stored('TURNPIKE_EVENTS')).map(({ id }) => id),
    events(1, 3).map(({ id }) => id)
  )
})

void t.test('an abort ends what waits for the server', needsNats, async t => {
  const server = await NatsServer.start(t)
  await billingAt(t, server)
  const made = transport(t, { url: server.url })
  const leave = new AbortController()
  const feed = made.feed(undefined, leave.signal)
  await feed.next()
  const waiting = t.rejects(feed.next(), { name: 'AbortError' })
  leave.abort()
  await waiting
  await t.rejects(made.send(events(1, 1), leave.signal), { name: 'AbortError' })
})

void t.test(
  'tokens, passwords and nkeys are shown to the server, and read again for each connection',
  needsNats,
  async t => {
    const pair = nkeys.createUser()
    const seed = new TextDecoder().decode(pair.getSeed())
    const kinds = [
      { more: 'authorization {token: "right-token"}', credential: 'right-token', connect: { token: 'right-token' } },
      {
        more: 'authorization {users: [{user: edge, password: "right-word"}]}',
        credential: 'right-word\n',
        user: 'edge',
        connect: { user: 'edge', pass: 'right-word' }
      },
      {
        more: `authorization {users: [{nkey: ${pair.getPublicKey()}}, {user: b, password: b}]}`,
        credential: seed,
        connect: { user: 'b', pass: 'b' }
      }
    ]
    for (const { more, credential, user, connect } of kinds) {
      const server = await NatsServer.start(t, more)
      await billingAt(t, server, { connect })
      let shown = 'hunter2'
      const made = transport(t, { url: server.url, user, credential: () => shown })
      t.match(await made.send(events(1, 1), signal), { kind: 'refused', reason: /^((?!hunter2).)*Authorization/ })
      shown = ''
      t.match(await made.send(events(1, 1), signal), { kind: 'refused', reason: /empty/ })
      shown = credential
      t.match(await made.send(events(1, 1), signal), { kind: 'taken' })
    }
  }
)

void t.test('a subject that the agent may not use is a refusal, not a riddle', needsNats, async t => {
  const server = await NatsServer.start(
    t,
    `authorization {users: [{user: b, password: b},
      {user: edge, password: e, permissions: {publish: ["nothing"], subscribe: [">"]}}]}`
  )
  await billingAt(t, server, { connect: { user: 'b', pass: 'b' } })
  const made = transport(t, { url: server.url, user: 'edge', credential: () => 'e', timeouts: { answer: 2000 } })
  t.match(await made.send(events(1, 2), signal), { kind: 'refused', reason: /[Pp]ermission/ })
})

void t.test('TLS believes the pinned CA alone, checks the name, and is never done without', needsNats, async t => {
  const directory = t.testdir()
  const openssl = (words: string): unknown =>
    execFileSync('openssl', words.split(' '), { stdio: 'ignore', cwd: directory })
  const curve = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
  for (const name of ['ours', 'theirs'])
    openssl(`req -x509 ${curve} -keyout ${name}.key -out ${name}.pem -subj /CN=${name}`)
  for (const [name, host] of [
    ['server', 'IP:127.0.0.1'],
    ['agent', 'DNS:agent']
  ] as const) {
    const by = `-CA ours.pem -CAkey ours.key -addext subjectAltName=${host} -addext basicConstraints=critical,CA:FALSE`
    openssl(`req -x509 ${curve} ${by} -keyout ${name}.key -out ${name}.pem -subj /CN=${name}`)
  }
  const pem = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8')
  const path = (file: string): string => `"${directory}/${file}"`
  const tls = { ca: pem('ours.pem'), cert: pem('agent.pem'), key: pem('agent.key') }
  const server = await NatsServer.start(
    t,
    `tls {cert_file: ${path('server.pem')}, key_file: ${path('server.key')}, ca_file: ${path('ours.pem')}, verify: true}`
  )
  const trusting = { ...tls, checkServerIdentity: () => undefined }
  await billingAt(t, server, { connect: { tls: trusting } })
  const url = server.url.replace('nats:', 'tls:')
  t.match(await transport(t, { url, ...tls }).send(events(1, 1), signal), { kind: 'taken' })
  for (const [name, options] of [
    ['another CA', { url, ...tls, ca: pem('theirs.pem') }],
    ['the system’s CAs', { url, cert: tls.cert, key: tls.key }],
    ['another name', { ...tls, url: url.replace('127.0.0.1', 'localhost') }],
    ['no certificate of ours', { url, ca: tls.ca }]
  ] as const)
    await t.rejects(transport(t, options).send(events(1, 1), signal), { code: 'UPLINK_UNREACHABLE' }, name)
  const plain = await NatsServer.start(t)
  await t.rejects(
    transport(t, { url: plain.url.replace('nats:', 'tls:'), ...tls }).send(events(1, 1), signal),
    { code: 'UPLINK_UNREACHABLE', message: /tls/ },
    'a server without TLS gets nothing'
  )
})

interface Agent {
  readonly ledger: LevelLedger
  readonly replica: Replica
  readonly uplink: Uplink
  readonly stop: () => Promise<void>
}

async function startAgent(t: Test, directory: string, url: string): Promise<Agent> {
  const ledger = await openLedger({ directory })
  const replica = await Replica.open(ledger)
  const commands = await Commands.open(ledger, Date.now)
  const uplink = new Uplink({
    ledger,
    replica,
    commands,
    transport: new NatsTransport({
      url,
      credential: () => 'token',
      source: '/agents/nats',
      timeouts: { answer: 1000, connect: 1000 }
    }),
    source: '/agents/nats',
    log: silent,
    clock: Date.now,
    version: '1',
    sleep: quickSleep(),
    limits: { ageMs: 0, events: 200 }
  })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= uplink.close().then(() => ledger.close()))
  t.teardown(stop)
  await uplink.start()
  return { ledger, replica, uplink, stop }
}

void t.test(
  'nothing is lost or there twice, through killed servers and a restart, and decisions come back',
  needsNats,
  async t => {
    const directory = t.testdir()
    const server = await NatsServer.start(t)
    const billing = await billingAt(t, server)
    const subscriber = JSON.parse(message(1)) as { data: { id: string } }
    billing.connection.subscribe('turnpike.snapshot', {
      callback: (_, request) => {
        const lines = [
          { kind: 'subscriber', document: subscriber.data },
          { cursor: '0', counts: { subscriber: 1, profile: 0, nas: 0, device: 0 } }
        ]
        request.respond(lines.map(line => `${JSON.stringify(line)}\n`).join(''))
      }
    })
    await billing.connection.flush()
    const total = 3000
    const first = await startAgent(t, `${directory}/ledger`, server.url)
    for (let n = 0; n < total; n += 250)
      await first.ledger.append(Array.from({ length: 250 }, (_, m) => usageEntry(n + m))).durable
    for (const left of [2500, 1500]) {
      await until(() => first.uplink.status().backlog < left)
      await server.kill()
      await server.start()
    }
    await until(() => first.uplink.status().backlog < 800)
    await first.stop()
    await publish(billing, 2, 3)

    const second = await startAgent(t, `${directory}/ledger`, server.url)
    await until(() => second.uplink.status().backlog === 0 && second.replica.subscriber('sub_3') !== undefined)
    t.ok(second.replica.subscriber('sub_1'), 'of the snapshot')
    t.match(second.replica.cursor, /^2@/)
    const sequences = (await billing.stored('TURNPIKE_EVENTS')).map(({ sequence }) => Number(sequence))
    t.strictSame(
      sequences,
      Array.from({ length: sequences.length }, (_, n) => n + 1),
      'dense, each once, in order'
    )
    t.ok(sequences.length >= total)
    await server.kill()
    await server.start()
    await publish(billing, 4, 4)
    await until(() => second.replica.subscriber('sub_4') !== undefined)
    t.equal(second.uplink.status().feed.state, 'connected')
  }
)
