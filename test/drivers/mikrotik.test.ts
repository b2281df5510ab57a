import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  type After,
  type Device,
  DriverError,
  type SessionRef,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { ladder } from '../../agent/enforcement/ladder.js'
import { loginOf } from '../../drivers/credential.js'
import { drivers, isDriverName } from '../../drivers/index.js'
import { Connection, mikrotik, readTarget } from '../../drivers/mikrotik/index.js'
import { encodeSentence, printSentence, SentenceReader, startsLikeReply } from '../../protocols/routeros/index.js'
import { type Faults, RouterosSimulator, type Security, type SimulatorOptions } from '../../sandbox/routeros/index.js'
import { pki } from '../server/radius/certificates.js'
import { type Behaviour, type DriverBench, driverSuite, failureOf } from './suite.js'

const PASSWORD = 'pass=wörd: nobody tells'
const NOW = Date.UTC(2026, 10, 24, 10)
const user = { name: 'turnpike', password: PASSWORD, policies: ['api', 'read', 'write'] } as const
const lists = '/ip/firewall/address-list'
const forever = new AbortController().signal

const session: SessionRef = {
  id: 's1',
  nas: 'bras-1',
  acctSessionId: '81000001',
  userName: 'alice',
  framedIpv4: '100.64.0.7',
  callingStation: '02:00:00:00:00:01'
}
const full: Treatment = { kind: 'full', reason: 'active', attributes: [] }
const walled: Treatment = { kind: 'walled', reason: 'unpaid', attributes: [] }
const blocked: Treatment = { kind: 'blocked', reason: 'unpaid', attributes: [] }
const throttled: Treatment = {
  kind: 'throttled',
  reason: 'quota',
  rate: { up: 512_000, down: 1_000_000 },
  attributes: []
}
const alice: SubscriberRef = {
  id: 'sub-1',
  userName: 'alice',
  macs: [],
  ipv4: '100.64.0.7',
  sessions: [session],
  full
}
/** Static address, no RADIUS. */
const bob: SubscriberRef = { id: 'sub-2', userName: 'bob', macs: [], ipv4: '192.0.2.20', sessions: [], full }
/** DHCP, by MAC. */
const carol: SubscriberRef = { id: 'sub-3', userName: 'carol', macs: ['02:00:00:00:00:0c'], sessions: [], full }

interface Lab {
  readonly router: RouterosSimulator
  readonly driver: ReturnType<typeof mikrotik>
}

interface LabOptions extends SimulatorOptions {
  readonly options?: Device['options']
  readonly credential?: string
  readonly security?: Security
  readonly port?: number
}

async function lab(t: Test, { options, credential, security, port, ...of }: LabOptions = {}): Promise<Lab> {
  const router = new RouterosSimulator({ users: [user], ...of })
  const bound = await router.listen(security === undefined ? {} : { security })
  t.teardown(() => router.close())
  furnish(router)
  const device = {
    id: 'core-1',
    driver: 'mikrotik',
    address: `127.0.0.1:${port ?? bound}`,
    options: { allowLocal: true, transport: 'plain', ...options }
  }
  const driver = mikrotik({ device, credential: () => credential ?? `turnpike:${PASSWORD}`, clock: () => NOW })
  t.teardown(() => driver.close())
  return { router, driver }
}

/** Alice by PPPoE with RADIUS, Carol by DHCP, and the rules that make the lists count. */
function furnish({ tables }: RouterosSimulator): void {
  tables.put('/ppp/active', {
    name: 'alice',
    service: 'pppoe',
    'caller-id': '02:00:00:00:00:01',
    address: '100.64.0.7',
    'session-id': '0x81000001',
    radius: 'true'
  })
  tables.put('/ip/dhcp-server/lease', {
    address: '192.0.2.30',
    'active-address': '192.0.2.30',
    'mac-address': '02:00:00:00:00:0C',
    status: 'bound',
    dynamic: 'true',
    radius: 'false'
  })
  tables.put('/interface', { name: 'ether1', 'rx-byte': '18446744073709551615', 'tx-byte': '7' })
  tables.put('/interface', { name: '<pppoe-alice>', 'rx-byte': '100', 'tx-byte': '9000000000' })
  tables.put('/queue/simple', {
    name: '<pppoe-alice>',
    target: '<pppoe-alice>',
    'max-limit': '2000000/20000000',
    bytes: '11/22',
    dynamic: 'true',
    disabled: 'false'
  })
  for (const list of ['turnpike-walled', 'turnpike-blocked'])
    tables.add('/ip/firewall/filter', { chain: 'forward', 'src-address-list': list, action: 'reject' })
}

function listed({ tables }: RouterosSimulator): string[] {
  return tables.rows(lists).map(({ list, address, comment }) => `${list} ${address} ${comment}`)
}

function changes({ commands }: RouterosSimulator): string[] {
  return commands.map(([name = '']) => name).filter(name => !name.endsWith('/print'))
}

