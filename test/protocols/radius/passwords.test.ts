import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import {
  ascendSecret,
  Attr,
  AttributeWriter,
  Code,
  decodeSalted,
  decodeUserPassword,
  encodeRequest,
  encodeSalted,
  encodeUserPassword,
  isChapResponse,
  mppeKeys,
  mppeMasterKey,
  msChap2AuthenticatorResponse,
  msChap2Response,
  msChapResponse,
  newSalt,
  ntHash,
  ntHashHash,
  Packet,
  Secret,
  verifyChap,
  verifyMsChap,
  verifyMsChap2,
  withoutDomain
} from '../../../protocols/radius/index.js'
import { md4 } from '../../../protocols/radius/md4.js'

const secret = new Secret('xyzzy5461')
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const authenticator = hex('0f403f9473978057bd83d5cb98f4227a')
const buffers = (most: number) => fc.uint8Array({ maxLength: most, size: 'max' }).map(array => Buffer.from(array))

t.test('RFC 2865 §7.1: the hidden password is arctangent', async t => {
  const hidden = hex('0dbe708d93d413ce3196e43f782a0aee')
  t.equal(String(decodeUserPassword(hidden, authenticator, secret)), 'arctangent')
  t.same(encodeUserPassword('arctangent', authenticator, secret), hidden)
})

t.test('RFC 2865 §5.2: a User-Password holds 16 to 128 octets, in blocks of 16', async t => {
  for (const length of [0, 1, 15, 17, 127, 144]) {
    t.equal(decodeUserPassword(Buffer.alloc(length), authenticator, secret), undefined, `${length} octets`)
  }
  t.equal(encodeUserPassword('', authenticator, secret).length, 16)
  t.equal(encodeUserPassword('x'.repeat(128), authenticator, secret).length, 128)
  t.throws(() => encodeUserPassword('x'.repeat(129), authenticator, secret), { code: 'RAD_BAD_VALUE' })
})

t.test('any password without a zero octet at its end comes back, with any secret', async () => {
  fc.assert(
    fc.property(buffers(128), fc.string({ minLength: 1 }), (password, words) => {
      fc.pre(password.at(-1) !== 0)
      const key = new Secret(words)
      return decodeUserPassword(encodeUserPassword(password, authenticator, key), authenticator, key)!.equals(password)
    })
  )
})

t.test('RFC 2868 §3.5: a value is hidden as the section describes, block by block', async t => {
  const salt = hex('8123')
  const plain = Buffer.concat([Buffer.from([20]), Buffer.from('twenty octets of key')], 32)
  const first = xor(plain.subarray(0, 16), md5Of('xyzzy5461', authenticator, salt))
  const second = xor(plain.subarray(16), md5Of('xyzzy5461', first))
  const hidden = Buffer.concat([salt, first, second])
  t.same(encodeSalted(Buffer.from('twenty octets of key'), authenticator, secret, salt), hidden)
  t.equal(String(decodeSalted(hidden, authenticator, secret)), 'twenty octets of key')
})

function md5Of(...parts: (string | Buffer)[]): Buffer {
  const digest = createHash('md5')
  for (const part of parts) digest.update(part)
  return digest.digest()
}

function xor(block: Buffer, mask: Buffer): Buffer {
  return Buffer.from(block.map((octet, i) => octet ^ mask[i]!))
}

t.test('anything hidden with a salt comes back; with another secret it does not', async () => {
  fc.assert(
    fc.property(buffers(239), plain => {
      const hidden = encodeSalted(plain, authenticator, secret)
      const other = decodeSalted(hidden, authenticator, new Secret('other'))
      return (
        (hidden[0]! & 0x80) !== 0 &&
        hidden.length % 16 === 2 &&
        decodeSalted(hidden, authenticator, secret)!.equals(plain) &&
        (plain.length < 8 || other === undefined || !other.equals(plain))
      )
    })
  )
})

t.test('salted values whose lengths do not fit are not read', async t => {
  for (const length of [0, 1, 2, 3, 17, 19])
    t.equal(decodeSalted(Buffer.alloc(length), authenticator, secret), undefined)
  const hidden = encodeSalted(Buffer.alloc(15, 1), authenticator, secret, hex('8000'))
  hidden[2]! ^= 0x10 // the length inside says 31 of 15 octets
  t.equal(decodeSalted(hidden, authenticator, secret), undefined)
  t.throws(() => encodeSalted(Buffer.alloc(240), authenticator, secret), { code: 'RAD_BAD_VALUE' })
  t.throws(() => encodeSalted(Buffer.alloc(1), authenticator, secret, Buffer.alloc(3)), { code: 'RAD_BAD_VALUE' })
  t.ok(newSalt()[0]! >= 0x80)
})

t.test("Ascend's secrets: hiding twice gives the value back, padded to 16 octets", async t => {
  const hidden = ascendSecret(Buffer.from('sesame'), authenticator, secret)
  const mask = createHash('md5').update(authenticator).update('xyzzy5461').digest()
  t.equal(hidden[0], 's'.charCodeAt(0) ^ mask[0]!)
  t.same(ascendSecret(hidden, authenticator, secret), Buffer.concat([Buffer.from('sesame')], 16))
})

function access(attributes: Buffer, fixed = authenticator): Packet {
  const packet = Packet.decode(
    encodeRequest(Code.AccessRequest, 1, attributes, secret, { authenticator: fixed }).datagram
  )
  if (typeof packet === 'string') throw new Error(packet)
  return packet
}

