import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type AnyDriver, type Device, type Provisioning, type SubscriberRef } from '../../agent/model/index.js'
import { type Genieacs, genieacs } from '../../drivers/genieacs/index.js'
import { drivers } from '../../drivers/index.js'
import { GenieacsSimulator, type Misbehaviour, type SimulatedCpe } from '../../sandbox/genieacs/index.js'
import { pki } from '../server/radius/certificates.js'
import { type Behaviour, type DriverBench, driverSuite, failureOf } from './suite.js'

const PASSWORD = 'geheim & wörtlich'
const ID = '202BC1-BM632w-00/00.01'
const ppp = 'InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1'
const wifi = 'InternetGatewayDevice.LANDevice.1.WLANConfiguration.1'
const forever = new AbortController().signal

const alice: SubscriberRef = {
  id: 'sub-1',
  userName: 'alice',
  macs: [],
  sessions: [{ id: 's1', nas: 'acs', acctSessionId: '1', userName: 'alice' }],
  full: { kind: 'full', reason: 'active', attributes: [] }
}

const want: Provisioning = {
  template: 'cpe',
  values: { serial: 'S1' },
  dryRun: false,
  steps: [
    { at: ppp, set: { Username: 'alice2', Password: PASSWORD }, secret: ['Password'] },
    { at: wifi, set: { SSID: 'Home', Enable: true }, secret: [] }
  ]
}

interface Lab {
  readonly acs: GenieacsSimulator
  readonly cpe: SimulatedCpe
  readonly driver: Genieacs
  readonly port: number
}

interface LabOptions {
  readonly options?: Device['options']
  readonly credential?: string
  readonly login?: { readonly user: string; readonly password: string }
}

async function lab(t: Test, { options, credential = '', login }: LabOptions = {}): Promise<Lab> {
  const acs = new GenieacsSimulator(login)
  const port = await acs.listen()
  t.teardown(() => acs.close())
  const cpe = acs.add(ID, {
    serial: 'S1',
    parameters: {
      [`${ppp}.Username`]: 'alice',
      [`${ppp}.Password`]: 'old',
      [`${wifi}.SSID`]: 'Factory',
      [`${wifi}.Enable`]: false,
      'InternetGatewayDevice.DeviceInfo.SoftwareVersion': 'V1.2'
    }
  })
  const device = {
    id: 'acs',
    driver: 'genieacs',
    address: `127.0.0.1:${port}`,
    options: { allowLocal: true, ...options }
  }
  const driver = genieacs({ device, credential: () => credential })
  t.teardown(() => driver.close())
  return { acs, cpe, driver, port }
}

const login = { user: 'turnpike', password: PASSWORD }

driverSuite(t, 'genieacs', {
  open: async (t: Test, behaviour: Behaviour): Promise<DriverBench> => {
    const credential = behaviour === 'wrong-credential' ? 'turnpike:wrong' : `turnpike:${PASSWORD}`
    const { acs, driver } = await lab(t, { credential, login })
    if (behaviour === 'hangs' || behaviour === 'garbage') acs.misbehaves = behaviour
    if (behaviour === 'unreachable') await acs.close()
    return { driver, who: alice, treatment: alice.full, credential: PASSWORD }
  },
  credential: PASSWORD,
  bad: {
    'wrong password': {
      code: 'AUTH',
      says: /proxy in front of GenieACS refused our credential\. Compare it/,
      open: async t => (await lab(t, { credential: `turnpike:${PASSWORD}!`, login })).driver
    },
    'another certificate': {
      code: 'AUTH',
      says: /is not trusted.*put it into the option fingerprint/,
      open: async t => {
        const { issue, pem } = pki(t.testdir())
        issue('acs', '/CN=acs.example', { names: 'DNS:acs.example' })
        const server = createServer({ key: pem('acs.key'), cert: pem('acs.pem') }, (_, answer) => answer.end('[]'))
        await once(server.listen(0, '127.0.0.1'), 'listening')
        t.teardown(() => server.close())
        const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
        const driver = genieacs({
          device: { id: 'acs', driver: 'genieacs', address, options: { allowLocal: true } },
          credential: () => `turnpike:${PASSWORD}`
        })
        t.teardown(() => driver.close())
        return driver
      }
    },
    'another make': {
      code: 'PROTOCOL',
      says: /is not the NBI of GenieACS.*with a page.*Check address, port and path/,
      open: t => misbehaving(t, 'page')
    },
    'half a reply': { code: 'TIMEOUT', says: /before its answer was whole/, open: t => misbehaving(t, 'half') },
    'the uplink': 'no port is switched off by this driver'
  }
})