async function peer(t: Test, say: string | Buffer): Promise<number> {
  const server: Server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.write(say)
    t.teardown(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function bench(t: Test, behaviour: Behaviour): Promise<DriverBench> {
  const faults: Record<Behaviour, Faults> = {
    answers: {},
    hangs: { hang: '' },
    unreachable: {},
    'wrong-credential': {},
    garbage: { banner: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }
  }
  const { router, driver } = await lab(t, {
    faults: faults[behaviour],
    ...(behaviour === 'unreachable' && { port: await closedPort() }),
    ...(behaviour === 'wrong-credential' && { credential: `turnpike:${PASSWORD}!` })
  })
  router.tables.add(lists, { list: 'turnpike-blocked', address: '100.64.0.7', comment: 'turnpike:sub-1' })
  return { driver, who: alice, line: bob, treatment: walled, credential: PASSWORD }
}

driverSuite(t, 'mikrotik', {
  open: bench,
  credential: PASSWORD,
  bad: {
    'wrong password': {
      code: 'AUTH',
      says: /Compare user and password/,
      open: async t => (await lab(t, { credential: `turnpike:${PASSWORD}!` })).driver
    },
    'another certificate': {
      code: 'AUTH',
      says: /is not trusted.*fingerprint/,
      open: async t => {
        const { issue, pem } = pki(t.testdir())
        issue('router', '/CN=core-1', { names: 'DNS:core-1.example', usage: 'serverAuth' })
        const security = { cert: pem('router.pem'), key: pem('router.key') }
        return (await lab(t, { security, options: { transport: 'tls' } })).driver
      }
    },
    'another make': {
      code: 'PROTOCOL',
      says: /looks like an SSH server.*Check address and port/,
      open: async t => (await lab(t, { port: await peer(t, 'SSH-2.0-OpenSSH_9\r\n') })).driver
    },
    'half a reply': {
      code: 'UNREACHABLE',
      says: /before its answer was complete/,
      open: async t => (await lab(t, { faults: { half: '/system/identity' } })).driver
    },
    'the uplink': 'no port is switched off by this driver'
  }
})

t.test('the list of drivers names it', async t => {
  t.equal(drivers.mikrotik, mikrotik)
  t.ok(isDriverName('mikrotik'))
})

t.test('it is the rung after CoA and Disconnect', async t => {
  const { driver } = await lab(t)
  const capabilities = ['disconnect', 'change', 'block', 'restore'] as const
  const dae = { ...driver, name: 'radius-dae', acts: 'session', capabilities } as const
  const step = { difference: 'tighter', how: walled, whole: [], sayable: true } as const
  t.strictSame(
    ladder(
      step,
      [dae, driver].map(one => ({ driver: one, place: 'r1', ports: [], beside: false }))
    ).map(({ way, verb, driver: { name } }) => `${way} ${verb} ${name}`),
    ['coa change radius-dae', 'disconnect disconnect radius-dae', 'api block mikrotik', 'api disconnect mikrotik']
  )
})

t.test('walled garden by address list', async t => {
  t.test('the entry bears the subscriber, is read back, and is made once', async t => {
    const { router, driver } = await lab(t)
    const applied = await driver.block(alice, walled, forever)
    t.match(applied, { result: 'changed', proof: /100\.64\.0\.7 on the list turnpike-walled/ })
    t.strictSame(listed(router), ['turnpike-walled 100.64.0.7 turnpike:sub-1'])
    t.match(await driver.observe(alice, forever), {
      present: true,
      treatment: 'walled',
      detail: /100\.64\.0\.7 \(ppp\)/
    })
    t.match(await driver.block(alice, walled, forever), { result: 'unchanged', proof: /turnpike-walled/ })
    t.equal(router.tables.rows('/ppp/active').length, 1, 'the session stays')
  })

  t.test('restore takes away ours and nothing else', async t => {
    const { router, driver } = await lab(t)
    router.tables.add(lists, { list: 'vip', address: '100.64.0.7', comment: 'by hand' })
    await driver.block(alice, walled, forever)
    t.match(await driver.restore(alice, forever), { result: 'changed', proof: /No entry or queue of ours/ })
    t.strictSame(listed(router), ['vip 100.64.0.7 by hand'])
    t.match(await driver.observe(alice, forever), { treatment: 'full' })
    t.match(await driver.restore(alice, forever), { result: 'unchanged' })
  })

  t.test('what change made for a session, restore finds for its subscriber', async t => {
    const { router, driver } = await lab(t)
    t.match(await driver.change(session, { ...walled, list: 'turnpike-walled' }, forever), { result: 'changed' })
    t.strictSame(listed(router), ['turnpike-walled 100.64.0.7 turnpike:user=alice'])
    t.match(await driver.observe(alice, forever), { treatment: 'walled' })
    t.match(await driver.restore(alice, forever), { result: 'changed' })
    t.strictSame(listed(router), [])
  })

  t.test('a list that no rule looks at stops nobody: that is said before anything is done', async t => {
    const { router, driver } = await lab(t)
    router.tables.rows('/ip/firewall/filter').length = 0
    const error = await failureOf(driver.block(alice, walled, forever))
    t.match(error, { code: 'REJECTED', message: /No firewall rule.*\/ip firewall filter add chain=forward/ })
    t.strictSame(changes(router), [], 'nothing was changed')
    router.tables.add(lists, { list: 'turnpike-walled', address: '100.64.0.7' })
    t.match(await driver.observe(alice, forever), { present: true, treatment: undefined, detail: /stops nobody/ })
  })

  t.test('a rule by exception counts too, one that is off does not', async t => {
    const { router, driver } = await lab(t)
    const rules = router.tables.rows('/ip/firewall/filter')
    rules.length = 0
    const id = router.tables.add('/ip/firewall/filter', { chain: 'forward', 'src-address-list': '!turnpike-walled' })
    router.tables.set('/ip/firewall/filter', id, { disabled: 'yes' })
    t.match(await failureOf(driver.block(alice, walled, forever)), { code: 'REJECTED' })
    router.tables.set('/ip/firewall/filter', id, { disabled: 'no' })
    t.match(await driver.block(alice, walled, forever), { result: 'changed' })
  })

  t.test('nobody suffers for the last holder of an address', async t => {
    const { router, driver } = await lab(t)
    const gone = { ...alice, id: 'sub-9', userName: 'mallory', sessions: [{ ...session, userName: 'mallory' }] }
    t.match(
      await failureOf(driver.block(gone, walled, forever)),
      { code: 'NO_SUCH_SESSION' },
      "the address is alice's now"
    )
    const offline = { ...bob, ipv4: '100.64.0.7' }
    t.match(await failureOf(driver.block(offline, walled, forever)), { code: 'NO_SUCH_SESSION' })
    t.strictSame(changes(router), [])
    router.tables.add(lists, { list: 'turnpike-walled', address: '100.64.0.7', comment: 'turnpike:sub-8' })
    await driver.restore(alice, forever)
    t.strictSame(listed(router), [], 'an entry of whoever had it before is stale')
  })

  t.test('an entry that is not ours is named, not removed', async t => {
    const { router, driver } = await lab(t)
    router.tables.add(lists, { list: 'turnpike-walled', address: '100.64.0.7', comment: 'by hand' })
    t.match(await failureOf(driver.restore(alice, forever)), { code: 'REJECTED', message: /not ours/ })
    t.strictSame(listed(router), ['turnpike-walled 100.64.0.7 by hand'])
    t.match(await driver.block(alice, walled, forever), { result: 'unchanged' }, 'it is fenced as it is')
  })

  t.test('a fence that RADIUS made goes with its session', async t => {
    const { router, driver } = await lab(t)
    router.tables.put(lists, { list: 'turnpike-walled', address: '100.64.0.7', dynamic: 'true', disabled: 'false' })
    t.match(await driver.restore(alice, forever), { result: 'changed', proof: /comes back with everything/ })
    t.strictSame(router.tables.rows('/ppp/active'), [])
  })

  t.test('a gateway fences addresses whose sessions end elsewhere', async t => {
    const { router, driver } = await lab(t, { options: { gateway: true } })
    router.tables.rows('/ppp/active').length = 0
    t.match(await driver.block(alice, walled, forever), { result: 'changed' })
    t.strictSame(listed(router), ['turnpike-walled 100.64.0.7 turnpike:sub-1'])
    t.match(await driver.observe(alice, forever), { treatment: 'walled', detail: /given/ })
  })
})

t.test('blocked', async t => {
  t.test('the PPP session ends, and its address is left to the next', async t => {
    const { router, driver } = await lab(t)
    await driver.block(alice, walled, forever)
    t.match(await driver.block(alice, blocked, forever), { result: 'changed', proof: /are gone from the router/ })
    t.strictSame(router.tables.rows('/ppp/active'), [])
    t.strictSame(listed(router), [])
    t.match(await driver.observe(alice, forever), { present: false })
    t.match(await driver.block(alice, blocked, forever), { result: 'unchanged' })
  })

  t.test('hotspot too', async t => {
    const { router, driver } = await lab(t)
    router.tables.rows('/ppp/active').length = 0
    router.tables.put('/ip/hotspot/active', { user: 'alice', address: '10.5.0.2', radius: 'true' })
    t.match(await driver.block(alice, blocked, forever), { result: 'changed' })
    t.strictSame(router.tables.rows('/ip/hotspot/active'), [])
  })

  t.test('who needs no session is fenced by address', async t => {
    const { router, driver } = await lab(t)
    t.match(await driver.block(bob, blocked, forever), { result: 'changed', proof: /192\.0\.2\.20/ })
    t.match(await driver.block(carol, blocked, forever), { result: 'changed', proof: /192\.0\.2\.30/ })
    t.strictSame(listed(router), [
      'turnpike-blocked 192.0.2.20 turnpike:sub-2',
      'turnpike-blocked 192.0.2.30 turnpike:sub-3'
    ])
    t.match(await driver.observe(carol, forever), { present: true, treatment: 'blocked' })
    t.match(await driver.block(bob, walled, forever), { result: 'changed' })
    t.match(listed(router), ['turnpike-blocked 192.0.2.30 turnpike:sub-3', 'turnpike-walled 192.0.2.20 turnpike:sub-2'])
  })

  t.test('routers without the hotspot package are driven all the same', async t => {
    const { router, driver } = await lab(t)
    router.tables.uninstall('/ip/hotspot/active')
    t.match(await driver.block(alice, blocked, forever), { result: 'changed' })
  })
})

t.test('disconnect', async t => {
  t.test('ends the session of that id, and no other of the same name', async t => {
    const { router, driver } = await lab(t)
    t.match(await driver.disconnect({ ...session, acctSessionId: '81000002' }, forever), {
      result: 'unchanged',
      proof: /no such session/
    })
    t.equal(router.tables.rows('/ppp/active').length, 1)
    t.match(await driver.disconnect(session, forever), { result: 'changed', proof: /gone from its table/ })
    t.equal(router.tables.rows('/ppp/active').length, 0)
  })

  t.test('a dynamic lease is taken away, which proves nothing yet', async t => {
    const { router, driver } = await lab(t)
    const dhcp = { ...session, userName: '02:00:00:00:00:0C', framedIpv4: '192.0.2.30', acctSessionId: 'dhcp' }
    const applied = await driver.disconnect(dhcp, forever)
    t.match(applied, { result: 'changed', detail: /until they ask for it again/ })
    t.equal(applied.proof, undefined)
    t.strictSame(router.tables.rows('/ip/dhcp-server/lease'), [])
  })

  t.test('a static lease has nothing to end', async t => {
    const { router, driver } = await lab(t)
    Object.assign(router.tables.rows('/ip/dhcp-server/lease')[0] ?? {}, { dynamic: 'false' })
    const dhcp = { ...session, userName: '02-00-00-00-00-0c', framedIpv4: '192.0.2.30' }
    t.match(await failureOf(driver.disconnect(dhcp, forever)), { code: 'UNSUPPORTED' })
  })
})

t.test('rates', async t => {
  const rate = { up: 5_000_000, down: 50_000_000 }
  const line: SubscriberRef = { ...bob, full: { ...full, rate }, rated: true }

  t.test('a line has a queue of ours before all others, up before down, until it is taken back', async t => {
    const { router, driver } = await lab(t)
    router.tables.add('/queue/simple', { name: 'old', target: '10.0.0.0/8' })
    const before = router.tables.rows('/queue/simple').length
    t.match(await driver.setRate(line, rate, forever), {
      result: 'changed',
      proof: /5000000 bit\/s up and 50000000 bit\/s down/
    })
    const names = router.tables.rows('/queue/simple').map(({ name }) => name)
    t.ok(names.indexOf('turnpike:sub-2') < names.indexOf('old'))
    const ours = () => router.tables.rows('/queue/simple').find(({ name }) => name === 'turnpike:sub-2')
    t.match(ours(), { target: '192.0.2.20', 'max-limit': '5000000/50000000' })
    t.match(await driver.setRate(line, rate, forever), { result: 'unchanged' })
    t.match(await driver.setRate(line, { ...rate, up: 6_000_000 }, forever), { result: 'changed' })
    t.equal(router.tables.rows('/queue/simple').length, before + 1, 'the same queue')
    t.match(await driver.setRate({ ...line, sessions: [] }, undefined, forever), {
      result: 'changed',
      proof: /No queue/
    })
    t.equal(ours(), undefined)
    t.match(await driver.setRate(line, undefined, forever), { result: 'unchanged' })
  })

  t.test('restoring a line brings its rate back, and its queue is the whole profile then', async t => {
    const { router, driver } = await lab(t)
    await driver.setRate(line, rate, forever)
    t.match(await driver.observe(line, forever), {
      treatment: 'full',
      rate,
      detail: /5000000\/50000000 by our queue/
    })
    for (const how of [walled, blocked, throttled]) {
      await driver.block(line, how, forever)
      t.match(await driver.observe(line, forever), { treatment: how.kind })
      t.match(await driver.restore(line, forever), { result: 'changed' }, how.kind)
      t.match(await driver.observe(line, forever), { treatment: 'full' })
      const ours = router.tables.rows('/queue/simple').find(({ comment }) => comment === 'turnpike:sub-2')
      t.match(ours, { 'max-limit': '5000000/50000000' })
    }
    t.match(await driver.restore(line, forever), { result: 'unchanged' })
    await driver.restore({ ...line, full }, forever)
    t.strictSame(
      router.tables.rows('/queue/simple').filter(({ comment }) => comment !== undefined),
      []
    )
  })

  t.test('a static lease that has a rate of its own is not ours to change: it is enough, or in the way', async t => {
    const { router, driver } = await lab(t)
    Object.assign(router.tables.rows('/ip/dhcp-server/lease')[0] ?? {}, { dynamic: 'false', 'rate-limit': '1M/8M' })
    t.match(await driver.setRate(carol, { up: 1_000_000, down: 8_000_000 }, forever), { result: 'unchanged' })
    t.match(await failureOf(driver.setRate(carol, rate, forever)), { code: 'REJECTED', message: /rate-limit 1M\/8M/ })
    t.match(router.tables.rows('/ip/dhcp-server/lease'), [{ 'rate-limit': '1M/8M' }])
    await driver.block(carol, throttled, forever)
    t.match(router.tables.rows('/ip/dhcp-server/lease'), [{ 'rate-limit': '512000/1000000' }])
    await driver.restore({ ...carol, full: { ...full, rate }, rated: true }, forever)
    t.match(router.tables.rows('/ip/dhcp-server/lease'), [{ 'rate-limit': '5000000/50000000' }])
  })

  t.test('a session of RADIUS has its rate from there', async t => {
    const { driver } = await lab(t)
    t.match(await failureOf(driver.setRate(alice, rate, forever)), { code: 'UNSUPPORTED', message: /RADIUS/ })
  })

  t.test('throttled: a queue where we decide, the next session where RADIUS does', async t => {
    const { driver } = await lab(t)
    t.match(await driver.block(carol, throttled, forever), { result: 'changed' })
    t.match(await driver.observe(carol, forever), { treatment: 'throttled', detail: /512000\/1000000/ })
    t.match(await driver.block(carol, throttled, forever), { result: 'unchanged' })
    t.match(await driver.restore(carol, forever), { result: 'changed' })
    t.match(await driver.observe(carol, forever), { treatment: 'full' })
    t.match(await failureOf(driver.change(session, throttled, forever)), { code: 'UNSUPPORTED', message: /RADIUS/ })
    const { rate: _none, ...unrated } = throttled
    t.match(await failureOf(driver.block(carol, unrated, forever)), { code: 'UNSUPPORTED' })
  })

  t.test('another rate on a session of RADIUS is left to RADIUS, the same rate is there', async t => {
    const { driver } = await lab(t)
    const faster = { ...full, rate: { up: 2_000_000, down: 30_000_000 } }
    t.match(await failureOf(driver.change(session, faster, forever)), { code: 'UNSUPPORTED' })
    const same = { ...full, rate: { up: 2_000_000, down: 20_000_000 } }
    t.match(await driver.change(session, same, forever), { result: 'unchanged' })
  })
})

t.test('counters: 64 bits, from the view of the subscriber', async t => {
  const { router, driver } = await lab(t)
  router.tables.put('/queue/simple', { name: 'q', comment: 'turnpike:sub-2', target: '192.0.2.20/32', bytes: '5/9' })
  router.tables.put('/interface', { name: 'off' })
  const samples = []
  for await (const { key, at, upOctets, downOctets } of driver.readCounters(forever))
    samples.push([key, at - NOW, upOctets, downOctets])
  t.strictSame(samples, [
    ['interface:ether1', 0, 18_446_744_073_709_551_615n, 7n],
    ['interface:<pppoe-alice>', 0, 100n, 9_000_000_000n],
    ['queue:<pppoe-alice>', 0, 11n, 22n],
    ['subscriber:sub-2', 0, 5n, 9n]
  ])
})

t.test('a table of 100,000 rows is streamed where all are wanted, and refused in words where one is', async t => {
  const { router, driver } = await lab(t)
  for (let n = 0; n < 100_000; n++)
    router.tables.rows('/interface').push({ name: `i${n}`, 'rx-byte': '1', 'tx-byte': '2' })
  let up = 0n
  for await (const { upOctets } of driver.readCounters(forever)) up += upOctets > 100n ? 0n : upOctets
  t.equal(up, 100_111n)
  for (let n = 0; n < 10_001; n++)
    router.tables.rows(lists).push({ '.id': `*x${n}`, list: 'l', address: '1.1.1.1', comment: 'turnpike:sub-1' })
  const error = await failureOf(driver.block(alice, walled, forever))
  t.match(error, { code: 'UNSUPPORTED', message: /more than 10000 rows/ })
  t.strictSame(changes(router), [])
  t.match(await driver.health(forever), /MikroTik/, 'the connection is as good as before')
})

t.test('a reader who stops early leaves nothing behind', async t => {
  const { router, driver } = await lab(t)
  for (let n = 0; n < 20_000; n++)
    router.tables.rows('/interface').push({ name: `i${n}`, 'rx-byte': '1', 'tx-byte': '2' })
  for await (const _ of driver.readCounters(forever)) break
  const all = []
  for await (const { key } of driver.readCounters(forever)) all.push(key)
  t.equal(all.length, 20_003)
})

t.test('health is who the router is', async t => {
  const { router, driver } = await lab(t)
  router.tables.set('/system/identity', undefined, { name: 'Łódź-1' })
  t.match(
    await driver.health(forever),
    'MikroTik CHR "Łódź-1" with RouterOS 7.18.2 (stable), up 1d2h3m4s, takes our login.'
  )
})

t.test('a router that acknowledges and does nothing is found out', async t => {
  const { router, driver } = await lab(t)
  router.faults = { lie: `${lists}/add` }
  t.match(await failureOf(driver.block(alice, walled, forever)), { code: 'REJECTED', message: /is not on the list/ })
})

t.test('logins', async t => {
  t.test('routers before 6.43 challenge, and a plain connection need not carry the password', async t => {
    for (const login of ['password', 'challenge']) {
      const { driver } = await lab(t, { legacyLogin: true, saysEmpty: false, options: { login } })
      t.match(await driver.health(forever), /takes our login/, login)
      const wrong = await lab(t, { legacyLogin: true, options: { login }, credential: 'turnpike:wrong' })
      t.match(await failureOf(wrong.driver.health(forever)), { code: 'AUTH', message: /cannot log in/ })
    }
    const { driver } = await lab(t, { options: { login: 'challenge' } })
    t.match(await failureOf(driver.health(forever)), { code: 'AUTH' })
  })

  t.test('rights that are missing are named', async t => {
    const { driver } = await lab(t, { users: [{ ...user, policies: ['api', 'read'] }] })
    t.match(await driver.health(forever), /takes our login/)
    t.match(await failureOf(driver.block(alice, walled, forever)), {
      code: 'AUTH',
      message: /policies api, read and write/
    })
    const locked = await lab(t, { users: [{ ...user, policies: ['read'] }] })
    t.match(await failureOf(locked.driver.health(forever)), { code: 'AUTH', message: /not permitted/ })
  })

  t.test('credentials come as a line or as JSON, and are not repeated', async t => {
    t.strictSame(
      loginOf(() => 'a:b:c\n'),
      { user: 'a', password: 'b:c' }
    )
    t.strictSame(
      loginOf(() => ' {"user":"a","password":"b"}'),
      { user: 'a', password: 'b' }
    )
    for (const bad of ['hunter2', ':hunter2', '{"user":"hunter2"}', '{hunter2']) {
      const error = t.throws(() => loginOf(() => bad), { code: 'AUTH' })
      t.notMatch(String(error), 'hunter2')
    }
    const lost = mikrotik({
      device: { id: 'x', driver: 'mikrotik', address: '192.0.2.1' },
      clock: () => NOW,
      credential: () => {
        throw new Error('SECRET_MISSING')
      }
    })
    t.match(await failureOf(lost.health(forever)), { code: 'AUTH', message: /secret store/ })
  })
})

t.test('TLS', async t => {
  const { issue, pem } = pki(t.testdir())
  issue('router', '/CN=core-1', { names: 'DNS:core-1.example,IP:127.0.0.1', usage: 'serverAuth' })
  issue('other', '/CN=other', { names: 'DNS:other.example', usage: 'serverAuth' })
  const security = { cert: pem('router.pem'), key: pem('router.key') }
  const tls = { transport: 'tls' }

  t.test('the authority is pinned, and the name is checked', async t => {
    const ca = pem('ca.pem')
    const good = await lab(t, { security, options: { ...tls, ca } })
    t.match(await good.driver.health(forever), /takes our login/)
    const named = await lab(t, { security, options: { ...tls, ca, serverName: 'core-1.example' } })
    t.match(await named.driver.health(forever), /takes our login/)
    const misnamed = await lab(t, { security, options: { ...tls, ca, serverName: 'core-2.example' } })
    t.match(await failureOf(misnamed.driver.health(forever)), { code: 'AUTH', message: /ALTNAME/ })
    t.strictSame(misnamed.router.commands, [])
    const foreign = { cert: pem('other.pem'), key: pem('other.key') }
    const { driver } = await lab(t, { security: foreign, options: { ...tls, ca: pem('router.pem') } })
    t.match(await failureOf(driver.health(forever)), { code: 'AUTH', message: /is not trusted/ })
  })

  t.test('one certificate may be pinned by its fingerprint, which the error shows', async t => {
    const unpinned = await lab(t, { security, options: tls })
    const { message, code } = await failureOf(unpinned.driver.health(forever))
    t.equal(code, 'AUTH')
    const [, fingerprint = ''] = /SHA-256 is ([0-9A-F:]+):/.exec(message) ?? []
    const pinned = await lab(t, { security, options: { ...tls, fingerprint } })
    t.match(await pinned.driver.health(forever), /takes our login/)
    const other = { cert: pem('other.pem'), key: pem('other.key') }
    const swapped = await lab(t, { security: other, options: { ...tls, fingerprint } })
    t.match(await failureOf(swapped.driver.health(forever)), { code: 'AUTH', message: /not the one that is pinned/ })
  })

  t.test('a router without a certificate is driven only when that is allowed', async t => {
    const refused = await lab(t, { security: 'anonymous', options: tls })
    const error = await failureOf(refused.driver.health(forever))
    t.match(error, { code: 'PROTOCOL', message: /transport "anonymous"/ })
    const { driver } = await lab(t, { security: 'anonymous', options: { transport: 'anonymous' } })
    t.match(await driver.block(alice, walled, forever), { result: 'changed' })
  })

  t.test('TLS and plain ports that are mixed up are told', async t => {
    const mute = await lab(t, { options: tls, port: await peer(t, '') })
    const silent = await failureOf(mute.driver.health(AbortSignal.timeout(100)))
    t.match(silent, { code: 'TIMEOUT', message: /did not answer TLS\. Is the port 8729/ })
    const ssh = await lab(t, { options: tls, port: await peer(t, 'SSH-2.0-ROSSSH\r\n') })
    t.match(await failureOf(ssh.driver.health(forever)), { code: 'PROTOCOL', message: /No TLS/ })
    const { driver } = await lab(t, { security })
    t.match(await failureOf(driver.health(forever)), { code: 'UNREACHABLE', message: /is the port right/ })
    const alert = Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46])
    const alerted = await lab(t, { port: await peer(t, alert) })
    t.match(await failureOf(alerted.driver.health(forever)), { code: 'PROTOCOL', message: /looks like TLS/ })
  })
})

