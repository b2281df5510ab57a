import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { LedgerError, openLedger } from '../../../agent/ledger/index.js'
import { type Accounting, decodeUsage, RecordKind, type UsageRecord } from '../../../agent/model/index.js'
import { Sessions, Tickets } from '../../../agent/sessions/index.js'
import { Attr, type AttributeWriter, Code } from '../../../protocols/radius/index.js'
import { accountingHandler } from '../../../server/radius/index.js'
import {
  accountingRequest,
  alice,
  Client,
  Documents,
  lines,
  papRequest,
  read,
  rig,
  type Rig,
  SECRET,
  T0
} from './rig.js'

type Test = Pick<typeof t, 'teardown' | 'testdir'>

const radclient = spawnSync('radclient', ['-v']).status === 0
const skip = radclient || process.env['CI'] === 'true' ? false : 'needs radclient (apt-get install freeradius-utils)'

/** The server on a ledger and a session table of its own. */
async function recording(t: Test): Promise<Rig & { records(...kinds: RecordKind[]): Promise<UsageRecord[]> }> {
  const { log } = lines()
  const tickets = new Tickets(Buffer.alloc(32, 7))
  const ledger = await openLedger({ directory: t.testdir(), reserveOctets: 0 })
  t.teardown(() => ledger.close())
  const clock = () => T0
  const sessions = await Sessions.open({ ledger, clock, log, tickets })
  const made = await rig(t, {
    accounting: accountingHandler({ subscribers: new Documents(), sessions, tickets, clock })
  })
  const records = async (...kinds: RecordKind[]) => {
    const found: UsageRecord[] = []
    for await (const block of ledger.read(1)) {
      if ('lost' in block) continue
      for (const { kind, payload } of block.records) if (kinds.includes(kind)) found.push(decodeUsage(payload))
    }
    return found
  }
  return Object.assign(made, { records })
}

/** Runs radclient on a list of attributes; its exit status is 0 where it got what it expected. */
async function ask(
  kind: 'auth' | 'acct' | 'status',
  port: number,
  attributes: string
): Promise<{ status: number; output: string }> {
  const program = spawn('radclient', ['-x', '-r', '1', '-t', '5', `127.0.0.1:${port}`, kind, SECRET])
  let output = ''
  program.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  program.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  program.stdin.end(attributes)
  const [status] = (await once(program, 'close')) as [number]
  return { status, output }
}

function interim(write: (writer: AttributeWriter) => unknown): { datagram: Buffer; authenticator: Buffer } {
  return accountingRequest(writer =>
    write(writer.uint32(Attr.AcctStatusType, 3).add(Attr.AcctSessionId, 's-1').add(Attr.UserName, 'alice'))
  )
}

t.test(
  'a record is acknowledged when it is durable, and usage of somebody who is not known is recorded too',
  async t => {
    const made = await recording(t)
    const client = await Client.open(t, made.accounting)
    for (const name of ['alice', 'nobody']) {
      const { datagram, authenticator } = accountingRequest(writer =>
        writer
          .uint32(Attr.AcctStatusType, 3)
          .add(Attr.AcctSessionId, name)
          .add(Attr.UserName, name)
          .uint32(Attr.AcctInputOctets, 5)
      )
      t.equal(read(await client.ask(datagram), authenticator).code, Code.AccountingResponse)
    }
    t.match(await made.records(RecordKind.usage), [
      { userName: 'alice', subscriber: 'sub_1', profile: 'home-100', upOctets: 5n },
      { userName: 'nobody', subscriber: '', upOctets: 5n }
    ])
  }
)

t.test('the ticket of the Access-Accept names the subscriber, whatever User-Name the accounting has', async t => {
  const made = await recording(t)
  const { datagram, authenticator } = papRequest()
  const accepted = read(await (await Client.open(t, made.authentication)).ask(datagram), authenticator)
  const report = accountingRequest(writer =>
    writer
      .uint32(Attr.AcctStatusType, 1)
      .add(Attr.AcctSessionId, 'x')
      .add(Attr.UserName, 'anonymous')
      .add(Attr.Class, accepted.octets(Attr.Class)!)
  )
  t.equal(
    read(await (await Client.open(t, made.accounting)).ask(report.datagram), report.authenticator).code,
    Code.AccountingResponse
  )
  t.match(await made.records(RecordKind.sessionStarted), [{ userName: 'anonymous', subscriber: 'sub_1' }])
})

t.test('the answer to accounting is not signed, and brings Proxy-State back', async t => {
  const { accounting } = await rig(t)
  const { datagram, authenticator } = interim(writer => writer.add(Attr.ProxyState, 'p1').add(Attr.ProxyState, 'p2'))
  const reply = read(await (await Client.open(t, accounting)).ask(datagram), authenticator)
  t.equal(reply.code, Code.AccountingResponse)
  t.equal(reply.count, 2, 'FreeRADIUS 3 discards a Message-Authenticator here')
  t.same(reply.all(Attr.ProxyState).map(String), ['p1', 'p2'])
})

