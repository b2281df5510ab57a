import { X509Certificate } from 'node:crypto'
import { truncateSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readRevocations } from '../../../server/radius/index.js'
import { pki } from './certificates.js'

const pem = pki(t.testdir())
pem.issue('alice', '/CN=alice', { usage: 'clientAuth' })
pem.issue('bob', '/CN=bob', { usage: 'clientAuth' })
pem.issue('other', '/CN=Other CA', { issuer: 'other', ca: true })
const alice = new X509Certificate(pem.pem('alice.pem'))
const bob = new X509Certificate(pem.pem('bob.pem'))
const from = (crl: string, ca = 'ca.pem') => readRevocations({ crl: pem.file(crl), ca: pem.file(ca) })

t.test('a list says who was revoked, by whom, when, and how long it is good', async t => {
  pem.revoke(['alice'], 'list.pem', { days: 7 })
  const read = from('list.pem')
  t.equal(read.size, 1)
  t.match(read.faultOf([bob, alice]), /CN=alice, number [0-9a-f]+, was revoked by CN=Test CA on 20/)
  t.equal(read.faultOf([bob]), undefined)
  const days = (read.validUntil - Date.now()) / 86_400_000
  t.ok(days > 6.9 && days < 7.1)
})

t.test('the number alone condemns nobody: the list must be of the CA that issued the certificate', async t => {
  pem.issue('same', '/CN=same', { issuer: 'other', usage: 'clientAuth' })
  const text = (name: string) => new X509Certificate(pem.pem(name)).serialNumber
  writeFileSync(pem.file('other.srl'), text('alice.pem').replace(/.$/, '0'))
  pem.revoke(['same'], 'other-list.pem', { issuer: 'other' })
  writeFileSync(pem.file('all.pem'), pem.pem('ca.pem') + pem.pem('other.pem'))
  const read = from('other-list.pem', 'all.pem')
  t.match(read.faultOf([new X509Certificate(pem.pem('same.pem'))]), /CN=Other CA/)
  t.equal(read.faultOf([alice]), undefined)
})

t.test('RFC 5280 §5: a list names what its CA issued, under whichever of its keys', async t => {
  pem.issue('carol', '/CN=carol')
  const carol = new X509Certificate(pem.pem('carol.pem'))
  pem.issue('rekeyed', '/CN=Test CA', { issuer: 'rekeyed', ca: true })
  writeFileSync(pem.file('keys.pem'), pem.pem('ca.pem') + pem.pem('rekeyed.pem') + pem.pem('other.pem'))
  pem.revoke(['alice'], 'new-key.pem', { issuer: 'rekeyed' })
  const read = from('new-key.pem', 'keys.pem')
  t.match(read.faultOf([alice]), /CN=alice, number [0-9a-f]+, was revoked by CN=Test CA/)
  t.equal(read.faultOf([bob]), undefined)
  pem.revoke(['carol'], 'old-key.pem', { ago: 200 })
  writeFileSync(pem.file('each-key.pem'), pem.pem('new-key.pem') + pem.pem('old-key.pem'))
  const each = from('each-key.pem', 'keys.pem')
  for (const certificate of [alice, carol])
    t.ok(each.faultOf([certificate]), 'the list of one key hides none of another')
  const next = (crl: string) => readRevocations({ crl: pem.file(crl), ca: pem.file('keys.pem') }, each)
  t.throws(() => next('new-key.pem'), { code: 'CRL_OLDER' })
  const before = readRevocations({ crl: pem.file('old-key.pem'), ca: pem.file('keys.pem') })
  const rekeyed = readRevocations({ crl: pem.file('new-key.pem'), ca: pem.file('keys.pem') }, before)
  t.equal(rekeyed.lists.length, 1, 'a new key takes over')
})

t.test('of two lists of one CA the newer counts; those of parts of its certificates all do', async t => {
  pem.revoke([], 'older.pem', { ago: 2 })
  pem.revoke(['bob'], 'newer.pem', { ago: 1 })
  for (const order of [
    ['older', 'newer'],
    ['newer', 'older']
  ]) {
    writeFileSync(pem.file('two.pem'), order.map(name => pem.pem(`${name}.pem`)).join(''))
    t.equal(from('two.pem').size, from('newer.pem').size)
    t.match(from('two.pem').faultOf([bob]), /CN=bob/)
  }
  const part = (of: string) => `issuingDistributionPoint=critical,@part\n[part]\n${of}=TRUE`
  pem.revoke([], 'users.pem', { extensions: part('onlyuser') })
  pem.revoke([], 'cas.pem', { extensions: part('onlyCA') })
  writeFileSync(pem.file('parts.pem'), pem.pem('users.pem') + pem.pem('cas.pem'))
  t.equal(from('parts.pem').size, 2 * from('users.pem').size)
})