t.test('what else may answer', async t => {
  t.test('another make', async t => {
    for (const [banner, who] of [
      ['SSH-2.0-ROSSSH\r\n', /an SSH server/],
      ['HTTP/1.1 400 Bad Request\r\n', /a web server/],
      ['220 mail ready\r\n', /mail server/],
      [Buffer.from([0xff, 0xfd, 0x18]), /Telnet/],
      [Buffer.from([0xf5, 1, 2]), /does not speak/]
    ] as const) {
      const { driver } = await lab(t, { port: await peer(t, banner) })
      t.match(await failureOf(driver.health(AbortSignal.timeout(3000))), { code: 'PROTOCOL', message: who })
    }
  })

  t.test('half a reply, and !fatal', async t => {
    const half = await lab(t, { faults: { half: '/system/identity' } })
    t.match(await failureOf(half.driver.health(forever)), {
      code: 'UNREACHABLE',
      message: /before its answer was complete/
    })
    const fatal = await lab(t, { faults: { fatal: ['/system', `session terminated for ${PASSWORD}`] } })
    t.match(await failureOf(fatal.driver.health(forever)), { code: 'UNREACHABLE', message: /session terminated/ })
    const login = await lab(t, { faults: { fatal: ['/login', `not logged in with ${PASSWORD}`] } })
    const error = await failureOf(login.driver.health(forever))
    t.equal(error.code, 'AUTH')
    t.notMatch(String(error), PASSWORD)
  })

  t.test('a refusal that repeats the password is not passed on', async t => {
    const { driver } = await lab(t, { faults: { refuse: ['/ppp/secret/add', 'bad password swordfish', 1] } })
    const steps = [
      { at: '/ppp/secret', key: ['name', 'x'] as const, set: { password: 'swordfish' }, secret: ['password'] }
    ]
    const error = await failureOf(driver.provision({ template: 'one', values: {}, steps, dryRun: false }, forever))
    t.match(error.message, /bad password …/)
    t.notMatch(inspect(error), 'swordfish', 'not by its cause either')
  })

  t.test('the second entry is refused: the first is taken back', async t => {
    const { router, driver } = await lab(t)
    router.tables.put('/ppp/active', { name: 'alice', service: 'pppoe', address: '100.64.0.8', radius: 'true' })
    const add = router.tables.add.bind(router.tables)
    let adds = 0
    router.tables.add = (path, row) => {
      if (path === lists && ++adds === 2) throw new Error('out of memory')
      return add(path, row)
    }
    t.match(await failureOf(driver.block(alice, walled, forever)), { code: 'REJECTED' })
    t.strictSame(listed(router), [])
  })
})

