import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Device, Documents, Subscriber } from '../../agent/model/index.js'
import { ApiClient } from '../../cli/client.js'
import { evidenceOf } from '../../cli/evidence.js'
import { loadConfig } from '../../config/index.js'
import { type Agent, startAgent } from '../../main.js'
import { AcctStatusType, Attr, AttributeWriter, Code, Secret } from '../../protocols/radius/index.js'
import { RadiusClient } from '../../sandbox/nas/index.js'
import { RouterosSimulator } from '../../sandbox/routeros/index.js'
import { furnishPort, furnishSystem, SnmpSimulator } from '../../sandbox/snmp/index.js'
import { SECRET, until } from './provider.js'

/*
 * The whole agent against devices that speak the wire: what billing decides is done by the device's own interface, and
 * undone, also by the next process.
 */

t.setTimeout(120_000)

const WORDS = 'the-credential-of-the-device'
const active: Subscriber = { id: 'sub_1', username: 'alice', status: 'active', profile: 'home' }
const suspended = (how: 'reject' | 'walled-garden'): Partial<Subscriber> => ({
  status: 'suspended',
  suspension: { how, reason: 'unpaid', reference: 'invoice 7' }
})

t.test('a static line: its port goes off, and the next process switches it on again', async t => {
  const box = new SnmpSimulator({ writeCommunity: WORDS })
  const port = await box.listen()
  t.teardown(() => box.close())
  furnishSystem(box, 'sw-1', 1000)
  for (const index of [1, 2]) furnishPort(box, { index, name: `ge${index}`, received: 0n, sent: 0n })
  const admin = (index: number): unknown => box.mib.value(`1.3.6.1.2.1.2.2.1.7.${index}`)?.value
  const { start, put, socket } = stage(t, [])
  const device = documentOf('sw-1', 'snmp', port, { uplinks: ['ge2'] })
  const alice: Subscriber = { ...active, devices: [{ device: 'sw-1', port: 'ge1' }] }

  let agent = await start()
  await put(agent, 'device', device)
  await put(agent, 'subscriber', alice)
  await put(agent, 'subscriber', { ...alice, ...suspended('reject') })
  await until(() => last(agent)?.state === 'proven')
  t.match(last(agent), { way: 'port', proof: 'observed', nas: 'sw-1', want: 'blocked' })
  t.strictSame([admin(1), admin(2)], [2, 1])
  await agent.close()

  agent = await start()
  await put(agent, 'subscriber', alice)
  await until(() => last(agent)?.state === 'proven')
  t.match(last(agent), { way: 'port', proof: 'observed', want: 'full' })
  t.strictSame([admin(1), admin(2)], [1, 1])

  const api = new ApiClient(socket)
  t.teardown(() => api.close())
  const log = await evidenceOf(api, 'alice')
  t.match(
    log.filter(({ state }) => state !== 'acknowledged').map(({ want, state, way }) => [want, state, way]),
    [
      ['blocked', 'requested', undefined],
      ['blocked', 'sent', 'port'],
      ['blocked', 'proven', 'port'],
      ['full', 'requested', undefined],
      ['full', 'sent', 'port'],
      ['full', 'proven', 'port']
    ],
    'the evidence spans both processes'
  )
  t.match(log[0], { orderedBy: 'billing', reference: 'invoice 7' })
  t.match(await api.get('/v1/evidence/check'), { entries: log.length, head: log.at(-1)?.hash, broken: undefined })
})

t.test('a NAS that takes no CoA: its own API is asked at once, and nothing is sent to its CoA port', async t => {
  const router = new RouterosSimulator({
    users: [{ name: 'turnpike', password: WORDS, policies: ['api', 'read', 'write'] }]
  })
  const port = await router.listen()
  t.teardown(() => router.close())
  router.tables.put('/ip/dhcp-server/lease', {
    address: '100.64.0.7',
    'active-address': '100.64.0.7',
    'mac-address': '02:00:00:00:00:01',
    status: 'bound',
    dynamic: 'false',
    radius: 'true'
  })
  for (const list of ['turnpike-walled', 'turnpike-blocked'])
    router.tables.add('/ip/firewall/filter', { chain: 'forward', 'src-address-list': list, action: 'reject' })
  const lists = () => router.tables.rows('/ip/firewall/address-list').map(({ list, address }) => `${list} ${address}`)
  const coa = createSocket('udp4').bind(0, '127.0.0.1')
  await once(coa, 'listening')
  t.teardown(() => coa.close())
  let asked = 0
  coa.on('message', () => asked++)

  const { start, put } = stage(t, ['coa: false', 'device: core-1', `coaPort: ${coa.address().port}`])
  const agent = await start()
  await put(agent, 'device', documentOf('core-1', 'mikrotik', port, { transport: 'plain' }))
  const alice: Subscriber = { ...active, credentials: { macs: ['02:00:00:00:00:01'] } }
  await put(agent, 'subscriber', alice)
  await account(t, agent)
  for (const [how, list] of [
    ['walled-garden', 'turnpike-walled'],
    ['reject', 'turnpike-blocked']
  ] as const) {
    await put(agent, 'subscriber', { ...alice, ...suspended(how) })
    await until(() => last(agent)?.state === 'proven' && lists().includes(`${list} 100.64.0.7`))
    t.match(last(agent), { way: 'api', proof: 'observed', nas: 'bras-1' })
    t.strictSame(lists(), [`${list} 100.64.0.7`])
  }
  await put(agent, 'subscriber', alice)
  await until(() => last(agent)?.want === 'full' && last(agent)?.state === 'proven')
  t.strictSame(lists(), [])
  t.equal(asked, 0)
})