async function misbehaving(t: Test, how: Misbehaviour): Promise<AnyDriver> {
  const { acs, driver } = await lab(t)
  acs.misbehaves = how
  return driver
}

t.test('it is one of the drivers', async t => {
  t.equal(drivers.genieacs, genieacs)
})

t.test('provisioning a CPE that is there: done, read back, and the same again is nothing to do', async t => {
  const { acs, cpe, driver } = await lab(t)
  const dry = await driver.provision({ ...want, dryRun: true }, forever)
  t.match(dry.detail, /^Would set on .*Username=alice2/)
  t.equal(cpe.parameters.get(`${ppp}.Username`), 'alice', 'a dry run changes nothing')
  t.notOk(
    acs.requests.some(request => request.startsWith('POST')),
    'and asks the CPE nothing'
  )

  const done = await driver.provision(want, forever)
  t.equal(done.result, 'changed')
  t.match(done.proof, /read back .*SSID=Home/)
  t.notMatch(JSON.stringify(done), PASSWORD)
  t.equal(cpe.parameters.get(`${ppp}.Password`), PASSWORD)
  t.equal(cpe.parameters.get(`${wifi}.Enable`), true)
  t.equal((await driver.provision(want, forever)).result, 'unchanged')
  t.equal(acs.tasks.size, 0, 'no task is left behind')
})

t.test('provisioning a CPE that is off: queued is not done, and is done at the inform', async t => {
  const { acs, cpe, driver } = await lab(t)
  cpe.online = false
  const queued = await driver.provision(want, forever)
  t.match(queued.detail, /^Queued, not done.*Device is offline.*next inform/)
  t.equal(queued.proof, undefined, 'nothing is proven')
  t.equal(cpe.parameters.get(`${ppp}.Username`), 'alice')
  acs.inform(ID)
  t.equal(cpe.parameters.get(`${ppp}.Username`), 'alice2')
})

t.test('a CPE that refuses a value: in words, nothing is set, and nothing is left to happen later', async t => {
  const { acs, cpe, driver } = await lab(t)
  cpe.refuses.set(`${ppp}.Password`, 9007)
  const error = await failureOf(driver.provision(want, forever))
  t.equal(error.code, 'REJECTED')
  t.equal(error.deviceCode, 9003)
  t.match(error.message, /Password: The CPE does not take that value/)
  t.notMatch(error.message, PASSWORD, 'though the CPE repeated it')
  t.equal(cpe.parameters.get(`${wifi}.SSID`), 'Factory', 'all or nothing')
  t.same([acs.tasks.size, acs.faults.size], [0, 0])
})

t.test('a CPE that takes a value and does not keep it is found out, and the rest is taken back', async t => {
  const { cpe, driver } = await lab(t)
  cpe.ignores.add(`${wifi}.SSID`)
  const error = await failureOf(driver.provision(want, forever))
  t.match(error.message, /SSID reads back otherwise.*set again.*Password is not known and was not brought back/)
  t.equal(cpe.parameters.get(`${ppp}.Username`), 'alice')
  t.notMatch(error.message, PASSWORD)
})

t.test('who is meant must be one device', async t => {
  const { acs, driver } = await lab(t)
  t.match(await failureOf(driver.provision({ ...want, values: { serial: 'S9' } }, forever)), {
    code: 'NO_SUCH_SESSION'
  })
  t.match(await failureOf(driver.provision({ ...want, values: {} }, forever)), { code: 'UNSUPPORTED' })
  acs.add('other', { serial: 'S1', parameters: {} })
  t.match(await failureOf(driver.provision(want, forever)), { code: 'REJECTED' })
  t.match(await failureOf(driver.provision({ ...want, steps: [] }, forever)), { code: 'UNSUPPORTED' })
})

