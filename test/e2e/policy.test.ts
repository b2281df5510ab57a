import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { pino } from 'pino'
import t from 'tap'
import { type Notice, readNotice, RecordKind, type Subscriber } from '../../agent/model/index.js'
import { loadConfig } from '../../config/index.js'
import { type Agent, startAgent } from '../../main.js'
import {
  Attr,
  AttributeWriter,
  Code,
  encodeRequest,
  encodeUserPassword,
  newAuthenticator,
  Packet,
  Secret,
  Vendor
} from '../../protocols/radius/index.js'

/* The whole agent on real sockets: pools, learnt MACs, quotas and replaced sessions, over a restart. */

const SECRET = 'the-shared-secret-of-these-tests'
const secret = new Secret(SECRET)
const log = pino({ level: 'silent' })

class Nas {
  readonly #socket = createSocket('udp4')
  #identifier = 0
  agent: Agent | undefined
  /** Code of each request that came from the agent. */
  readonly came: number[] = []

  async open(): Promise<number> {
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
    return this.#socket.address().port
  }

  close(): void {
    this.#socket.close()
  }

  async #ask(code: number, port: number, attributes: Buffer, authenticator?: Buffer): Promise<Packet> {
    const identifier = ++this.#identifier
    const { datagram } = encodeRequest(code, identifier, attributes, secret, authenticator ? { authenticator } : {})
    const socket = createSocket('udp4')
    socket.send(datagram, port, '127.0.0.1')
    const [reply] = (await once(socket, 'message')) as [Buffer]
    socket.close()
    const packet = Packet.decode(reply)
    if (typeof packet === 'string') throw new Error(packet)
    return packet
  }

  login(userName: string, mac: string): Promise<Packet> {
    const authenticator = newAuthenticator()
    const attributes = new AttributeWriter()
      .add(Attr.UserName, userName)
      .add(Attr.UserPassword, encodeUserPassword(`${userName}-pw`, authenticator, secret))
      .add(Attr.CallingStationId, mac)
      .finish()
    return this.#ask(Code.AccessRequest, this.agent?.bound.authentication[0]?.port ?? 0, attributes, authenticator)
  }

  account(
    status: number,
    id: string,
    accept: Packet,
    more: { octets?: number; seconds?: number } = {}
  ): Promise<Packet> {
    const attributes = new AttributeWriter()
      .uint32(Attr.AcctStatusType, status)
      .add(Attr.AcctSessionId, id)
      .uint32(Attr.AcctSessionTime, more.seconds ?? 0)
      .add(Attr.Class, accept.octets(Attr.Class) ?? Buffer.alloc(0))
    const address = accept.ipv4(Attr.FramedIpAddress)
    if (address !== undefined) attributes.ipv4(Attr.FramedIpAddress, address)
    if (more.octets !== undefined) attributes.uint32(Attr.AcctOutputOctets, more.octets).uint32(Attr.AcctInputOctets, 0)
    return this.#ask(Code.AccountingRequest, this.agent?.bound.accounting[0]?.port ?? 0, attributes.finish())
  }
}

const someone = (name: string, more: Partial<Subscriber>): Subscriber => ({
  id: `sub_${name}`,
  username: name,
  status: 'active',
  profile: 'home',
  credentials: { password: `${name}-pw` },
  ...more
})

async function told(agent: Agent, kind: number): Promise<Notice[]> {
  const all: Notice[] = []
  for await (const part of agent.ledger.read(1))
    if (!('lost' in part))
      for (const record of part.records) if (record.kind === kind) all.push(readNotice(record.payload))
  return all
}

t.test('who may connect and with what, on the wire and over a restart', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-policy-'))
  const nas = new Nas()
  t.teardown(async () => {
    await nas.agent?.close()
    nas.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const coaPort = await nas.open()
  writeFileSync(join(directory, 'nas'), SECRET, { mode: 0o600 })
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(
    file,
    `data: data
api: {socket: api.sock}
radius: {authentication: ["127.0.0.1:0"], accounting: ["127.0.0.1:0"], rejectDelay: 0s}
nas: [{id: bras-1, addresses: [127.0.0.1], secret: file:nas, vendor: mikrotik, coaPort: ${coaPort}}]
pools: [{name: home, ranges: [100.64.0.0/24], quarantine: 0s}]
policy: {replyMessage: true}
`
  )
  const start = async () => (nas.agent = await startAgent(loadConfig(file), { log, version: 'test' }))
  const agent = await start()
  await agent.replica.apply([
    { kind: 'profile', id: 'home', document: { id: 'home', down: 1e7, up: 1e6, pool: 'home' } },
    ...[
      someone('bound', { bind: { learnMacs: 1 } }),
      someone('quota', { quota: { octets: 1000, used: 0, onExhausted: 'suspend' } })
    ].map(document => ({ kind: 'subscriber' as const, id: document.id, document }))
  ])

  const first = await nas.login('bound', '02-00-00-00-00-01')
  t.equal(first.code, Code.AccessAccept)
  const address = first.ipv4(Attr.FramedIpAddress)
  t.match(address, /^100\.64\.0\.\d+$/)
  t.equal(first.has(Attr.FramedPool), false)
  t.equal((await nas.account(1, 'A1', first)).code, Code.AccountingResponse)
  const other = await nas.login('bound', '02-00-00-00-00-02')
  t.equal(other.code, Code.AccessReject)
  t.equal(other.text(Attr.ReplyMessage), 'This device is not registered for your subscription.')

  const counted = await nas.login('quota', '02-00-00-00-00-03')
  t.equal(counted.vsaUint32(Vendor.Mikrotik, 17), 1000, 'the NAS holds the rest of the quota')
  t.not(counted.ipv4(Attr.FramedIpAddress), address)
  await nas.account(1, 'B1', counted)
  await nas.account(2, 'B1', counted, { octets: 1200, seconds: 60 })
  await agent.close()

  const again = await start()
  t.match(await told(again, RecordKind.quotaReached), [
    { subject: 'sub_quota', percent: 80, used: 1200 },
    { subject: 'sub_quota', percent: 100, used: 1200 }
  ])
  const walled = await nas.login('quota', '02-00-00-00-00-03')
  t.equal(walled.code, Code.AccessAccept)
  t.equal(walled.vsaText(Vendor.Mikrotik, 19), 'turnpike-walled')
  t.equal(
    (await nas.login('bound', '02-00-00-00-00-02')).code,
    Code.AccessReject,
    'the learnt MAC is known after a restart'
  )
  t.equal((await nas.login('bound', '02-00-00-00-00-01')).ipv4(Attr.FramedIpAddress), address, 'and the address')
})
