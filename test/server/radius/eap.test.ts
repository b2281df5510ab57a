import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import type { EapMethodName, Subscriber } from '../../../agent/model/index.js'
import type { RejectCode } from '../../../agent/policy/index.js'
import { decodeEap, EapCode, encodeEap, EapType } from '../../../protocols/eap/index.js'
import { Attr, AttributeWriter, Code, encodeRequest, type Packet } from '../../../protocols/radius/index.js'
import { type Abandoned, type EapOptions, EapServer } from '../../../server/radius/index.js'
import { Conversation } from '../../../server/radius/eap/conversation.js'
import type { EapMethod } from '../../../server/radius/eap/method.js'
import { pki } from './certificates.js'
import {
  eapolTest as runPeer,
  eapRig as rigWith,
  lacks,
  type Network,
  resumptions,
  shows as showing
} from './eapol-test.js'
import { alice, Client, Documents, nas, nextIdentifier, read, rig, SECRET, secret, T0 } from './rig.js'

const pem = pki(t.testdir())
pem.issue('server', '/CN=radius.example', { usage: 'serverAuth', names: 'DNS:radius.example' })
pem.issue('alice', '/CN=alice', { usage: 'clientAuth' })
pem.issue('mail', '/CN=Alice Liddell', { usage: 'clientAuth', names: 'email:alice' })
pem.issue('nobody', '/CN=nobody', { usage: 'clientAuth' })
pem.issue('expired', '/CN=alice', { usage: 'clientAuth', days: -1 })
pem.issue('between', '/CN=Intermediate', { ca: true })
pem.issue('below', '/CN=alice', { issuer: 'between', usage: 'clientAuth' })
pem.issue('other', '/CN=Other CA', { issuer: 'other', ca: true })

const tls = { certificate: pem.pem('server.pem'), key: pem.pem('server.key'), ca: pem.pem('ca.pem') }

const bob: Subscriber = { ...alice, id: 'sub_2', username: 'bob', credentials: { password: cryptOf('builder') } }

function cryptOf(password: string): string {
  return spawnSync('openssl', ['passwd', '-6', password]).stdout.toString().trim()
}

interface Test {
  teardown(undo: () => unknown): unknown
}

const eapRig = (t: Test, options: Partial<EapOptions> = {}, documents = new Documents([alice, bob])) =>
  rigWith(t, { tls, ...options }, documents)
const eapolTest = (port: number, network: Network, ...args: string[]) => runPeer(pem, port, network, ...args)

const who = { identity: 'alice', password: 'wonderland' }
const trusting = { ...who, ca_cert: pem.file('ca.pem') }
const tls13 = { phase1: 'tls_disable_tlsv1_3=0' }
const tickets = { phase1: 'tls_disable_session_ticket=0' }
const shows = (name: string) => showing(pem, name)

const skip = lacks('eapol_test', 'eapoltest')