t.test('single orders: read, set, refresh, restart, call, faults', async t => {
  const { acs, cpe, driver } = await lab(t)
  const who = { userName: 'alice' }
  cpe.parameters.set(`${wifi}.SSID`, 'ByHand')
  t.same(await driver.getParameters(who, [`${wifi}.SSID`], forever), {
    fresh: true,
    values: { [`${wifi}.SSID`]: 'ByHand' }
  })
  t.match(await driver.setParameters(who, { [`${wifi}.SSID`]: 'Set' }, forever), { proof: /SSID=Set/ })
  t.match(await driver.refresh(who, 'InternetGatewayDevice', forever), { detail: /^Done/ })
  t.match(await driver.reboot(who, forever), { detail: /^Done: restart/ })
  t.equal(cpe.reboots, 1)
  t.match(await driver.call(who, forever), { detail: /came/ })
  t.match(await failureOf(driver.getParameters(who, ['Device.Nothing'], forever)), {
    code: 'REJECTED',
    message: /no parameter of that name/
  })

  cpe.online = false
  cpe.parameters.set(`${wifi}.SSID`, 'Unseen')
  t.same(await driver.getParameters(who, [`${wifi}.SSID`], forever), {
    fresh: false,
    values: { [`${wifi}.SSID`]: 'Set' }
  })
  t.match(await driver.reboot(who, forever), { detail: /^Queued, not done/ })
  t.match(await failureOf(driver.call(who, forever)), { code: 'UNREACHABLE', message: /Device is offline/ })
  t.equal(acs.tasks.size, 1, 'only the restart waits; the reading was taken back')
  acs.faults.set('x', { device: ID, channel: 'default', code: 'session_terminated', message: 'gone' })
  t.match(await driver.faults(who, forever), [/broke the session off/])
  t.match(await driver.observe(alice, forever), { present: true, detail: /V1.2.*1 of its tasks failed/ })
  t.match(await driver.observe({ ...alice, userName: 'nobody' }, forever), { present: false })
})

t.test('bad peers: another server, half an answer, too much of it, one that fails', async t => {
  const { acs, driver } = await lab(t)
  const codes = { page: 'PROTOCOL', half: 'TIMEOUT', oversize: 'PROTOCOL', broken: 'UNREACHABLE' } as const
  for (const behaviour of ['page', 'half', 'oversize', 'broken'] as const) {
    acs.misbehaves = behaviour
    const error = await failureOf(driver.health(forever))
    t.equal(error.code, codes[behaviour], `${behaviour}: ${error.message}`)
  }
})

t.test('device documents that are refused', async t => {
  const open =
    (address: string, options: Device['options'] = {}) =>
    () =>
      genieacs({ device: { id: 'acs', driver: 'genieacs', address, options } })
  const refused = (words: RegExp) => ({ code: 'UNSUPPORTED', message: words })
  t.throws(open('127.0.0.1'), refused(/loopback.*allowLocal/))
  t.throws(open('[::ffff:127.0.0.1]', { allowPlain: true }), refused(/loopback/))
  t.throws(open('169.254.169.254', { allowPlain: true }), refused(/metadata/))
  t.throws(open('192.0.2.1'), refused(/https, or the option allowPlain/))
  t.throws(open('https://user:pass@192.0.2.1'), refused(/address/))
  t.throws(open('192.0.2.1/nbi'), refused(/address/))
  t.throws(open('https://192.0.2.1', { serail: 'x' }), refused(/serail/))
  t.throws(open('https://192.0.2.1', { fingerprint: 'ab' }), refused(/fingerprint/))
  t.doesNotThrow(open('https://192.0.2.1/nbi/'))
  const named = open('http://localhost:1', { allowLocal: false })()
  t.teardown(() => named.close())
  t.match(await failureOf(named.health(forever)), refused(/loopback/), 'a name is judged by what it resolves to')
})
