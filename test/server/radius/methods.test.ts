import { spawnSync } from 'node:child_process'
import { createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import type { Subscriber } from '../../../agent/model/index.js'
import { DES_SCHEDULE, desEncrypt, desSchedule } from '../../../protocols/radius/des.js'
import {
  Attr,
  AttributeWriter,
  Code,
  decodeSalted,
  decodeUserPassword,
  encodeRequest,
  mppeKeys,
  msChap2AuthenticatorResponse,
  msChap2Response,
  msChapResponse,
  newAuthenticator,
  NtKey,
  ntHash,
  ntHashHash,
  type Packet,
  Vendor
} from '../../../protocols/radius/index.js'
import { Sha1Ending, sha1 } from '../../../protocols/radius/sha1.js'
import { Hashing } from '../../../server/radius/methods/hashing.js'
import { NtKeys } from '../../../server/radius/methods/nt-keys.js'
import { checkPassword } from '../../../server/radius/methods/password.js'
import { checkSalted } from '../../../server/radius/methods/salted.js'
import { alice, Client, Documents, nas, nextIdentifier, papRequest, read, rig, SECRET, secret, T0 } from './rig.js'

const bob: Subscriber = {
  ...alice,
  id: 'sub_2',
  username: 'bob',
  credentials: { ntHash: ntHash('builder').toString('hex') }
}
const documents = () => new Documents([alice, bob, { ...alice, id: 'sub_3', username: 'carol', credentials: {} }])

t.test('DES: the same as OpenSSL with the key three times', async t => {
  const eight = fc.uint8Array({ minLength: 8, maxLength: 8 })
  const seven = fc.uint8Array({ minLength: 7, maxLength: 7 })
  fc.assert(
    fc.property(seven, eight, (key, block) => {
      const schedule = new Uint8Array(DES_SCHEDULE + 3)
      desSchedule(Buffer.concat([Buffer.alloc(2, 0xff), key]), 2, schedule, 3)
      const ours = Buffer.alloc(8)
      desEncrypt(schedule, 3, block, ours, 0)
      t.ok(ours.equals(theirs(key, block)), Buffer.from(key).toString('hex'))
    }),
    { numRuns: 200, seed: 20261123 }
  )
})

function theirs(key: Uint8Array, block: Uint8Array): Buffer {
  const bits = [...key].map(octet => octet.toString(2).padStart(8, '0')).join('')
  const eight = Buffer.from(Array.from({ length: 8 }, (_, i) => Number.parseInt(`${bits.slice(7 * i, 7 * i + 7)}0`, 2)))
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([eight, eight, eight]), null).setAutoPadding(false)
  return Buffer.concat([cipher.update(block), cipher.final()])
}

t.test('SHA-1: the same as OpenSSL up to 512 octets, and no further', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 256 }), fc.uint8Array({ maxLength: 256 }), (a, b) => {
      t.same(sha1([a, b]), createHash('sha1').update(a).update(b).digest())
    }),
    { numRuns: 100, seed: 20261123 }
  )
  t.throws(() => sha1([Buffer.alloc(513)]), RangeError)
})

t.test('SHA-1 of messages that end alike: the same as OpenSSL, whatever they begin with, time after time', async t => {
  const octets = (most: number, least = 0) => fc.uint8Array({ minLength: least, maxLength: most })
  fc.assert(
    fc.property(octets(24), octets(40), octets(200), fc.integer({ min: 1, max: 20 }), (a, b, ending, length) => {
      const form = new Sha1Ending(a.length + b.length, ending)
      for (const [first, second] of [
        [a, b],
        [a.map(octet => octet ^ 0xff), b]
      ] as const) {
        const whole = createHash('sha1').update(first).update(second).update(ending).digest()
        t.same(form.digest(length, first, second), whole.subarray(0, length))
      }
    }),
    { numRuns: 100, seed: 20261128 }
  )
})

t.test('An NT hash made ready tells nothing about itself when it is printed', async t => {
  const key = new NtKey(ntHash('secret'))
  t.equal(JSON.stringify({ key }), '{"key":"[NT hash]"}')
  t.throws(() => new NtKey(Buffer.alloc(15)), { code: 'RAD_BAD_VALUE' })
})