t.test('eapol_test logs on by every method, and derives the keys that the NAS gets', { skip }, async t => {
  const { authentication, granted } = await eapRig(t)
  const keyed: Record<string, Record<string, string>> = {
    MSCHAPv2: { ...who, eap: 'MSCHAPV2' },
    'PEAP, MSCHAPv2': { ...trusting, eap: 'PEAP', phase2: 'auth=MSCHAPV2', anonymous_identity: 'anonymous' },
    'PEAP, GTC': { ...trusting, eap: 'PEAP', phase2: 'auth=GTC' },
    'PEAP, TLS 1.3': { ...trusting, ...tls13, eap: 'PEAP', phase2: 'auth=MSCHAPV2' },
    'TTLS, PAP': { ...trusting, eap: 'TTLS', phase2: 'auth=PAP', anonymous_identity: 'anonymous' },
    'TTLS, PAP, salted': { ...trusting, eap: 'TTLS', phase2: 'auth=PAP', identity: 'bob', password: 'builder' },
    'TTLS, CHAP': { ...trusting, eap: 'TTLS', phase2: 'auth=CHAP' },
    'TTLS, MSCHAP': { ...trusting, eap: 'TTLS', phase2: 'auth=MSCHAP' },
    'TTLS, MSCHAP, TLS 1.3': { ...trusting, ...tls13, eap: 'TTLS', phase2: 'auth=MSCHAP' },
    'TTLS, MSCHAPv2': { ...trusting, eap: 'TTLS', phase2: 'auth=MSCHAPV2' },
    'TTLS, MSCHAPv2, TLS 1.3': { ...trusting, ...tls13, eap: 'TTLS', phase2: 'auth=MSCHAPV2' },
    'TLS 1.2': shows('alice'),
    'TLS 1.3': { ...shows('alice'), ...tls13 },
    'TLS by alternative name': shows('mail')
  }
  for (const [name, network] of Object.entries(keyed)) {
    const { succeeded, output } = await eapolTest(authentication, network)
    t.ok(succeeded, name)
    t.match(output, /MPPE keys OK: 1 {2}mismatch: 0/, `${name}: keys`)
  }
  for (const eap of ['MD5', 'GTC']) {
    const { succeeded } = await eapolTest(authentication, { ...who, eap }, '-n')
    t.ok(succeeded, eap)
  }
  t.equal(granted.length, Object.keys(keyed).length + 2)
  t.same([...new Set(granted.map(({ subscriber }) => subscriber))], ['sub_1', 'sub_2'], 'the inner identity counts')
})

t.test('eapol_test in a network that carries little: both ends cut TLS into pieces', { skip }, async t => {
  const { authentication } = await eapRig(t)
  const small = ['-N12:d:200'] // Framed-MTU
  const { succeeded, output } = await eapolTest(authentication, { ...shows('alice'), fragment_size: '300' }, ...small)
  t.ok(succeeded)
  const sizes = [...output.matchAll(/Attribute 79 \(EAP-Message\) length=(\d+)/g)].map(([, size]) => Number(size))
  t.ok(sizes.length > 20, 'many pieces')
  const received = output
    .split('Received RADIUS message')
    .slice(1)
    .map(text => text.split('Sending RADIUS')[0]!)
  const largest = Math.max(
    ...received.flatMap(text => [...text.matchAll(/\(EAP-Message\) length=(\d+)/g)].map(([, n]) => Number(n)))
  )
  t.ok(largest <= 202, `the largest from the server has ${largest}`)
})

t.test(
  'eapol_test resumes: the session is that of the subscriber, and only of a credential that holds',
  { skip },
  async t => {
    const documents = new Documents([alice])
    const { authentication, granted, rejects } = await eapRig(t, {}, documents)
    const all: Record<string, Record<string, string>> = {
      'PEAP, TLS 1.2': {
        ...trusting,
        ...tickets,
        eap: 'PEAP',
        phase2: 'auth=MSCHAPV2',
        anonymous_identity: 'anonymous'
      },
      'PEAP, TLS 1.3': { ...trusting, ...tls13, eap: 'PEAP', phase2: 'auth=MSCHAPV2', anonymous_identity: 'anonymous' },
      'TTLS, TLS 1.2': { ...trusting, ...tickets, eap: 'TTLS', phase2: 'auth=PAP', anonymous_identity: 'anonymous' },
      'TTLS, TLS 1.3': { ...trusting, ...tls13, eap: 'TTLS', phase2: 'auth=PAP', anonymous_identity: 'anonymous' },
      'TLS 1.2': { ...shows('alice'), ...tickets },
      'TLS 1.3': { ...shows('alice'), ...tls13 }
    }
    for (const [name, network] of Object.entries(all)) {
      const before = granted.length
      const { succeeded, output } = await eapolTest(authentication, network, '-r', '2')
      t.ok(succeeded, name)
      t.equal(resumptions(output), 2, `${name}: twice`)
      t.match(output, /MPPE keys OK: 3 {2}mismatch: 0/, `${name}: keys`)
      t.same(
        granted.slice(before).map(({ subscriber }) => subscriber),
        ['sub_1', 'sub_1', 'sub_1'],
        name
      )
    }
    t.same(rejects, [])
  }
)