t.test('the connection', async t => {
  t.test('many calls share one, and a new one is made after it ended', async t => {
    const { router, driver } = await lab(t)
    await Promise.all(Array.from({ length: 50 }, () => driver.observe(alice, AbortSignal.timeout(60_000))))
    t.equal(router.connections, 1)
    router.hangUp()
    t.match(await settled(() => driver.health(forever)), /MikroTik/)
  })

  t.test('a hung command is given up alone; the router that hangs is left', async t => {
    const { router, driver } = await lab(t)
    router.faults = { hang: '/ppp' }
    const error = await failureOf(driver.block(alice, walled, AbortSignal.timeout(50)))
    t.match(error, { code: 'TIMEOUT' })
    t.match(await driver.health(forever), /MikroTik/)
    t.equal(router.connections, 1, 'over the same connection')
    t.strictSame(changes(router), [])
  })

  t.test('a signal that was over before opens nothing', async t => {
    const { router, driver } = await lab(t)
    t.match(await failureOf(driver.health(AbortSignal.abort())), { code: 'TIMEOUT' })
    t.equal(router.connections, 0)
  })

  t.test('calls under way end when the driver is closed', async t => {
    const { router, driver } = await lab(t)
    await driver.health(forever)
    router.faults = { hang: '' }
    const call = failureOf(driver.health(forever))
    await until(() => router.commands.length >= 4)
    await driver.close()
    t.match(await call, { code: 'UNREACHABLE', message: /closed by us/ })
  })
})

