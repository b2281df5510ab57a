import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  type AnyDriver,
  type Device,
  DriverError,
  type SessionRef,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { ladder } from '../../agent/enforcement/ladder.js'
import { drivers, isDriverName } from '../../drivers/index.js'
import {
  Boot,
  type PortSample,
  readCredential,
  readTarget,
  Rows,
  snmp,
  type SnmpDriver
} from '../../drivers/snmp/index.js'
import {
  furnishMac,
  furnishNeighbour,
  furnishPort,
  furnishSystem,
  furnishVlan,
  SnmpSimulator,
  type Faults,
  type SnmpSimulatorOptions
} from '../../sandbox/snmp/index.js'
import { passwords, startSnmpd, withoutNamespaces, withoutSnmpd } from './snmpd.js'
import { type Behaviour, type DriverBench, driverSuite, failureOf } from './suite.js'

const COMMUNITY = 'nobody-tells-the-community'
const NOW = Date.UTC(2026, 10, 24, 10)
const ADMIN = '1.3.6.1.2.1.2.2.1.7'
const forever = new AbortController().signal
const full: Treatment = { kind: 'full', reason: 'active', attributes: [] }
const walled: Treatment = { kind: 'walled', reason: 'unpaid', attributes: [] }
const blocked: Treatment = { kind: 'blocked', reason: 'unpaid', attributes: [] }
const session: SessionRef = { id: 's1', nas: 'sw-1', acctSessionId: 'poll:sw-1:ge3', userName: 'alice' }
const on = (...ports: string[]): SubscriberRef => ({
  id: 'sub-1',
  userName: 'alice',
  macs: [],
  ports,
  sessions: [session],
  full
})

interface LabOptions extends SnmpSimulatorOptions {
  readonly options?: Device['options']
  readonly credential?: string
  readonly address?: string
}

interface Lab {
  readonly port: number
  readonly box: SnmpSimulator
  readonly driver: SnmpDriver
}

/** A switch with ports ge1 to ge4, of which ge4 is the uplink. */
async function lab(t: Test, { options, credential = COMMUNITY, address, ...of }: LabOptions = {}): Promise<Lab> {
  const box = new SnmpSimulator({ writeCommunity: COMMUNITY, ...of })
  const port = await box.listen()
  t.teardown(() => box.close())
  furnishSystem(box, 'sw-1', 123_456_789)
  for (let index = 1; index <= 4; index++)
    furnishPort(box, {
      index,
      name: `ge${index}`,
      alias: `flat ${index}`,
      received: BigInt(index),
      sent: BigInt(index * 10)
    })
  const device = {
    id: 'sw-1',
    driver: 'snmp',
    address: address ?? `127.0.0.1:${port}`,
    options: { allowLocal: true, uplinks: ['ge4'], ...options }
  }
  const driver = snmp({ device, credential: () => credential, clock: () => NOW })
  t.teardown(() => driver.close())
  return { port, box, driver }
}

async function read(driver: SnmpDriver, signal = forever): Promise<PortSample[]> {
  const samples: PortSample[] = []
  for await (const sample of driver.readCounters(signal)) samples.push(sample)
  return samples
}