t.test('A resumed session whose password was changed meanwhile is refused', { skip }, async t => {
  const documents = new Documents([alice])
  const { authentication, rejects, granted } = await eapRig(t, {}, documents)
  granted.push = (...grants) => {
    documents.subscribers[0] = { ...alice, credentials: { password: 'another' } }
    return Array.prototype.push.apply(granted, grants)
  }
  const network = { ...trusting, ...tls13, eap: 'PEAP', phase2: 'auth=MSCHAPV2' }
  const { succeeded } = await eapolTest(authentication, network, '-r', '1')
  t.notOk(succeeded)
  t.equal(granted.length, 1)
  t.equal(rejects[0]?.code, 'EAP_RESUMPTION')
})

t.test('eapol_test with what is wrong: each a reason that a person understands', { skip }, async t => {
  const { authentication, granted, rejects } = await eapRig(t, { methods: ['peap', 'ttls', 'tls', 'mschapv2'] })
  const wrong = { ...trusting, password: 'wrong' }
  const cases: readonly (readonly [RejectCode, Record<string, string>, string?])[] = [
    ['WRONG_CREDENTIAL', { ...wrong, eap: 'PEAP', phase2: 'auth=MSCHAPV2' }],
    ['WRONG_CREDENTIAL', { ...wrong, eap: 'TTLS', phase2: 'auth=PAP' }],
    ['WRONG_CREDENTIAL', { ...wrong, eap: 'TTLS', phase2: 'auth=MSCHAPV2' }],
    ['WRONG_CREDENTIAL', { ...wrong, eap: 'MSCHAPV2' }],
    ['UNKNOWN_SUBSCRIBER', { ...trusting, identity: 'carol', eap: 'TTLS', phase2: 'auth=PAP' }],
    ['UNKNOWN_SUBSCRIBER', { ...trusting, identity: 'carol', eap: 'PEAP', phase2: 'auth=MSCHAPV2' }],
    ['NO_CREDENTIAL', { ...trusting, identity: 'bob', eap: 'MSCHAPV2' }],
    ['UNKNOWN_SUBSCRIBER', shows('nobody'), 'names'],
    ['EAP_CERTIFICATE_EXPIRED', shows('expired'), 'cert has expired'],
    ['EAP_CERTIFICATE_EXPIRED', { ...shows('expired'), ...tls13 }, 'cert has expired'],
    ['EAP_CERTIFICATE_UNTRUSTED', shows('below'), 'unable to'],
    ['EAP_CERTIFICATE_UNTRUSTED', { ...shows('other') }, 'self signed'],
    [
      'EAP_CERTIFICATE_REFUSED',
      { ...trusting, ca_cert: pem.file('other.pem'), eap: 'PEAP', phase2: 'auth=MSCHAPV2' },
      'unknown ca'
    ],
    [
      'EAP_CERTIFICATE_REFUSED',
      { ...trusting, ...tls13, ca_cert: pem.file('other.pem'), eap: 'TTLS', phase2: 'auth=PAP' }
    ],
    ['EAP_INNER_METHOD', { ...trusting, eap: 'PEAP', phase2: 'auth=MD5' }, 'MD5'],
    ['WRONG_CREDENTIAL', { ...wrong, eap: 'TTLS', phase2: 'auth=MSCHAP' }],
    ['NO_CREDENTIAL', { ...trusting, identity: 'bob', eap: 'TTLS', phase2: 'auth=MSCHAP' }],
    ['EAP_INNER_METHOD', { ...trusting, eap: 'TTLS', phase2: 'autheap=MD5' }, '0/79'],
    ['EAP_NO_COMMON_METHOD', { ...who, eap: 'PWD' }, 'It wants PWD; here: PEAP, TTLS, TLS, MSCHAPv2.'],
    ['EAP_NO_COMMON_METHOD', { ...who, eap: 'MD5' }, 'It wants MD5']
  ]
  for (const [code, network, words = ''] of cases) {
    const before = rejects.length
    const { succeeded } = await eapolTest(authentication, network)
    const name = `${network['eap']} ${network['phase2'] ?? ''} ${words}`
    t.notOk(succeeded, name)
    t.equal(rejects[before]?.code, code, name)
    t.ok(rejects[before]?.words.includes(words), `${name}: ${rejects[before]?.words}`)
  }
  t.same(granted, [])
})

