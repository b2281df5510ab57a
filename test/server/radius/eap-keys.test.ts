import t from 'tap'
import { CryptoBinding } from '../../../server/radius/eap/crypto-binding.js'
import { pki } from './certificates.js'
import { eapolTest, eapRig, lacks, type Network, resumptions, shows } from './eapol-test.js'

const skip = lacks('eapol_test', 'eapoltest')
const pem = pki(t.testdir())
pem.issue('server', '/CN=radius.example', { usage: 'serverAuth', names: 'DNS:radius.example' })
pem.issue('alice', '/CN=alice', { usage: 'clientAuth' })
const tls = { certificate: pem.pem('server.pem'), key: pem.pem('server.key'), ca: pem.pem('ca.pem') }

const trusting = { identity: 'alice', password: 'wonderland', ca_cert: pem.file('ca.pem') }
const peap = { ...trusting, eap: 'PEAP', phase2: 'auth=MSCHAPV2', anonymous_identity: 'anonymous' }
const ttls = { ...trusting, eap: 'TTLS', phase2: 'auth=PAP', anonymous_identity: 'anonymous' }
const phase1 = (binding: number, tls13: boolean) =>
  `peapver=0 crypto_binding=${binding} tls_disable_tlsv1_3=${tls13 ? 0 : 1} tls_disable_session_ticket=0`
const versions = [false, true]

t.test('RFC 7268 §2.2: a NAS that asks gets the Session-Id that the peer derives by itself', { skip }, async t => {
  const { authentication } = await eapRig(t, { tls })
  for (const tls13 of versions) {
    const named: Record<string, Network> = { PEAP: peap, TTLS: ttls, TLS: shows(pem, 'alice') }
    for (const [name, network] of Object.entries(named)) {
      const run = await eapolTest(pem, authentication, { ...network, phase1: phase1(1, tls13) }, '-e', '-r', '1')
      const label = `${name}, TLS 1.${tls13 ? 3 : 2}`
      t.ok(run.succeeded, label)
      const matches = run.output.match(/EAP Session-Id matches EAP-Key-Name|Locally derived EAP Session-Id matches/g)
      t.equal(matches?.length, 2, `${label}: at the first time, and resumed`)
      t.equal(resumptions(run.output), 1, label)
      t.notMatch(run.output, /mismatch in Session-Id/i)
    }
  }
})

t.test('RFC 7268 §2.2: nobody else gets it, nor where there is none', { skip }, async t => {
  const { authentication } = await eapRig(t, { tls })
  const keyName = /Attribute 102 \(EAP-Key-Name\) length=67/
  t.notMatch((await eapolTest(pem, authentication, peap)).output, keyName, 'not asked')
  t.notMatch((await eapolTest(pem, authentication, peap, '-N102:x:4142')).output, keyName, 'not a NUL')
  t.match((await eapolTest(pem, authentication, peap, '-N102:x:00')).output, keyName, 'a NUL')
  const plain = { identity: 'alice', password: 'wonderland', eap: 'MD5' }
  const { succeeded, output } = await eapolTest(pem, authentication, plain, '-n', '-N102:x:00')
  t.ok(succeeded)
  t.notMatch(output, /Attribute 102 \(EAP-Key-Name\) length=[^3]/, 'MD5 has no Session-Id')
})

t.test('[MS-PEAP] §2.2.8.1.1: cryptobinding where the peer demands it, knows it, or does not', { skip }, async t => {
  const { authentication, granted, rejects } = await eapRig(t, { tls })
  const inners = { MSCHAPv2: 'auth=MSCHAPV2', 'GTC, which has no keys': 'auth=GTC' }
  let logons = 0
  for (const tls13 of versions)
    for (const binding of [0, 1, 2])
      for (const [inner, phase2] of Object.entries(inners)) {
        if (phase2 === 'auth=GTC' && binding === 1) continue
        const network = { ...peap, phase2, phase1: phase1(binding, tls13) }
        const { succeeded, output } = await eapolTest(pem, authentication, network, '-r', '1')
        const label = `${inner}, crypto_binding=${binding}, TLS 1.${tls13 ? 3 : 2}`
        t.ok(succeeded, label)
        t.match(output, /MPPE keys OK: 2 {2}mismatch: 0/, `${label}: keys`)
        t.equal(resumptions(output), 1, `${label}: resumed`)
        const used = output.match(/EAP-PEAP: CSK/g)?.length ?? 0
        t.ok(binding === 0 ? used === 0 : used >= 2, `${label}: keys of the binding ${used} times`)
        logons += 2
      }
  t.equal(granted.length, logons)
  t.same(rejects, [])
})

t.test('a device whose proof was changed on the way is refused, and told so', { skip }, async t => {
  const { authentication, granted, rejects } = await eapRig(t, { tls })
  const { check } = CryptoBinding.prototype
  t.teardown(() => (CryptoBinding.prototype.check = check))
  CryptoBinding.prototype.check = function (this: CryptoBinding, data: Buffer) {
    const changed = Buffer.from(data)
    changed[changed.length - 1]! ^= 1
    return check.call(this, changed)
  }
  t.notOk((await eapolTest(pem, authentication, { ...peap, phase1: phase1(2, true) })).succeeded)
  t.same(granted, [])
  t.match(rejects, [{ code: 'EAP_CRYPTO_BINDING', subscriber: 'sub_1', words: /same inside and outside/ }])
})
