import { createHash } from 'node:crypto'
import t from 'tap'
import type { Session, Subscriber } from '../../../agent/model/index.js'
import { defaultPolicySettings, interimInterval } from '../../../agent/policy/index.js'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  newAuthenticator,
  Secret,
  Vendor
} from '../../../protocols/radius/index.js'
import { alice, Client, Documents, home, nas, nextIdentifier, pairs, papRequest, read, rig, secret, T0 } from './rig.js'

const MAC = '00:11:22:aa:bb:cc'

function chapRequest(
  userName: string,
  password: string,
  challenged: boolean
): { datagram: Buffer; authenticator: Buffer } {
  const authenticator = newAuthenticator()
  const challenge = challenged ? Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex') : authenticator
  const id = Buffer.from([42])
  const response = createHash('md5').update(id).update(password).update(challenge).digest()
  const writer = new AttributeWriter()
    .add(Attr.UserName, userName)
    .add(Attr.ChapPassword, Buffer.concat([id, response]))
  if (challenged) writer.add(Attr.ChapChallenge, challenge)
  return encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret, { authenticator })
}

function session(more: Partial<Session>): Session {
  return {
    subscriber: 'sub_1',
    acctSessionId: '81000001',
    nas: 'bras-1',
    state: 'open',
    callingStation: '',
    nasPort: '',
    startedAt: T0,
    ...more
  } as Session
}

t.test('PAP: the right password gets the profile in the vocabulary of the NAS, signed', async t => {
  const { authentication, granted, tickets, server } = await rig(t)
  const client = await Client.open(t, authentication)
  const { datagram, authenticator } = papRequest()
  const reply = read(await client.ask(datagram), authenticator)
  t.equal(reply.code, Code.AccessAccept)
  t.equal(reply.messageAuthenticatorAt, 22, 'Message-Authenticator comes first')
  t.same(pairs(reply), {
    'Mikrotik-Rate-Limit': '20M/100M',
    'Acct-Interim-Interval': interimInterval(alice, home, defaultPolicySettings)
  })
  const ticket = tickets.read(reply.octets(Attr.Class)!)
  t.match(ticket, { subscriber: 'sub_1', profile: 'home-100' })
  t.match(granted, [
    {
      ticket: ticket?.ticket,
      subscriber: 'sub_1',
      userName: 'alice',
      profile: 'home-100',
      nas: 'bras-1',
      treatment: 'full',
      at: T0
    }
  ])
  t.match(server.counters(), { received: { authentication: 1 }, replied: { 'Access-Accept': 1 }, discarded: {} })
})

t.test('PAP: passwords of 1, 16, 17 and 128 octets fit, and longer ones never', async t => {
  for (const size of [1, 16, 17, 128]) {
    const password = 'x'.repeat(size)
    const { authentication } = await rig(t, { documents: new Documents([{ ...alice, credentials: { password } }]) })
    const client = await Client.open(t, authentication)
    const right = papRequest({ password })
    t.equal(read(await client.ask(right.datagram), right.authenticator).code, Code.AccessAccept, `${size}`)
    const shorter = papRequest({ password: password.slice(1) })
    t.equal(read(await client.ask(shorter.datagram), shorter.authenticator).code, Code.AccessReject, `${size - 1}`)
  }
  const long = 'y'.repeat(129)
  const { authentication, rejects } = await rig(t, {
    documents: new Documents([{ ...alice, credentials: { password: long } }])
  })
  const client = await Client.open(t, authentication)
  const cut = papRequest({ password: long.slice(0, 128) })
  t.equal(read(await client.ask(cut.datagram), cut.authenticator).code, Code.AccessReject)
  const hidden = encodeRequest(
    Code.AccessRequest,
    1,
    new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.UserPassword, Buffer.alloc(144)).finish(),
    secret
  )
  t.equal(read(await client.ask(hidden.datagram), hidden.authenticator).code, Code.AccessReject)
  t.same(
    rejects.map(({ code }) => code),
    ['WRONG_CREDENTIAL', 'MALFORMED_CREDENTIAL']
  )
})

