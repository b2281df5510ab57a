import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import t from 'tap'
import { HttpTransport, toEvent, type HttpOptions, type WireEvent } from '../../../agent/uplink/index.js'
import { openStream, ScriptedCloud, usageEntry } from './cloud.js'

const events: WireEvent[] = [1, 2].map(sequence => toEvent({ ...usageEntry(sequence), sequence }, 'E', '/agents/t'))
const signal = new AbortController().signal
const hasOpenssl = spawnSync('openssl', ['version']).status === 0
const needsOpenssl =
  hasOpenssl || process.env['CI'] === 'true' ? {} : { skip: 'needs openssl (apt-get install openssl)' }

function transport(t: Test, options: Partial<HttpOptions> & { url: string }): HttpTransport {
  const made = new HttpTransport({ token: () => 'token', ...options })
  t.teardown(() => made.close())
  return made
}

void t.test('plain http is for this very box alone, and an address holds no secrets', async t => {
  for (const url of [
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://[::1]:1/',
    'http://localhost/x',
    'https://b.example/a/'
  ])
    t.doesNotThrow(() => transport(t, { url }), url)
  for (const url of ['http://b.example', 'http://10.0.0.1', 'http://localhost.evil.example', 'http://[::2]'])
    t.throws(() => transport(t, { url }), { code: 'UPLINK_INSECURE_URL', message: /Use https/ }, url)
  for (const url of [
    'ftp://b.example',
    'nonsense',
    '',
    'https://user:hunter2@b.example',
    'https://b.example/?token=hunter2'
  ])
    t.throws(() => transport(t, { url }), { code: 'UPLINK_BAD_URL', message: /^((?!hunter2).)*$/ }, url)
})

void t.test('a path in the address goes before those of the API', async t => {
  const cloud = new ScriptedCloud()
  t.teardown(() => cloud.close())
  const paths: (string | undefined)[] = []
  cloud.server.on('request', ({ url }) => paths.push(url))
  const url = await cloud.listen()
  await transport(t, { url: `${url}/billing/` }).send(events, signal)
  t.strictSame(paths, ['/billing/v1/events'])
})

void t.test('a token that no header may carry is refused without being told', async t => {
  const cloud = new ScriptedCloud()
  t.teardown(() => cloud.close())
  const url = await cloud.listen()
  for (const token of ['', 'hunter2 x', 'hunter2\nX: y', 'hünter2'])
    t.match(await transport(t, { url, token: () => token }).send(events, signal), {
      kind: 'refused',
      reason: /^((?!nter2).)*$/
    })
  t.equal(cloud.requests, 0)
  t.match(await transport(t, { url, token: () => ' token\n' }).send(events, signal), { kind: 'taken' })
})

void t.test('connections are kept, the clock is compared, nobody listening is said plainly', async t => {
  const cloud = new ScriptedCloud()
  const url = await cloud.listen()
  let connections = 0
  cloud.server.on('connection', () => connections++)
  const made = transport(t, { url, clock: () => Date.now() + 3_600_000 })
  t.equal(made.clockSkewMs, undefined)
  for (let n = 0; n < 5; n++) await made.send(events, signal)
  t.equal(connections, 1)
  t.ok(Math.abs((made.clockSkewMs ?? 0) - 3_600_000) < 5000)
  await cloud.close()
  await t.rejects(made.send(events, signal), { code: 'UPLINK_UNREACHABLE' })
})

void t.test('an abort ends a request at once', async t => {
  const cloud = new ScriptedCloud()
  t.teardown(() => cloud.close())
  const url = await cloud.listen()
  const made = transport(t, { url })
  const stop = new AbortController()
  cloud.events.push(() => stop.abort())
  await t.rejects(made.send(events, stop.signal), { name: 'AbortError' })
  cloud.feeds.push(response => openStream(response).write(': hi\n\n'))
  const leave = new AbortController()
  await t.rejects(
    (async () => {
      for await (const group of made.feed(undefined, leave.signal)) if (group.length === 0) leave.abort()
    })(),
    { name: 'AbortError' }
  )
})

interface Authority {
  readonly ca: string
  /** @returns a certificate and its key */
  readonly issue: (name: string, alternative: string) => { cert: string; key: string }
}

