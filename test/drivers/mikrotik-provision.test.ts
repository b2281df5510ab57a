import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Provisioning, ProvisionStep } from '../../agent/model/index.js'
import { type Given, loadTemplate, renderTemplate, templateFiles } from '../../config/index.js'
import { mikrotik } from '../../drivers/mikrotik/index.js'
import { isSame } from '../../drivers/mikrotik/same.js'
import { type Faults, RouterosSimulator, type User } from '../../sandbox/routeros/index.js'
import { failureOf } from './suite.js'

t.setTimeout(120_000)

const forever = new AbortController().signal
const SECRET = 'swordfish-1'
const subscriber = { username: 'dora', password: SECRET, up: 1_000_000, down: 8_000_000 }
const nas = {
  turnpike: '192.0.2.5',
  secret: SECRET,
  interface: 'ether2',
  localAddress: '100.64.0.1',
  pool: '100.64.0.2-100.64.3.254',
  dns: '192.0.2.53',
  payPage: '192.0.2.80',
  apiPassword: `${SECRET}-api`
}
const hotspot = {
  turnpike: '192.0.2.5',
  secret: SECRET,
  gateway: '10.5.50.1',
  network: '10.5.50.0/24',
  range: '10.5.50.10-10.5.50.250'
}
const rights = ['api', 'read', 'write', 'policy'] as const

function order(name: string, values: Record<string, Given>, dryRun = false): Provisioning {
  return renderTemplate(loadTemplate(templateFiles().get(name) ?? name), 'mikrotik', values, { dryRun })
}

function steps(...of: Partial<ProvisionStep>[]): Provisioning {
  const whole = of.map(step => ({ at: '/ip/pool', set: {}, secret: [], ...step }))
  return { template: 'own', values: {}, dryRun: false, steps: whole }
}

async function lab(t: Test, policies: User['policies'] = rights, faults: Faults = {}) {
  const router = new RouterosSimulator({ users: [{ name: 'turnpike', password: 'x', policies }], faults })
  const port = await router.listen()
  t.teardown(() => router.close())
  for (const name of ['ether1', 'ether2']) router.tables.put('/interface', { name })
  router.tables.put('/interface/wifi', { name: 'wifi1', disabled: 'true' })
  router.tables.put('/interface/wireless', { name: 'wlan1', disabled: 'true' })
  const device = { id: 'r', driver: 'mikrotik', address: `127.0.0.1:${port}` }
  const options = { allowLocal: true, transport: 'plain' }
  const driver = mikrotik({ device: { ...device, options }, credential: () => 'turnpike:x', clock: () => 0 })
  t.teardown(() => driver.close())
  return { router, tables: router.tables, driver }
}

function changes({ commands }: RouterosSimulator): string[] {
  return commands.map(([name = '']) => name).filter(name => !name.endsWith('/print'))
}

/** Everything on the router, to be compared. */
function all({ tables }: RouterosSimulator): string {
  const menus = [
    '/radius',
    '/radius/incoming',
    '/ppp/aaa',
    '/ppp/profile',
    '/ppp/secret',
    '/ip/pool',
    '/user',
    '/ip/firewall/filter'
  ]
  return JSON.stringify(menus.map(menu => tables.rows(menu)))
}

const samples = [
  ['mikrotik-pppoe-client', { username: 'alice', password: SECRET }],
  ['mikrotik-pppoe-nas', nas],
  ['mikrotik-hotspot-ap', { ...hotspot, wifi: 'wifi1' }],
  ['mikrotik-hotspot-ap', { ...hotspot, wlan: 'wlan1' }],
  ['mikrotik-ppp-subscriber', subscriber],
  ['mikrotik-ipoe-subscriber', { mac: '02:aa:00:00:00:01', address: '192.0.2.40', up: 1000, down: 2000 }]
] as const

for (const [name, values] of samples)
  t.test(`${name}: tried, done, read back, and the same again is nothing to do`, async t => {
    const { router, driver } = await lab(t)
    const before = all(router)
    const dry = await driver.provision(order(name, values, true), forever)
    t.match(dry, { result: 'unchanged', detail: /^Would change: / })
    t.equal(all(router), before)
    t.strictSame(changes(router), [])
    const done = await driver.provision(order(name, values), forever)
    t.match(done, { result: 'changed', proof: /^Done and read back/ })
    t.notMatch(JSON.stringify([dry, done]), SECRET)
    const count = changes(router).length
    t.equal(done.changes?.length, count, 'a line for each change')
    t.match(await driver.provision(order(name, values), forever), { result: 'unchanged', detail: /already/ })
    t.equal(changes(router).length, count)
  })