t.test('Keys are kept by document: a document that was replaced has its own', async t => {
  const keys = new NtKeys()
  const first = keys.of(alice)
  t.equal(keys.of(alice), first)
  const changed = { ...alice, credentials: { password: 'looking-glass' } }
  t.same(keys.of(changed)?.digest, ntHashHash(ntHash('looking-glass')))
  for (let i = 0; i < 8191; i++) keys.of({ ...alice })
  t.equal(keys.of(alice), first, 'the generation before is still known')
  t.equal(keys.of({ ...alice, credentials: { password: '$6$salt$hash' } }), undefined)
})

interface Asked {
  readonly datagram: Buffer
  readonly authenticator: Buffer
  readonly challenge: Buffer
  readonly peer: Buffer
  readonly response: Buffer
}

function msChap2Request(userName: string, password: string, change: (value: Buffer) => Buffer = value => value): Asked {
  const authenticator = newAuthenticator()
  const [challenge, peer] = [randomBytes(16), randomBytes(16)]
  const response = msChap2Response(challenge, peer, userName.replace(/.*\\/, ''), ntHash(password))
  const value = Buffer.concat([Buffer.from([7, 0]), peer, Buffer.alloc(8), response])
  const writer = new AttributeWriter().add(Attr.UserName, userName)
  writer.vsa(Vendor.Microsoft, 11, challenge).vsa(Vendor.Microsoft, 25, change(value))
  const { datagram } = encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret, { authenticator })
  return { datagram, authenticator, challenge, peer, response }
}

function msChapRequest(userName: string, password: string): Asked {
  const authenticator = newAuthenticator()
  const challenge = randomBytes(8)
  const response = msChapResponse(challenge, ntHash(password))
  const value = Buffer.concat([Buffer.from([9, 1]), Buffer.alloc(24), response])
  const writer = new AttributeWriter().add(Attr.UserName, userName)
  writer.vsa(Vendor.Microsoft, 11, challenge).vsa(Vendor.Microsoft, 1, value)
  const { datagram } = encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret, { authenticator })
  return { datagram, authenticator, challenge, peer: challenge, response }
}

const errorOf = (reply: Packet) => reply.vsa(Vendor.Microsoft, 2)

t.test('MS-CHAPv2: the server proves itself, and the NAS gets the keys that the device computes', async t => {
  const { authentication } = await rig(t, { documents: documents() })
  const client = await Client.open(t, authentication)
  for (const [name, password] of [
    ['alice', 'wonderland'],
    ['bob', 'builder']
  ] as const) {
    const asked = msChap2Request(name, password)
    const reply = read(await client.ask(asked.datagram), asked.authenticator)
    t.equal(reply.code, Code.AccessAccept, name)
    const hash = ntHash(password)
    const proof = msChap2AuthenticatorResponse(asked.challenge, asked.peer, name, hash, asked.response)
    t.equal(reply.vsa(Vendor.Microsoft, 26)?.toString('latin1'), `\x07${proof}`)
    const { send, receive } = mppeKeys(hash, asked.response)
    t.same(decodeSalted(reply.vsa(Vendor.Microsoft, 16)!, asked.authenticator, secret), send)
    t.same(decodeSalted(reply.vsa(Vendor.Microsoft, 17)!, asked.authenticator, secret), receive)
    t.equal(reply.vsaUint32(Vendor.Microsoft, 7), 1, 'encryption is allowed')
    t.equal(reply.vsaUint32(Vendor.Microsoft, 8), 6, 'with 40 or 128 bits')
  }
})

t.test('MS-CHAP: the keys hold the digest of the NT hash; the LAN Manager half is empty', async t => {
  const { authentication } = await rig(t, { documents: documents() })
  const client = await Client.open(t, authentication)
  const asked = msChapRequest('bob', 'builder')
  const reply = read(await client.ask(asked.datagram), asked.authenticator)
  t.equal(reply.code, Code.AccessAccept)
  const keys = decodeUserPassword(reply.vsa(Vendor.Microsoft, 12)!, asked.authenticator, secret)
  t.same(keys, Buffer.concat([Buffer.alloc(8), ntHashHash(ntHash('builder'))]))
  t.equal(reply.vsaUint32(Vendor.Microsoft, 8), 4, '128 bits only')
})

