import * as fc from 'fast-check'
import t from 'tap'
import { uncompress } from '../../../agent/ledger/snappy.js'

fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 4711) })

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

t.test('the elements of Snappy: literals, and copies that may overlap what they write', async t => {
  const long = Buffer.alloc(300, 'long')
  const cases: readonly [Buffer, Buffer | string][] = [
    [hex('00'), ''],
    [hex('03 08 616263'), 'abc'],
    [hex('0a 00 61 22 0100'), 'a'.repeat(10)],
    [hex('08 0c 61626364 01 04'), 'abcdabcd'],
    [hex('07 08 616263 0f 03000000'), 'abcabca'],
    [Buffer.concat([hex('ac02 f4 2b01'), long]), long]
  ]
  for (const [octets, expected] of cases) t.equal(uncompress(octets)?.toString(), expected.toString())
})

t.test('what is no such block is told apart, whatever it is', async t => {
  for (const bad of ['', 'ff', '04 08 616263', '02 08 616263', '0a 00 61 22 0200', '0a 00 61 22 0000', '0a 00 61 22'])
    t.equal(uncompress(hex(bad)), undefined, `«${bad}»`)
  t.equal(uncompress(hex('ffffffff0f 00')), undefined, 'too long')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), octets => void uncompress(Buffer.from(octets))))
})