const faultsOf: Record<Behaviour, Faults> = {
  answers: {},
  hangs: { hang: true },
  unreachable: {},
  'wrong-credential': {},
  garbage: { garbage: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') }
}

async function bench(t: Test, behaviour: Behaviour): Promise<DriverBench> {
  const { box, driver } = await lab(t, {
    faults: faultsOf[behaviour],
    credential: behaviour === 'wrong-credential' ? `${COMMUNITY}!` : COMMUNITY,
    ...(behaviour === 'wrong-credential' && { options: { timeout: 10, retries: 1 } }),
    ...(behaviour === 'unreachable' && { address: `127.0.0.1:${await closedPort()}` })
  })
  // `restore` finds ge3 off, `block` finds ge2 on.
  furnishPort(box, { index: 3, name: 'ge3', received: 0n, sent: 0n, admin: 2 })
  return { driver: halves(driver), who: on('ge2'), treatment: blocked, credential: COMMUNITY }
}

/** The suite acts on one subscriber: what is restored is another port than what is blocked. */
function halves(driver: SnmpDriver): SnmpDriver {
  const other: SnmpDriver = Object.create(driver) as SnmpDriver
  const own = {
    name: driver.name,
    capabilities: driver.capabilities,
    block: driver.block.bind(driver),
    observe: driver.observe.bind(driver),
    readCounters: driver.readCounters.bind(driver),
    health: driver.health.bind(driver),
    close: driver.close.bind(driver),
    restore: (_: SubscriberRef, signal: AbortSignal) => driver.restore(on('ge3'), signal)
  }
  return Object.assign(other, own)
}

async function closedPort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

// A wrong community is not answered: nobody can tell it from silence.
driverSuite(t, 'snmp', {
  open: bench,
  wrongCredential: 'UNREACHABLE',
  credential: COMMUNITY,
  bad: {
    'wrong password': {
      code: 'UNREACHABLE',
      says: /silent too when the community is wrong: compare it/,
      open: async t =>
        (await lab(t, { credential: `${COMMUNITY}!`, options: { timeout: 10, retries: 1 } })).driver as AnyDriver
    },
    'another certificate':
      'SNMP over UDP has none; of v3 the tests with snmpd ask for each wrong password and protocol',
    'another make': {
      code: 'PROTOCOL',
      says: /of the maker 99999, not 9 .*Check the address/,
      open: async t => (await lab(t, { options: { enterprise: 9 } })).driver as AnyDriver
    },
    'half a reply': {
      code: 'TIMEOUT',
      says: /began to answer and stopped/,
      open: async t =>
        (await lab(t, { options: { timeout: 200, retries: 0, repetitions: 2 }, faults: { answers: 2 } }))
          .driver as AnyDriver,
      ask: async (driver, signal) => {
        for await (const _ of driver.readCounters?.(signal) ?? []);
      }
    },
    'the uplink': {
      code: 'REJECTED',
      says: /The port ge2 was not switched off: more than 8 MAC addresses are behind it\..*name it in the option ports/,
      open: async t => {
        const { box, driver } = await lab(t)
        for (let n = 0; n < 9; n++) furnishMac(box, 2, [2, 0, 0, 0, 2, n])
        return driver as AnyDriver
      },
      ask: async (driver, signal) => driver.block?.(on('ge2'), blocked, signal)
    }
  }
})

t.test('the list of drivers names it, and it is the rung of the port', async t => {
  t.equal(drivers.snmp, snmp)
  t.ok(isDriverName('snmp'))
  const { driver } = await lab(t)
  const step = { difference: 'tighter', how: blocked, whole: [], sayable: true } as const
  t.strictSame(
    ladder(step, [{ driver, place: 'sw-1', ports: ['ge1'], beside: true }]).map(({ way }) => way),
    ['port']
  )
})

t.test('health tells name, kind and uptime', async t => {
  const { box, driver } = await lab(t)
  t.equal(await driver.health(forever), '"sw-1" (Simulated switch) answers SNMPv2c, up 14 d 6 h 56 min.')
  box.mib.remove('1.3.6.1.2.1.1')
  t.match(await failureOf(driver.health(forever)), { code: 'PROTOCOL', message: /does not say what it is/ })
})

t.test('counters', async t => {
  t.test('64 bits, from the subscriber’s view, with the run of the device', async t => {
    const { box, driver } = await lab(t)
    furnishPort(box, { index: 2, name: 'ge2', received: 2n ** 64n - 1n, sent: 2n ** 40n + 5n })
    const samples = await read(driver)
    t.equal(samples.length, 4)
    t.strictSame(samples[1], {
      key: 'interface:ge2',
      at: NOW,
      upOctets: 2n ** 64n - 1n,
      downOctets: 2n ** 40n + 5n,
      bits: 64,
      bootId: '2026-11-10T03:04'
    })
    t.equal(box.requests, 2, 'one GET, one GETBULK for all of them')
  })

  t.test('ports that count in 32 bits only come last, and say so', async t => {
    const { box, driver } = await lab(t)
    box.mib.remove('1.3.6.1.2.1.31.1.1.1.6.3')
    box.mib.remove('1.3.6.1.2.1.31.1.1.1.10.3')
    const samples = await read(driver, forever)
    t.same(
      samples.map(({ key, bits }) => [key, bits]),
      [
        ['interface:ge1', 64],
        ['interface:ge2', 64],
        ['interface:ge4', 64],
        ['interface:ge3', 32]
      ]
    )
  })

  t.test('a device without ifXTable is read by ifDescr', async t => {
    const { box, driver } = await lab(t, { options: { portsBy: 'descr' } })
    box.mib.remove('1.3.6.1.2.1.31')
    const samples = await read(driver)
    t.same(
      samples.map(({ key, bits, upOctets }) => [key, bits, upOctets]),
      [1, 2, 3, 4].map(n => [`interface:Port ${n}`, 32, BigInt(n)])
    )
  })

  t.test('ports are called by alias or index where the document says so', async t => {
    for (const [portsBy, key] of [
      ['alias', 'interface:flat 1'],
      ['index', 'interface:1']
    ] as const) {
      const { driver } = await lab(t, { options: { portsBy } })
      t.equal((await read(driver))[0]?.key, key)
    }
  })

  t.test('a table of 48 ports whose answers are cut anywhere is read whole', async t => {
    for (const maxOctets of [1, 100, 333, 1400]) {
      const { box, driver } = await lab(t, { maxOctets })
      for (let index = 1; index <= 48; index++)
        furnishPort(box, { index, name: `ge${index}`, received: BigInt(index), sent: 0n })
      t.same(
        (await read(driver)).map(({ key, upOctets }) => [key, upOctets]),
        Array.from({ length: 48 }, (_, n) => [`interface:ge${n + 1}`, BigInt(n + 1)])
      )
    }
  })

  t.test('a table of 100,000 rows ends at the limit, with what to do', async t => {
    const { box, driver } = await lab(t, { options: { maxRows: 500, repetitions: 50 }, maxOctets: 60_000 })
    for (let index = 1; index <= 100_000; index++)
      box.mib.put(`1.3.6.1.2.1.31.1.1.1.1.${index}`, { type: 'text', value: `ppp${index}` })
    const error = await failureOf(read(driver))
    t.match(error, { code: 'UNSUPPORTED', message: /more than 500 rows.*maxRows/s })
    t.ok(box.requests < 20, 'and what is behind it is not read')
  })

  t.test('a table that begins again and again is not believed', async t => {
    const { driver } = await lab(t, { faults: { loop: true } })
    t.match(await failureOf(read(driver)), { code: 'PROTOCOL', message: /does not go forward/ })
  })

  t.test('half a table is an error, not a shorter one', async t => {
    const { box, driver } = await lab(t, {
      options: { timeout: 200, retries: 0, repetitions: 2 },
      faults: { answers: 2 }
    })
    const got: string[] = []
    const error = await failureOf(
      (async () => {
        for await (const { key } of driver.readCounters(forever)) got.push(key)
      })()
    )
    t.equal(error.code, 'TIMEOUT')
    t.strictSame(got, ['interface:ge1', 'interface:ge2'])
    t.equal(box.requests, 3)
  })

  t.test('a device without interfaces is none', async t => {
    const { box, driver } = await lab(t)
    box.mib.remove('1.3.6.1.2.1.2')
    box.mib.remove('1.3.6.1.2.1.31')
    t.equal((await failureOf(read(driver))).code, 'PROTOCOL')
    t.match(await failureOf(driver.readPorts(forever)), { code: 'PROTOCOL', message: /knows no interface/ })
  })

  t.test('who leaves in the middle leaves nothing open', async t => {
    const { driver } = await lab(t)
    for await (const { key } of driver.readCounters(forever)) {
      t.equal(key, 'interface:ge1')
      break
    }
    await driver.close()
    t.equal((await failureOf(read(driver))).code, 'TIMEOUT')
  })
})

t.test('interfaces with state, errors and discards', async t => {
  const { driver } = await lab(t)
  const ports = await driver.readPorts(forever)
  t.strictSame(ports[2], {
    index: '3',
    name: 'ge3',
    speed: 1000,
    alias: 'flat 3',
    descr: 'Port 3',
    type: 6,
    admin: 'up',
    oper: 1,
    inErrors: 314n,
    outErrors: 320n,
    inDiscards: 313n,
    outDiscards: 319n
  })
})

t.test('a port is switched off and on, and read back', async t => {
  const { box, driver } = await lab(t)
  t.match(await driver.observe(on('ge2'), forever), { present: true, treatment: 'full', detail: /ge2 is switched on/ })
  t.match(await driver.block(on('ge2'), walled, forever), { result: 'changed', proof: /ge2 is switched off/ })
  t.match(box.mib.value(`${ADMIN}.2`), { value: 2 })
  t.match(box.mib.value(`${ADMIN}.1`), { value: 1 })
  t.match(await driver.observe(on('ge2'), forever), { present: true, treatment: 'blocked' })
  t.equal((await driver.block(on('ge2'), blocked, forever)).result, 'unchanged')
  t.match(await driver.block(on('ge2'), full, forever), { result: 'changed', proof: /ge2 is switched on/ })
})

t.test('a subscriber of several ports: all or none', async t => {
  const { port, box } = await lab(t)
  const device = {
    id: 'sw-1',
    driver: 'snmp',
    address: `127.0.0.1:${port}`,
    options: { allowLocal: true, uplinks: ['ge4'] }
  }
  const many = snmp({ device, credential: () => COMMUNITY, clock: () => NOW })
  await many.block(on('ge1', 'ge2'), blocked, forever)
  t.match(
    [1, 2].map(n => box.mib.value(`${ADMIN}.${n}`)),
    [{ value: 2 }, { value: 2 }]
  )
  const half = await many.observe(on('ge2', 'ge3'), forever)
  t.notOk(half.treatment, 'half is neither')
  t.match(await failureOf(many.block(on('ge3', 'ge4'), blocked, forever)), { code: 'REJECTED' })
  t.match(box.mib.value(`${ADMIN}.3`), { value: 1 }, 'the uplink is refused before anything is touched')
})

t.test('the guard', async t => {
  const refused = async (t: Test, furnish: (box: SnmpSimulator) => void, options?: Device['options']) => {
    const { box, driver } = await lab(t, options === undefined ? {} : { options })
    furnish(box)
    const outcome = await driver.block(on('ge2'), blocked, forever).catch((error: unknown) => error)
    const off = box.mib.value(`${ADMIN}.2`)?.value === 2
    t.equal(off, !(outcome instanceof DriverError), 'what is refused is not touched')
    return outcome instanceof DriverError ? `${outcome.code} ${outcome.message}` : 'switched'
  }
  const macs = (box: SnmpSimulator, index: number, count: number) => {
    for (let n = 0; n < count; n++) furnishMac(box, index, [2, 0, 0, 0, index, n])
  }

  t.test('refuses what the document names as an uplink, by whatever name', async t => {
    for (const name of ['ge2', '2', 'flat 2', 'Port 2'])
      t.match(await refused(t, () => undefined, { uplinks: [name] }), /^REJECTED .*ge2.*name it as an uplink/)
  })

  t.test('refuses a port with many MAC addresses, and lets one with few', async t => {
    t.match(await refused(t, box => macs(box, 2, 9)), /^REJECTED .*more than 8 MAC addresses/)
    t.equal(await refused(t, box => macs(box, 2, 8)), 'switched')
    t.equal(await refused(t, box => (macs(box, 4, 50), macs(box, 2, 1))), 'switched')
    t.match(await refused(t, box => macs(box, 2, 3), { maxMacs: 2 }), /^REJECTED/)
  })

  t.test('refuses a trunk: tagged in two VLANs', async t => {
    const vlans = (box: SnmpSimulator) => {
      macs(box, 2, 1)
      furnishVlan(box, 10, [1, 2, 4], [1])
      furnishVlan(box, 20, [2, 4], [])
    }
    t.match(await refused(t, vlans), /^REJECTED .*a trunk/)
    t.equal(await refused(t, box => (macs(box, 2, 1), furnishVlan(box, 10, [2, 4], [2]))), 'switched')
  })

  t.test('refuses a port with a switch behind it', async t => {
    const outcome = await refused(t, box => furnishNeighbour(box, 2, 'ge2', 'core'))
    t.match(outcome, /^REJECTED .*the switch core is behind it \(LLDP\)/)
    t.equal(await refused(t, box => furnishNeighbour(box, 4, 'ge4', 'core')), 'switched')
  })

  t.test('refuses what is no port', async t => {
    const aggregate = (box: SnmpSimulator) =>
      furnishPort(box, { index: 2, name: 'ge2', received: 0n, sent: 0n, type: 161 })
    t.match(await refused(t, aggregate), /^REJECTED .*an aggregate of ports/)
  })

  t.test('refuses when nothing is known', async t => {
    t.match(await refused(t, () => undefined, { uplinks: [] }), /^REJECTED .*does not tell which ports are uplinks/)
    t.equal(await refused(t, box => macs(box, 2, 1), { uplinks: [] }), 'switched')
  })

  t.test('is told by name which port it may switch all the same, but for uplinks', async t => {
    t.equal(await refused(t, box => macs(box, 2, 50), { ports: ['ge2'] }), 'switched')
    t.match(await refused(t, () => undefined, { ports: ['ge2'], uplinks: ['ge2'] }), /^REJECTED/)
  })

  t.test('does not stand in the way of a restore', async t => {
    const { box, driver } = await lab(t, { options: { uplinks: ['ge2'] } })
    furnishPort(box, { index: 2, name: 'ge2', received: 0n, sent: 0n, admin: 2 })
    t.equal((await driver.restore(on('ge2'), forever)).result, 'changed')
  })
})

t.test('refusals have words and a remedy', async t => {
  t.test('a community that may only read', async t => {
    const { driver } = await lab(t, { credential: 'public' })
    t.match(await failureOf(driver.block(on('ge2'), blocked, forever)), {
      code: 'AUTH',
      deviceCode: 6,
      message: /right to write/
    })
  })

  t.test('a device that switches no port', async t => {
    const { box, driver } = await lab(t)
    box.writable.clear()
    t.match(await failureOf(driver.block(on('ge2'), blocked, forever)), { code: 'REJECTED', deviceCode: 17 })
  })

  t.test('a device that says yes and does nothing', async t => {
    const { driver } = await lab(t, { faults: { ignoreSet: true } })
    t.match(await failureOf(driver.block(on('ge2'), blocked, forever)), {
      code: 'REJECTED',
      message: /did not make it/
    })
  })

  t.test('a port that is not there, twice there, or not named', async t => {
    const { box, driver } = await lab(t)
    t.match(await failureOf(driver.block(on('ge9'), blocked, forever)), { code: 'NO_SUCH_SESSION', message: /"ge9"/ })
    furnishPort(box, { index: 9, name: 'ge1', received: 0n, sent: 0n })
    t.match(await failureOf(driver.observe(on('ge1'), forever)), { code: 'REJECTED', message: /2 ports/ })
    t.match(await failureOf(driver.observe(on(), forever)), {
      code: 'NO_SUCH_SESSION',
      message: /names no port of sw-1/
    })
    const byIndex = await lab(t, { options: { portsBy: 'index' } })
    t.equal((await failureOf(byIndex.driver.observe(on('77'), forever))).code, 'NO_SUCH_SESSION')
  })

  t.test('a rate', async t => {
    const { driver } = await lab(t)
    const throttled: Treatment = { kind: 'throttled', reason: 'quota', attributes: [] }
    t.equal((await failureOf(driver.block(on('ge2'), throttled, forever))).code, 'UNSUPPORTED')
  })

  t.test('another maker', async t => {
    const { driver } = await lab(t, { options: { enterprise: 9 } })
    const error = await failureOf(driver.block(on('ge2'), blocked, forever))
    t.match(error, { code: 'PROTOCOL', message: /of the maker 99999, not 9/ })
    const same = await lab(t, { options: { enterprise: 99_999 } })
    t.match(await same.driver.health(forever), /sw-1/)
  })

  t.test('a secret store that does not know the credential', async t => {
    const device = { id: 'sw-1', driver: 'snmp', address: '192.0.2.1' }
    const credential = () => {
      throw new Error('no such file')
    }
    const driver = snmp({ device, credential, clock: () => NOW })
    t.match(await failureOf(driver.health(forever)), { code: 'AUTH', message: /secret store/ })
  })

  t.test('a signal that was aborted before', async t => {
    const { box, driver } = await lab(t)
    t.equal((await failureOf(driver.health(AbortSignal.abort()))).code, 'TIMEOUT')
    t.equal(box.requests, 0)
  })
})

t.test('no credential is in an error, however deep one looks', async t => {
  for (const behaviour of ['wrong-credential', 'garbage', 'unreachable'] as const) {
    const { driver } = await bench(t, behaviour)
    const error = await failureOf(driver.health(AbortSignal.timeout(300)))
    t.notMatch(inspect(error, { depth: 20, showHidden: true }), COMMUNITY, behaviour)
  }
})

t.test('whatever answers, the outcome is a DriverError', async t => {
  const { box, driver } = await lab(t, { options: { timeout: 20, retries: 0 } })
  const beginning = Buffer.from('302602010104', 'hex')
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (octets, headed) => {
      box.faults = { garbage: Buffer.concat(headed ? [beginning, octets] : [octets]) }
      const error = await failureOf(driver.health(forever))
      return ['PROTOCOL', 'TIMEOUT', 'UNREACHABLE'].includes(error.code)
    }),
    { numRuns: 60, seed: 7 }
  )
})