t.test('MS-CHAP: unknown, wrong and without a credential get the same reply, and a reason each', async t => {
  const { authentication, rejects } = await rig(t, { documents: documents() })
  const client = await Client.open(t, authentication)
  const text = /^E=691 R=1 C=[0-9A-F]{32} V=3 M=Wrong user name or password$/
  for (const name of ['nobody', 'alice', 'carol']) {
    const two = msChap2Request(name, 'wrong')
    const reply = read(await client.ask(two.datagram), two.authenticator)
    t.equal(reply.code, Code.AccessReject)
    t.match(errorOf(reply)?.toString('latin1', 1), text, name)
    t.equal(errorOf(reply)?.[0], 7, 'the identifier of the response')
    const one = msChapRequest(name, 'wrong')
    const first = errorOf(read(await client.ask(one.datagram), one.authenticator))
    t.match(first?.toString('latin1', 1), /^E=691 R=1 C=[0-9A-F]{16} V=2 M=/, name)
  }
  const codes = rejects.filter((_, i) => i % 2 === 0).map(({ code }) => code)
  t.same(codes, ['UNKNOWN_SUBSCRIBER', 'WRONG_CREDENTIAL', 'NO_CREDENTIAL'])
})

t.test('MS-CHAP: who has the right password and may not connect is told why', async t => {
  const expired: Subscriber = { ...alice, validUntil: new Date(T0 - 1).toISOString() }
  const closed: Subscriber = { ...bob, status: 'closed' }
  const suspended: Subscriber = { ...alice, id: 'sub_4', username: 'dave', status: 'suspended' }
  const all = new Documents([expired, closed, suspended])
  const { authentication, rejects } = await rig(t, { documents: all, nases: [{ ...nas, vendor: 'standard' }] })
  const client = await Client.open(t, authentication)
  const said = async (asked: Asked) => errorOf(read(await client.ask(asked.datagram), asked.authenticator))?.toString()
  t.match(await said(msChap2Request('alice', 'wonderland')), / *E=648 R=0 .*Subscription has run out/)
  t.match(await said(msChap2Request('bob', 'builder')), / *E=647 R=0 /)
  t.match(await said(msChap2Request('dave', 'wonderland')), / *E=647 R=0 /)
  t.same(
    rejects.map(({ code }) => code),
    ['EXPIRED', 'CLOSED', 'SUSPENDED']
  )
})

t.test('MS-CHAP: a response of another size, or without its challenge, is malformed and never wrong', async t => {
  const { authentication, rejects } = await rig(t, { documents: documents() })
  const client = await Client.open(t, authentication)
  const short = msChap2Request('alice', 'wonderland', value => value.subarray(0, 49))
  t.equal(read(await client.ask(short.datagram), short.authenticator).code, Code.AccessReject)
  const writer = new AttributeWriter().add(Attr.UserName, 'alice').vsa(Vendor.Microsoft, 25, Buffer.alloc(50))
  const bare = encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret)
  t.equal(read(await client.ask(bare.datagram), bare.authenticator).code, Code.AccessReject)
  t.same(
    rejects.map(({ code }) => code),
    ['MALFORMED_CREDENTIAL', 'MALFORMED_CREDENTIAL']
  )
})

t.test("MS-CHAPv2: the user's domain is not part of the challenge", async t => {
  const office: Subscriber = { ...alice, username: 'OFFICE\\alice' }
  const { authentication } = await rig(t, { documents: new Documents([office]) })
  const client = await Client.open(t, authentication)
  const { datagram, authenticator } = msChap2Request('OFFICE\\alice', 'wonderland')
  t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessAccept)
})

const absent = spawnSync('radtest', ['-h']).error !== undefined && process.env['CI'] !== 'true'
const skip = absent && 'needs radtest (apt-get install freeradius-utils)'

t.test('radtest logs on by PAP, CHAP and MS-CHAP', { skip }, async t => {
  const { authentication } = await rig(t, { documents: documents() })
  const { execFile } = await import('node:child_process')
  const radtest = (type: string, password: string) =>
    new Promise<string>(resolve => {
      const args = ['-t', type, 'alice', password, `127.0.0.1:${authentication}`, '0', SECRET]
      execFile('radtest', args, (_error, out, err) => resolve(out + err))
    })
  for (const type of ['pap', 'chap', 'mschap']) {
    t.match(await radtest(type, 'wonderland'), /Received Access-Accept/, type)
    t.match(await radtest(type, 'wrong'), /Received Access-Reject/, `${type}, wrong`)
  }
})

