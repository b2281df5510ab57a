import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { instructions, usualCoaPort, vendors } from '../../cli/nas-instructions.js'
import { parseConfig } from '../../config/index.js'
import {
  Attr,
  AttributeWriter,
  Code,
  decodeUserPassword,
  encodeResponse,
  Packet,
  Secret,
  verifyChap,
  verifyRequest
} from '../../protocols/radius/index.js'
import type { Vendor } from '../../agent/model/index.js'
import { shortDirectory, turnpike } from './spawn.js'

const secret = new Secret('fK3mQ9xT7vB2nW8pL4sD6hG5jR1cZ0yA')

t.test('nas add makes a secret, adds the box beside the comments, and prints what to type', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(
    file,
    '# my box\nradius:\n  authentication: [192.0.2.1:1812] # public\n  accounting: [192.0.2.1:1813]\n'
  )
  const { status, stdout } = await turnpike([
    'nas',
    'add',
    'bras-1',
    '192.0.2.10',
    '10.0.0.0/8',
    '--vendor',
    'mikrotik',
    '--config',
    file
  ])
  t.equal(status, 0)
  const made = readFileSync(join(directory, 'secrets/bras-1'), 'utf8')
  t.match(made, /^[A-Za-z2-9]{32}\n$/)
  t.equal(statSync(join(directory, 'secrets/bras-1')).mode & 0o007, 0)
  t.match(stdout, `/radius add service=ppp,hotspot,dhcp address=192.0.2.1 authentication-port=1812`)
  t.match(stdout, `secret="${made.trim()}"`)
  const text = readFileSync(file, 'utf8')
  t.match(text, /^# my box\nradius:\n {2}authentication: \[192\.0\.2\.1:1812\] # public\n/)
  t.notMatch(text, made.trim())
  t.match(parseConfig(text, file, {}).nas, [
    { id: 'bras-1', addresses: ['192.0.2.10', '10.0.0.0/8'], vendor: 'mikrotik' }
  ])
})

t.test('in JSON the secret is named by its file only', async t => {
  const file = join(shortDirectory(t), 'new.yaml')
  const { stdout } = await turnpike(['nas', 'add', 'lab', '127.0.0.1', '--config', file, '--json'])
  const added = JSON.parse(stdout) as { secretFile: string; notes: string[] }
  t.notMatch(stdout, readFileSync(added.secretFile, 'utf8').trim())
  t.match(readFileSync(file, 'utf8'), /^nas:\n {2}- id: lab\n/, 'a configuration that was not there is made')
})

t.test('nas add changes nothing where it cannot do all of it', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'turnpike.yaml')
  const add = (...words: string[]) => turnpike(['nas', 'add', ...words, '--config', file])
  await add('a', '192.0.2.1')
  const before = readFileSync(file, 'utf8')
  const ended = await Promise.all([
    add('a', '192.0.2.9'),
    add('b', '192.0.2.1'),
    add('c', '192.0.2.300'),
    add('../d', '192.0.2.4')
  ])
  t.same(
    ended.map(({ status }) => status),
    [2, 2, 2, 2]
  )
  t.match(
    ended.map(({ stderr }) => stderr),
    [/has a NAS «a» already/, /to the NAS «a» already/, /«192\.0\.2\.300», expected an IP address/, /a name of letters/]
  )
  t.equal(readFileSync(file, 'utf8'), before)
  for (const name of ['b', 'c'])
    t.equal(statSync(join(directory, 'secrets', name), { throwIfNoEntry: false }), undefined)
  writeFileSync(file, 'nas: {\n')
  const broken = await add('e', '192.0.2.5')
  t.match(broken, { status: 2, stderr: /turnpike\.yaml:\d/ })
})

t.test('a box elsewhere is told that nothing listens for it yet', async t => {
  const file = join(shortDirectory(t), 'turnpike.yaml')
  const { stdout } = await turnpike(['nas', 'add', 'far', '192.0.2.10', '--config', file])
  t.match(stdout, /Turnpike listens on this box only/)
  t.match(stdout, /ADDRESS-OF-THIS-BOX/)
})

t.test('there are instructions for every vendor, with the secret and all that it must know', async t => {
  const peer = { server: '192.0.2.1', authPort: 11812, acctPort: 11813, coaPort: 13799, secret: 'THE-SECRET' }
  t.equal(vendors.length, 10)
  for (const vendor of vendors as Vendor[]) {
    const text = instructions(vendor, peer).join('\n')
    for (const part of ['192.0.2.1', '11812', '11813', 'THE-SECRET']) t.match(text, part, `${vendor}: ${part}`)
    t.ok(usualCoaPort(vendor) > 1000)
  }
})

