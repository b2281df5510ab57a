import t from 'tap'
import { eapMethodsOf, type Subscriber } from '../../../agent/model/index.js'
import { pki } from './certificates.js'
import { eapolTest, eapRig, lacks, type Network, shows } from './eapol-test.js'
import { alice, Documents, home } from './rig.js'

const skip = lacks('eapol_test', 'eapoltest')
const pem = pki(t.testdir())
pem.issue('server', '/CN=radius.example', { usage: 'serverAuth', names: 'DNS:radius.example' })
pem.issue('alice', '/CN=alice', { usage: 'clientAuth' })
const tls = { certificate: pem.pem('server.pem'), key: pem.pem('server.key'), ca: pem.pem('ca.pem') }

const peap = {
  eap: 'PEAP',
  phase2: 'auth=MSCHAPV2',
  identity: 'alice',
  password: 'wonderland',
  ca_cert: pem.file('ca.pem')
}
const ttls = { ...peap, eap: 'TTLS', phase2: 'auth=PAP' }
const hidden = { anonymous_identity: 'anonymous' }
const onlyTls: Subscriber = { ...alice, eapMethods: ['tls'] }

interface Test {
  teardown(undo: () => unknown): unknown
}

function restricted(t: Test, documents: Documents, options: Parameters<typeof eapRig>[1] = { tls }) {
  const methodsFor = (subscriber: Subscriber) => eapMethodsOf(subscriber, documents.profile(subscriber.profile))
  return eapRig(t, { ...options, methodsFor }, documents)
}

t.test('Whoever is known by the outer identity is offered only what they may use', { skip }, async t => {
  const { authentication, granted, rejects } = await restricted(t, new Documents([onlyTls]))
  t.ok((await eapolTest(pem, authentication, shows(pem, 'alice'))).succeeded)
  t.notOk((await eapolTest(pem, authentication, peap)).succeeded)
  t.notOk((await eapolTest(pem, authentication, { ...peap, eap: 'PWD' })).succeeded)
  t.equal(granted.length, 1)
  t.match(rejects, [
    { code: 'EAP_METHOD_NOT_ALLOWED', words: /It wants PEAP; allowed: TLS\./, subscriber: 'sub_1' },
    { code: 'EAP_NO_COMMON_METHOD', words: /It wants PWD; here: TLS\./ }
  ])
})

t.test('Whoever hides behind another identity is refused once it is known who they are', { skip }, async t => {
  const { authentication, granted, rejects } = await restricted(t, new Documents([onlyTls]))
  for (const network of [peap, ttls]) {
    const { succeeded, output } = await eapolTest(pem, authentication, { ...network, ...hidden })
    t.notOk(succeeded, network.eap)
    t.match(output, network === peap ? /TLV Result - Failure/ : /EAP: Received EAP-Failure/, 'the device is told')
  }
  t.same(granted, [])
  t.match(rejects, [
    { code: 'EAP_METHOD_NOT_ALLOWED', words: /It used PEAP; allowed: TLS\./, subscriber: 'sub_1', userName: 'alice' },
    { code: 'EAP_METHOD_NOT_ALLOWED', words: /It used TTLS; allowed: TLS\./, subscriber: 'sub_1', userName: 'alice' }
  ])
})

t.test('A session that is resumed after billing forbade its method is refused', { skip }, async t => {
  const documents = new Documents([alice])
  const { authentication, granted, rejects } = await restricted(t, documents)
  granted.push = (...grants) => {
    documents.subscribers[0] = onlyTls
    return Array.prototype.push.apply(granted, grants)
  }
  const network = { ...peap, ...hidden, phase1: 'tls_disable_tlsv1_3=0' }
  const { succeeded, output } = await eapolTest(pem, authentication, network, '-r', '1')
  t.notOk(succeeded)
  t.match(output, /Handshake finished - resumed=1/)
  t.equal(granted.length, 1)
  t.equal(rejects[0]?.code, 'EAP_METHOD_NOT_ALLOWED')
})

t.test('The profile says it for all who have it, and a subscriber otherwise for themselves', { skip }, async t => {
  const documents = new Documents([alice], [{ ...home, eapMethods: ['ttls'] }])
  const { authentication, rejects } = await restricted(t, documents, { tls, methods: ['peap'] })
  const may = async (network: Network) => (await eapolTest(pem, authentication, network)).succeeded
  t.notOk(await may(peap))
  t.match(rejects, [{ code: 'EAP_METHOD_NOT_ALLOWED', words: /It wants PEAP; allowed: TTLS\./ }])
  t.ok(await may(ttls), 'though it is not offered to all')
  documents.subscribers[0] = { ...alice, eapMethods: ['peap', 'ttls'] }
  t.ok(await may(peap))
  t.ok(await may(ttls))
  documents.subscribers[0] = alice
  documents.profiles[0] = home
  t.ok(await may(peap))
  t.notOk(await may(ttls), 'nobody says anything: what is configured counts')
})

t.test('A method that is allowed and not set up lets nobody in, and says so', { skip }, async t => {
  const { authentication, rejects } = await restricted(t, new Documents([onlyTls]), {})
  const network = { eap: 'MSCHAPV2', identity: 'alice', password: 'wonderland' }
  t.notOk((await eapolTest(pem, authentication, network)).succeeded)
  t.match(rejects, [{ code: 'EAP_METHOD_NOT_ALLOWED', words: /None of those that it may use is set up here\./ }])
})