t.test(
  'an older list replaces no newer one, and none may be missing; one that is as new, or of no trusted CA, may',
  async t => {
    const write = (name: string, ...lists: readonly string[]) =>
      writeFileSync(pem.file(name), lists.map(list => pem.pem(`${list}.pem`)).join(''))
    write('all.pem', 'ca', 'other')
    pem.revoke([], 'before.pem', { ago: 4 })
    pem.revoke([], 'after.pem', { ago: 3 })
    pem.revoke([], 'foreign.pem', { issuer: 'other', ago: 3 })
    write('in-use.pem', 'after', 'foreign')
    write('replayed.pem', 'before', 'foreign')
    const known = from('in-use.pem', 'all.pem')
    const next = (crl: string, ca = 'all.pem') => readRevocations({ crl: pem.file(crl), ca: pem.file(ca) }, known)
    t.equal(next('in-use.pem').lists.length, 2)
    t.throws(() => next('replayed.pem'), {
      code: 'CRL_OLDER',
      message: /replayed\.pem: in use is that of CN=Test CA, 20/
    })
    t.throws(() => next('after.pem'), { code: 'CRL_OLDER', message: /CN=Other CA/ })
    t.equal(next('after.pem', 'ca.pem').lists.length, 1, 'a CA that is not trusted any more takes its list along')
    t.equal(from('replayed.pem', 'all.pem').lists.length, 2, 'at the start there is nothing to compare with')
  }
)

t.test('a file that is cut off anywhere is not taken for a shorter one', async t => {
  pem.revoke([], 'one.pem')
  pem.revoke([], 'two.pem', { issuer: 'other' })
  const [one, two] = [pem.pem('one.pem'), pem.pem('two.pem').trimEnd()]
  writeFileSync(pem.file('all.pem'), pem.pem('ca.pem') + pem.pem('other.pem'))
  for (let left = 1; left < two.length; left++) {
    writeFileSync(pem.file('short.pem'), one + two.slice(0, left))
    t.throws(() => from('short.pem', 'all.pem'), { code: 'CRL_UNREADABLE' }, two.slice(0, left))
  }
  t.throws(() => from('short.pem', 'all.pem'), { message: /short\.pem: 2 begin, 1 are whole/ })
  writeFileSync(pem.file('short.pem'), one + two)
  t.equal(from('short.pem', 'all.pem').lists.length, 2, 'the last line needs no end')
  writeFileSync(pem.file('all.pem'), pem.pem('ca.pem') + pem.pem('other.pem').slice(0, -30))
  t.throws(() => from('one.pem', 'all.pem'), { code: 'CRL_FILE_UNREADABLE', message: /all\.pem: 2 begin, 1 are whole/ })
})

t.test('what cannot be used is refused with what to do', async t => {
  pem.revoke([], 'good.pem')
  pem.revoke([], 'indirect.pem', { extensions: 'issuingDistributionPoint=critical,@part\n[part]\nindirectCRL=TRUE' })
  pem.revoke([], 'delta.pem', { extensions: '2.5.29.27=critical,ASN1:INTEGER:1' })
  pem.revoke([], 'unknown.pem', { extensions: '1.2.3.4=critical,ASN1:NULL' })
  writeFileSync(pem.file('rubbish.pem'), 'rubbish')
  writeFileSync(pem.file('large.pem'), '')
  truncateSync(pem.file('large.pem'), 32 * 2 ** 20 + 1)
  const good = pem.pem('good.pem')
  const at = good.length >> 1
  writeFileSync(pem.file('changed.pem'), `${good.slice(0, at)}${good[at] === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`)
  writeFileSync(pem.file('cut.pem'), good.replace(/\n[^\n-]+\n-----END/, '\n-----END'))
  const cases = {
    CRL_FILE_UNREADABLE: ['none.pem'],
    CRL_TOO_LARGE: ['large.pem'],
    CRL_UNREADABLE: ['rubbish.pem', 'alice.pem', 'cut.pem'],
    CRL_STRANGE: ['indirect.pem', 'delta.pem', 'unknown.pem']
  }
  for (const [code, files] of Object.entries(cases))
    for (const file of files) t.throws(() => from(file), { code, message: new RegExp(file) }, file)
  for (const file of ['good.pem', 'delta.pem'])
    t.throws(() => from(file, 'other.pem'), { code: 'CRL_UNTRUSTED' }, 'the signature comes before what is in it')
  t.throws(() => from('changed.pem'), { code: /CRL_UNTRUSTED|CRL_UNREADABLE|CRL_ALGORITHM/ })
})