t.test('documents', async t => {
  const target = (address: string, options?: Device['options']) =>
    readTarget({ id: 'sw-1', driver: 'snmp', address, ...(options !== undefined && { options }) })

  t.test('addresses', async t => {
    t.match(target('192.0.2.1'), { host: '192.0.2.1', port: 161, v3: undefined, repetitions: 18 })
    t.match(target('switch.example:1161'), { host: 'switch.example', port: 1161 })
    t.match(target('2001:db8::1'), { host: '2001:db8::1', port: 161 })
    t.match(target('[2001:db8::1]:99'), { host: '2001:db8::1', port: 99 })
    t.match(target('192.0.2.1', { port: 162 }), { port: 162 })
    for (const address of ['', '192.0.2.1:0', '192.0.2.1:65536', 'a:b:c'])
      t.throws(() => target(address), { code: 'UNSUPPORTED', message: /address/ })
  })

  t.test('what is not understood is named', async t => {
    const wrong: readonly (readonly [string, unknown])[] = [
      ['version', '1'],
      ['port', 0],
      ['timeout', 1.5],
      ['uplinks', 'ge1'],
      ['ports', [1]],
      ['portsBy', 'colour'],
      ['allowLocal', 'yes'],
      ['community', 'public']
    ]
    for (const [name, value] of wrong)
      t.throws(() => target('192.0.2.1', { [name]: value }), { code: 'UNSUPPORTED', message: new RegExp(name) })
    t.throws(() => target('192.0.2.1', { version: '3' }), { message: /user/ })
    t.match(target('192.0.2.1', { version: '3', user: 'turnpike' }), {
      v3: { level: 'authPriv', authProtocol: 'sha256', privProtocol: 'aes' }
    })
  })

  t.test('the box itself and its links are not driven unless that is allowed', async t => {
    for (const address of ['127.0.0.1', '169.254.169.254', '[::1]:161', '[::ffff:127.0.0.1]:161', '224.0.0.1']) {
      const driver = snmp({
        device: { id: 'x', driver: 'snmp', address },
        credential: () => 'public',
        clock: () => NOW
      })
      t.match(await failureOf(driver.health(forever)), { code: 'UNSUPPORTED', message: /allowLocal/ }, address)
    }
  })

  t.test('credentials', async t => {
    const v3 = target('192.0.2.1', { version: '3', user: 'turnpike' }).v3
    t.strictSame(
      readCredential(() => 'pub lic\n', undefined),
      { auth: 'pub lic', priv: 'pub lic' }
    )
    t.strictSame(
      readCredential(() => '12345678\nabcdefgh\n', v3),
      { auth: '12345678', priv: 'abcdefgh' }
    )
    t.strictSame(
      readCredential(() => '12345678', v3),
      { auth: '12345678', priv: '12345678' }
    )
    t.strictSame(
      readCredential(() => '{"auth":"12345678","priv":"abcdefgh"}', v3),
      {
        auth: '12345678',
        priv: 'abcdefgh'
      }
    )
    t.throws(() => readCredential(() => '', undefined), { code: 'AUTH' })
    for (const bad of ['short', '{"auth":1}', '{"auth":"12345678","priv":"x"}', '{'])
      t.throws(() => readCredential(() => bad, v3), { code: 'AUTH' })
  })
})