t.test('radtest logs on by EAP-MD5', { skip: lacks('radtest', 'freeradius-utils') }, async t => {
  const { authentication, granted } = await eapRig(t, { tls: undefined })
  const radtest = (password: string) =>
    new Promise<string>(resolve => {
      const args = ['-t', 'eap-md5', 'alice', password, `127.0.0.1:${authentication}`, '0', SECRET]
      execFile('radtest', args, (_error, out, err) => resolve(out + err))
    })
  t.match(await radtest('wonderland'), /Received Access-Accept/)
  t.match(await radtest('wrong'), /Received Access-Reject/)
  t.equal(granted.length, 1)
})

interface Asked {
  readonly reply: Packet
  readonly eap: Buffer
  readonly state: Buffer | undefined
}

/** A NAS that passes EAP on, octet by octet as the test says. */
class Passing {
  readonly client: Client
  callingStation = ''

  constructor(client: Client) {
    this.client = client
  }

  static async open(t: Test, port: number): Promise<Passing> {
    return new Passing(await Client.open(t, port))
  }

  datagram(eap: Buffer, state?: Buffer): { datagram: Buffer; authenticator: Buffer } {
    const writer = new AttributeWriter().add(Attr.UserName, 'alice').concat(Attr.EapMessage, eap)
    if (state !== undefined) writer.add(Attr.State, state)
    if (this.callingStation !== '') writer.add(Attr.CallingStationId, this.callingStation)
    return encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret)
  }

  async ask(eap: Buffer, state?: Buffer): Promise<Asked> {
    const { datagram, authenticator } = this.datagram(eap, state)
    const reply = read(await this.client.ask(datagram), authenticator)
    return { reply, eap: reply.concat(Attr.EapMessage) ?? Buffer.alloc(0), state: reply.octets(Attr.State) }
  }

  async begin(identity = 'alice'): Promise<Asked> {
    return this.ask(response(1, EapType.Identity, Buffer.from(identity)))
  }
}

function response(identifier: number, type: number, data: Buffer): Buffer {
  return encodeEap({ code: EapCode.Response, identifier, type, data })
}

function md5Answer({ eap }: Asked, password: string): Buffer {
  const { identifier, data } = decodeEap(eap)!
  const id = Buffer.from([identifier])
  const digest = createHash('md5').update(id).update(password).update(data.subarray(1, 17)).digest()
  return response(identifier, EapType.Md5Challenge, Buffer.concat([Buffer.from([16]), digest]))
}

const onlyMd5: Partial<EapOptions> = { methods: ['md5'] }

t.test('RFC 3579 §2.1: EAP-Start is answered with a request for the identity', async t => {
  const { authentication } = await eapRig(t, onlyMd5)
  const peer = await Passing.open(t, authentication)
  const { reply, eap } = await peer.ask(Buffer.alloc(0))
  t.equal(reply.code, Code.AccessChallenge)
  t.match(decodeEap(eap), { code: EapCode.Request, type: EapType.Identity })
})

t.test('A challenge has a State that nobody guesses, and says how long the NAS may wait', async t => {
  const { authentication } = await eapRig(t, onlyMd5)
  const peer = await Passing.open(t, authentication)
  const [first, second] = [await peer.begin(), await peer.begin()]
  t.equal(first.state?.length, 16)
  t.notSame(first.state, second.state)
  t.equal(first.reply.uint32(Attr.SessionTimeout), 30)
  t.equal(first.reply.messageAuthenticatorAt, 22)
})