t.test('device documents', async t => {
  const device = { id: 'x', driver: 'mikrotik', address: '192.0.2.1' }
  t.match(readTarget(device), { host: '192.0.2.1', port: 8729, transport: 'tls', login: 'password', allowLocal: false })
  t.match(readTarget({ ...device, options: { transport: 'plain' } }), { port: 8728 })
  t.match(readTarget({ ...device, address: '[2001:db8::1]:99' }), { host: '2001:db8::1', port: 99 })
  t.match(readTarget({ ...device, address: '2001:db8::1' }), { host: '2001:db8::1', port: 8729 })
  t.match(readTarget({ ...device, address: 'core-1.example' }), { host: 'core-1.example' })
  const bad = [
    { tls: true },
    { transport: 'ssl' },
    { gateway: 'yes' },
    { checkRules: 'no' },
    { allowLocal: 1 },
    { fingerprint: 'abc' },
    { ca: 5 },
    { login: 'none' }
  ]
  for (const options of bad) t.throws(() => readTarget({ ...device, options }), { code: 'UNSUPPORTED' })
  for (const address of ['a:b:c', 'x:99999', '[::1', 'x:0'])
    t.throws(() => readTarget({ ...device, address }), { code: 'UNSUPPORTED' }, address)
  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '[::1]:8728',
    '[::ffff:127.0.0.1]:8728',
    'localhost',
    '[fe80::1]'
  ]) {
    const driver = mikrotik({ device: { ...device, address }, credential: () => 'a:b', clock: () => NOW })
    t.match(await failureOf(driver.health(forever)), { code: 'UNSUPPORTED', message: /allowLocal/ }, address)
  }
})

