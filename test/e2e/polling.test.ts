import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { furnishPort, furnishSystem, SnmpSimulator } from '../../sandbox/snmp/index.js'
import { turnpike } from '../cli/spawn.js'
import { startSnmpd, withoutSnmpd } from '../drivers/snmpd.js'
import { PLAN, type Provider, provider, until } from './provider.js'

/*
 * Subscribers without RADIUS: the agent asks a switch over SNMP, billing bills what its ports counted.
 */

t.setTimeout(240_000)

const ADMIN = '1.3.6.1.2.1.2.2.1.7.1'

interface Switch {
  readonly box: SnmpSimulator
  readonly port: number
  /** Octets that port `n` sent and received in all. */
  count(n: number, up: bigint, down: bigint): void
}

async function aSwitch(t: Test, name: string): Promise<Switch> {
  const box = new SnmpSimulator({ community: 'secret', writeCommunity: 'secret' })
  const port = await box.listen()
  t.teardown(() => box.close())
  furnishSystem(box, name, 100)
  const count = (index: number, received: bigint, sent: bigint): void =>
    furnishPort(box, { index, name: `ge${index}`, received, sent })
  for (let index = 1; index <= 4; index++) count(index, 1000n, 2000n)
  return { box, port, count }
}

/** A switch at billing, and a subscriber `NAME` behind its port ge1. */
async function announce({ billing, directory }: Provider, id: string, port: number, options = {}): Promise<void> {
  writeFileSync(join(directory, 'community'), 'secret', { mode: 0o600 })
  await billing.putDevice({
    id,
    driver: 'snmp',
    address: `127.0.0.1:${port}`,
    credentialRef: `file:${directory}/community`,
    options: { allowLocal: true, uplinks: ['ge4'], timeout: 500, poll: { interval: 1, deadline: 2 }, ...options }
  })
  await billing.addSubscriber(behind(id), 10n ** 12n)
}

function behind(device: string, port = 'ge1') {
  const id = `sub_${device}`
  return { id, username: `of-${device}`, status: 'active' as const, profile: PLAN.id, devices: [{ device, port }] }
}

/** Resolves once the subscriber has a session at billing: from then on all octets count. */
function begun({ billing }: Provider, subscriber: string): Promise<void> {
  return new Promise(resolve =>
    billing.events.on('event', ({ type, subject }) => {
      if (type === 'turnpike.usage' && subject === subscriber) resolve()
    })
  )
}

t.test(
  'a static subscriber is billed to the octet, through a kill -9 of the agent and a restart of the switch',
  async t => {
    const house = await provider(t, { names: [] })
    const { billing, spawnAgent } = house
    const { box, port, count } = await aSwitch(t, 'sw-1')
    await announce(house, 'sw-1', port)
    const started = begun(house, 'sub_sw-1')
    const agent = await spawnAgent()
    await started
    const billed = () => billing.totals()
    count(1, 1000n + 5n * 2n ** 32n, 2000n + 77n)
    await until(() => billed().upOctets === 5n * 2n ** 32n && billed().downOctets === 77n)
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    count(1, 2000n + 5n * 2n ** 32n, 3000n + 77n)
    await spawnAgent()
    await until(() => billed().upOctets === 1000n + 5n * 2n ** 32n && billed().downOctets === 1077n)
    furnishSystem(box, 'sw-1', 1)
    count(1, 30n, 40n)
    await until(() => billed().downOctets === 1117n)
    const asked = box.requests
    await until(() => box.requests > asked + 6)
    const { upOctets, downOctets } = billed()
    t.same({ upOctets, downOctets }, { upOctets: 1030n + 5n * 2n ** 32n, downOctets: 1117n }, 'and nothing twice')
    await t.test('and the commands show it', async t => {
      const ask = (...words: string[]) => turnpike([...words, '--socket', join(house.directory, 'api.sock')])
      t.match(
        (await ask('devices')).stdout,
        /^sw-1 +snmp +up +1 +3 .* It answers, and counts the octets of 4 ports\.$/m
      )
      t.match((await ask('status')).stdout, /^devices +1 up, 0 down$/m)
      const sessions = JSON.parse((await ask('sessions', '--json')).stdout) as { sessions: { id: string }[] }
      t.match(sessions, { sessions: [{ nas: 'sw-1', nasPort: 'ge1', userName: 'of-sw-1', state: 'open' }] })
      t.match((await ask('usage', 'of-sw-1')).stdout, /1117|1\.12 kB/)
      t.match((await ask('why', sessions.sessions[0]?.id ?? '')).stdout, /counters of the port, read by the agent/)
    })
  }
)