t.test('The same response in another packet gets the same answer; a late one none', async t => {
  const { authentication, server, granted } = await eapRig(t, onlyMd5)
  const peer = await Passing.open(t, authentication)
  const asked = await peer.begin()
  const answer = md5Answer(asked, 'wonderland')
  const late = response((answer[1]! + 9) & 0xff, EapType.Md5Challenge, answer.subarray(5))
  t.ok(await peer.client.isSilentOn(peer.datagram(late, asked.state).datagram))
  t.equal(server.counters().discarded.EAP_OUT_OF_STEP, 1)
  const accepted = await peer.ask(answer, asked.state)
  t.equal(accepted.reply.code, Code.AccessAccept)
  t.same(accepted.eap, Buffer.from([EapCode.Success, answer[1]!, 0, 4]))
  const again = await peer.ask(answer, asked.state)
  t.equal(again.reply.code, Code.AccessAccept)
  t.equal(granted.length, 2)
})

t.test('A State belongs to the NAS that got it, and to nobody else; without it EAP cannot go on', async t => {
  const nases = [nas, { ...nas, id: 'bras-2', addresses: ['127.0.0.2'] }]
  const eap = new EapServer({ clock: () => T0, methods: ['md5'] })
  t.teardown(() => eap.close())
  const { authentication, rejects } = await rig(t, { eap, nases })
  const peer = await Passing.open(t, authentication)
  const other = new Passing(await Client.open(t, authentication, '127.0.0.2'))
  const asked = await peer.begin()
  const answer = md5Answer(asked, 'wonderland')
  for (const stolen of [await other.ask(answer, asked.state), await peer.ask(answer)]) {
    t.equal(stolen.reply.code, Code.AccessReject)
    t.same(stolen.eap, Buffer.from([EapCode.Failure, answer[1]!, 0, 4]))
  }
  t.same(
    rejects.map(({ code }) => code),
    ['EAP_UNKNOWN_CONVERSATION', 'EAP_UNKNOWN_CONVERSATION']
  )
  t.equal((await peer.ask(answer, asked.state)).reply.code, Code.AccessAccept, 'the owner goes on')
})

t.test('A wrong password and an unknown name get the same Failure; so does who policy refuses', async t => {
  const closed: Subscriber = { ...alice, id: 'sub_9', username: 'closed', status: 'closed' }
  const { authentication, rejects } = await eapRig(t, onlyMd5, new Documents([alice, closed]))
  const peer = await Passing.open(t, authentication)
  for (const [name, password] of [
    ['alice', 'wrong'],
    ['nobody', 'wrong'],
    ['closed', 'wonderland']
  ] as const) {
    const asked = await peer.begin(name)
    const { reply, eap } = await peer.ask(md5Answer(asked, password), asked.state)
    t.equal(reply.code, Code.AccessReject, name)
    t.equal(eap[0], EapCode.Failure, name)
    t.equal(reply.count, 2, 'Message-Authenticator and EAP-Message')
  }
  t.same(
    rejects.map(({ code, subscriber, userName }) => [code, subscriber, userName]),
    [
      ['WRONG_CREDENTIAL', 'sub_1', 'alice'],
      ['UNKNOWN_SUBSCRIBER', '', 'nobody'],
      ['CLOSED', 'sub_9', 'alice']
    ]
  )
})

t.test('Which methods somebody may use can depend on who it is', async t => {
  const methodsFor = ({ username }: Subscriber): readonly EapMethodName[] | undefined =>
    username === 'alice' ? ['gtc', 'md5'] : undefined
  const { authentication } = await eapRig(t, { methods: ['md5', 'mschapv2'], methodsFor })
  const peer = await Passing.open(t, authentication)
  t.equal(decodeEap((await peer.begin('alice')).eap)?.type, EapType.Gtc)
  const asked = await peer.begin('bob')
  t.equal(decodeEap(asked.eap)?.type, EapType.Md5Challenge)
  const nak = response(decodeEap(asked.eap)!.identifier, EapType.Nak, Buffer.from([EapType.Tls, EapType.MsChapV2]))
  t.equal(decodeEap((await peer.ask(nak, asked.state)).eap)?.type, EapType.MsChapV2)
})

