import { hash } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { Tickets } from '../../../agent/sessions/index.js'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeResponse,
  Packet,
  Secret
} from '../../../protocols/radius/index.js'
import {
  accountingHandler,
  discards,
  discardWords,
  DurableLocks,
  LocksInMemory,
  plain,
  replies
} from '../../../server/radius/index.js'
import type { Answer } from '../../../server/radius/index.js'
import {
  accountingRequest,
  Client,
  Documents,
  lines,
  nas,
  nextIdentifier,
  papRequest,
  read,
  rig,
  secret,
  statusServer,
  T0
} from './rig.js'

const proxied = (writer: AttributeWriter) => writer.add(Attr.ProxyState, 'p1').add(Attr.ProxyState, 'p2')
const eap = (writer: AttributeWriter) => writer.add(Attr.EapMessage, Buffer.from('0201000a01616c696365', 'hex'))

t.test('Status-Server is answered on both ports, each with its own code', async t => {
  const { authentication, accounting, server } = await rig(t)
  for (const [port, code] of [
    [authentication, Code.AccessAccept],
    [accounting, Code.AccountingResponse]
  ] as const) {
    const probe = statusServer()
    const reply = read(await (await Client.open(t, port)).ask(probe), probe.subarray(4, 20))
    t.equal(reply.code, code)
    t.equal(reply.identifier, probe[1])
  }
  t.same(server.counters().replied, { 'Access-Accept': 1, 'Accounting-Response': 1 })
})

t.test('an unknown source is discarded silently, counted, and told once a minute with what to do', async t => {
  const made = await rig(t)
  const known = await Client.open(t, made.authentication)
  const stranger = await Client.open(t, made.authentication, '127.0.0.9')
  for (let n = 0; n < 3; n++) stranger.send(papRequest().datagram)
  await known.ask(statusServer())
  t.equal(stranger.arrived.length, 0)
  t.equal(made.server.counters().discarded.UNKNOWN_NAS, 3)
  const told = () => made.lines.filter(line => line['reason'] === 'UNKNOWN_NAS')
  t.match(told(), [{ address: '127.0.0.9', msg: /turnpike nas add/ }])
  t.equal(told().length, 1)
  made.now += 60_000
  stranger.send(papRequest().datagram)
  await known.ask(statusServer())
  t.match(told()[1], { held: 2 }, 'the next line says how many were held back')
})

t.test('every malformed packet is discarded silently under its own reason', async t => {
  const { authentication, server } = await rig(t)
  const client = await Client.open(t, authentication)
  const good = papRequest({ signed: true }).datagram
  const changed = (at: number, ...octets: number[]) => {
    const copy = Buffer.from(good)
    copy.set(octets, at)
    return copy
  }
  const cases: [string, Buffer][] = [
    ['RAD_TOO_SHORT', good.subarray(0, 19)],
    ['RAD_LENGTH_TOO_SMALL', changed(2, 0, 19)],
    ['RAD_LENGTH_TOO_LARGE', changed(2, 0xff, 0xff)],
    ['RAD_TRUNCATED', good.subarray(0, good.length - 1)],
    ['RAD_UNKNOWN_CODE', changed(0, 200)],
    ['RAD_ATTRIBUTE_ZERO', changed(20, 0)],
    ['RAD_ATTRIBUTE_LENGTH', changed(21, 1)],
    ['RAD_ATTRIBUTE_OVERFLOW', changed(21, 255)],
    ['RAD_MESSAGE_AUTHENTICATOR_WRONG', changed(30, good[30]! ^ 1)],
    [
      'RAD_MESSAGE_AUTHENTICATOR_SIZE',
      Buffer.concat([good.subarray(0, 2), Buffer.from([0, 22]), good.subarray(4, 20), Buffer.from([80, 2])])
    ]
  ]
  for (const [reason, datagram] of cases) {
    t.ok(await client.isSilentOn(datagram), reason)
    t.equal(server.counters().discarded[reason as 'RAD_TOO_SHORT'], 1, reason)
  }
})