t.test(
  'a static line behind a router: nothing could shut it, then it has its plan there, and leaves nothing behind',
  async t => {
    const router = new RouterosSimulator({
      users: [{ name: 'turnpike', password: WORDS, policies: ['api', 'read', 'write'] }]
    })
    const port = await router.listen()
    t.teardown(() => router.close())
    const queues = () => router.tables.rows('/queue/simple').map(row => `${row['target']} ${row['max-limit']}`)
    const writes = () => router.commands.filter(([name = '']) => /\/(add|set|remove)$/.test(name)).length
    const { start, put, socket } = stage(t, ['coa: false'])
    let agent = await start()
    const api = new ApiClient(socket)
    t.teardown(() => api.close())
    const attention = async () => (await api.get<{ attention: string[] }>('/v1/status')).attention
    await put(agent, 'profile', { id: 'home', up: 5_000_000, down: 50_000_000 })
    await put(agent, 'profile', { id: 'more', up: 10_000_000, down: 100_000_000 })
    const line: Subscriber = { ...active, addresses: { ipv4: '192.0.2.20' } }
    await put(agent, 'subscriber', line)
    t.match(await attention(), [
      /^Nothing could shut the line of 1 subscriber \(alice\): .* Have billing send bind\.nas or devices/
    ])
    const alice: Subscriber = { ...line, bind: { nas: 'core-1' } }
    await put(agent, 'subscriber', alice)
    t.strictSame(queues(), [], 'the device is not known yet')
    await put(agent, 'device', documentOf('core-1', 'mikrotik', port, { transport: 'plain' }))
    await until(() => last(agent)?.state === 'proven')
    t.strictSame(queues(), ['192.0.2.20/32 5000000/50000000'])
    t.strictSame(await attention(), [])
    await put(agent, 'subscriber', { ...alice, profile: 'more' })
    await until(() => queues()[0] === '192.0.2.20/32 10000000/100000000' && last(agent)?.state === 'proven')
    await agent.close()

    const before = writes()
    agent = await start()
    await put(agent, 'subscriber', { ...alice, profile: 'more' })
    await agent.replica.apply([{ kind: 'subscriber', id: 'sub_1', document: undefined }])
    await until(() => queues().length === 0)
    t.equal(writes() - before, 1, 'the next process sent nothing before that')
  }
)

function documentOf(id: string, driver: string, port: number, options: Device['options']): Device {
  const address = `127.0.0.1:${port}`
  return { id, driver, address, credentialRef: 'env:TURNPIKE_TEST_DEVICE', options: { allowLocal: true, ...options } }
}

/** An agent without a cloud, whose documents the test puts itself. */
function stage(t: Test, ofNas: readonly string[]) {
  // A path to a socket must be short.
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-e2e-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'nas'), SECRET, { mode: 0o600 })
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(
    file,
    `data: ${directory}/data
radius:
  authentication: ["127.0.0.1:0"]
  accounting: ["127.0.0.1:0"]
nas:
  - id: bras-1
    addresses: [127.0.0.1]
    vendor: mikrotik
    secret: file:${directory}/nas
${ofNas.map(line => `    ${line}\n`).join('')}api:
  socket: ${directory}/api.sock
`
  )
  // What credentialRef names.
  process.env['TURNPIKE_TEST_DEVICE'] = ofNas.length === 0 ? WORDS : `turnpike:${WORDS}`
  let running: Agent | undefined
  t.teardown(() => running?.close())
  return {
    socket: join(directory, 'api.sock'),
    start: async (): Promise<Agent> =>
      (running = await startAgent(loadConfig(file), { log: pino({ level: 'silent' }), version: 'test' })),
    put: <Kind extends keyof Documents>(agent: Agent, kind: Kind, document: Documents[Kind]) =>
      agent.replica.apply([{ kind, id: document.id, document }])
  }
}

function last(agent: Agent) {
  return agent.enforcement.history('sub_1').at(-1)
}

/** A session by DHCP begins. */
async function account(t: Test, agent: Agent): Promise<void> {
  const port = agent.bound.accounting[0]?.port ?? 0
  const client = new RadiusClient({ host: '127.0.0.1', port, secret: new Secret(SECRET) })
  t.teardown(() => client.close())
  const attributes = new AttributeWriter()
    .uint32(Attr.AcctStatusType, AcctStatusType.Start)
    .add(Attr.AcctSessionId, '81000001')
    .add(Attr.UserName, 'alice')
    .add(Attr.CallingStationId, '02:00:00:00:00:01')
    .add(Attr.FramedIpAddress, Buffer.from([100, 64, 0, 7]))
  await client.request({ code: Code.AccountingRequest, attributes: () => attributes.finish() })
}