t.test('Conversations are bounded in number and in time; the oldest goes first', async t => {
  const clock = { now: T0 }
  const eap = new EapServer({ clock: () => clock.now, methods: ['md5'], conversations: 3 })
  t.teardown(() => eap.close())
  const { authentication, rejects } = await rig(t, { eap })
  const peer = await Passing.open(t, authentication)
  const first = await peer.begin()
  for (let i = 0; i < 3; i++) await peer.begin()
  t.equal(eap.size, 3)
  t.equal((await peer.ask(md5Answer(first, 'wonderland'), first.state)).reply.code, Code.AccessReject, 'dropped')
  const last = await peer.begin()
  clock.now += 30_000
  t.equal((await peer.ask(md5Answer(last, 'wonderland'), last.state)).reply.code, Code.AccessReject, 'too late')
  await peer.begin()
  t.equal(eap.size, 1, 'the old ones were swept')
  t.ok(rejects.every(({ code }) => code === 'EAP_UNKNOWN_CONVERSATION'))
})

t.test(
  'A device that is refused again and again is refused without a conversation, until its document changes',
  async t => {
    const documents = new Documents([alice, bob])
    const damping = { rejects: 2, within: 60_000, rest: 10_000, most: 8 }
    const made = await eapRig(t, { ...onlyMd5, damping }, documents)
    const peer = await Passing.open(t, made.authentication)
    peer.callingStation = '02-00-00-00-00-01'
    const attempt = async (password: string) => {
      const asked = await peer.begin()
      return asked.state === undefined ? asked : peer.ask(md5Answer(asked, password), asked.state)
    }
    await attempt('wrong')
    await attempt('wrong')
    const damped = await peer.begin()
    t.equal(damped.reply.code, Code.AccessReject, 'at once')
    t.equal(damped.eap[0], EapCode.Failure)
    t.equal(made.rejects.at(-1)?.code, 'WRONG_CREDENTIAL')
    peer.callingStation = '02-00-00-00-00-02'
    t.equal((await attempt('wonderland')).reply.code, Code.AccessAccept, 'another device is not held up')
    peer.callingStation = '02-00-00-00-00-01'
    documents.subscribers[0] = { ...alice, credentials: { password: 'looking-glass' } }
    t.equal((await attempt('looking-glass')).reply.code, Code.AccessAccept)
  }
)

t.test('A device that stops in the middle is told of once its time is over; one that ended is not', async t => {
  const clock = { now: T0 }
  const abandoned: Abandoned[] = []
  const eap = new EapServer({ clock: () => clock.now, methods: ['md5'], abandoned: what => abandoned.push(what) })
  t.teardown(() => eap.close())
  const { authentication } = await rig(t, { eap })
  const peer = await Passing.open(t, authentication)
  await peer.begin('alice')
  const ended = await peer.begin('alice')
  t.equal((await peer.ask(md5Answer(ended, 'wonderland'), ended.state)).reply.code, Code.AccessAccept)
  await peer.begin('bob')
  clock.now += 30_000
  await peer.begin('carol')
  t.match(abandoned, [{ userName: 'alice', nas: 'bras-1', method: 'MD5', startedAt: T0 }, { userName: 'bob' }])
  t.equal(abandoned.length, 2)
})

