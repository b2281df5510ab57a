import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkCertificates } from '../../cli/checks/certificates.js'
import { checkClock } from '../../cli/checks/clock.js'
import { checkCloud } from '../../cli/checks/cloud.js'
import { checkConfiguration } from '../../cli/checks/configuration.js'
import { checkDisk } from '../../cli/checks/disk.js'
import { checkPorts } from '../../cli/checks/ports.js'
import { checkSecrets } from '../../cli/checks/secrets.js'
import { checkTemplates } from '../../cli/checks/templates.js'
import { parseConfig, SecretStore, weaknessOf } from '../../config/index.js'
import { pki } from '../server/radius/certificates.js'
import { shortDirectory, turnpike } from './spawn.js'

const strong = 'fK3mQ9xT7vB2nW8pL4sD6hG5jR1cZ0yA'

/** A directory with secrets and a configuration of this text. */
function box(t: Test, text: string) {
  const directory = shortDirectory(t)
  mkdirSync(join(directory, 'secrets'))
  for (const [name, secret] of Object.entries({ strong, weak: 'testing123', open: strong, token: 'good-token' })) {
    writeFileSync(join(directory, 'secrets', name), `${secret}\n`)
    chmodSync(join(directory, 'secrets', name), name === 'open' ? 0o644 : 0o600)
  }
  const file = join(directory, 'turnpike.yaml')
  const whole = `data: state\napi: {socket: run/api.sock}\nledger: {diskBudget: 64MiB}\n${text}`
  writeFileSync(file, whole)
  return { file, directory, config: parseConfig(whole, file, {}) }
}

/** `radius:` that binds anywhere. */
const freePorts = 'radius: {authentication: [127.0.0.1:0], accounting: [127.0.0.1:0], receiveBuffer: 64KiB}\n'

t.test(
  'a box that is right gets a line of ok for everything, and status 0 unless its own clock is not kept',
  async t => {
    const { file } = box(t, `${freePorts}nas: [{id: a, addresses: [127.0.0.1], secret: "file:secrets/strong"}]\n`)
    const { status, stdout, stderr } = await turnpike(['check', '--config', file])
    t.equal(stderr, '')
    const lines = stdout.trimEnd().split('\n')
    t.same(
      lines.map(line => /^(?:ok |fix) (.*?) {2,}/.exec(line)?.[1]),
      [
        'configuration',
        'secret of a',
        'port of authentication',
        'port of accounting',
        'receive buffer',
        'disk',
        'disk speed',
        'clock',
        'cloud'
      ]
    )
    const toFix = lines.filter(line => line.startsWith('fix') && !/^fix (clock|disk speed)/.test(line))
    t.same(toFix, [])
    t.equal(status, lines.some(line => line.startsWith('fix')) ? 1 : 0)
  }
)

t.test('whatever is wrong gets a line with what to do, and status 1', async t => {
  const { file, directory } = box(
    t,
    `${freePorts}nas:\n${['weak', 'open', 'none'].map((name, n) => `- {id: ${name}, addresses: [192.0.2.${n}], secret: "file:secrets/${name}"}\n`).join('')}`
  )
  const { status, stdout } = await turnpike(['check', '--config', file, '--json'])
  t.equal(status, 1)
  const { ok, findings } = JSON.parse(stdout) as {
    ok: boolean
    findings: { ok: boolean; subject: string; words: string }[]
  }
  t.equal(ok, false)
  const words = (subject: string) => findings.find(finding => finding.subject === subject && !finding.ok)?.words
  t.match(words('secret of weak'), /one that everybody knows: put a random one/)
  t.match(words('secret of open'), `chmod o= ${directory}/secrets/open`)
  t.match(words('secret of none'), /there is no file .*secrets\/none/)
  t.match(words('listening'), /radius\.authentication is on this box only, but weak is elsewhere/)
  t.notMatch(stdout, 'testing123')
})

t.test('a configuration that is wrong is the first thing to fix, each problem on its line', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(file, 'nass: []\nlog: {level: loud}\n')
  const { status, stdout } = await turnpike(['check', '--config', file])
  t.equal(status, 1)
  t.match(
    stdout,
    /^fix configuration {2}.*:1:1: nass: .*Did you mean «nas»\?\nfix configuration {2}.*:2:14: log\.level: /
  )
})

