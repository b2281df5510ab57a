import t, { type Test } from 'tap'
import {
  type AnyDriver,
  type CounterSample,
  type Device,
  type Provisioning,
  type SubscriberRef
} from '../../agent/model/index.js'
import { openwrt } from '../../drivers/openwrt/index.js'
import { type Misbehaviour, OpenwrtSimulator } from '../../sandbox/openwrt/index.js'
import { pki } from '../server/radius/certificates.js'
import { type Behaviour, type DriverBench, driverSuite, failureOf } from './suite.js'

const PASSWORD = 'pass: wörd'
const NOW = Date.UTC(2026, 10, 24, 10)
const forever = new AbortController().signal

const alice: SubscriberRef = {
  id: 'sub-1',
  userName: 'alice',
  macs: [],
  ipv4: '100.64.0.7',
  sessions: [{ id: 's1', nas: 'cpe', acctSessionId: '1', userName: 'alice' }],
  full: { kind: 'full', reason: 'active', attributes: [] }
}

const want: Provisioning = {
  template: 'cpe',
  values: {},
  dryRun: false,
  steps: [
    {
      at: 'network.wan',
      key: ['.type', 'interface'],
      set: { proto: 'pppoe', username: 'alice', password: 'topsecret' },
      secret: ['password']
    },
    { at: 'network.guest', key: ['.type', 'interface'], set: { proto: 'static' }, secret: [] },
    { at: 'wireless.default_radio0', set: { ssid: 'Home', key: 'wifisecret', disabled: false }, secret: ['key'] }
  ]
}

const uci = {
  network: { wan: { '.type': 'interface', proto: 'dhcp', device: 'eth0', username: 'nobody', password: 'old' } },
  wireless: { default_radio0: { '.type': 'wifi-iface', ssid: 'OpenWrt', key: 'old', disabled: '1' } }
}

interface Lab {
  readonly router: OpenwrtSimulator
  readonly driver: ReturnType<typeof openwrt>
  readonly port: number
}