t.test('what could not be recorded gets no answer: a full ledger, a broken one, a mistake', async t => {
  const failures: unknown[] = [
    new LedgerError('LEDGER_FULL'),
    new LedgerError('LEDGER_BROKEN'),
    new TypeError('a mistake')
  ]
  const seen: Accounting[] = []
  const accounting = accountingHandler({
    subscribers: new Documents([{ ...alice, credentials: { macs: ['00:11:22:aa:bb:cc'] } }]),
    sessions: {
      record: accounting => {
        seen.push(accounting)
        return Promise.reject(failures.shift())
      }
    },
    tickets: new Tickets(Buffer.alloc(32)),
    clock: () => T0
  })
  const made = await rig(t, { accounting })
  const client = await Client.open(t, made.accounting)
  for (let n = 0; n < 3; n++)
    t.ok(await client.isSilentOn(interim(writer => writer.add(Attr.UserName, '0011-22AA-BBCC')).datagram))
  t.match(made.server.counters().discarded, { LEDGER_FULL: 1, NOT_RECORDED: 1, HANDLER_FAILED: 1 })
  t.equal(seen[0]?.subscriber, 'sub_1')
})

t.test('a device that was let on by its MAC is known in accounting by any notation of it', async t => {
  const seen: Accounting[] = []
  const accounting = accountingHandler({
    subscribers: new Documents([{ ...alice, username: 'box', credentials: { macs: ['00:11:22:aa:bb:cc'] } }]),
    sessions: { record: async accounting => void seen.push(accounting) },
    tickets: new Tickets(Buffer.alloc(32)),
    clock: () => T0
  })
  const made = await rig(t, { accounting })
  const { datagram, authenticator } = accountingRequest(writer =>
    writer.uint32(Attr.AcctStatusType, 1).add(Attr.UserName, '0011-22AA-BBCC')
  )
  t.equal(
    read(await (await Client.open(t, made.accounting)).ask(datagram), authenticator).code,
    Code.AccountingResponse
  )
  t.match(seen, [{ subscriber: 'sub_1', profile: 'home-100' }])
})

t.test('events of tunnels are acknowledged and make no session; a status that does not exist is discarded', async t => {
  const made = await recording(t)
  const client = await Client.open(t, made.accounting)
  const tunnel = accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 9).add(Attr.UserName, 'alice'))
  t.equal(read(await client.ask(tunnel.datagram), tunnel.authenticator).code, Code.AccountingResponse)
  t.ok(
    await client.isSilentOn(
      accountingRequest(writer => writer.uint32(Attr.AcctStatusType, 99).add(Attr.UserName, 'alice')).datagram
    )
  )
  t.ok(await client.isSilentOn(accountingRequest(writer => writer.add(Attr.UserName, 'alice')).datagram))
  t.equal(made.server.counters().discarded.UNUSABLE_ACCOUNTING, 2)
  t.same(await made.records(RecordKind.usage, RecordKind.sessionStarted), [])
})

t.test('radclient: PAP and CHAP, right and wrong', { skip }, async t => {
  const { authentication } = await rig(t)
  t.match(await ask('auth', authentication, 'User-Name=alice,User-Password=wonderland'), {
    status: 0,
    output: /Access-Accept[^]*Mikrotik-Rate-Limit = "20M\/100M"/
  })
  t.match(await ask('auth', authentication, 'User-Name=alice,CHAP-Password=wonderland'), {
    status: 0,
    output: /Received Access-Accept/
  })
  t.match(await ask('auth', authentication, 'User-Name=alice,User-Password=wrong'), {
    status: 1,
    output: /Received Access-Reject/
  })
  t.match(await ask('auth', authentication, 'User-Name=alice,CHAP-Password=wrong'), {
    status: 1,
    output: /Received Access-Reject/
  })
  t.match(await ask('auth', authentication, 'User-Name=alice,User-Password=wonderland,Message-Authenticator=0x00'), {
    status: 0,
    output: /Received Access-Accept/
  })
})

t.test('radclient: Status-Server on both ports', { skip }, async t => {
  const { authentication, accounting } = await rig(t)
  t.match(await ask('status', authentication, 'Message-Authenticator=0x00'), {
    status: 0,
    output: /Received Access-Accept/
  })
  t.match(await ask('status', accounting, 'Message-Authenticator=0x00'), { output: /Received Accounting-Response/ })
})

t.test('radclient: Start, Interim and Stop with Gigawords arrive to the octet', { skip }, async t => {
  const made = await recording(t)
  const session = 'Acct-Session-Id=81000001,User-Name=alice,NAS-Port=7,NAS-IP-Address=127.0.0.1'
  const reports = [
    'Acct-Status-Type=Start',
    'Acct-Status-Type=Interim-Update,Acct-Session-Time=300,Acct-Input-Octets=4294967295,Acct-Output-Octets=7',
    'Acct-Status-Type=Interim-Update,Acct-Session-Time=600,Acct-Input-Octets=1,Acct-Input-Gigawords=1,Acct-Output-Octets=5,Acct-Output-Gigawords=3',
    'Acct-Status-Type=Stop,Acct-Session-Time=700,Acct-Input-Octets=9,Acct-Input-Gigawords=1,Acct-Output-Octets=6,Acct-Output-Gigawords=3'
  ]
  for (const report of reports)
    t.match(await ask('acct', made.accounting, `${session},${report}`), {
      status: 0,
      output: /Received Accounting-Response/
    })
  const usage = await made.records(RecordKind.usage)
  const sum = (pick: (record: UsageRecord) => bigint) => usage.reduce((total, record) => total + pick(record), 0n)
  t.equal(
    sum(record => record.upOctets),
    2n ** 32n + 9n
  )
  t.equal(
    sum(record => record.downOctets),
    3n * 2n ** 32n + 6n
  )
  t.equal(usage.at(-1)?.totalDownOctets, 3n * 2n ** 32n + 6n)
})