t.test('what stands on a router after the template for a NAS', async t => {
  const { tables, driver } = await lab(t)
  tables.add('/ip/firewall/filter', { chain: 'forward', action: 'fasttrack-connection' })
  tables.put('/ip/firewall/filter', { chain: 'forward', action: 'passthrough', dynamic: 'true' })
  await driver.provision(order('mikrotik-pppoe-nas', nas), forever)
  t.match(tables.rows('/radius'), [{ service: 'ppp', address: '192.0.2.5', secret: SECRET, timeout: '3s' }])
  t.match(tables.rows('/radius/incoming'), [{ accept: 'true', port: '3799' }])
  t.match(tables.rows('/ppp/aaa'), [{ 'use-radius': 'true', 'interim-update': '5m' }])
  t.match(tables.rows('/ppp/profile')[1], {
    name: 'turnpike',
    'remote-address': 'turnpike',
    'dns-server': '192.0.2.53'
  })
  t.match(tables.rows('/user/group')[0]?.['policy'], /^!local.*,read,write,!policy.*,!sensitive,api,/)
  t.match(tables.rows('/user'), [{ name: 'turnpike', group: 'turnpike', address: '192.0.2.5/32' }])
  const rules = tables.rows('/ip/firewall/filter').map(({ comment = '', action }) => comment || action)
  t.strictSame(rules, [
    'turnpike: walled, DNS',
    'turnpike: walled, pay page',
    'turnpike: walled',
    'turnpike: blocked',
    'fasttrack-connection',
    'passthrough'
  ])
})

t.test('a rule that is missing goes behind the one before it, wherever that stands', async t => {
  const { tables, driver } = await lab(t)
  const { payPage: _later, ...first } = nas
  await driver.provision(order('mikrotik-pppoe-nas', first), forever)
  const id = tables.add('/ip/firewall/filter', { chain: 'forward', action: 'accept', comment: 'own' })
  const rows = tables.rows('/ip/firewall/filter')
  rows.unshift(
    ...rows.splice(
      rows.findIndex(row => row['.id'] === id),
      1
    )
  )
  await driver.provision(order('mikrotik-pppoe-nas', nas), forever)
  t.strictSame(
    tables.rows('/ip/firewall/filter').map(({ comment }) => comment),
    ['own', 'turnpike: walled, DNS', 'turnpike: walled, pay page', 'turnpike: walled', 'turnpike: blocked']
  )
})

t.test('a password that changed is written again, and nothing else', async t => {
  const { tables, driver } = await lab(t)
  await driver.provision(order('mikrotik-ppp-subscriber', subscriber), forever)
  const other = { ...subscriber, password: 'another', down: 9_000_000 }
  const { changes } = await driver.provision(order('mikrotik-ppp-subscriber', other), forever)
  t.strictSame(changes, [
    'set /ppp/secret dora: password=…',
    'set /queue/simple dora: max-limit=1000000/9000000 (was 1000000/8000000)'
  ])
  t.match(tables.rows('/ppp/secret'), [{ password: 'another' }])
})

t.test('a step that fails takes back all before it, in reverse', async t => {
  for (const menu of ['/radius/incoming/set', '/interface/pppoe-server/server/add', '/user/add', '/ppp/aaa/set']) {
    const { router, driver } = await lab(t)
    const before = all(router)
    router.faults = { refuse: [menu, `failure: no more, says ${SECRET}`, 4] }
    const error = await failureOf(driver.provision(order('mikrotik-pppoe-nas', nas), forever))
    t.match(
      error,
      { code: 'REJECTED', message: /no more, says .*What had been changed before was taken back\.$/s },
      menu
    )
    t.equal(all(router), before, menu)
    router.faults = {}
    t.match(await driver.provision(order('mikrotik-pppoe-nas', nas), forever), { result: 'changed' }, 'and again')
  }
})

t.test('what cannot be taken back is said', async t => {
  const { router, tables, driver } = await lab(t)
  tables.add('/ppp/secret', { name: 'dora', password: 'old', comment: 'by hand' })
  router.faults = { refuse: ['/queue/simple/add', 'failure: no'] }
  const lost = await failureOf(driver.provision(order('mikrotik-ppp-subscriber', subscriber), forever))
  t.match(
    lost.message,
    /Could not be taken back: the old password of \/ppp\/secret dora, which the router does not show/
  )
  t.match(tables.rows('/ppp/secret'), [{ comment: 'by hand', service: 'any', profile: 'default' }], 'the rest was')
  const stuck = await lab(t)
  stuck.router.faults = { refuse: ['/queue/simple/add', 'failure: no'] }
  const remove = stuck.tables.remove.bind(stuck.tables)
  stuck.tables.remove = (path, id) => {
    if (path === '/ppp/secret') throw new Error('it is in use')
    remove(path, id)
  }
  const left = await failureOf(stuck.driver.provision(order('mikrotik-ppp-subscriber', subscriber), forever))
  t.match(left.message, /Could not be taken back: \/ppp\/secret dora\. Look at it on the router\.$/)
})