t.test('RFC 2865 §7.2: flopsy answers a challenge that is the Request Authenticator', async t => {
  const fixed = hex('2aee86f08d0d55969ca5978e0d3367a2')
  const response = hex('16e97557c316185895f293ff6344077275')
  const packet = access(new AttributeWriter().add(Attr.ChapPassword, response).finish(), fixed)
  t.ok(verifyChap(packet, 'arctangent'))
  t.notOk(verifyChap(packet, 'arctangens'))
})

t.test('RFC 2865 §5.40: CHAP-Challenge wins over the Request Authenticator', async t => {
  const challenge = Buffer.from('9876')
  const digest = createHash('md5')
    .update(Buffer.from([57]))
    .update('pw')
    .update(challenge)
    .digest()
  const response = Buffer.concat([Buffer.from([57]), digest])
  const writer = new AttributeWriter().add(Attr.ChapPassword, response)
  t.notOk(verifyChap(access(writer.finish()), 'pw'))
  t.ok(verifyChap(access(writer.add(Attr.ChapChallenge, challenge).finish()), 'pw'))
  t.notOk(verifyChap(access(Buffer.alloc(0)), 'pw'), 'no CHAP-Password')
  t.notOk(isChapResponse(response.subarray(0, 16), challenge, 'pw'), 'one octet short')
})

t.test('RFC 1320 §A.5: the test suite of MD4', async t => {
  const suite = {
    '': '31d6cfe0d16ae931b73c59d7e0c089c0',
    a: 'bde52cb31de33e46245e05fbdbd6fb24',
    'message digest': 'd9130a8164549fe818874806e1c7014b',
    '12345678901234567890123456789012345678901234567890123456789012345678901234567890':
      'e33b4ddc9c38f2199c3e7b164fcc0536'
  }
  for (const [text, digest] of Object.entries(suite)) t.equal(md4(Buffer.from(text)).toString('hex'), digest, text)
})

t.test('RFC 2433 §B.1: the example of MS-CHAP', async t => {
  t.same(ntHash('MyPw'), hex('FC156AF7EDCD6C0EDDE3337D427F4EAC'))
  const response = msChapResponse(hex('102DB5DF085D3041'), ntHash('MyPw'))
  t.same(response, hex('4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61'))
  t.throws(() => msChapResponse(Buffer.alloc(7), ntHash('MyPw')), { code: 'RAD_BAD_VALUE' })
})

const challenge = hex('5B5D7C7D7B3F2F3E3C2C602132262628')
const peerChallenge = hex('21402324255E262A28295F2B3A337C7E')
const ntResponse = hex('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF')
const hash = ntHash('clientPass')
const proof = 'S=407A5589115FD0D6209F510FE9C04566932CDA56'

t.test('RFC 2759 §9.2: the example of MS-CHAPv2', async t => {
  t.same(hash, hex('44EBBA8D5312B8D611474411F56989AE'))
  t.same(ntHashHash(hash), hex('41C00C584BD2D91C4017A2A12FA59F3F'))
  t.same(msChap2Response(challenge, peerChallenge, 'User', hash), ntResponse)
  t.equal(msChap2AuthenticatorResponse(challenge, peerChallenge, 'User', hash, ntResponse), proof)
})

t.test('RFC 3079 §3.5.3: the keys of the example', async t => {
  t.same(mppeMasterKey(hash, ntResponse), hex('FDECE3717A8C838CB388E527AE3CDD31'))
  t.same(mppeKeys(hash, ntResponse).send, hex('8B7CDC149B993A1BA118CB153F56DCCB'))
  t.notSame(mppeKeys(hash, ntResponse).receive, mppeKeys(hash, ntResponse).send)
})

t.test('RFC 2548 §2.3: an Access-Request with MS-CHAPv2 is checked and answered', async t => {
  const value = Buffer.concat([Buffer.from([7, 0]), peerChallenge, Buffer.alloc(8), ntResponse])
  const packet = access(new AttributeWriter().vsa(311, 11, challenge).vsa(311, 25, value).finish())
  const found = verifyMsChap2(packet, 'OFFICE\\User', hash)
  t.equal(found?.success.subarray(1).toString(), proof)
  t.equal(found?.success[0], 7)
  t.same(found?.keys, mppeKeys(hash, ntResponse))
  t.equal(verifyMsChap2(packet, 'User', ntHash('clientpass')), undefined)
  t.equal(verifyMsChap2(packet, 'user', hash), undefined, 'the name is part of the challenge')
  t.equal(verifyMsChap2(access(Buffer.alloc(0)), 'User', hash), undefined)
  t.equal(withoutDomain('User'), 'User')
})

t.test(
  'RFC 2548 §2.1: an Access-Request with MS-CHAP is checked; a LAN Manager response alone is not taken',
  async t => {
    const short = hex('102DB5DF085D3041')
    const response = msChapResponse(short, ntHash('MyPw'))
    const of = (flags: number) => Buffer.concat([Buffer.from([1, flags]), Buffer.alloc(24), response])
    const packet = (flags: number) => access(new AttributeWriter().vsa(311, 11, short).vsa(311, 1, of(flags)).finish())
    t.ok(verifyMsChap(packet(1), ntHash('MyPw')))
    t.notOk(verifyMsChap(packet(1), ntHash('MyPW')))
    t.notOk(verifyMsChap(packet(0), ntHash('MyPw')))
    t.notOk(verifyMsChap(access(Buffer.alloc(0)), ntHash('MyPw')))
  }
)