t.test('TLS garbage, oversize, a wrong version and endless rounds end with a reason each', async t => {
  const { authentication, rejects } = await eapRig(t, { methods: ['ttls'] })
  const peer = await Passing.open(t, authentication)
  const say = async (asked: Asked, data: Buffer) =>
    peer.ask(response(decodeEap(asked.eap)!.identifier, EapType.Ttls, data), asked.state)
  const toTheEnd = async (...data: Buffer[]) => {
    let asked = await peer.begin()
    for (const piece of data) asked = await say(asked, piece)
    for (let i = 0; asked.reply.code === Code.AccessChallenge && i < 100; i++)
      asked = await say(asked, Buffer.from([0]))
    t.equal(asked.reply.code, Code.AccessReject)
    return rejects.at(-1)
  }
  t.match(await toTheEnd(Buffer.from('\0not TLS at all')), { code: 'EAP_TLS_FAILED', words: /TLS says: / })
  t.match(await toTheEnd(Buffer.from([0])), { code: 'EAP_TLS_FAILED', words: /nothing/ })
  t.match(await toTheEnd(Buffer.from('c07fffffff16', 'hex')), { code: 'EAP_MALFORMED', words: /exceeds 65536/ })
  t.match(await toTheEnd(Buffer.from([1])), { code: 'EAP_MALFORMED', words: /version 1/ })
  t.match(await toTheEnd(Buffer.alloc(0)), { code: 'EAP_MALFORMED' })
  const pieces = Array.from({ length: 70 }, () => Buffer.from('4016', 'hex'))
  let asked = await peer.begin()
  for (const piece of pieces) if (asked.reply.code === Code.AccessChallenge) asked = await say(asked, piece)
  t.match(rejects.at(-1), { code: 'EAP_TOO_LONG' })
  const big = Buffer.concat([Buffer.from([0x40]), Buffer.alloc(3000, 0x16)])
  asked = await peer.begin()
  for (let i = 0; i < 40 && asked.reply.code === Code.AccessChallenge; i++) asked = await say(asked, big)
  t.match(rejects.at(-1), { code: 'EAP_MALFORMED', words: /exceeds 65536/ })
  const strange = await peer.begin()
  await peer.ask(response(decodeEap(strange.eap)!.identifier, 99, Buffer.alloc(3)), strange.state)
  t.match(rejects.at(-1), { code: 'EAP_MALFORMED', words: /answered TTLS with type 99/ })
})

t.test('No EAP makes the server throw, and the conversations stay bounded', async t => {
  const { authentication, lines, eap, server } = await eapRig(t, { conversations: 16 })
  const peer = await Passing.open(t, authentication)
  const types = [1, 3, 4, 6, 13, 21, 25, 26, 33, 254]
  const hello = Buffer.from('0016030100300100002c0303', 'hex')
  const octets = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
  const data = fc.oneof(
    octets,
    octets.map(rest => Buffer.concat([hello, rest]))
  )
  const step = fc.record({ type: fc.constantFrom(...types), data, whole: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(3, 4, 13, 21, 25, 26),
      fc.array(step, { minLength: 1, maxLength: 4 }),
      async (wanted, steps) => {
        let asked = await peer.begin()
        asked = await peer.ask(
          response(decodeEap(asked.eap)!.identifier, EapType.Nak, Buffer.from([wanted])),
          asked.state
        )
        for (const { type, data, whole } of steps) {
          const packet = decodeEap(asked.eap)
          if (packet === undefined || asked.state === undefined) return
          const message = whole
            ? response(packet.identifier, type, data)
            : Buffer.concat([Buffer.from([2, packet.identifier]), data])
          if (message.length <= 1) return
          asked = await peer.ask(message, asked.state)
        }
        t.ok(eap.size <= 16)
      }
    ),
    { numRuns: 150, seed: 20261123 }
  )
  t.equal(server.counters().discarded.HANDLER_FAILED, undefined)
  t.same(
    lines.filter(({ level }) => Number(level) >= 50),
    []
  )
})

t.test(
  'A renewed certificate is shown from the next conversation on; one that is of no use is not',
  { skip },
  async t => {
    const { authentication, eap } = await eapRig(t)
    pem.issue('renewed', '/CN=radius.example', { issuer: 'other', usage: 'serverAuth' })
    t.throws(() => eap.reload({ ...tls, key: pem.pem('alice.key') }), { code: 'EAP_KEY_DOES_NOT_FIT' })
    const network = { ...trusting, eap: 'PEAP', phase2: 'auth=MSCHAPV2' }
    t.ok((await eapolTest(authentication, network)).succeeded, 'still the old one')
    eap.reload({ certificate: pem.pem('renewed.pem'), key: pem.pem('renewed.key'), ca: pem.pem('other.pem') })
    t.notOk((await eapolTest(authentication, network)).succeeded)
    t.ok((await eapolTest(authentication, { ...network, ca_cert: pem.file('other.pem') })).succeeded)
  }
)