t.test('the run of a device', async t => {
  t.test('is the same while its uptime grows, also over its wrap', async t => {
    const boot = new Boot()
    const id = boot.idOf(100, NOW)
    t.equal(boot.idOf(30_100, NOW + 300_000), id)
    t.equal(boot.idOf(30_100 + 8_640_000, NOW + 300_000 + 86_430_000), id, 'its clock may be poor')
    const last = 2 ** 32 - 100
    const old = new Boot()
    const before = old.idOf(last, NOW)
    t.equal(old.idOf(29_900, NOW + 300_000), before)
  })

  t.test('is another when it fell, or grew by less than passed', async t => {
    const boot = new Boot()
    const first = boot.idOf(1_000_000, NOW)
    const second = boot.idOf(3_000, NOW + 300_000)
    t.not(second, first)
    t.not(boot.idOf(8_640_000, NOW + 300_000 + 30 * 86_400_000), second)
  })
})

t.test('rows come in order and once, however columns have holes', async () => {
  const table = fc.uniqueArray(fc.tuple(fc.nat(300), fc.boolean(), fc.boolean()), {
    selector: ([n]) => n,
    maxLength: 40
  })
  fc.assert(
    fc.property(table, fc.integer({ min: 1, max: 7 }), (given, repetitions) => {
      const cells = [...given].sort(([a], [b]) => a - b)
      const columns = [0, 1].map(c => cells.filter(row => row[c === 0 ? 1 : 2]).map(([n]) => n))
      const rows = new Rows(['1.2', '1.3'])
      const got: string[] = []
      while (!rows.ended) {
        const answer = rows.next().map(oid => {
          const [, column, after] = oid.split('.').map(Number)
          const rest = (columns[(column ?? 2) - 2] ?? []).filter(n => after === undefined || n > after)
          const found = rest.slice(0, repetitions).map(n => ({ oid: `1.${column}.${n}`, type: 2, value: n }))
          return [...found, ...(found.length < repetitions ? [{ oid: '9.9', type: 2, value: 0 }] : [])]
        })
        for (const {
          index,
          cells: [a, b]
        } of rows.take(answer))
          got.push(`${index}:${a ?? ''}:${b ?? ''}`)
      }
      const want = cells.filter(([, a, b]) => a || b).map(([n, a, b]) => `${n}:${a ? n : ''}:${b ? n : ''}`)
      return got.join() === want.join()
    }),
    { numRuns: 300, seed: 5 }
  )
})