interface LabOptions {
  readonly options?: Device['options']
  readonly credential?: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

async function lab(t: Test, { options, credential = `turnpike:${PASSWORD}`, tls }: LabOptions = {}): Promise<Lab> {
  const router = new OpenwrtSimulator({ user: 'turnpike', password: PASSWORD, uci, ...(tls && { tls }) })
  const port = await router.listen()
  t.teardown(() => router.close())
  router.interfaces = [
    {
      interface: 'lan',
      up: true,
      proto: 'static',
      l3_device: 'br-lan',
      'ipv4-address': [{ address: '192.168.1.1', mask: 24 }],
      uptime: 9
    },
    {
      interface: 'wan',
      up: true,
      proto: 'pppoe',
      l3_device: 'pppoe-wan',
      'ipv4-address': [{ address: '100.64.0.7', mask: 32 }],
      uptime: 7
    }
  ]
  router.devices = {
    'br-lan': { statistics: { rx_bytes: 10, tx_bytes: 200 } },
    'pppoe-wan': { statistics: { rx_bytes: 201, tx_bytes: 11 } },
    lo: {},
    odd: { statistics: { rx_bytes: -1, tx_bytes: 'x' } }
  }
  const address = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const device = { id: 'cpe-1', driver: 'openwrt', address, options: { allowLocal: true, pause: 1, ...options } }
  const driver = openwrt({ device, credential: () => credential, clock: () => NOW })
  t.teardown(() => driver.close())
  return { router, driver, port }
}

driverSuite(t, 'openwrt', {
  open: async (t: Test, behaviour: Behaviour): Promise<DriverBench> => {
    const { router, driver } = await lab(t, behaviour === 'wrong-credential' ? { credential: 'turnpike:wrong' } : {})
    if (behaviour === 'hangs' || behaviour === 'garbage') router.misbehaves = behaviour
    if (behaviour === 'unreachable') await router.close()
    return { driver: driver as AnyDriver, who: alice, treatment: alice.full, credential: PASSWORD }
  },
  credential: PASSWORD,
  bad: {
    'wrong password': {
      code: 'AUTH',
      says: /refused the login\. Compare user and password/,
      open: async t => (await lab(t, { credential: `turnpike:${PASSWORD}!` })).driver
    },
    'another certificate': {
      code: 'AUTH',
      says: /is not trusted.*put it into the option fingerprint/,
      open: async t => {
        const { issue, pem } = pki(t.testdir())
        issue('router', '/CN=cpe.example', { names: 'DNS:cpe.example' })
        return (await lab(t, { tls: { key: pem('router.key'), cert: pem('router.pem') } })).driver
      }
    },
    'another make': {
      code: 'PROTOCOL',
      says: /is not ubus of OpenWrt.*with a page.*Check address, port and path/,
      open: t => misbehaving(t, 'page')
    },
    'half a reply': { code: 'TIMEOUT', says: /before its answer was whole/, open: t => misbehaving(t, 'half') },
    'the uplink': 'no port is switched off by this driver'
  }
})

async function misbehaving(t: Test, how: Misbehaviour): Promise<AnyDriver> {
  const { router, driver } = await lab(t)
  router.misbehaves = how
  return driver
}

t.test('health, what is seen, and counters from the side of the subscriber', async t => {
  const { router, driver } = await lab(t)
  t.equal(
    await driver.health(forever),
    'TP-Link Archer C7 v5 "cpe" with OpenWrt 24.10.0, up 86400 s, load 0.50, radio0 up, takes our login.'
  )
  router.denied.add('network.wireless status')
  t.match(await driver.health(forever), /load 0.50, takes/, 'radios need not be shown')
  t.same(await driver.observe(alice, forever), { present: true, detail: 'wan is up for 7 s as 100.64.0.7.' })
  t.match(await driver.observe({ ...alice, ipv4: '100.64.0.8' }, forever), { present: false })
  const samples: CounterSample[] = []
  for await (const sample of driver.readCounters(forever)) samples.push(sample)
  t.same(samples, [
    { key: 'device:br-lan', at: NOW, upOctets: 10n, downOctets: 200n },
    { key: 'device:pppoe-wan', at: NOW, upOctets: 11n, downOctets: 201n }
  ])
  router.interfaces = [
    { interface: 'wan', up: false, proto: 'pppoe', errors: [{ subsystem: 'pppoe', code: 'AUTH_FAILED' }] }
  ]
  t.match(await driver.observe(alice, forever), { present: false, detail: /not up \(pppoe: AUTH_FAILED\)/ })
})

t.test('a session that has ended is opened again, once; a right that is missing is told', async t => {
  const { router, driver } = await lab(t)
  await driver.health(forever)
  t.equal(router.logins, 1)
  router.expire()
  await driver.health(forever)
  t.equal(router.logins, 2)
  router.denied.add('system board')
  const error = await failureOf(driver.health(forever))
  t.match(error, { code: 'AUTH', message: /denies system board/ })
  t.equal(router.logins, 3)
})

t.test('a restart ends every session of ubus; without the right to it nothing happens', async t => {
  const { router, driver } = await lab(t)
  t.match(await driver.reboot(undefined, forever), { result: 'changed', detail: /restarts now/ })
  t.equal(router.restarts, 1)
  await driver.health(forever)
  router.denied.add('system reboot')
  t.match(await failureOf(driver.reboot(undefined, forever)), { code: 'AUTH', message: /denies system reboot/ })
  t.equal(router.restarts, 1)
})

t.test('statuses of ubus in words', async t => {
  const { router, driver } = await lab(t)
  const codes = {
    2: 'REJECTED',
    3: 'UNSUPPORTED',
    4: 'UNSUPPORTED',
    6: 'AUTH',
    7: 'TIMEOUT',
    10: 'UNREACHABLE',
    99: 'REJECTED'
  }
  for (const [status, code] of Object.entries(codes)) {
    router.fails.set('system board', Number(status))
    t.match(await failureOf(driver.health(forever)), {
      code,
      deviceCode: Number(status),
      message: /refused system board/
    })
  }
})

t.test('provisioning: planned, staged, applied, read back, confirmed; and then nothing to do', async t => {
  const { router, driver } = await lab(t)
  const dry = await driver.provision({ ...want, dryRun: true }, forever)
  t.match(
    dry.detail,
    /^Would change: network.wan: proto=pppoe username=alice password=…; new network.guest: proto=static; wireless/
  )
  t.same(router.uci, uci)
  const done = await driver.provision(want, forever)
  t.match(done, { result: 'changed', proof: /read back.*wan is up for 7 s/ })
  t.notMatch(JSON.stringify([dry, done]), /topsecret|wifisecret/)
  t.match(router.uci, {
    network: {
      wan: { proto: 'pppoe', username: 'alice', password: 'topsecret', device: 'eth0' },
      guest: { '.type': 'interface' }
    },
    wireless: { default_radio0: { ssid: 'Home', key: 'wifisecret', disabled: '0' } }
  })
  t.notOk(router.unconfirmed)
  t.match(router.calls.slice(-6), [
    'uci get',
    'uci get',
    'uci confirm',
    'network.interface status',
    'network.interface status',
    'session destroy'
  ])
  t.equal((await driver.provision(want, forever)).result, 'unchanged')
  t.equal(router.sessions, 0, 'no session is left behind')
})

t.test('the way to the router goes away while it applies: asked again, and confirmed', async t => {
  const { router, driver } = await lab(t)
  router.lostAfterApply = 2
  t.match(await driver.provision(want, forever), { result: 'changed' })
  t.notOk(router.unconfirmed)
})

t.test('what fails before it is applied is reverted, and after it rolled back', async t => {
  const staged = await lab(t)
  staged.router.ignores.set('wireless.default_radio0.ssid', 'set')
  const first = await failureOf(staged.driver.provision(want, forever))
  t.match(first, { code: 'REJECTED', message: /ssid reads back otherwise.*reverted; nothing was changed/ })
  t.ok(staged.router.calls.includes('uci revert'))
  t.notOk(staged.router.calls.includes('uci apply'))
  t.same(staged.router.uci, uci)

  const applied = await lab(t)
  applied.router.ignores.set('wireless.default_radio0.ssid', 'apply')
  const second = await failureOf(applied.driver.provision(want, forever))
  t.match(second, { code: 'REJECTED', message: /rolled back to what it had/ })
  t.same(applied.router.uci, uci)

  const refused = await lab(t)
  refused.router.fails.set('uci apply', 6)
  t.match(await failureOf(refused.driver.provision(want, forever)), { code: 'AUTH', message: /nothing was changed/ })

  const lost = await lab(t, { options: { rollback: 5 } })
  lost.router.lostAfterApply = 1000
  t.match(await failureOf(lost.driver.provision(want, forever)), {
    code: 'TIMEOUT',
    message: /goes back by itself to what it had, 5 s after/
  })
  t.ok(lost.router.unconfirmed)
  lost.router.giveUpWaiting()
  t.same(lost.router.uci, uci)
  for (const error of [first, second]) t.notMatch(String(error), /topsecret|wifisecret/)
})

t.test('steps that cannot be: nothing is sent that changes', async t => {
  const { router, driver } = await lab(t)
  const step = (at: string, key?: readonly [string, string]) => ({
    ...want,
    steps: [{ at, ...(key && { key }), set: { a: 1 }, secret: [] }]
  })
  t.match(await failureOf(driver.provision(step('wireless.radio9'), forever)), {
    code: 'REJECTED',
    message: /no section wireless.radio9/
  })
  t.match(await failureOf(driver.provision(step('nothing.here'), forever)), { code: 'UNSUPPORTED' })
  t.match(await failureOf(driver.provision(step('network.wan;reboot'), forever)), {
    code: 'UNSUPPORTED',
    message: /not a name of UCI/
  })
  t.match(await failureOf(driver.provision({ ...want, steps: [] }, forever)), { code: 'UNSUPPORTED' })
  t.same(router.uci, uci)
})

t.test('bad peers: another server, half an answer, too much of it, a path that is not there', async t => {
  const { router, driver, port } = await lab(t)
  const codes = { page: 'PROTOCOL', half: 'TIMEOUT', oversize: 'PROTOCOL' } as const
  for (const behaviour of ['page', 'half', 'oversize'] as const) {
    router.misbehaves = behaviour
    const error = await failureOf(driver.health(forever))
    t.equal(error.code, codes[behaviour], `${behaviour}: ${error.message}`)
  }
  router.misbehaves = undefined
  const device = { id: 'x', driver: 'openwrt', address: `http://127.0.0.1:${port}/luci`, options: { allowLocal: true } }
  const elsewhere = openwrt({ device, credential: () => `turnpike:${PASSWORD}`, clock: () => NOW })
  t.teardown(() => elsewhere.close())
  t.match(await failureOf(elsewhere.health(forever)), { code: 'PROTOCOL', message: /Install uhttpd-mod-ubus/ })
})

t.test('credentials that cannot be read', async t => {
  const { driver } = await lab(t, { credential: 'nocolon' })
  const error = await failureOf(driver.health(forever))
  t.equal(error.code, 'AUTH')
  t.notMatch(error.message, 'nocolon')
})

t.test('certificates: trusted by authority or pin, self-signed only when allowed', async t => {
  const made = pki(t.testdir())
  made.issue('router', '/CN=cpe.example', { names: 'DNS:cpe.example' })
  const tls = { key: made.pem('router.key'), cert: made.pem('router.pem') }
  const ca = made.pem('ca.pem')
  const healthOf = async (options: Device['options']) => (await lab(t, { tls, options })).driver.health(forever)
  const unknown = await failureOf(healthOf({}))
  t.match(unknown, { code: 'AUTH', message: /not trusted.*Its SHA-256 is [0-9A-F:]{95}/ })
  const fingerprint = /SHA-256 is ([0-9A-F:]+)/.exec(unknown.message)?.[1] ?? ''
  t.match(await failureOf(healthOf({ ca })), { code: 'AUTH' }, 'the name is another')
  t.match(await healthOf({ ca, serverName: 'cpe.example' }), /takes our login/)
  t.match(await healthOf({ fingerprint }), /takes our login/)
  t.match(await failureOf(healthOf({ fingerprint: 'ab'.repeat(32), selfSigned: true })), {
    code: 'AUTH',
    message: /pinned/
  })
  t.match(await healthOf({ selfSigned: true }), /takes our login/)
  const { router, port } = await lab(t)
  const device = { id: 'x', driver: 'openwrt', address: `https://127.0.0.1:${port}`, options: { allowLocal: true } }
  const plain = openwrt({ device, credential: () => `turnpike:${PASSWORD}`, clock: () => NOW })
  t.teardown(() => plain.close())
  t.match(await failureOf(plain.health(forever)), { code: 'PROTOCOL', message: /No TLS/ })
  t.equal(router.logins, 0)
})
