import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { ApiClient } from '../../cli/client.js'
import { AcctStatusType, Attr, AttributeWriter, Code, Secret } from '../../protocols/radius/index.js'
import { RadiusClient, VirtualNas } from '../../sandbox/nas/index.js'
import type { wire } from '../../server/http/index.js'
import { startFreeradius, withoutFreeradius } from '../drivers/freeradius.js'
import { freePorts, provider, SECRET, until } from './provider.js'
import { radclient, withoutRadclient } from './radclient.js'

t.setTimeout(120_000)

t.test('npm start -- --once tells the whole story, and its last line is the result', async t => {
  const story = spawn(process.execPath, [join(import.meta.dirname, '../../cli/story.js'), '--once', '--ports', 'auto'])
  t.teardown(() => story.kill('SIGKILL'))
  let said = ''
  story.stdout.on('data', chunk => (said += String(chunk)))
  const status = await new Promise(resolve => story.on('exit', resolve))
  const end = JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as Record<string, number | string>
  t.equal(status, 0)
  t.match(end, { story: 'complete', subscribers: 25, suspendToProvenMs: Number, restoreToProvenMs: Number })
  t.equal(end['octetsAtBilling'], end['octetsSent'])
  t.ok(Number(end['octetsSent']) > 0)
  t.ok(Number(end['suspendToProvenMs']) < 5000 && Number(end['restoreToProvenMs']) < 5000)
})

t.test('radclient: PAP, CHAP, a wrong password, Status-Server', { skip: withoutRadclient ?? false }, async t => {
  const { startAgent } = await provider(t, { names: ['alice'] })
  const { bound, replica } = await startAgent()
  await until(() => replica.subscriberByUserName('alice') !== undefined)
  const [authentication, accounting] = [bound.authentication[0]?.port ?? 0, bound.accounting[0]?.port ?? 0]
  const ask = (attributes: string): Promise<string> => radclient(authentication, 'auth', SECRET, attributes)
  t.match(
    await ask('User-Name=alice,User-Password=alice-pw'),
    /Received Access-Accept[^]*Mikrotik-Rate-Limit = "20M\/100M"/
  )
  t.match(await ask('User-Name=alice,CHAP-Password=alice-pw'), /Received Access-Accept/)
  t.match(await ask('User-Name=alice,User-Password=wrong'), /Received Access-Reject/)
  t.match(await ask('User-Name=nobody,User-Password=wrong'), /Received Access-Reject/)
  t.match(await radclient(authentication, 'status', SECRET, 'Message-Authenticator=0x00'), /Received Access-Accept/)
  t.match(await radclient(accounting, 'status', SECRET, 'Message-Authenticator=0x00'), /Received Accounting-Response/)
  t.match(await radclient(authentication, 'auth', 'another', 'User-Name=alice,User-Password=alice-pw'), /No reply/)
})

t.test(
  'radclient: Gigawords, duplicates and disorder reach billing to the octet',
  { skip: withoutRadclient ?? false },
  async t => {
    const { billing, directory, startAgent } = await provider(t, { names: ['alice'] })
    const { bound, replica, ledger, uplink } = await startAgent()
    await until(() => replica.subscriberByUserName('alice') !== undefined)
    const report = (
      status: string,
      seconds: number,
      input: [number, number],
      output: [number, number]
    ): Promise<string> => {
      const time = `Acct-Session-Time=${seconds},Event-Timestamp=${Math.floor(Date.now() / 1000) - 1000 + seconds}`
      const octets = `Acct-Input-Octets=${input[0]},Acct-Input-Gigawords=${input[1]},Acct-Output-Octets=${output[0]},Acct-Output-Gigawords=${output[1]}`
      const session = 'User-Name=alice,Acct-Session-Id=81000001,NAS-Port=15'
      return radclient(
        bound.accounting[0]?.port ?? 0,
        'acct',
        SECRET,
        `Acct-Status-Type=${status},${session},${time},${octets}`
      )
    }
    t.match(await report('Start', 0, [0, 0], [0, 0]), /Accounting-Response/)
    await report('Interim-Update', 300, [4_000_000_000, 0], [1_000_000, 1])
    await report('Interim-Update', 900, [2_000_000_000, 1], [3_000_000, 7])
    await report('Interim-Update', 600, [1_000_000_000, 1], [2_000_000, 5])
    await report('Interim-Update', 900, [2_000_000_000, 1], [3_000_000, 7])
    await report('Stop', 1000, [2_000_000_123, 1], [4_000_000, 7])
    t.match(await report('Stop', 1000, [2_000_000_123, 1], [4_000_000, 7]), /Accounting-Response/)
    await ledger.settled()
    await until(() => uplink?.status().backlog === 0)
    const { upOctets, downOctets } = billing.totals()
    t.equal(upOctets, 2n ** 32n + 2_000_000_123n)
    t.equal(downOctets, 7n * 2n ** 32n + 4_000_000n)
    t.equal(billing.account('sub_alice').downOctets, downOctets)
    t.same(await whyOfTheOnly(directory), [
      'start',
      'interim',
      'interim',
      'late',
      'duplicate',
      'stop',
      'stop',
      'duplicate'
    ])
  }
)