t.test('a switch that hangs is told to billing as down, and as up again; others are billed meanwhile', async t => {
  const house = await provider(t, { names: [] })
  const { billing, startAgent } = house
  const [good, bad] = [await aSwitch(t, 'good'), await aSwitch(t, 'bad')]
  await announce(house, 'good', good.port)
  await announce(house, 'bad', bad.port)
  const states: string[] = []
  billing.events.on('event', ({ type, subject, data }) => {
    if (type === 'turnpike.device.state') states.push(`${subject} ${String((data as { state: unknown }).state)}`)
  })
  const started = Promise.all([begun(house, 'sub_good'), begun(house, 'sub_bad')])
  const { poller } = await startAgent()
  await started
  bad.box.faults = { hang: true }
  await until(() => states.includes('bad down'))
  t.match(
    poller.status().find(({ device }) => device === 'bad'),
    { state: 'down', detail: /did not answer within 1 s/ }
  )
  good.count(1, 1500n, 2600n)
  await until(() => billing.totals().downOctets === 600n)
  bad.count(1, 1010n, 2020n)
  bad.box.faults = {}
  await until(() => billing.totals().downOctets === 620n)
  await until(() => states.at(-1) === 'bad up')
  t.same(states.toSorted(), ['bad down', 'bad up', 'bad up', 'good up'])
})

for (const known of ['by its own id', 'as the device of a NAS'] as const)
  t.test(`a switch known ${known}: whoever is suspended loses the port, and has it back when they pay`, async t => {
    const house = await provider(t, { names: [] })
    const { billing, directory, startAgent } = house
    const { box, port } = await aSwitch(t, 'sw-1')
    const secretRef = `file:${directory}/nas`
    if (known === 'as the device of a NAS')
      await billing.putNas({ id: 'nas-1', addresses: ['127.0.0.2'], vendor: 'standard', secretRef, device: 'sw-1' })
    await announce(house, 'sw-1', port)
    const started = begun(house, 'sub_sw-1')
    const { enforcement } = await startAgent()
    await started
    const last = () => enforcement.history('sub_sw-1').at(-1)
    const proven = (want: string) => () => last()?.state === 'proven' && last()?.want === want
    await billing.suspend('sub_sw-1', { how: 'reject' })
    await until(proven('blocked'))
    t.match(last(), { way: 'port', proof: 'observed' })
    t.match(box.mib.value(ADMIN), { value: 2 })
    await billing.restore('sub_sw-1')
    await until(proven('full'))
    t.match(box.mib.value(ADMIN), { value: 1 })
  })

t.test("Debian's snmpd: the loopback interface of this box is billed", { skip: withoutSnmpd ?? false }, async t => {
  const snmpd = await startSnmpd(t.testdir())
  t.teardown(() => snmpd.stop())
  const house = await provider(t, { names: [] })
  const { billing, directory, startAgent } = house
  writeFileSync(join(directory, 'public'), 'public', { mode: 0o600 })
  const poll = { interval: 1, deadline: 1 }
  const address = `127.0.0.1:${snmpd.port}`
  const options = { allowLocal: true, poll }
  await billing.putDevice({ id: 'box', driver: 'snmp', address, credentialRef: `file:${directory}/public`, options })
  await billing.addSubscriber(behind('box', 'lo'), 10n ** 12n)
  await startAgent()
  // The questions themselves go over it.
  await until(() => billing.totals().upOctets > 0n && billing.totals().downOctets > 0n)
  t.pass('and grows')
})
