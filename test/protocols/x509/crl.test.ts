import * as fc from 'fast-check'
import t from 'tap'
import {
  decodeCrl,
  decodeCrlEnvelope,
  oidText,
  readDer,
  revokedAt,
  readSequence,
  serialOf,
  timeOf
} from '../../../protocols/x509/index.js'

const hex = (text: string) => Buffer.from(text, 'hex')
const runs = { numRuns: 500, seed: 20261201 }

const element = (tag: number, ...parts: readonly Buffer[]) => {
  const value = Buffer.concat(parts)
  const length = value.length < 128 ? [value.length] : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), value])
}
const sequence = (...parts: readonly Buffer[]) => element(0x30, ...parts)
const utc = (text: string) => element(0x17, Buffer.from(text))
const rsaSha256 = sequence(element(6, hex('2a864886f70d01010b')), hex('0500'))
const entry = (serial: string) => sequence(element(2, hex(serial)), utc('261101120000Z'))
const list = (...fields: readonly Buffer[]) =>
  sequence(
    sequence(hex('020101'), rsaSha256, sequence(), utc('261101000000Z'), ...fields),
    rsaSha256,
    hex('0303000102')
  )

const decode = (der: Buffer) => decodeCrl(decodeCrlEnvelope(der)?.signed ?? Buffer.alloc(0))

t.test('RFC 5280 §5.1: a list says who signed it how, for how long it is good, and whom it names', async t => {
  const whole = list(utc('261201000000Z'), sequence(entry('0a'), entry('00ff01')))
  t.match(decodeCrlEnvelope(whole), { algorithm: '1.2.840.113549.1.1.11', signature: hex('0102') })
  const read = decode(whole)
  t.match(read, {
    thisUpdate: Date.parse('2026-11-01T00:00:00Z'),
    nextUpdate: Date.parse('2026-12-01T00:00:00Z'),
    scope: '',
    strange: undefined
  })
  t.same(
    [...read!.revoked].map(([serial, entry]) => [serial, revokedAt(entry)]),
    [
      ['0a', Date.parse('2026-11-01T12:00:00Z')],
      ['ff01', Date.parse('2026-11-01T12:00:00Z')]
    ]
  )
})

t.test('RFC 5280 §5.1.2.5–6: neither the next list nor any certificate need be named', async t => {
  t.match(decode(list()), { nextUpdate: Infinity })
  t.equal(decode(list())?.revoked.size, 0)
  t.equal(decode(list(sequence(entry('07'))))?.revoked.size, 1)
  const damaged = list(sequence(sequence()))
  t.ok(decodeCrlEnvelope(damaged), 'what is around the entries does not depend on them')
  t.equal(decode(damaged), undefined, 'an entry without a number is damage')
})

t.test('a serial number is the same with zeros in front of it and without', async t => {
  const certificate = (serial: string) => sequence(sequence(hex('a003020102'), element(2, hex(serial))))
  t.equal(serialOf(certificate('00ff01')), 'ff01')
  t.equal(serialOf(certificate('000000ff01')), 'ff01')
  t.equal(serialOf(certificate('00')), '00')
  t.equal(serialOf(sequence(sequence(element(2, hex('05'))))), '05', 'X.509 v1 has no version')
  t.equal(serialOf(hex('3000')), undefined)
})

t.test('RFC 5280 §4.1.2.5: years have two digits until 2049', async t => {
  const time = (tag: number, text: string) => timeOf({ tag, value: Buffer.from(text), whole: Buffer.alloc(0) })
  t.equal(time(23, '491231235959Z'), Date.parse('2049-12-31T23:59:59Z'))
  t.equal(time(23, '500101000000Z'), Date.parse('1950-01-01T00:00:00Z'))
  t.equal(time(24, '20500101000000Z'), Date.parse('2050-01-01T00:00:00Z'))
  for (const wrong of ['', '2612010000Z', '261301000000Z', '261201000000+0100'])
    t.equal(time(23, wrong), undefined, wrong)
})

t.test('X.690 §8.19: object identifiers', async t => {
  t.equal(oidText(hex('551d1c')), '2.5.29.28')
  t.equal(oidText(hex('2b6570')), '1.3.101.112')
  t.equal(oidText(hex('2a864886f70d01010b')), '1.2.840.113549.1.1.11')
})

t.test('no octets make the readers throw', async () => {
  const octets = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
  const whole = list(
    utc('261201000000Z'),
    sequence(entry('0a')),
    element(0xa0, sequence(sequence(element(6, hex('551d1c')))))
  )
  const damaged = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, octet]) => {
    const copy = Buffer.from(whole)
    copy[at] = octet
    return copy
  })
  fc.assert(
    fc.property(fc.oneof(octets, damaged), input => {
      readDer(input)
      readSequence(input)
      decode(input)
      decodeCrl(input)
      serialOf(input)
      oidText(input)
    }),
    runs
  )
})
