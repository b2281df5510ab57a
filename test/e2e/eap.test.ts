import { chmodSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Subscriber } from '../../agent/model/index.js'
import { turnpike } from '../cli/spawn.js'
import { pki } from '../server/radius/certificates.js'
import { eapolTest, lacks, type Network, shows } from '../server/radius/eapol-test.js'
import { PLAN, provider, SECRET, until } from './provider.js'

/*
 * Debian's peer against a whole agent: what lies in a file or stands in a document of billing decides who gets on.
 */

t.setTimeout(120_000)
const skip = lacks('eapol_test', 'eapoltest')

const alice: Subscriber = {
  id: 'sub_1',
  username: 'alice',
  status: 'active',
  profile: PLAN.id,
  credentials: { password: 'wonderland' }
}

async function stage(t: Test) {
  const pem = pki(t.testdir())
  pem.issue('server', '/CN=radius.example', { usage: 'serverAuth' })
  pem.issue('alice', '/CN=alice', { usage: 'clientAuth' })
  pem.issue('other', '/CN=alice', { usage: 'clientAuth' })
  chmodSync(pem.file('server.key'), 0o600)
  pem.revoke([], 'list.pem')
  const files = `certificate: ${pem.file('server.pem')}, key: "file:${pem.file('server.key')}"`
  const eap = `{${files}, ca: ${pem.file('ca.pem')}, crl: ${pem.file('list.pem')}}`
  const { billing, startAgent, configFile } = await provider(t, { names: [], eap })
  await billing.addSubscriber(alice, 10n ** 12n)
  const agent = await startAgent()
  await until(() => agent.replica.subscriber('sub_1') !== undefined)
  const port = agent.bound.authentication[0]?.port ?? 0
  return {
    pem,
    billing,
    agent,
    run: (network: Network, ...args: string[]) => eapolTest(pem, port, network, '-s', SECRET, ...args),
    rejections: async () => (await turnpike(['rejections', '--config', configFile])).stdout
  }
}

t.test(
  'a certificate is revoked: after a reload it lets nobody on, and another of the same subscriber does',
  { skip },
  async t => {
    const { pem, agent, run, rejections } = await stage(t)
    const network = { ...shows(pem, 'alice'), phase1: 'tls_disable_tlsv1_3=0' }
    t.ok((await run(network, '-r', '1')).succeeded)
    pem.revoke(['alice'], 'list.pem')
    agent.reload()
    t.notOk((await run(network)).succeeded)
    t.ok((await run(shows(pem, 'other'))).succeeded, 'the same subscriber with another certificate')
    t.match(await rejections(), /revoked by its CA/)
  }
)

t.test('billing allows TLS only: a password gets nobody on any more, whatever name is shown', { skip }, async t => {
  const { pem, billing, agent, run, rejections } = await stage(t)
  const password = { identity: 'alice', password: 'wonderland', ca_cert: pem.file('ca.pem') }
  const peap = { ...password, eap: 'PEAP', phase2: 'auth=MSCHAPV2', anonymous_identity: 'anonymous' }
  t.ok((await run(peap)).succeeded)
  await billing.putPlan({ ...PLAN, profile: { ...PLAN.profile, eapMethods: ['tls'] }, whenSpent: 'walled-garden' })
  await until(() => agent.replica.profile(PLAN.id)?.eapMethods !== undefined)
  t.notOk((await run(peap)).succeeded)
  t.ok((await run(shows(pem, 'alice'))).succeeded)
  t.match(await rejections(), /It used PEAP; allowed: TLS/)
})