t.test('Debian’s snmpd', withoutSnmpd === undefined ? {} : { skip: withoutSnmpd }, async t => {
  const daemon = await startSnmpd(t.testdir({}))
  t.teardown(() => daemon.stop())
  const open = (options: Device['options'], credential: string): SnmpDriver => {
    const address = `127.0.0.1:${daemon.port}`
    const device = { id: 'box', driver: 'snmp', address, options: { allowLocal: true, ...options } }
    const driver = snmp({ device, credential: () => credential, clock: Date.now })
    t.teardown(() => driver.close())
    return driver
  }
  const v3 = { version: '3', user: 'SHA-256' }

  t.test('v2c: health and counters', async t => {
    const driver = open({}, 'public')
    t.match(await driver.health(forever), /^"edge-switch" \(A box with Debian\) answers SNMPv2c, up /)
    const lo = (await read(driver)).find(({ key }) => key === 'interface:lo')
    t.match(lo, { bits: 64, bootId: /^20\d\d-/ })
    t.ok(lo !== undefined && lo.upOctets > 0n && lo.upOctets === lo.downOctets)
    t.match(
      (await driver.readPorts(forever)).find(({ name }) => name === 'lo'),
      { type: 24, admin: 'up' }
    )
  })

  t.test('v3: SHA-256, SHA-512 and SHA-1 with AES', async t => {
    for (const [user, authProtocol] of [
      ['SHA-256', 'sha256'],
      ['SHA-512', 'sha512'],
      ['SHA', 'sha']
    ] as const) {
      const driver = open({ ...v3, user, authProtocol }, JSON.stringify(passwords))
      t.match(await driver.health(forever), /edge-switch.*SNMPv3/, user)
      t.ok(
        (await read(driver)).some(({ key }) => key === 'interface:lo'),
        user
      )
    }
  })

  t.test('v3: a wrong password, user, protocol or level is said to be that', async t => {
    const { auth, priv } = passwords
    const wrong: readonly (readonly [Record<string, unknown>, object, RegExp])[] = [
      [{}, { auth: 'another password', priv }, /password of authentication/],
      [{ user: 'mallory' }, { auth, priv }, /does not know the user/],
      [{ authProtocol: 'sha512' }, { auth, priv }, /authentication/],
      [{ level: 'authNoPriv' }, { auth, priv }, /security level|not authorised/]
    ]
    for (const [options, credential, words] of wrong) {
      const driver = open({ ...v3, timeout: 1000, retries: 0, ...options }, JSON.stringify(credential))
      const error = await failureOf(driver.health(forever))
      t.match(error, { code: 'AUTH', message: words }, JSON.stringify(options))
      t.notMatch(inspect(error, { depth: 20 }), auth)
    }
  })

  t.test('v3: what cannot be decrypted is not answered, and the error says what to compare', async t => {
    const credential = JSON.stringify({ ...passwords, priv: 'another password' })
    const driver = open({ ...v3, timeout: 100, retries: 0 }, credential)
    t.match(await failureOf(driver.health(forever)), { code: 'TIMEOUT', message: /password and protocol of privacy/ })
  })

  t.test('v2c: a wrong community is silence', async t => {
    const error = await failureOf(open({ timeout: 50, retries: 1 }, 'wrong').health(forever))
    t.match(error, { code: 'UNREACHABLE', message: /silent too when the community is wrong/ })
  })

  t.test('v2c: the loopback is no port', async t => {
    const driver = open({ uplinks: ['none'] }, 'writer')
    t.match(await failureOf(driver.block(on('lo'), blocked, forever)), { code: 'REJECTED', message: /a loopback/ })
    t.equal((await driver.observe(on('lo'), forever)).treatment, 'full')
  })
})

