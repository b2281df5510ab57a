import t from 'tap'
import { eapolTest, eapRig, lacks, type Network, resumptions, shows } from './eapol-test.js'
import { cases, paths } from './paths.js'

const skip = lacks('eapol_test', 'eapoltest')
const { pem, caOf, show, standing, revoked } = paths(t.testdir())
const versions: Readonly<Record<string, Network>> = {
  'TLS 1.2': { phase1: 'tls_disable_session_ticket=0' },
  'TLS 1.3': { phase1: 'tls_disable_tlsv1_3=0' }
}
const codes = {
  in: undefined,
  path: 'EAP_CERTIFICATE_PATH',
  revoked: 'EAP_CERTIFICATE_REVOKED',
  untrusted: 'EAP_CERTIFICATE_UNTRUSTED'
}

for (const [version, lines] of Object.entries(versions))
  for (const each of cases)
    t.test(`${version}, ${each.name}: what a device sends hides no revoked CA`, { skip }, async t => {
      const tls = { certificate: pem.pem('server.pem'), key: pem.pem('server.key'), ca: pem.pem(caOf(each)) }
      const { authentication, eap, rejects } = await eapRig(t, { tls, revocable: true })
      show(each)
      const network = { ...shows(pem, 'shown'), ...lines }
      const outcome = async () => {
        const { succeeded } = await eapolTest(pem, authentication, network)
        return succeeded ? undefined : rejects.at(-1)?.code
      }
      eap.revoke(standing(each))
      t.equal(await outcome(), codes[each.standing], 'while the CA stands')
      eap.revoke(revoked(each))
      t.equal(await outcome(), codes[each.revoked], 'once it is revoked')
    })

t.test('a session is resumed though it shows no intermediate CA', { skip }, async t => {
  const sent = cases.find(({ name }) => name === 'intermediate sent')!
  show(sent)
  for (const lines of Object.values(versions)) {
    const tls = { certificate: pem.pem('server.pem'), key: pem.pem('server.key'), ca: pem.pem(caOf(sent)) }
    const { authentication, eap } = await eapRig(t, { tls, revocable: true })
    eap.revoke(standing(sent))
    const { succeeded, output } = await eapolTest(pem, authentication, { ...shows(pem, 'shown'), ...lines }, '-r', '1')
    t.ok(succeeded)
    t.equal(resumptions(output), 1)
  }
})