/** What turnpike why says of the one session that there is: its steps, in their order. */
async function whyOfTheOnly(directory: string): Promise<string[]> {
  const api = new ApiClient(join(directory, 'api.sock'))
  try {
    const { sessions } = await api.get<wire.SessionList>('/v1/sessions', { state: 'closed' })
    const { steps } = await api.get<wire.Story>(`/v1/sessions/${sessions[0]?.id}/why`)
    return steps.map(({ cause }) => cause)
  } finally {
    await api.close()
  }
}

t.test('a line that loses, doubles and swaps datagrams changes no bill', async t => {
  const names = Array.from({ length: 20 }, (_, n) => `user${n}`)
  const { billing, startAgent } = await provider(t, { names })
  const { bound, replica, ledger, uplink } = await startAgent()
  await until(() => replica.counts().subscriber === names.length)
  const nas = new VirtualNas({
    server: {
      host: '127.0.0.1',
      authPort: bound.authentication[0]?.port ?? 0,
      acctPort: bound.accounting[0]?.port ?? 0
    },
    secret: SECRET,
    subscribers: names.map((userName, n) => ({ userName, password: `${userName}-pw`, method: n % 2 ? 'chap' : 'pap' })),
    habits: { interimMs: 50 },
    retransmission: { intervalMs: 60, transmissions: 20 },
    faults: { drop: 0.15, duplicate: 0.2, reorder: 0.2 }
  })
  await nas.start()
  await until(() => nas.totals().acknowledged.down > 5_000_000n)
  await nas.stop()
  await ledger.settled()
  await until(() => uplink?.status().backlog === 0)
  const { used } = nas.totals()
  const { upOctets, downOctets } = billing.totals()
  t.strictSame({ up: upOctets, down: downOctets }, used)
})

t.test(
  'a suspension at billing reaches FreeRADIUS as a valid Disconnect-Request',
  { skip: withoutFreeradius ?? false },
  async t => {
    const session = '81000042'
    const das = await startFreeradius(t.testdir({}), SECRET, session)
    t.teardown(() => das.stop())
    const { billing, startAgent } = await provider(t, { names: ['alice'], whenSpent: 'reject', coaPort: das.port })
    const { bound, replica } = await startAgent()
    await until(() => replica.subscriberByUserName('alice') !== undefined)
    const client = new RadiusClient({
      host: '127.0.0.1',
      port: bound.accounting[0]?.port ?? 0,
      secret: new Secret(SECRET)
    })
    t.teardown(() => client.close())
    const report = (status: number): Promise<unknown> => {
      const attributes = new AttributeWriter().uint32(Attr.AcctStatusType, status).add(Attr.AcctSessionId, session)
      attributes.add(Attr.UserName, 'alice').ipv4(Attr.FramedIpAddress, '100.64.0.7')
      return client.request({ code: Code.AccountingRequest, attributes: () => attributes.finish() })
    }
    await report(AcctStatusType.Start)
    await billing.suspend('sub_alice', { how: 'reject', reason: 'unpaid', reference: 'INV-7' })
    await until(() => das.log().includes('Sent Disconnect-ACK'))
    t.match(das.log(), new RegExp(`Received Disconnect-Request[^]*Acct-Session-Id = "${session}"`))
    await report(AcctStatusType.Stop)
    await until(() => billing.account('sub_alice').enforcement?.state === 'proven')
    t.match(billing.account('sub_alice').enforcement, { way: 'disconnect', proof: 'stop' })
  }
)

t.test('kill -9 under load: what was acknowledged is at billing, once', async t => {
  const rounds = Number(process.env['TURNPIKE_KILLS'] ?? 4)
  const names = Array.from({ length: 40 }, (_, n) => `user${n}`)
  const [authentication = 0, accounting = 0] = await freePorts(2)
  const { billing, spawnAgent } = await provider(t, { names, ports: { authentication, accounting } })
  let agent = await spawnAgent()
  await until(() => billing.totals().byType['turnpike.agent.status'] !== undefined)
  const nas = new VirtualNas({
    server: { host: '127.0.0.1', authPort: authentication, acctPort: accounting },
    secret: SECRET,
    subscribers: names.map(userName => ({ userName, password: `${userName}-pw` })),
    habits: { interimMs: 20, retryMs: 100, mostRetryMs: 200 },
    retransmission: { intervalMs: 100, transmissions: 100 }
  })
  await nas.start()
  for (let round = 0; round < rounds; round++) {
    const before = nas.totals().acknowledged.down
    await until(() => nas.totals().acknowledged.down > before + 2_000_000n)
    agent.kill('SIGKILL')
    agent = await spawnAgent()
  }
  await nas.stop({ patienceMs: 30_000 })
  const { used, acknowledged } = nas.totals()
  t.strictSame(acknowledged, used, 'every report was acknowledged in the end')
  await until(() => billing.totals().downOctets >= acknowledged.down)
  agent.kill('SIGTERM')
  await new Promise(resolve => agent.once('exit', resolve))
  const { upOctets, downOctets } = billing.totals()
  t.strictSame({ up: upOctets, down: downOctets }, acknowledged)
  t.strictSame(
    billing.streams().flatMap(({ gaps }) => gaps),
    [],
    'no sequence is missing'
  )
})
