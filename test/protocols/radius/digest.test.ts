import { createHash, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import t from 'tap'
import { md5, RadiusError, Secret } from '../../../protocols/radius/index.js'
import { message } from '../../../protocols/radius/digest.js'

const octets = (most: number) => fc.uint8Array({ maxLength: most, size: 'max' }).map(array => Buffer.from(array))

t.test('RFC 1321 §A.5: the test suite of MD5', async t => {
  const suite = {
    '': 'd41d8cd98f00b204e9800998ecf8427e',
    a: '0cc175b9c0f1b6a831c399e269772661',
    'message digest': 'f96b697d7cb7938d525a2f31aaf161d0',
    '12345678901234567890123456789012345678901234567890123456789012345678901234567890':
      '57edf4a22be3c955ac49da2e2107b67a'
  }
  for (const [text, digest] of Object.entries(suite)) t.equal(md5(Buffer.from(text)).toString('hex'), digest, text)
})

t.test('MD5 of every length around the edges of a block is that of node:crypto', async t => {
  const text = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 31) & 0xff))
  for (const length of [...Array(260).keys(), 1000, 4095, 4096]) {
    const part = text.subarray(0, length)
    if (!md5(part).equals(createHash('md5').update(part).digest())) t.fail(`${length} octets`)
  }
  t.throws(() => md5(text, Buffer.alloc(1)), { code: 'RAD_TOO_LONG' }, 'and one octet more is refused')
})

t.test('MD5 of any octets in any parts is that of node:crypto', async () => {
  fc.assert(
    fc.property(octets(700), octets(700), (a, b) => md5(a, b).equals(createHash('md5').update(a).update(b).digest()))
  )
})

t.test('RFC 2202 §2: the test cases of HMAC-MD5', async t => {
  const cases: [Buffer, Buffer, string][] = [
    [Buffer.alloc(16, 0x0b), Buffer.from('Hi There'), '9294727a3638bb1c13f48ef8158bfc9d'],
    [Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'), '750c783e6ab0b503eaa86e310a5db738'],
    [Buffer.alloc(16, 0xaa), Buffer.alloc(50, 0xdd), '56be34521d144c88dbb8c733f0e8b3f6'],
    [
      Buffer.alloc(80, 0xaa),
      Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
      '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd'
    ]
  ]
  for (const [key, data, mac] of cases) {
    const secret = new Secret(key)
    data.copy(message)
    t.equal(secret.sign(data.length).toString('hex'), mac)
  }
})

t.test('a signature with any secret is that of node:crypto', async () => {
  const secrets = fc.uint8Array({ minLength: 1, maxLength: 200, size: 'max' }).map(array => Buffer.from(array))
  fc.assert(
    fc.property(secrets, octets(600), (key, data) => {
      const secret = new Secret(key)
      data.copy(message)
      return secret.sign(data.length).equals(createHmac('md5', key).update(data).digest())
    })
  )
})

t.test('a secret never shows itself', async t => {
  const secret = new Secret('hunter2')
  for (const shown of [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ a: [secret] })]) {
    t.notMatch(shown, /hunter2|68756e74/)
    t.match(shown, /\[secret\]/)
  }
})

t.test('a secret holds 1 to 1024 octets', async t => {
  t.throws(() => new Secret(''), { code: 'RAD_BAD_SECRET' })
  t.throws(() => new Secret(Buffer.alloc(1025)), RadiusError)
  t.doesNotThrow(() => new Secret(Buffer.alloc(1024, 1)))
})

t.test('a secret is a copy: changing the octets that it was made of changes nothing', async t => {
  const octets = Buffer.from('testing123')
  const secret = new Secret(octets)
  const before = secret.authenticate(0)
  octets.fill(0)
  t.same(secret.authenticate(0), before)
})