t.test('accounting under a wrong secret is discarded silently', async t => {
  const { accounting, server, lines } = await rig(t)
  const client = await Client.open(t, accounting)
  const { datagram } = accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 1), new Secret('another'))
  t.ok(await client.isSilentOn(datagram))
  t.equal(server.counters().discarded.RAD_AUTHENTICATOR_WRONG, 1)
  t.match(
    lines.find(line => line['reason'] === 'RAD_AUTHENTICATOR_WRONG'),
    { nas: 'bras-1', msg: /Compare the shared secret/ }
  )
})

t.test('a packet on the wrong port, and one that only a NAS is sent, are discarded', async t => {
  const { authentication, accounting, server } = await rig(t)
  const auth = await Client.open(t, authentication)
  const acct = await Client.open(t, accounting)
  t.ok(await acct.isSilentOn(papRequest().datagram))
  t.ok(await auth.isSilentOn(accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 1)).datagram))
  t.ok(await auth.isSilentOn(encodeRequest(Code.CoaRequest, nextIdentifier(), Buffer.alloc(0), secret).datagram))
  t.equal(server.counters().discarded.WRONG_PORT, 3)
})

t.test('a NAS whose secret cannot be read is discarded, and is asked for again after 5 s', async t => {
  let reads = 0
  let known = false
  const made = await rig(t, {
    nases: [nas, { ...nas, id: 'other', addresses: ['127.0.0.2'] }],
    secretOf: ({ id }) => {
      if (id === 'other') return secret
      reads++
      if (!known) throw new Error('file not found')
      return secret
    }
  })
  const client = await Client.open(t, made.authentication)
  const other = await Client.open(t, made.authentication, '127.0.0.2')
  for (let n = 0; n < 3; n++) client.send(papRequest().datagram)
  await other.ask(statusServer())
  t.equal(made.server.counters().discarded.NO_SECRET, 3)
  t.equal(reads, 1, 'a flood does not read the file again and again')
  known = true
  made.now += 5000
  const { datagram, authenticator } = papRequest()
  t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessAccept)
  await client.ask(statusServer())
  t.equal(reads, 2)
  made.server.reload()
  await client.ask(statusServer())
  t.equal(reads, 3)
})

t.test(
  'BlastRADIUS: an unsigned Access-Request with Proxy-State is discarded in every mode, a signed one is answered',
  async t => {
    for (const messageAuthenticator of ['auto', 'required', 'exempt'] as const) {
      const { authentication, server } = await rig(t, { messageAuthenticator })
      const client = await Client.open(t, authentication)
      t.ok(await client.isSilentOn(papRequest({ more: proxied }).datagram), messageAuthenticator)
      t.equal(server.counters().discarded.PROXY_STATE_UNSIGNED, 1)
      const { datagram, authenticator } = papRequest({ more: proxied, signed: true })
      const reply = read(await client.ask(datagram), authenticator)
      t.equal(reply.code, Code.AccessAccept)
      t.same(reply.all(Attr.ProxyState).map(String), ['p1', 'p2'], 'Proxy-State comes back in order')
    }
  }
)

t.test('a NAS that has signed once must go on signing; one that is exempt need not', async t => {
  const locks = new LocksInMemory()
  const auto = await rig(t, { locks })
  const client = await Client.open(t, auto.authentication)
  const unsigned = papRequest()
  t.equal(read(await client.ask(unsigned.datagram), unsigned.authenticator).code, Code.AccessAccept)
  const signed = papRequest({ signed: true })
  t.equal(read(await client.ask(signed.datagram), signed.authenticator).code, Code.AccessAccept)
  t.ok(locks.has('bras-1'))
  t.ok(await client.isSilentOn(papRequest().datagram))
  t.equal(auto.server.counters().discarded.MESSAGE_AUTHENTICATOR_LOCKED, 1)
  const exempt = await rig(t, { locks, nases: [{ ...nas, messageAuthenticator: 'exempt' }] })
  const again = papRequest()
  const answer = await (await Client.open(t, exempt.authentication)).ask(again.datagram)
  t.equal(read(answer, again.authenticator).code, Code.AccessAccept)
})