/** A stream whose other end is a script, without a socket. */
class Line extends Duplex {
  readonly sent: string[][] = []
  readonly #reader = new SentenceReader()
  onSentence: (words: string[]) => void = () => undefined

  override _read(): void {}

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    for (const words of this.#reader.push(piece)) {
      this.sent.push(words)
      this.onSentence(words)
    }
    done()
  }
}

t.test('any cutting of the stream and any order of answers gives each command its own', async t => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(text, { maxLength: 3 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      fc.integer({ min: 0, max: 4 }),
      async (tables, cuts, turn) => {
        const line = new Line()
        const connection = new Connection(line)
        const answers = tables.map((_, n) => connection.ask([`/t${n}/print`], { signal: forever }))
        const sentences = tables.map((rows, n) => [
          ...(rows.length === 0 ? [['!empty', `.tag=${n + 1}`]] : []),
          ...rows.map(value => ['!re', `.tag=${n + 1}`, `=v=${value}`]),
          ['!done', `.tag=${n + 1}`]
        ])
        // Interleaved: the answers of different commands come between each other.
        const mixed: string[][] = []
        for (let n = turn; sentences.some(list => list.length > 0); n++) {
          const next = sentences[n % sentences.length]?.shift()
          if (next !== undefined) mixed.push(next)
        }
        const stream = Buffer.concat(mixed.map(encodeSentence))
        for (let at = 0, n = 0; at < stream.length; n++) {
          const end = at + (cuts[n % cuts.length] ?? 1)
          line.push(stream.subarray(at, end))
          at = end
        }
        const got = (await Promise.all(answers)).map(({ rows }) => rows.map(({ v }) => v))
        t.strictSame(got, tables)
        connection.close()
      }
    ),
    { numRuns: 60 }
  )
})