t.test('an unknown user and a wrong password get the same reply, and the log of rejects tells them apart', async t => {
  const { authentication, rejects, refused } = await rig(t)
  const client = await Client.open(t, authentication)
  const replies = []
  for (const asking of [{ userName: 'nobody' }, { password: 'wrong' }]) {
    const { datagram, authenticator } = papRequest(asking)
    replies.push(read(await client.ask(datagram), authenticator))
  }
  const [unknown, wrong] = replies
  t.equal(unknown?.code, Code.AccessReject)
  t.equal(wrong?.code, Code.AccessReject)
  t.equal(unknown?.count, 1, 'nothing but the Message-Authenticator')
  t.equal(wrong?.count, 1)
  t.same(
    rejects.map(({ subscriber, code }) => [subscriber, code]),
    [
      ['', 'UNKNOWN_SUBSCRIBER'],
      ['sub_1', 'WRONG_CREDENTIAL']
    ]
  )
  t.match(refused, [{ subscriber: 'sub_1', code: 'WRONG_CREDENTIAL' }], 'only a known subscriber has a last refusal')
})

t.test('CHAP: with CHAP-Challenge, and with the authenticator as challenge', async t => {
  const { authentication, rejects } = await rig(t)
  const client = await Client.open(t, authentication)
  for (const challenged of [true, false]) {
    const right = chapRequest('alice', 'wonderland', challenged)
    t.equal(read(await client.ask(right.datagram), right.authenticator).code, Code.AccessAccept)
    const wrong = chapRequest('alice', 'Wonderland', challenged)
    t.equal(read(await client.ask(wrong.datagram), wrong.authenticator).code, Code.AccessReject)
  }
  const unknown = chapRequest('nobody', 'wonderland', true)
  t.equal(read(await client.ask(unknown.datagram), unknown.authenticator).code, Code.AccessReject)
  t.same(
    rejects.map(({ code }) => code),
    ['WRONG_CREDENTIAL', 'WRONG_CREDENTIAL', 'UNKNOWN_SUBSCRIBER']
  )
})

t.test(
  'a CHAP-Password of another size than 17 octets, and a request without any credential, are rejected',
  async t => {
    const { authentication, rejects } = await rig(t)
    const client = await Client.open(t, authentication)
    const short = new AttributeWriter().add(Attr.UserName, 'alice').add(Attr.ChapPassword, Buffer.alloc(16))
    const none = new AttributeWriter().add(Attr.UserName, 'alice')
    for (const writer of [short, none]) {
      const { datagram, authenticator } = encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret)
      t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessReject)
    }
    t.same(
      rejects.map(({ code }) => code),
      ['MALFORMED_CREDENTIAL', 'UNSUPPORTED_METHOD']
    )
  }
)

t.test('a password that is stored as a hash lets nobody on by CHAP, nor by the hash itself', async t => {
  const password = '$6$salt$abcdef'
  const { authentication, rejects } = await rig(t, {
    documents: new Documents([{ ...alice, credentials: { password } }])
  })
  const client = await Client.open(t, authentication)
  for (const { datagram, authenticator } of [papRequest({ password }), chapRequest('alice', password, true)]) {
    t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessReject)
  }
  t.same(
    rejects.map(({ code }) => code),
    ['NO_CREDENTIAL', 'NO_CREDENTIAL']
  )
})