t.test('a forged signature locks nothing, nor does one that EAP demands anyway', async t => {
  const locks = new LocksInMemory()
  const { authentication, server } = await rig(t, { locks })
  const client = await Client.open(t, authentication)
  t.ok(await client.isSilentOn(papRequest({ signed: true, with: new Secret('another') }).datagram))
  t.notOk(locks.has('bras-1'))
  const writer = new AttributeWriter().add(Attr.UserName, 'alice')
  eap(writer)
  const { datagram, authenticator } = encodeRequest(Code.AccessRequest, nextIdentifier(), writer.finish(), secret)
  t.equal(read(await client.ask(datagram), authenticator).code, Code.AccessReject, 'EAP is not spoken yet')
  t.notOk(locks.has('bras-1'))
  t.equal(server.counters().discarded.RAD_MESSAGE_AUTHENTICATOR_WRONG, 1)
})

t.test('of many boxes behind one prefix only the one that signed is locked', async t => {
  const locks = new LocksInMemory()
  const { authentication } = await rig(t, { locks, find: () => ({ ...nas, addresses: ['127.0.0.0/8'] }) })
  const first = await Client.open(t, authentication, '127.0.0.1')
  const second = await Client.open(t, authentication, '127.0.0.2')
  await first.ask(papRequest({ signed: true }).datagram)
  t.ok(locks.has('bras-1 127.0.0.1'))
  t.ok(await first.isSilentOn(papRequest().datagram))
  const { datagram, authenticator } = papRequest()
  t.equal(read(await second.ask(datagram), authenticator).code, Code.AccessAccept)
})

t.test('messageAuthenticator: required demands it from the first packet', async t => {
  const { authentication, server } = await rig(t, { nases: [{ ...nas, messageAuthenticator: 'required' }] })
  const client = await Client.open(t, authentication)
  t.ok(await client.isSilentOn(papRequest().datagram))
  t.equal(server.counters().discarded.MESSAGE_AUTHENTICATOR_REQUIRED, 1)
})

t.test('locks survive a restart in the ledger', async t => {
  const table = new Map<string, Buffer>()
  const ledger = {
    write: async (changes: readonly { key: string; value: Buffer | undefined }[]) => {
      for (const { key, value } of changes)
        if (value === undefined) table.delete(key)
        else table.set(key, value)
    },
    entries: async function* () {
      yield* table.entries()
    }
  }
  const { log } = lines()
  const first = await DurableLocks.open(ledger, log)
  t.notOk(first.has('bras-1'))
  first.lock('bras-1')
  const second = await DurableLocks.open(ledger, log)
  t.ok(second.has('bras-1'))
  await second.unlock('bras-1')
  t.notOk(second.has('bras-1'))
  t.notOk((await DurableLocks.open(ledger, log)).has('bras-1'))
})

t.test('EAP-Message is discarded without a signature, and together with a password', async t => {
  const { authentication, server } = await rig(t)
  const client = await Client.open(t, authentication)
  t.ok(await client.isSilentOn(papRequest({ more: eap, signed: true }).datagram))
  t.equal(server.counters().discarded.EAP_WITH_PASSWORD, 1)
  t.ok(await client.isSilentOn(papRequest({ more: eap }).datagram))
  t.equal(server.counters().discarded.RAD_MESSAGE_AUTHENTICATOR_MISSING, 1)
})

t.test('a duplicate gets the same octets again; the same Identifier with another authenticator is new', async t => {
  const { authentication, granted, server } = await rig(t)
  const client = await Client.open(t, authentication)
  const { datagram } = papRequest({ identifier: 9 })
  const first = await client.ask(datagram)
  const second = await client.ask(datagram)
  t.same(second, first)
  t.equal(granted.length, 1)
  t.equal(server.counters().repeated, 1)
  const other = papRequest({ identifier: 9 })
  t.equal(read(await client.ask(other.datagram), other.authenticator).code, Code.AccessAccept)
  t.equal(granted.length, 2)
})