t.test('with the policy sensitive an old password is seen, and comes back', async t => {
  const { router, tables, driver } = await lab(t, [...rights, 'sensitive'])
  tables.add('/ppp/secret', { name: 'dora', password: 'old' })
  router.faults = { refuse: ['/queue/simple/add', 'failure: no'] }
  const error = await failureOf(driver.provision(order('mikrotik-ppp-subscriber', subscriber), forever))
  t.match(error.message, /was taken back\.$/)
  t.notMatch(error.message, /old/)
  t.match(tables.rows('/ppp/secret'), [{ password: 'old' }])
})

t.test('a deadline that comes in the middle takes back what was done, and what may have been', async t => {
  for (const hang of ['/interface/pppoe-server/server/add', '/ppp/aaa/set']) {
    const { router, driver } = await lab(t)
    const before = all(router)
    router.faults = { hang }
    const stop = new AbortController()
    const failing = failureOf(driver.provision(order('mikrotik-pppoe-nas', nas), stop.signal))
    while (!changes(router).includes(hang)) await new Promise(setImmediate)
    stop.abort()
    t.match(await failing, { code: 'TIMEOUT', message: /was taken back/ }, hang)
    t.equal(all(router), before)
    t.equal(changes(router).filter(name => name === hang).length, 1, 'what was not done is not undone')
  }
})

t.test('a connection that breaks after the router did it: that is taken back too', async t => {
  const { router, tables, driver } = await lab(t)
  const add = tables.add.bind(tables)
  tables.add = (path, row) => {
    const id = add(path, row)
    if (path === '/queue/simple') router.hangUp()
    return id
  }
  const error = await failureOf(driver.provision(order('mikrotik-ppp-subscriber', subscriber), forever))
  t.match(error, { code: 'UNREACHABLE', message: /was taken back/ })
  t.strictSame([tables.rows('/ppp/secret'), tables.rows('/queue/simple')], [[], []])
})

t.test('a router that acknowledges and does nothing is found out', async t => {
  const { router, tables, driver } = await lab(t)
  tables.add('/ppp/secret', { name: 'dora' })
  router.faults = { lie: '/ppp/secret/set' }
  t.match(await failureOf(driver.provision(order('mikrotik-ppp-subscriber', subscriber), forever)), {
    code: 'REJECTED',
    message: /reads back otherwise/
  })
  t.strictSame(tables.rows('/queue/simple'), [])
  router.faults = { lie: '/ip/pool/add' }
  const added = steps({ key: ['name', 'p'], set: { ranges: '10.0.0.2-10.0.0.9' } })
  t.match(await failureOf(driver.provision(added, forever)), { message: /but it is not there/ })
})

t.test('a step that no router can do is refused before anything is sent', async t => {
  const { router, driver } = await lab(t)
  for (const step of [
    { at: 'ppp/secret' },
    { at: '/ppp;/secret' },
    { set: { 'na me': 'x' } },
    { key: ['Name', 'x'] as const }
  ])
    t.match(await failureOf(driver.provision(steps(step), forever)), {
      code: 'UNSUPPORTED',
      message: /Nothing was changed/
    })
  t.match(await failureOf(driver.provision({ ...steps(), steps: [] }, forever)), { code: 'UNSUPPORTED' })
  t.strictSame(router.commands, [])
})

t.test('rows that are not one are not guessed at, and a right that is missing is named', async t => {
  const { router, tables, driver } = await lab(t, ['api', 'read', 'write'])
  for (const ranges of ['10.0.0.2', '10.0.0.3']) tables.put('/ip/pool', { name: 'p', ranges })
  const two = steps({ key: ['name', 'p'], set: { ranges: '10.0.0.9' } })
  t.match(await failureOf(driver.provision(two, forever)), {
    code: 'REJECTED',
    message: /2 rows with name p.*Nothing was changed/
  })
  t.match(await failureOf(driver.provision(steps({ set: { ranges: 'x' } }), forever)), { message: /needs a key/ })
  t.strictSame(changes(router), [])
  const error = await failureOf(driver.provision(order('mikrotik-pppoe-nas', nas), forever))
  t.match(error, { code: 'AUTH', message: /\/user\/group\/add.*needs policy.*was taken back/s })
})

t.test('what the router writes its own way is the same', async t => {
  const same = [
    ['true', 'yes'],
    ['5m', '300s'],
    ['00:05:00', '5m'],
    ['1d', '24h'],
    ['5m', '300'],
    ['1000000/8000000', '1M/8M'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['02:AA:00:00:00:01', '02:aa:00:00:00:01'],
    ['mschap2,chap', 'chap,mschap2'],
    ['!local,read,write,api,!ftp', 'api,read,write'],
    ['!local,read,!ftp', 'read']
  ] as const
  for (const [shown, wanted] of same) t.ok(isSame(shown, wanted), `${shown} is ${wanted}`)
  const other = [
    ['true', 'no'],
    ['5m', '5h'],
    ['api,read,write,sensitive', 'api,read,write'],
    ['!established', '!related'],
    ['', 'x']
  ] as const
  for (const [shown, wanted] of other) t.notOk(isSame(shown, wanted), `${shown} is not ${wanted}`)
  fc.assert(fc.property(fc.string(), text => isSame(text, text)))
})