t.test('MAC authentication takes any notation, for subscribers who have that MAC as a credential', async t => {
  const box: Subscriber = {
    id: 'sub_box',
    username: 'box-7',
    status: 'active',
    profile: 'home-100',
    credentials: { macs: [MAC] }
  }
  const { authentication, granted } = await rig(t, { documents: new Documents([alice, box]) })
  const client = await Client.open(t, authentication)
  const ways = ['00:11:22:aa:bb:cc', '00-11-22-AA-BB-CC', '001122aabbcc', '0011.22aa.bbcc', '0011-22AA-BBCC']
  for (const userName of ways) {
    for (const password of [userName, MAC, '']) {
      const { datagram, authenticator } = papRequest({ userName, password })
      const reply = read(await client.ask(datagram), authenticator)
      t.equal(reply.code, Code.AccessAccept, `${userName} with «${password}»`)
      t.equal(reply.text(Attr.UserName), 'box-7', 'the name to account under is told')
    }
  }
  t.ok(granted.every(grant => grant.subscriber === 'sub_box'))
  const byStation = papRequest({
    userName: 'port-3',
    password: 'port-3',
    more: writer => writer.add(Attr.CallingStationId, '00-11-22-AA-BB-CC')
  })
  t.equal(read(await client.ask(byStation.datagram), byStation.authenticator).code, Code.AccessAccept)
  const byChap = chapRequest('001122aabbcc', '001122aabbcc', true)
  t.equal(read(await client.ask(byChap.datagram), byChap.authenticator).code, Code.AccessAccept)
})

t.test(
  'MAC authentication lets nobody on whose user name has a password, whose password says more, or who is not known',
  async t => {
    const box: Subscriber = {
      id: 'sub_box',
      username: 'box-7',
      status: 'active',
      profile: 'home-100',
      credentials: { macs: [MAC], password: 'secret' }
    }
    const { authentication, rejects } = await rig(t, { documents: new Documents([alice, box]) })
    const client = await Client.open(t, authentication)
    const from = (writer: AttributeWriter) => writer.add(Attr.CallingStationId, MAC)
    const attempts = [
      papRequest({ userName: 'box-7', password: MAC, more: from }),
      papRequest({ userName: 'alice', password: 'alice', more: from }),
      papRequest({ userName: MAC, password: 'something' }),
      papRequest({ userName: '00:00:00:00:00:01', password: '00:00:00:00:00:01' })
    ]
    for (const { datagram, authenticator } of attempts) {
      t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessReject)
    }
    t.same(
      rejects.map(({ code }) => code),
      ['WRONG_CREDENTIAL', 'WRONG_CREDENTIAL', 'UNKNOWN_SUBSCRIBER', 'UNKNOWN_SUBSCRIBER']
    )
  }
)

t.test('a suspended subscriber meets the walled garden, and without one a reject', async t => {
  const suspended: Subscriber = {
    ...alice,
    status: 'suspended',
    suspension: { how: 'walled-garden', reason: 'unpaid', reference: 'invoice 7' },
    addresses: { ipv4: '10.1.2.3', delegatedPrefix: '2001:db8:5::/56' }
  }
  const documents = new Documents([suspended])
  const router = await rig(t, { documents })
  const { datagram, authenticator } = papRequest()
  const accepted = read(await (await Client.open(t, router.authentication)).ask(datagram), authenticator)
  t.equal(accepted.code, Code.AccessAccept)
  t.match(pairs(accepted), {
    'Mikrotik-Address-List': 'turnpike-walled',
    'Mikrotik-Rate-Limit': '512k/1M',
    'Framed-IP-Address': '10.1.2.3',
    'Session-Timeout': 3600
  })
  t.notOk(accepted.has(Attr.DelegatedIpv6Prefix), 'IPv6 is not fenced by an IPv4 list')
  t.equal(router.granted[0]?.treatment, 'walled')

  const plainNas = await rig(t, { documents, nases: [{ ...nas, vendor: 'standard' }] })
  const again = papRequest()
  const reply = read(await (await Client.open(t, plainNas.authentication)).ask(again.datagram), again.authenticator)
  t.equal(reply.code, Code.AccessReject)
  t.match(plainNas.rejects, [{ code: 'SUSPENDED', words: /cannot be told/ }])
})