t.test('a duplicate from another source port is another request, and after 30 s the same one is new', async t => {
  const made = await rig(t)
  const { datagram } = papRequest()
  const client = await Client.open(t, made.authentication)
  await client.ask(datagram)
  await (await Client.open(t, made.authentication)).ask(datagram)
  t.equal(made.granted.length, 2)
  made.now += 30_000
  await client.ask(datagram)
  t.equal(made.granted.length, 3)
})

t.test(
  'a duplicate of a request that is worked on is discarded, and one that got no reply is worked on again',
  async t => {
    const asked: ((answer: Answer) => void)[] = []
    const { accounting, server } = await rig(t, { accounting: () => new Promise(resolve => asked.push(resolve)) })
    const client = await Client.open(t, accounting)
    const { datagram, authenticator } = accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 1))
    t.ok(await client.isSilentOn(datagram), 'the first is worked on')
    t.ok(await client.isSilentOn(datagram))
    t.equal(asked.length, 1)
    t.equal(server.counters().discarded.DUPLICATE_IN_FLIGHT, 1)
    asked[0]!(plain('unrecorded'))
    t.ok(await client.isSilentOn(datagram))
    t.equal(server.counters().discarded.NOT_RECORDED, 1)
    t.equal(asked.length, 2, 'the NAS sent it again, and it was taken again')
    asked[1]!(plain('recorded'))
    t.equal(read(await client.next(), authenticator).code, Code.AccountingResponse)
  }
)

t.test('a full ledger, an unusable record and a failing handler are silent, each under its reason', async t => {
  let outcome: () => Answer = () => plain('full')
  const { accounting, server, lines } = await rig(t, { accounting: async () => outcome() })
  const client = await Client.open(t, accounting)
  const ask = () => client.isSilentOn(accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 1)).datagram)
  t.ok(await ask())
  outcome = () => plain('unusable')
  t.ok(await ask())
  outcome = () => {
    throw new TypeError('a mistake')
  }
  t.ok(await ask())
  t.ok(await ask())
  t.match(server.counters().discarded, { LEDGER_FULL: 1, UNUSABLE_ACCOUNTING: 1, HANDLER_FAILED: 2 })
  t.equal(lines.filter(line => line['msg'] === 'a request could not be worked on').length, 1, 'told at a limited rate')
})

t.test('a reply too long to send is a counted mistake, not a crash', async t => {
  const { authentication, server } = await rig(t, {
    access: () => ({ outcome: 'accepted', attributes: Buffer.alloc(4070) })
  })
  t.ok(await (await Client.open(t, authentication)).isSilentOn(papRequest().datagram))
  t.equal(server.counters().discarded.HANDLER_FAILED, 1)
})

t.test(
  'a reject waits its delay and holds nothing else; a duplicate meanwhile is discarded; too many are not kept',
  async t => {
    const timers: (() => void)[] = []
    const made = await rig(t, {
      rejectDelay: 1000,
      rejectsWaiting: 1,
      timers: { start: call => timers.push(call), stop: () => {} }
    })
    const client = await Client.open(t, made.authentication)
    const wrong = papRequest({ password: 'wrong' })
    t.ok(await client.isSilentOn(wrong.datagram), 'the Status-Server behind it is answered first')
    t.equal(made.server.counters().delayed, 1)
    t.ok(await client.isSilentOn(wrong.datagram))
    t.equal(made.server.counters().discarded.DUPLICATE_IN_FLIGHT, 1)
    t.ok(await client.isSilentOn(papRequest({ password: 'wrong' }).datagram))
    t.equal(made.server.counters().discarded.REJECT_QUEUE_FULL, 1)
    made.now += 1000
    const reply = client.next()
    timers[0]!()
    t.equal(read(await reply, wrong.authenticator).code, Code.AccessReject)
    t.same(await client.ask(wrong.datagram), await reply, 'and a duplicate gets it again')
  }
)