t.test('certificates: what they lack, and when they run out', async t => {
  const pem = pki(t.testdir())
  pem.issue('server', '/CN=radius.example', { usage: 'serverAuth' })
  pem.issue('soon', '/CN=radius.example', { usage: 'serverAuth', days: 5 })
  pem.issue('expired', '/CN=radius.example', { usage: 'serverAuth', days: -1 })
  pem.issue('between', '/CN=Intermediate', { ca: true })
  pem.issue('below', '/CN=radius.example', { issuer: 'between' })
  const found = (name: string, key = name, ca = true) => {
    chmodSync(pem.file(`${key}.key`), 0o600)
    const given = `certificate: ${pem.file(`${name}.pem`)}, key: "file:${pem.file(`${key}.key`)}"`
    const anchor = `, ca: ${pem.file('ca.pem')}`
    const { config } = box(
      t,
      `radius: {eap: {${given}${ca ? anchor : ''}}, radsec: {listen: [127.0.0.1:0], ${given}${anchor}}}\n`
    )
    return checkCertificates(config, new SecretStore())
  }
  t.match(found('server'), [
    { ok: true, subject: 'certificate of EAP', words: /good for (29|30) days/ },
    { ok: true, subject: 'certificate of RadSec', words: /good for (29|30) days/ }
  ])
  t.match(found('soon'), [
    { ok: false, words: /soon\.pem runs out in [45] days: renew it/ },
    { ok: false, words: /soon\.pem runs out in [45] days/ }
  ])
  t.match(found('expired'), [
    { ok: false, words: /has run out, or is not valid yet/ },
    { ok: false, words: /expired\.pem/ }
  ])
  t.match(found('below'), [
    { ok: false, words: /Append the intermediate certificate.*Intermediate/ },
    { ok: false, words: /Intermediate/ }
  ])
  t.match(found('server', 'soon'), [
    { ok: false, words: /private key is not that of the first certificate/ },
    { ok: false, words: /key/ }
  ])
  t.match(found('server', 'server', false), [{ ok: false, words: /issuer .*Test CA/ }, { ok: true }])
  rmSync(pem.file('server.pem'))
  t.match(found('server'), [
    { ok: false, words: /server\.pem: ENOENT/ },
    { ok: false, words: /server\.pem: ENOENT/ }
  ])
})

t.test('lists of revoked certificates: what they lack, and when they have run out', async t => {
  const pem = pki(t.testdir())
  pem.issue('server', '/CN=radius.example', { usage: 'serverAuth' })
  pem.issue('other', '/CN=Other CA', { issuer: 'other', ca: true })
  chmodSync(pem.file('server.key'), 0o600)
  const found = () => {
    const given = `certificate: ${pem.file('server.pem')}, key: "file:${pem.file('server.key')}", ca: ${pem.file('ca.pem')}, crl: ${pem.file('list.pem')}`
    const { config } = box(t, `radius: {eap: {${given}}, radsec: {listen: [127.0.0.1:0], ${given}}}\n`)
    return checkCertificates(config, new SecretStore()).filter(({ subject }) => subject.startsWith('revocations'))
  }
  const both = (ok: boolean, words: RegExp) =>
    t.match(found(), [
      { ok, words, subject: 'revocations of EAP' },
      { ok, words, subject: 'revocations of RadSec' }
    ])
  both(false, /list\.pem: ENOENT/)
  pem.revoke(['server'], 'list.pem')
  both(true, /list\.pem, 1 revoked, good until 20/)
  pem.revoke([], 'list.pem', { days: -1 })
  both(false, /has run out \(20.*\): renew it\. Until then those on it stay out/)
  pem.revoke([], 'list.pem', { issuer: 'other' })
  both(false, /not signed by a CA of the file ca/)
  writeFileSync(pem.file('list.pem'), 'half of it')
  both(false, /no list of revoked certificates in PEM/)
  const loose = `{certificate: a.pem, key: "file:a.key", crl: list.pem}`
  t.throws(() => box(t, `radius: {eap: ${loose}}\n`), /the CA beside it/)
})

t.test('with neither NAS nor billing nobody can ask', async t => {
  const { config } = box(t, '')
  t.match(
    checkConfiguration(config).find(finding => !finding.ok),
    { subject: 'nas', words: /turnpike nas add/ }
  )
})

t.test('a port that another program has is found before the start', async t => {
  const other = createSocket('udp4')
  t.teardown(() => other.close())
  other.bind(0, '127.0.0.1')
  await once(other, 'listening')
  const { config } = box(
    t,
    `radius: {authentication: [127.0.0.1:${other.address().port}], accounting: [203.0.113.99:0], receiveBuffer: 64KiB}`
  )
  const [authentication, accounting, buffer] = await checkPorts(config)
  t.match(authentication, { ok: false, words: /in use by another program: find it with ss -ulpn/ })
  t.match(accounting, { ok: false, words: /not an address of this box/ })
  t.match(buffer, { ok: true })
})

t.test('a receive buffer beyond what the system gives comes with the sysctl', async t => {
  const { config } = box(t, 'radius: {authentication: ["[::1]:0"], accounting: [], receiveBuffer: 1GiB}')
  const findings = await checkPorts(config)
  t.match(findings.at(-1), { ok: false, words: /sysctl -w net\.core\.rmem_max=1073741824/ })
})