t.test(
  'a session too many is refused with where the other one is; a stale one, a polled port and the same place do not count',
  async t => {
    const documents = new Documents([{ ...alice, simultaneousUse: 1 }])
    const other = session({ nas: 'bras-2' })
    const refused = await rig(t, { documents, sessions: [other] })
    const one = papRequest()
    t.equal(
      read(await (await Client.open(t, refused.authentication)).ask(one.datagram), one.authenticator).code,
      Code.AccessReject
    )
    t.match(refused.rejects, [{ code: 'TOO_MANY_SESSIONS', words: /bras-2/ }])
    const from = (writer: AttributeWriter) => writer.add(Attr.CallingStationId, 'aa-bb-cc-dd-ee-ff')
    const polled = session({ nas: 'sw-1', acctSessionId: 'poll:sw-1:ge1:t1.x' })
    const stale = session({ nas: 'bras-2', state: 'stale' })
    for (const free of [polled, stale, session({ callingStation: 'aa:bb:cc:dd:ee:ff' })]) {
      const { authentication } = await rig(t, { documents, sessions: [free] })
      const two = papRequest({ more: from })
      t.equal(
        read(await (await Client.open(t, authentication)).ask(two.datagram), two.authenticator).code,
        Code.AccessAccept
      )
    }
  }
)

t.test('PPP is confirmed to a NAS that asks for it, and a document’s own attributes are there', async t => {
  const documents = new Documents([{ ...alice, attributes: { 'Session-Timeout': 7200, 'Framed-MTU': 1480 } }])
  const { authentication } = await rig(t, { documents })
  const { datagram, authenticator } = papRequest({
    more: writer => writer.uint32(Attr.ServiceType, 2).uint32(Attr.FramedProtocol, 1)
  })
  const reply = read(await (await Client.open(t, authentication)).ask(datagram), authenticator)
  t.match(pairs(reply), { 'Service-Type': 2, 'Framed-Protocol': 1, 'Session-Timeout': 7200, 'Framed-MTU': 1480 })
})

t.test(
  'an attribute that no dictionary knows is left out and told; one that restricts is not done without',
  async t => {
    const documents = new Documents([alice], [{ ...home, attributes: { all: { 'No-Such-Attribute': 1 } } }])
    const full = await rig(t, { documents })
    const { datagram, authenticator } = papRequest()
    const reply = read(await (await Client.open(t, full.authentication)).ask(datagram), authenticator)
    t.equal(reply.code, Code.AccessAccept)
    t.equal(reply.vsaText(Vendor.Mikrotik, 8), '20M/100M')
    t.match(
      full.lines.find(line => line['attribute'] === 'No-Such-Attribute'),
      { msg: /profile home-100/ }
    )

    const suspended = new Documents([{ ...alice, status: 'suspended' }], [home])
    const settings = { ...defaultPolicySettings, walledGarden: { addressList: 'x'.repeat(300) } }
    const walled = await rig(t, { documents: suspended, settings })
    const again = papRequest()
    t.equal(
      read(await (await Client.open(t, walled.authentication)).ask(again.datagram), again.authenticator).code,
      Code.AccessReject
    )
  }
)

t.test('a wrong shared secret lets nobody on', async t => {
  const { authentication, rejects } = await rig(t)
  const client = await Client.open(t, authentication)
  const { datagram } = papRequest({ with: new Secret('another secret') })
  const reply = await client.ask(datagram)
  t.equal(reply[0], Code.AccessReject, 'an unsigned Access-Request cannot prove itself: its password is rubbish')
  t.match(rejects, [{ code: 'WRONG_CREDENTIAL' }])
})

t.test('names from the wire are shown without their control characters', async t => {
  const { authentication, lines, refused } = await rig(t, {
    documents: new Documents([{ ...alice, username: 'al\u001b[31mice' }])
  })
  const { datagram } = papRequest({ userName: 'al\u001b[31mice', password: 'wrong' })
  await (await Client.open(t, authentication)).ask(datagram)
  t.equal(refused[0]?.userName, 'al\\x1b[31mice')
  t.match(
    lines.find(line => line['msg'] === 'rejected'),
    { userName: 'al\\x1b[31mice' }
  )
})
