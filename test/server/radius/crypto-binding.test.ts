import { createHmac } from 'node:crypto'
import t from 'tap'
import { encodeResult, withMac } from '../../../protocols/eap/index.js'
import { CryptoBinding } from '../../../server/radius/eap/crypto-binding.js'

// Of a resumed session the tunnel's own keys are those of the binding: they can be told without deriving anything.
const material = Buffer.from(Array.from({ length: 128 }, (_, i) => i))
const cmk = material.subarray(40, 60)

/** What a peer that knows the key answers. */
function answer({ request }: CryptoBinding, key = cmk): Buffer {
  const tlv = Buffer.from(request)
  tlv[7] = 1
  const unsigned = withMac(tlv, Buffer.alloc(20))
  const mac = createHmac('sha1', key)
    .update(unsigned)
    .update(Buffer.from([25]))
    .digest()
  return Buffer.concat([encodeResult(true), withMac(unsigned, mac)])
}

t.test('[MS-PEAP] §2.2.8.1.1: the request is signed, not mandatory, and never the same', async t => {
  const [one, two] = [new CryptoBinding(material, 'resumed').request, new CryptoBinding(material, 'resumed').request]
  t.same(one.subarray(0, 8), Buffer.from('000c003800000000', 'hex'))
  t.equal(one.length, 60)
  t.notSame(one.subarray(8, 40), two.subarray(8, 40))
  const mac = createHmac('sha1', cmk)
    .update(withMac(one, Buffer.alloc(20)))
    .update(Buffer.from([25]))
    .digest()
  t.same(one.subarray(40), mac)
})

t.test('a peer binds, does not, or pretends to', async t => {
  const binding = new CryptoBinding(material, 'resumed')
  const right = answer(binding)
  t.equal(binding.check(right), 'bound')
  t.equal(binding.check(encodeResult(true)), 'not')
  t.equal(binding.check(answer(binding, Buffer.alloc(20, 1))), 'forged')
  t.equal(binding.check(Buffer.concat([encodeResult(true), binding.request])), 'forged', 'our own request, sent back')
  for (const at of [11, 13, 50, right.length - 1]) {
    const changed = Buffer.from(right)
    changed[at]! ^= 1
    t.equal(binding.check(changed), 'forged', `octet ${at}`)
  }
  const inner = new CryptoBinding(material, { receive: Buffer.alloc(16, 1), send: Buffer.alloc(16, 2) })
  t.equal(inner.check(answer(inner)), 'forged', 'the keys of the inner method count')
})

t.test('the keys follow from the tunnel and from the inner method', async t => {
  const inner = { receive: Buffer.alloc(16, 1), send: Buffer.alloc(16, 2) }
  const all = [undefined, inner, 'resumed' as const].map(keys => new CryptoBinding(material, keys).keys)
  t.equal(new Set(all.map(({ receive, send }) => Buffer.concat([receive, send]).toString('hex'))).size, 3)
  t.ok(all.every(({ receive, send }) => receive.length === 32 && send.length === 32))
})