/** A certificate authority that lives for one test. */
function authority(directory: string, name: string): Authority {
  const path = (file: string): string => `${directory}/${file}`
  const openssl = (...parts: string[]): unknown => execFileSync('openssl', parts, { stdio: 'ignore' })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    path(`${name}.key`),
    '-out',
    path(`${name}.pem`),
    '-days',
    '2',
    '-subj',
    `/CN=${name}`
  )
  const issue: Authority['issue'] = (leaf, alternative) => {
    const parts = [
      ...curve,
      '-keyout',
      path(`${leaf}.key`),
      '-out',
      path(`${leaf}.pem`),
      '-days',
      '2',
      '-subj',
      `/CN=${leaf}`
    ]
    const by = ['-CA', path(`${name}.pem`), '-CAkey', path(`${name}.key`)]
    openssl(
      'req',
      '-x509',
      ...by,
      ...parts,
      '-addext',
      `subjectAltName=${alternative}`,
      '-addext',
      'basicConstraints=critical,CA:FALSE'
    )
    return { cert: readFileSync(path(`${leaf}.pem`), 'utf8'), key: readFileSync(path(`${leaf}.key`), 'utf8') }
  }
  return { ca: readFileSync(path(`${name}.pem`), 'utf8'), issue }
}

void t.test('TLS believes the pinned CA alone, checks the name, and shows our certificate', needsOpenssl, async t => {
  const directory = t.testdir()
  const ours = authority(directory, 'ours')
  const theirs = authority(directory, 'theirs')
  const client = ours.issue('agent', 'DNS:agent')
  const cloud = new ScriptedCloud({
    ...ours.issue('billing', 'IP:127.0.0.1'),
    ca: ours.ca,
    requestCert: true,
    rejectUnauthorized: false
  })
  t.teardown(() => cloud.close())
  const url = (await cloud.listen()).replace('http:', 'https:')
  const seen: boolean[] = []
  cloud.server.on('request', ({ socket }) => seen.push((socket as TLSSocket).authorized))
  t.match(await transport(t, { url, ca: ours.ca }).send(events, signal), { kind: 'taken' })
  t.match(await transport(t, { url, ca: ours.ca, ...client }).send(events, signal), { kind: 'taken' })
  t.strictSame(seen, [false, true], 'the certificate is shown where there is one')
  for (const [name, options] of [
    ['another CA', { ca: theirs.ca }],
    ['the system’s CAs', {}],
    ['another name', { ca: ours.ca, url: url.replace('127.0.0.1', 'localhost') }]
  ] as const)
    await t.rejects(transport(t, { url, ...options }).send(events, signal), { code: 'UPLINK_UNREACHABLE' }, name)
  t.equal(seen.length, 2, 'nothing was sent to whom we do not believe')
})

/** A proxy that knows one name. */
async function proxy(t: Test, port: number, asked: (string | undefined)[]): Promise<string> {
  const server: Server = createServer((_, response) => response.writeHead(405).end())
  server.on('connect', ({ url }, socket) => {
    asked.push(url)
    const behind = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      behind.pipe(socket).pipe(behind)
    })
    socket.on('error', () => behind.destroy())
    behind.on('error', () => socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

void t.test(
  'the proxy of the environment is used, TLS through it is checked, this box is reached without',
  needsOpenssl,
  async t => {
    const ours = authority(t.testdir(), 'ours')
    const cloud = new ScriptedCloud(ours.issue('billing', 'DNS:billing.example'))
    const near = new ScriptedCloud()
    t.teardown(() => Promise.all([cloud.close(), near.close()]))
    await cloud.listen()
    const nearUrl = await near.listen()
    const asked: (string | undefined)[] = []
    const address = await proxy(t, (cloud.server.address() as AddressInfo).port, asked)
    const before = { ...process.env }
    Object.assign(process.env, { https_proxy: address, http_proxy: address, no_proxy: '' })
    t.teardown(() => {
      for (const name of ['https_proxy', 'http_proxy', 'no_proxy']) delete process.env[name]
      Object.assign(process.env, before)
    })
    const through = transport(t, { url: 'https://billing.example', ca: ours.ca })
    t.match(await through.send(events, signal), { kind: 'taken' })
    t.strictSame(asked, ['billing.example:443'])
    t.match(await transport(t, { url: nearUrl }).send(events, signal), { kind: 'taken' })
    t.equal(asked.length, 1, 'loopback goes straight')
    await t.rejects(transport(t, { url: 'https://other.example', ca: ours.ca }).send(events, signal), {
      code: 'UPLINK_UNREACHABLE'
    })
  }
)
