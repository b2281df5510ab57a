import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { readRevocations, Revocations } from '../../../server/radius/index.js'
import { pki } from './certificates.js'
import { eapolTest, eapRig, lacks, type Network, resumptions, shows } from './eapol-test.js'

const skip = lacks('eapol_test', 'eapoltest')
const pem = pki(t.testdir())
pem.issue('server', '/CN=radius.example', { usage: 'serverAuth', names: 'DNS:radius.example' })
pem.issue('alice', '/CN=alice', { usage: 'clientAuth' })
pem.issue('other', '/CN=alice', { usage: 'clientAuth' })
pem.issue('expired', '/CN=alice', { usage: 'clientAuth', days: -1 })
pem.issue('between', '/CN=Intermediate', { ca: true })
pem.issue('below', '/CN=alice', { issuer: 'between', usage: 'clientAuth' })
pem.issue('stranger', '/CN=Stranger', { issuer: 'stranger', ca: true })
pem.issue('strange', '/CN=alice', { issuer: 'stranger', usage: 'clientAuth' })
const tls = { certificate: pem.pem('server.pem'), key: pem.pem('server.key'), ca: pem.pem('ca.pem') }

/** The lists as they are after these were revoked. */
function lists(names: readonly string[], options: Parameters<typeof pem.revoke>[2] = {}) {
  pem.revoke(names, 'list.pem', options)
  return readRevocations({ crl: pem.file('list.pem'), ca: pem.file('ca.pem') })
}

const versions: readonly Network[] = [{ phase1: 'tls_disable_session_ticket=0' }, { phase1: 'tls_disable_tlsv1_3=0' }]

const nobody = lists([])
const withAlice = lists(['alice'])

class Changing extends Revocations {
  now = nobody

  override faultOf(chain: readonly X509Certificate[]): string | undefined {
    return this.now.faultOf(chain)
  }
}

t.test(
  'a device gets on, and no more once its certificate is revoked; another of the same name does',
  { skip },
  async t => {
    const { authentication, eap, granted, rejects } = await eapRig(t, { tls, revocable: true })
    const gets = async (name: string, version: Network) =>
      (await eapolTest(pem, authentication, { ...shows(pem, name), ...version })).succeeded
    for (const version of versions) {
      eap.revoke(nobody)
      t.ok(await gets('alice', version))
      eap.revoke(withAlice)
      t.notOk(await gets('alice', version))
      t.ok(await gets('other', version))
      t.match(rejects.splice(0), [
        {
          code: 'EAP_CERTIFICATE_REVOKED',
          subscriber: 'sub_1',
          words:
            /was revoked by its CA\..*The certificate CN=alice, number [0-9a-f]+, was revoked by CN=Test CA on \d{4}-/
        }
      ])
    }
    t.equal(granted.length, 4)
  }
)

t.test('a session is resumed under the same list, and lets nobody back in who was revoked since', { skip }, async t => {
  for (const version of versions) {
    const { authentication, eap, granted, rejects } = await eapRig(t, { tls, revocable: true })
    eap.revoke(nobody)
    const network = { ...shows(pem, 'alice'), ...version }
    const before = await eapolTest(pem, authentication, network, '-r', '1')
    t.ok(before.succeeded)
    t.equal(resumptions(before.output), 1, 'without a change it is resumed')
    granted.push = (...grants) => {
      eap.revoke(withAlice) // between the first logging on and the second
      return Array.prototype.push.apply(granted, grants)
    }
    const { succeeded, output } = await eapolTest(pem, authentication, network, '-r', '1')
    t.notOk(succeeded)
    t.match(output, /Handshake finished - resumed=0/)
    t.match(rejects, [{ code: 'EAP_CERTIFICATE_REVOKED' }])
  }
})