t.test('any octets settle every command, without an exception', async t => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async octets => {
      const line = new Line()
      const connection = new Connection(line)
      const answer = connection.ask(['/x/print'], { signal: forever }).then(
        () => 'answered',
        (error: unknown) => (error instanceof DriverError ? error.code : String(error))
      )
      line.push(Buffer.from(octets))
      line.push(null)
      t.ok(['answered', 'PROTOCOL', 'UNREACHABLE'].includes(await answer))
    }),
    { numRuns: 100 }
  )
})

t.test('silence is timed per command, and a router that says nothing at all is left', async t => {
  const timers: { ms: number; run: () => void; live: boolean }[] = []
  const after: After = (ms, run) => {
    const timer = { ms, run, live: true }
    timers.push(timer)
    return () => (timer.live = false)
  }
  const fire = (ms: number): void => timers.filter(timer => timer.live && timer.ms === ms).forEach(({ run }) => run())
  const line = new Line()
  const connection = new Connection(line, after)
  const slow = failureOf(connection.ask(['/slow/print'], { signal: forever, silence: 100 }))
  const patient = failureOf(connection.ask(['/patient/print'], { signal: forever, silence: 9000 }))
  fire(100)
  t.match(await slow, { code: 'TIMEOUT', message: /\/slow\/print for 100 ms/ })
  t.match(line.sent.at(-1), ['/cancel', '=tag=1', '.tag=3'], 'the router is told')
  t.ok(connection.open)
  fire(2000)
  t.notOk(connection.open)
  t.match(await patient, { code: 'UNREACHABLE', message: /hangs/ })
})