t.test('closing answers what was taken and takes nothing more', async t => {
  const asked: ((answer: Answer) => void)[] = []
  const { accounting, server } = await rig(t, { accounting: () => new Promise(resolve => asked.push(resolve)) })
  const client = await Client.open(t, accounting)
  const { datagram, authenticator } = accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 1))
  t.ok(await client.isSilentOn(datagram))
  const closed = server.close()
  asked[0]!(plain('recorded'))
  t.equal(read(await client.next(), authenticator).code, Code.AccountingResponse)
  await closed
  await t.rejects(server.listen({ authentication: [], accounting: [] }), { code: 'RADIUS_CLOSED' })
})

t.test('it listens on IPv4 and IPv6 together, and says in words why it cannot', async t => {
  const { server, authentication } = await rig(t, { nases: [{ ...nas, addresses: ['::1'] }] })
  await t.rejects(server.listen({ authentication: [{ host: '127.0.0.1', port: authentication }], accounting: [] }), {
    code: 'RADIUS_PORT_IN_USE',
    message: new RegExp(`ss -ulpn.*127.0.0.1:${authentication}`)
  })
  const two = await rig(t)
  const bound = await two.server.listen({ authentication: [{ host: '::', port: two.authentication }], accounting: [] })
  t.equal(bound.authentication[0]?.port, two.authentication, 'the same port, beside the socket for IPv4')
  await t.rejects(two.server.listen({ authentication: [{ host: '192.0.2.77', port: 0 }], accounting: [] }), {
    code: 'RADIUS_ADDRESS_NOT_HERE'
  })
})

t.test('each reason for silence has words, and each row of the table a reply or a reason', async t => {
  for (const [reason, words] of Object.entries(discards)) t.equal(discardWords(reason as keyof typeof discards), words)
  t.match(discardWords('RAD_TRUNCATED'), /MTU/)
  for (const row of replies)
    t.equal((row.reply === undefined) !== (row.silence === undefined), true, `${row.request} ${row.outcome}`)
})

t.test('whatever is done to valid packets, nothing is thrown and the server goes on answering', async t => {
  let recorded = 0
  const accounting = accountingHandler({
    subscribers: new Documents(),
    sessions: { record: async () => void recorded++ },
    tickets: new Tickets(Buffer.alloc(32)),
    clock: () => T0
  })
  const made = await rig(t, { accounting })
  const auth = await Client.open(t, made.authentication)
  const acct = await Client.open(t, made.accounting)
  const seeds = [
    papRequest().datagram,
    papRequest({ signed: true, more: proxied }).datagram,
    accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 3).add(Attr.AcctSessionId, 's')).datagram,
    statusServer(),
    encodeResponse(Packet.decode(papRequest().datagram) as Packet, Code.AccessAccept, Buffer.alloc(0), secret)
  ]
  const mutation = fc.record({
    seed: fc.nat(seeds.length - 1),
    octets: fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 8 }),
    cut: fc.nat(200),
    resign: fc.boolean()
  })
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 20 }), async mutations => {
      for (const { seed, octets, cut, resign } of mutations) {
        const datagram = Buffer.from(seeds[seed]!)
        for (const [at, octet] of octets) datagram[at % datagram.length] = octet
        const cutShort = datagram.subarray(0, Math.max(1, datagram.length - (cut > 100 ? 0 : cut)))
        if (resign) signAsAccounting(cutShort)
        auth.send(cutShort)
        acct.send(cutShort)
      }
      const probe = statusServer()
      for (const client of [auth, acct]) {
        client.send(probe)
        while ((await client.next())[1] !== probe[1]);
      }
    }),
    { numRuns: 40, seed: 20_261_123 }
  )
  t.ok(recorded > 0, 'some reached the sessions')
  t.notOk(made.server.counters().discarded.HANDLER_FAILED)
  t.notOk(made.server.counters().discarded.SEND_FAILED)
})

// So that mutated attributes reach the handler, and not only the check of the signature.
function signAsAccounting(datagram: Buffer): void {
  if (datagram.length < 20) return
  datagram[0] = Code.AccountingRequest
  datagram.writeUInt16BE(datagram.length, 2)
  datagram.fill(0, 4, 20)
  datagram.set(hash('md5', Buffer.concat([datagram, Buffer.from('a shared secret of the tests')]), 'buffer'), 4)
}
