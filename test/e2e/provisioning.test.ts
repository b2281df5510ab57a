import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Command, Device } from '../../agent/model/index.js'
import { GenieacsSimulator } from '../../sandbox/genieacs/index.js'
import { OpenwrtSimulator } from '../../sandbox/openwrt/index.js'
import { RouterosSimulator } from '../../sandbox/routeros/index.js'
import { turnpike } from '../cli/spawn.js'
import { provider, until } from './provider.js'

/*
 * From billing's command, and from a technician's, to what stands on the device.
 */

t.setTimeout(180_000)

const CPE = 'InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1'

async function stage(t: Test) {
  const { billing, directory, configFile, startAgent } = await provider(t, { names: ['alice'], more: 'templates: own' })
  for (const [name, text] of Object.entries({ login: 'turnpike:x', wrong: 'turnpike:y', line: 'line-pw' }))
    writeFileSync(join(directory, name), text, { mode: 0o600 })
  mkdirSync(join(directory, 'own'))
  const router = new RouterosSimulator({
    users: [{ name: 'turnpike', password: 'x', policies: ['api', 'read', 'write'] }]
  })
  const openwrt = new OpenwrtSimulator({ user: 'turnpike', password: 'x', uci: { network: {}, wireless: {} } })
  const acs = new GenieacsSimulator()
  const ports = { router: await router.listen(), openwrt: await openwrt.listen(), acs: await acs.listen() }
  t.teardown(() => Promise.all([router.close(), openwrt.close(), acs.close()]))
  router.tables.put('/interface', { name: 'ether1' })
  acs.add('A-CPE-S1', { serial: 'S1', parameters: { [`${CPE}.Username`]: '', [`${CPE}.Password`]: '' } })
  const device = (id: string, driver: string, address: string, credential = 'login', options: Device['options'] = {}) =>
    billing.putDevice({
      id,
      driver,
      address,
      credentialRef: `file:${join(directory, credential)}`,
      options: { allowLocal: true, ...options }
    })
  const plain = { transport: 'plain' }
  await device('cpe-1', 'mikrotik', `127.0.0.1:${ports.router}`, 'login', plain)
  await device('cpe-2', 'openwrt', `http://127.0.0.1:${ports.openwrt}`)
  await device('cpe-3', 'genieacs', `http://127.0.0.1:${ports.acs}`, 'login', { serial: 'S1' })
  await device('locked', 'mikrotik', `127.0.0.1:${ports.router}`, 'wrong', plain)
  await device('other', 'mikrotik', `127.0.0.1:${ports.openwrt}`, 'login', plain)
  const agent = await startAgent()
  await until(() => agent.replica.device('other') !== undefined && agent.replica.subscriber('sub_alice') !== undefined)
  return {
    directory,
    router,
    openwrt,
    acs,
    /** Sends a command and waits for what billing is told of it. */
    order: async (verb: Command['verb'], given: Record<string, unknown>, id?: string) => {
      const command = await billing.command({ verb, arguments: given, ...(id !== undefined && { id }) })
      await until(() => billing.commandEntry(command.id).outcome !== undefined)
      return billing.commandEntry(command.id)
    },
    type: (...words: string[]) => turnpike([...words, '--config', configFile])
  }
}