t.test('a real interface', withoutNamespaces === undefined ? {} : { skip: withoutNamespaces }, async t => {
  const namespace = `tps${process.pid}`
  const [near, far] = [`tpa${process.pid}`, `tpb${process.pid}`]
  const subnet = `198.18.${process.pid % 250}`
  const ip = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const inside = (...args: string[]): string => ip('netns', 'exec', namespace, ...args)
  t.teardown(() => spawnSync('ip', ['netns', 'del', namespace]))
  ip('netns', 'add', namespace)
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', namespace)
  ip('addr', 'add', `${subnet}.1/30`, 'dev', near)
  ip('link', 'set', near, 'up')
  ip('-n', namespace, 'addr', 'add', `${subnet}.2/30`, 'dev', far)
  for (const [one, other] of [['port1', 'flat1']] as const)
    ip('-n', namespace, 'link', 'add', one, 'type', 'veth', 'peer', 'name', other)
  for (const link of [far, 'lo', 'port1', 'flat1']) ip('-n', namespace, 'link', 'set', link, 'up')
  ip('-n', namespace, 'addr', 'add', '198.19.0.1/24', 'dev', 'port1')
  ip('-n', namespace, 'neigh', 'add', '198.19.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'port1')
  const statistic = (name: string): bigint => BigInt(inside('cat', `/sys/class/net/port1/statistics/${name}`).trim())
  const isUp = (): boolean => !/state DOWN/.test(ip('-n', namespace, '-o', 'link', 'show', 'port1'))

  // Before it starts: snmpd reads the counters of the kernel every few seconds only.
  inside('bash', '-c', 'for n in $(seq 50); do echo octets > /dev/udp/198.19.0.2/9; done')
  const before = [statistic('rx_bytes'), statistic('tx_bytes')]
  const daemon = await startSnmpd(t.testdir({}), namespace)
  t.teardown(() => daemon.stop())
  const driver = snmp({
    device: { id: 'box', driver: 'snmp', address: `${subnet}.2`, options: { uplinks: [far] } },
    credential: () => 'writer',
    clock: Date.now
  })
  t.teardown(() => driver.close())

  t.test('its counters are the kernel’s', async t => {
    const sample = (await read(driver)).find(({ key }) => key === 'interface:port1')
    const after = [statistic('rx_bytes'), statistic('tx_bytes')]
    t.ok(before[1] !== undefined && before[1] >= 50n * 49n)
    for (const [n, octets] of [sample?.upOctets, sample?.downOctets].entries())
      t.ok(
        octets !== undefined && octets >= (before[n] ?? 0n) && octets <= (after[n] ?? 0n),
        `${before[n]} ${octets} ${after[n]}`
      )
  })

  t.test('it is switched off and on, and the uplink over which we speak is not', async t => {
    t.match(await failureOf(driver.block(on(far), blocked, forever)), { code: 'REJECTED', message: /uplink/ })
    t.match(await driver.block(on('port1'), blocked, forever), { result: 'changed', proof: /switched off/ })
    t.notOk(isUp(), 'the kernel says so')
    t.equal((await driver.observe(on('port1'), forever)).treatment, 'blocked')
    t.match(await driver.restore(on('port1'), forever), { result: 'changed' })
    t.ok(isUp(), 'the kernel says so')
  })
})