t.test('answers that fit nothing end the connection', async t => {
  for (const sentence of [['!re', '.tag=zz'], ['!done'], ['!what', '.tag=1']]) {
    const line = new Line()
    const answer = failureOf(new Connection(line).ask(['/x/print'], { signal: forever }))
    line.push(encodeSentence(sentence))
    t.match(await answer, { code: 'PROTOCOL' })
  }
})

t.test('categories of traps decide what is done next', async t => {
  for (const [message, category, code] of [
    ['no such item', '0', 'NO_SUCH_SESSION'],
    ['no such command', '0', 'UNSUPPORTED'],
    ['interrupted', '2', 'TIMEOUT'],
    ['failure: already have such entry', undefined, 'REJECTED'],
    ['something new', '4', 'REJECTED']
  ] as const) {
    const line = new Line()
    const connection = new Connection(line)
    const answer = failureOf(connection.ask(['/x/print'], { signal: forever }))
    const said = category === undefined ? [] : [`=category=${category}`]
    line.push(
      Buffer.concat(
        [
          ['!trap', '.tag=1', ...said, `=message=${message}`],
          ['!done', '.tag=1']
        ].map(encodeSentence)
      )
    )
    t.match(await answer, { code, deviceCode: Number(category ?? 4) }, message)
    t.ok(connection.open, 'the connection stays')
    connection.close()
  }
})

t.test('the words of a print, and how an answer begins', async t => {
  t.strictSame(printSentence('/a'), ['/a/print'])
  const options = {
    anyOf: [
      ['x', '1'],
      ['y', '2'],
      ['z', '3']
    ] as const,
    properties: ['.id', 'x']
  }
  t.strictSame(printSentence('/a', options), ['/a/print', '=.proplist=.id,x', '?x=1', '?y=2', '?#|', '?z=3', '?#|'])
  t.equal(startsLikeReply(Buffer.from([])), undefined)
  t.equal(startsLikeReply(Buffer.from([5])), undefined)
  t.equal(startsLikeReply(Buffer.from([0x80])), undefined)
  t.equal(startsLikeReply(encodeSentence(['!done'])), true)
  t.equal(startsLikeReply(encodeSentence(['x'.repeat(200)])), false)
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

/** The first answer that is no failure of a connection that is just ending. */
async function settled<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof DriverError) || error.code !== 'UNREACHABLE') throw error
    }
  }
}