t.test('billing provisions a MikroTik, an OpenWrt and a CPE behind GenieACS, and asks how a device is', async t => {
  const { directory, router, openwrt, acs, order } = await stage(t)
  const values = { username: 'alice', password: 'subscriber:sub_alice' }
  const first = { template: 'mikrotik-pppoe-client', device: 'cpe-1', values }
  t.match(await order('provision', { ...first, dryRun: true }), { outcome: 'done', words: /^Would change: add/ })
  t.same(router.tables.rows('/interface/pppoe-client'), [])
  t.match(await order('provision', first), { outcome: 'done', words: /^Done and read back: add .*password=…/ })
  t.match(router.tables.rows('/interface/pppoe-client'), [{ user: 'alice', password: 'alice-pw', disabled: 'false' }])
  t.match(await order('provision', first), { outcome: 'done', words: 'Everything is on the router already.' })
  const stored = { username: 'alice', password: `file:${join(directory, 'line')}` }
  const second = { template: 'openwrt-pppoe', device: 'cpe-2', values: stored }
  t.match(await order('provision', second), { outcome: 'done', words: /^Set, applied and read back/ })
  t.match(openwrt.uci['network'], { wan: { proto: 'pppoe', username: 'alice', password: 'line-pw' } })
  const third = { template: 'genieacs-pppoe-wifi', device: 'cpe-3', values: stored }
  t.match(await order('provision', third), { outcome: 'done', words: /Done and read back/ })
  t.equal(acs.cpes.get('A-CPE-S1')?.parameters.get(`${CPE}.Password`), 'line-pw')
  t.match(await order('diagnose', { device: 'cpe-1' }), { outcome: 'done', words: /MikroTik .* takes our login/ })
  t.match(await order('reboot', { device: 'cpe-1' }), { outcome: 'refused', words: /mikrotik of cpe-1 cannot restart/ })
  t.match(await order('reboot', { device: 'cpe-2' }), { outcome: 'done', words: /restarts now/ })
  t.equal(openwrt.restarts, 1)
  t.match(await order('reboot', { device: 'cpe-3' }), { outcome: 'done', words: /^Done: restart of A-CPE-S1/ })
  t.equal(acs.cpes.get('A-CPE-S1')?.reboots, 1)
})

t.test('bad input is a sentence for billing, and nothing is half applied', async t => {
  const { router, order } = await stage(t)
  const values = { username: 'alice', password: 'subscriber:sub_alice' }
  const template = 'mikrotik-pppoe-client'
  const missing = await order('provision', { template, device: 'cpe-1', values: { username: 'alice' } })
  t.match(missing, { outcome: 'refused', words: /pppoe-client\.yaml:5:3: variables\.password: found no value/ })
  const open = await order('provision', { template, device: 'cpe-1', values: { ...values, password: 'hunter2' } })
  t.match(open, { outcome: 'refused', words: /by a reference/ })
  t.notMatch(open.words, 'hunter2')
  t.match(await order('provision', { template, device: 'locked', values }), {
    outcome: 'failed',
    words: /invalid user name or password.*Nothing was changed/
  })
  t.match(await order('provision', { template, device: 'other', values }), {
    outcome: 'failed',
    words: /looks like a web server.*Nothing was changed.*of the make/
  })
  router.faults = { refuse: ['/ip/firewall/nat/add', 'failure: not enough memory'] }
  t.match(await order('provision', { template, device: 'cpe-1', values }), {
    outcome: 'failed',
    words: /not enough memory.*was taken back/
  })
  t.same([router.tables.rows('/interface/pppoe-client'), router.tables.rows('/interface/list/member')], [[], []])
})

t.test('a technician does the same by hand, with a template of their own', async t => {
  const { directory, router, type } = await stage(t)
  const text =
    'title: name of a router\nvariables:\n  name: { type: name, describe: its name }\nsteps:\n  mikrotik:\n    - at: /system/identity\n      set: { name: "${name}" }\n'
  writeFileSync(join(directory, 'own/identity.yaml'), text)
  t.match((await type('templates')).stdout, /^identity +mikrotik +name of a router$/m)
  const dry = await type('provision', 'identity', 'cpe-1', '--set', 'name=core-7', '--dry-run')
  t.equal(
    dry.stdout,
    'cpe-1, identity: 1 change to make, nothing was changed yet.\n  set /system/identity: name=core-7 (was MikroTik)\n'
  )
  const done = await type('provision', 'identity', 'cpe-1', '--set', 'name=core-7')
  t.match(done, { status: 0, stdout: /^cpe-1, identity: 1 change made and read back\./ })
  t.match(router.tables.rows('/system/identity'), [{ name: 'core-7' }])
  const missing = await type('provision', 'identity', 'cpe-1')
  t.match(missing, {
    status: 1,
    stderr: /identity\.yaml:3:3: variables\.name: found no value.*turnpike templates NAME/s
  })
  const locked = await type('provision', 'identity', 'locked', '--set', 'name=x')
  t.match(locked, { status: 1, stderr: /^turnpike: locked: .*Nothing was changed\. .*on both sides/ })
})