t.test("A conversation that is dropped while it is worked on ends, and that is nobody's mistake", async t => {
  for (const outcome of ['throws', 'goes on']) {
    let finish = (): void => undefined
    const method: EapMethod = {
      type: EapType.Gtc,
      begin: () => ({ kind: 'request', data: Buffer.from('?') }),
      next: () =>
        new Promise((resolve, reject) => {
          const step = { kind: 'success', subscriber: alice } as const
          finish = () => (outcome === 'throws' ? reject(new Error('closed')) : resolve(step))
        })
    }
    const choice = { order: () => [EapType.Gtc], make: () => method }
    const conversation = new Conversation({ nas: 'bras-1', callingStation: '', startedAt: T0 }, new Documents(), choice)
    const first = await conversation.take(response(1, EapType.Identity, Buffer.from('alice')), 1000)
    t.match(first, { kind: 'request' })
    const going = conversation.take(response(2, EapType.Gtc, Buffer.from('!')), 1000)
    await new Promise(resolve => setImmediate(resolve))
    conversation.close()
    finish()
    t.match(await going, { kind: 'failure', code: 'EAP_UNKNOWN_CONVERSATION' }, outcome)
  }
})

t.test('A certificate that has run out keeps nobody from starting, and is not taken in place of another', async t => {
  const expired = { certificate: pem.pem('expired.pem'), key: pem.pem('expired.key'), ca: tls.ca }
  const eap = new EapServer({ clock: () => Date.now(), tls: expired })
  t.teardown(() => eap.close())
  t.ok(eap.validUntil < Date.now())
  eap.reload(tls)
  t.ok(eap.validUntil > Date.now())
  t.throws(() => eap.reload(expired), { code: 'EAP_CERTIFICATE_EXPIRED', message: /valid from .* to / })
  t.ok(eap.validUntil > Date.now(), 'it keeps what it had')
  const plain = new EapServer({ clock: () => Date.now() })
  t.teardown(() => plain.close())
  t.equal(plain.validUntil, Infinity)
})

t.test('What would make every device refuse the server is found at the start', async t => {
  const start = (options: Partial<EapOptions>) => () => new EapServer({ clock: () => Date.now(), ...options }).close()
  const certificate = pem.pem('server.pem')
  const key = pem.pem('server.key')
  t.doesNotThrow(start({ tls }))
  t.throws(start({ tls: { certificate, key: pem.pem('alice.key') } }), { code: 'EAP_KEY_DOES_NOT_FIT' })
  t.throws(start({ tls: { certificate, key } }), { code: 'EAP_CHAIN_INCOMPLETE', message: /Test CA/ })
  t.throws(start({ tls: { certificate: pem.pem('below.pem'), key: pem.pem('below.key'), ca: tls.ca } }), {
    code: 'EAP_CHAIN_INCOMPLETE',
    message: /Intermediate/
  })
  const whole = pem.pem('below.pem') + pem.pem('between.pem')
  t.doesNotThrow(start({ tls: { certificate: whole, key: pem.pem('below.key'), ca: tls.ca } }))
  t.doesNotThrow(start({ tls: { certificate: whole + tls.ca, key: pem.pem('below.key') } }), 'the root in the bundle')
  t.throws(start({ tls: { certificate: 'rubbish', key } }), { code: 'EAP_CERTIFICATE_UNREADABLE' })
  t.throws(start({ tls: { certificate, key: 'rubbish', ca: tls.ca } }), { code: 'EAP_KEY_UNREADABLE' })
  t.throws(start({ methods: ['peap'] }), { code: 'EAP_NEEDS_CERTIFICATE' })
  t.throws(start({ tls: { certificate: certificate + tls.ca, key }, methods: ['tls'] }), { code: 'EAP_TLS_NEEDS_CA' })
})