const spec = [
  // «Unix crypt using SHA-256 and SHA-512», test vectors
  [
    'Hello world!',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'
  ],
  [
    'Hello world!',
    '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.'
  ],
  [
    'we have a short salt string but not a short password',
    '$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0'
  ],
  [
    'the minimum number is still observed',
    '$6$rounds=10$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.'
  ]
] as const

t.test('SHA-512 crypt: the vectors of its specification', async t => {
  for (const [password, stored] of spec) {
    t.equal(checkSalted(stored, Buffer.from(password)), true, stored)
    t.equal(checkSalted(stored, Buffer.from(`${password} `)), false, stored)
  }
})

t.test('SHA-512 crypt: the same as openssl passwd, whatever the password', async t => {
  const passwords = [
    'a',
    'wonderland',
    'x'.repeat(63),
    'y'.repeat(64),
    'z'.repeat(65),
    'schön und grün',
    'n'.repeat(127)
  ]
  for (const [i, password] of passwords.entries()) {
    const run = spawnSync('openssl', ['passwd', '-6', '-salt', `salt${i}`, '-stdin'], { input: `${password}\n` })
    t.equal(checkSalted(run.stdout.toString().trim(), Buffer.from(password)), true, password)
  }
})

t.test('scrypt: parameters, salt and hash in one text', async t => {
  const stored = scryptOf('wonderland')
  t.equal(checkSalted(stored, Buffer.from('wonderland')), true)
  t.equal(checkSalted(stored, Buffer.from('Wonderland')), false)
})

t.test('A stored form that cannot be read, or would take too long, is neither right nor wrong', async t => {
  const wrong = [
    '$6$salt$short',
    '$6$rounds=1000001$salt$' + 'a'.repeat(86),
    '$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$' + 'A'.repeat(43),
    '$scrypt$ln=0,r=8,p=1$c2FsdHNhbHQ$' + 'A'.repeat(43),
    '$scrypt$what'
  ]
  for (const stored of wrong) t.equal(checkSalted(stored, Buffer.from('x')), undefined, stored)
})

function scryptOf(password: string): string {
  const salt = Buffer.from('0123456789abcdef')
  const hash = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 })
  const text = (octets: Buffer) => octets.toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(hash)}`
}

t.test('PAP against salted hashes: right, wrong, unreadable; every wrong answer takes as long as a check', async t => {
  const salted = (name: string, password: string): Subscriber => ({
    ...alice,
    id: name,
    username: name,
    credentials: { password }
  })
  const documents = new Documents([
    alice,
    salted('dora', spec[0][1]),
    salted('emil', scryptOf('builder')),
    salted('fred', '$6$broken')
  ])
  const { authentication, rejects } = await rig(t, { documents })
  const client = await Client.open(t, authentication)
  const code = async (userName: string, password: string) => {
    const { datagram, authenticator } = papRequest({ userName, password })
    return read(await client.ask(datagram), authenticator).code
  }
  t.equal(await code('dora', 'Hello world!'), Code.AccessAccept)
  t.equal(await code('emil', 'builder'), Code.AccessAccept)
  t.equal(await code('alice', 'wonderland'), Code.AccessAccept, 'clear text beside them')
  t.equal(await code('dora', 'Hello world'), Code.AccessReject)
  t.equal(await code('fred', 'x'), Code.AccessReject)
  t.equal(await code('nobody', 'x'), Code.AccessReject)
  t.equal(await code('alice', 'x'), Code.AccessReject)
  t.same(
    rejects.map(({ code }) => code),
    ['WRONG_CREDENTIAL', 'NO_CREDENTIAL', 'UNKNOWN_SUBSCRIBER', 'WRONG_CREDENTIAL']
  )
  t.ok(checkPassword(undefined, Buffer.from('x')) instanceof Promise, 'an unknown name is checked as slowly')
  t.ok(checkPassword(alice, Buffer.from('x')) instanceof Promise, 'and so is a wrong password in clear text')
  t.match(checkPassword(alice, Buffer.from('wonderland')), { verdict: 'right' }, 'a right one is not')
})

t.test('Salted hashes: what exceeds the queue is told so at once', async t => {
  const hashing = new Hashing()
  const stored = scryptOf('builder')
  const checks = Array.from({ length: 257 }, () => hashing.check(stored, Buffer.from('builder')))
  t.equal(await checks[256], 'busy')
  t.equal(hashing.size, 256)
  const done = await Promise.all(checks.slice(0, 256))
  t.ok(done.every(checked => checked === 'right'))
  t.equal(hashing.size, 0)
})