t.test('even a ticket that is still good shows its certificate: it is looked at again', { skip }, async t => {
  for (const version of versions) {
    const { authentication, eap, granted, rejects } = await eapRig(t, { tls, revocable: true })
    const lists = new Changing([], [new X509Certificate(pem.pem('ca.pem'))])
    eap.revoke(lists)
    granted.push = (...grants) => {
      lists.now = withAlice // the same object: the tickets stay good
      return Array.prototype.push.apply(granted, grants)
    }
    const network = { ...shows(pem, 'alice'), ...version }
    const { succeeded, output } = await eapolTest(pem, authentication, network, '-r', '1')
    t.notOk(succeeded)
    t.match(output, /Handshake finished - resumed=1/)
    t.match(rejects, [{ code: 'EAP_CERTIFICATE_REVOKED' }])
  }
})

t.test('a list that has run out still counts: who is on it stays out, and nobody else', { skip }, async t => {
  const { authentication, eap, rejects } = await eapRig(t, { tls, revocable: true })
  const old = lists([], { days: -1 })
  t.ok(old.validUntil < Date.now())
  t.equal(old.size, 1, 'openssl remembers whom it revoked')
  eap.revoke(old)
  t.ok(eap.revokedUntil < Date.now())
  const gets = async (name: string) => (await eapolTest(pem, authentication, shows(pem, name))).succeeded
  t.ok(await gets('other'))
  for (const name of ['alice', 'expired', 'strange']) t.notOk(await gets(name), name)
  t.same(
    rejects.map(({ code }) => code),
    ['EAP_CERTIFICATE_REVOKED', 'EAP_CERTIFICATE_EXPIRED', 'EAP_CERTIFICATE_UNTRUSTED'],
    'no fault hides another'
  )
})

t.test('until a list was read no certificate is taken, and other methods go on', { skip }, async t => {
  const { authentication, eap, rejects } = await eapRig(t, { tls, revocable: true })
  t.notOk((await eapolTest(pem, authentication, shows(pem, 'other'))).succeeded)
  t.match(rejects, [{ code: 'EAP_REVOCATION_UNKNOWN', subscriber: 'sub_1' }])
  const ttls = {
    eap: 'TTLS',
    phase2: 'auth=PAP',
    identity: 'alice',
    password: 'wonderland',
    ca_cert: pem.file('ca.pem')
  }
  t.ok((await eapolTest(pem, authentication, ttls)).succeeded)
  eap.revoke(nobody)
  t.ok((await eapolTest(pem, authentication, shows(pem, 'other'))).succeeded)
})

t.test('an intermediate CA may revoke too, or be revoked with all that it issued', { skip }, async t => {
  const ca = pem.pem('ca.pem') + pem.pem('between.pem')
  writeFileSync(pem.file('both.pem'), ca)
  const { authentication, eap, rejects } = await eapRig(t, { tls: { ...tls, ca }, revocable: true })
  const gets = async () => (await eapolTest(pem, authentication, shows(pem, 'below'))).succeeded
  const read = () => eap.revoke(readRevocations({ crl: pem.file('lists.pem'), ca: pem.file('both.pem') }))
  pem.revoke([], 'upper.pem')
  pem.revoke([], 'lower.pem', { issuer: 'between' })
  writeFileSync(pem.file('lists.pem'), pem.pem('upper.pem') + pem.pem('lower.pem'))
  read()
  t.ok(await gets())
  pem.revoke(['below'], 'lower.pem', { issuer: 'between' })
  writeFileSync(pem.file('lists.pem'), pem.pem('upper.pem') + pem.pem('lower.pem'))
  read()
  t.notOk(await gets())
  pem.revoke(['between'], 'lists.pem')
  read()
  t.notOk(await gets())
  t.match(rejects, [
    { code: 'EAP_CERTIFICATE_REVOKED', words: /CN=alice, number .* by CN=Intermediate/ },
    { code: 'EAP_CERTIFICATE_REVOKED', words: /CN=Intermediate, number .* by CN=Test CA/ }
  ])
})