/** A server that knows alice; `answer` undefined keeps silent. */
async function responder(t: Test, answer: (request: Packet) => Buffer | undefined): Promise<string> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.on('message', (datagram, from) => {
    const request = Packet.decode(datagram)
    const reply = typeof request === 'string' ? undefined : answer(request)
    if (reply !== undefined) socket.send(reply, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return `127.0.0.1:${socket.address().port}`
}

/** Runs radtest for alice with this password on standard input. */
function radtest(t: Test, server: string, password: string, ...words: string[]) {
  const file = join(shortDirectory(t), 'secret')
  writeFileSync(file, 'fK3mQ9xT7vB2nW8pL4sD6hG5jR1cZ0yA\n', { mode: 0o600 })
  const socket = ['--socket', '/nowhere/api.sock']
  return turnpike(['radtest', 'alice', '--server', server, '--secret', `file:${file}`, ...socket, ...words], {
    input: `${password}\n`
  })
}

function check(request: Packet): Buffer {
  const hidden = request.octets(Attr.UserPassword)
  const pap =
    hidden !== undefined && decodeUserPassword(hidden, request.authenticator, secret)?.toString() === 'open sesame'
  const chap = request.has(Attr.ChapPassword) && verifyChap(request, 'open sesame')
  const good = verifyRequest(request, secret) === undefined && request.text(Attr.UserName) === 'alice' && (pap || chap)
  const attributes = good
    ? new AttributeWriter().ipv4(Attr.FramedIpAddress, '100.64.0.10').uint32(Attr.SessionTimeout, 3600).finish()
    : new AttributeWriter().add(Attr.ReplyMessage, 'no \u001B[31mway').finish()
  return encodeResponse(request, good ? Code.AccessAccept : Code.AccessReject, attributes, secret)
}

t.test('radtest asks by PAP or CHAP and explains the verified answer', async t => {
  const server = await responder(t, check)
  const [pap, chap, wrong] = await Promise.all([
    radtest(t, server, 'open sesame'),
    radtest(t, server, 'open sesame', '--method', 'chap', '--json'),
    radtest(t, server, 'closed')
  ])
  t.equal(pap.status, 0)
  t.match(pap.stdout, /^Access-Accept in \d+ ms \(verified, with Message-Authenticator\)\n/)
  t.match(pap.stdout, /\n {2}Framed-IP-Address = 100\.64\.0\.10\n {2}Session-Timeout = 3600\n/)
  t.match(JSON.parse(chap.stdout), { reply: 'Access-Accept', signed: true })
  t.equal(wrong.status, 1)
  t.match(wrong.stdout, /^Access-Reject[^]*The subscriber is refused\.\n$/)
  t.notMatch(wrong.stdout, '\u001B')
})

t.test('silence and an answer with another secret are told apart', async t => {
  const silent = await responder(t, () => undefined)
  const forged = await responder(t, request =>
    encodeResponse(request, Code.AccessAccept, Buffer.alloc(0), new Secret('another'))
  )
  const [nothing, false_] = await Promise.all([
    radtest(t, silent, 'x', '--timeout', '0.05'),
    radtest(t, forged, 'x', '--timeout', '0.05')
  ])
  t.match(nothing, { status: 1, stderr: /The server did not answer\. Is it running/ })
  t.match(false_, { status: 1, stderr: /none could be verified: the shared secret differs/ })
})

t.test('radtest says what it misses', async t => {
  const file = join(shortDirectory(t), 'turnpike.yaml')
  writeFileSync(file, '')
  const ended = await Promise.all([
    turnpike(['radtest', 'alice', '--config', file]),
    turnpike(['radtest', 'alice', '--config', file, '--nas', 'bras-1']),
    turnpike(['radtest', 'alice', '--config', file, '--secret', 'plain']),
    turnpike(['radtest', 'alice', '--config', file, '--secret', 'env:S'], { env: { S: 'x' } }),
    turnpike(['radtest', 'alice', '--config', file, '--secret', 'env:S', '--server', 'radius.example'], {
      env: { S: 'x' },
      input: 'p\n'
    })
  ])
  t.same(
    ended.map(({ status }) => status),
    [2, 2, 2, 2, 2]
  )
  t.match(
    ended.map(({ stderr }) => stderr),
    [
      /turnpike nas add localhost/,
      /no NAS «bras-1»/,
      /not named by a reference/,
      /No password came/,
      /takes an IP address/
    ]
  )
})
