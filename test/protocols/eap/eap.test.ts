import * as fc from 'fast-check'
import t from 'tap'
import {
  decodeAvps,
  decodeEap,
  decodeMsChapMessage,
  decodeResult,
  decodeTlsFragment,
  encodeAvp,
  EapCode,
  EapType,
  eapTypeName,
  encodeEap,
  encodeEapResult,
  encodeMsChapChallenge,
  encodeMsChapResult,
  encodeResult,
  MsChapOp,
  tlsFragments
} from '../../../protocols/eap/index.js'

const hex = (text: string) => Buffer.from(text, 'hex')
const octets = fc.uint8Array({ maxLength: 600 }).map(array => Buffer.from(array))
const runs = { numRuns: 300, seed: 20261123 }

t.test('RFC 3748 §4.1: a Response is read, with padding behind it and without', async t => {
  const response = hex('0207000a01616c696365')
  t.match(decodeEap(response), { code: 2, identifier: 7, type: EapType.Identity })
  t.equal(decodeEap(Buffer.concat([response, Buffer.alloc(3)]))?.data.toString(), 'alice')
  t.same(encodeEap(decodeEap(response)!), response)
})

t.test('RFC 3748 §4: what is no Request or Response, or has a wrong Length, is not read', async t => {
  for (const wrong of [
    '',
    '02',
    '02070004',
    '0207000401',
    '0207000b01616c696365',
    '0307000a01616c696365',
    '02070000ff'
  ]) {
    t.equal(decodeEap(hex(wrong)), undefined, wrong)
  }
})

t.test('RFC 3748 §4.2: Success and Failure are four octets', async t => {
  t.same(encodeEapResult(true, 9), hex('03090004'))
  t.same(encodeEapResult(false, 255), hex('04ff0004'))
  t.equal(eapTypeName(EapType.Peap), 'PEAP')
  t.equal(eapTypeName(99), 'type 99')
})

t.test('RFC 5216 §3.1: a message that fits has no length; one that does not has it in its first piece', async t => {
  t.same(tlsFragments(hex('aabb'), 100), [hex('00aabb')])
  const pieces = tlsFragments(Buffer.alloc(250, 7), 100).map(piece => decodeTlsFragment(piece)!)
  t.same(
    pieces.map(({ more, length, octets }) => [more, length, octets.length]),
    [
      [true, 250, 95],
      [true, undefined, 99],
      [false, undefined, 56]
    ]
  )
})

t.test('RFC 5216 §2.1.5: pieces of any size join to the message, and none exceeds the limit', async t => {
  fc.assert(
    fc.property(octets, fc.integer({ min: 6, max: 700 }), (message, most) => {
      const pieces = tlsFragments(message, most)
      t.ok(pieces.every(piece => piece.length <= most))
      const read = pieces.map(piece => decodeTlsFragment(piece)!)
      t.ok(read.every(({ more }, i) => more === i < read.length - 1))
      t.same(Buffer.concat(read.map(({ octets }) => octets)), message)
    }),
    runs
  )
  t.equal(decodeTlsFragment(Buffer.alloc(0)), undefined)
  t.equal(decodeTlsFragment(hex('80000000')), undefined, 'the length is cut off')
})

t.test('EAP-MSCHAPv2: a Response is read as the RADIUS attribute has it', async t => {
  const peer = Buffer.alloc(16, 1)
  const response = Buffer.alloc(24, 2)
  const value = Buffer.concat([peer, Buffer.alloc(8), response, Buffer.from([0])])
  const body = Buffer.concat([hex('31'), value, Buffer.from('alice')])
  const message = Buffer.concat([Buffer.from([MsChapOp.Response, 5, 0, 4 + body.length]), body])
  const read = decodeMsChapMessage(message)
  t.equal(read?.name, 'alice')
  t.same(read?.response, Buffer.concat([Buffer.from([5, 0]), peer, Buffer.alloc(8), response]))
  t.equal(decodeMsChapMessage(message.subarray(0, 50)), undefined, 'cut off')
  const longer = Buffer.from(message)
  longer.writeUInt16BE(200, 2)
  t.equal(decodeMsChapMessage(longer), undefined, 'says more than there is')
  t.same(decodeMsChapMessage(hex('03')), { op: MsChapOp.Success })
})

t.test('EAP-MSCHAPv2: what the server says has its length inside', async t => {
  const challenge = encodeMsChapChallenge(3, Buffer.alloc(16, 9), 'turnpike')
  t.same(challenge.subarray(0, 5), hex(`0103${(4 + 1 + 16 + 8).toString(16).padStart(4, '0')}10`))
  t.same(encodeMsChapResult(false, 3, Buffer.from('E=691')), Buffer.concat([hex('04030009'), Buffer.from('E=691')]))
})

t.test('RFC 5281 §10.1: AVPs are padded to four octets, the last one also without', async t => {
  const one = { code: 1, vendor: 0, mandatory: true, data: Buffer.from('alice') }
  const two = { code: 25, vendor: 311, mandatory: false, data: Buffer.alloc(3, 5) }
  const both = Buffer.concat([encodeAvp(one), encodeAvp(two)])
  t.equal(both.length, 16 + 16)
  t.same(decodeAvps(both), [one, two])
  t.same(decodeAvps(both.subarray(0, -1)), [one, two])
  t.equal(decodeAvps(both.subarray(0, 18)), undefined)
  t.equal(decodeAvps(hex('0000000140000007')), undefined, 'shorter than its header')
  t.equal(decodeAvps(Buffer.concat(Array.from({ length: 65 }, () => encodeAvp(one)))), undefined, 'too many')
})

t.test('PEAPv0: the Result TLV says success or failure', async t => {
  t.same(encodeResult(true), hex('800300020001'))
  t.equal(decodeResult(encodeResult(true)), true)
  t.equal(decodeResult(encodeResult(false)), false)
  t.equal(decodeResult(hex('000c0001ff800300020001')), true, 'behind another')
  t.equal(decodeResult(hex('8003000100')), undefined)
  t.equal(decodeResult(hex('80030009')), undefined)
})

t.test('No octets make a decoder throw', async t => {
  fc.assert(
    fc.property(octets, message => {
      const packet = decodeEap(message)
      t.ok(packet === undefined || [EapCode.Request, EapCode.Response].some(code => code === packet.code))
      decodeTlsFragment(message)
      decodeMsChapMessage(message)
      decodeMsChapMessage(Buffer.concat([Buffer.from([MsChapOp.Response]), message]))
      decodeAvps(message)
      decodeResult(message)
    }),
    runs
  )
})