t.test('a disk that is too small for the budget, or may not be written, is told', async t => {
  const { config, directory } = box(t, '')
  t.match(await checkDisk({ ...config, ledger: { ...config.ledger, diskBudget: 2 ** 60 } }), [
    { ok: false, words: /free some, or set ledger\.diskBudget to \d+GiB/ },
    { subject: 'disk speed', words: /a synced write takes [\d.]+ ms/ }
  ])
  t.match(await checkDisk({ ...config, data: join(directory, 'turnpike.yaml') }), [
    { ok: false, words: /is not a directory/ }
  ])
  t.match(await checkDisk(config), [{ ok: true, words: /the ledger has 0 B of 67\.1 MB/ }, {}])
})

t.test('a clock that cannot be right, or that nobody keeps, is told', async t => {
  const asked = (answer: string | undefined) => async () => answer
  const now = Date.UTC(2026, 10, 23)
  t.match(await checkClock(Date.UTC(1970, 0, 2), asked('yes')), { ok: false, words: /1970-01-02.*cannot be/ })
  t.match(await checkClock(now, asked('no')), { ok: false, words: /set-ntp true/ })
  t.match(await checkClock(now, asked('yes')), { ok: true, words: /kept by NTP/ })
  t.match(await checkClock(now, asked(undefined)), { ok: true, words: /does not tell/ })
})

t.test('short, known and dull secrets are weak', async t => {
  t.match(weaknessOf(Buffer.from('Testing123')), /everybody knows/)
  t.match(weaknessOf(Buffer.from('k3Xv9')), /5 octets, which is too short/)
  t.match(weaknessOf(Buffer.from('aaaaaaaaaaaaaaaaaaaaaaaa')), /repeats/)
  t.equal(weaknessOf(Buffer.from(strong)), undefined)
})

t.test('billing is asked whether it takes the token, and every answer is explained', async t => {
  const answers = { status: 200, date: new Date() }
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`)
    response.writeHead(answers.status, { date: answers.date.toUTCString(), 'content-type': 'text/event-stream' })
    response.write(': here\n\n')
  })
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { config } = box(t, `cloud: {url: "${url}/", token: "file:secrets/token"}`)
  const check = () => checkCloud(config, new SecretStore())
  t.match(await check(), [{ ok: true, words: `${url} answers and takes the token` }])
  t.same(asked, ['/v1/feed Bearer good-token'])
  for (const [status, words] of [
    [401, /refuses the token/],
    [404, /is cloud\.url right/],
    [500, /answers with 500/]
  ] as const) {
    answers.status = status
    t.match(await check(), [{ ok: false, words }])
  }
  answers.status = 410
  answers.date = new Date(Date.now() - 3_600_000)
  t.match(await check(), [{ ok: true }, { ok: false, words: /they differ by 1h 00m|they differ by 59m/ }])
})

t.test('an API that is only sent to is asked by its own path and header; NATS is asked for a connection', async t => {
  const asked: (string | undefined)[] = []
  const answers = { status: 405 }
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${String(request.headers['x-api-key'])}`)
    response.writeHead(answers.status).end()
  })
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const mapping = 'feed: false, mapping: {path: /in, tokenHeader: X-Api-Key, tokenPrefix: ""}'
  const { config } = box(t, `cloud: {url: "http://127.0.0.1:${port}", token: "file:secrets/token", ${mapping}}`)
  t.match(await checkCloud(config, new SecretStore()), [{ ok: true, words: /answers; whether it takes/ }])
  t.same(asked, ['GET /in good-token'])
  answers.status = 401
  t.match(await checkCloud(config, new SecretStore()), [{ ok: false, words: /refuses the token/ }])
  const nats = box(t, 'cloud: {url: "nats://127.0.0.1:9", token: "file:secrets/token"}')
  t.match(await checkCloud(nats.config, new SecretStore()), [{ ok: false, words: /connection refused/ }])
})

t.test('a billing that cannot be reached is told with the reason', async t => {
  const { config } = box(t, 'cloud: {url: "http://127.0.0.1:9", token: "file:secrets/token"}')
  t.match(await checkCloud(config, new SecretStore()), [
    { ok: false, words: /refuses the connection: nothing listens there/ }
  ])
  t.match(checkSecrets(config, new SecretStore()), [{ subject: 'cloud token', ok: true }])
})

t.test("an operator's own templates are looked at line by line", async t => {
  t.same(checkTemplates(box(t, '').config), [], 'none are named')
  const { directory, config } = box(t, 'templates: own\n')
  t.match(checkTemplates(config), [{ ok: false, words: /own cannot be read: there is nothing/ }])
  mkdirSync(join(directory, 'own'))
  t.match(checkTemplates(config), [{ ok: true, words: /own; \d+ templates/ }])
  writeFileSync(join(directory, 'own/odd.yaml'), 'title: x\nsteps: { openwrt: [{ at: a.b }] }\n')
  t.match(checkTemplates(config), [
    { ok: false, subject: 'templates', words: /odd\.yaml:2:\d+: steps\.openwrt\.0\.set/ }
  ])
})
