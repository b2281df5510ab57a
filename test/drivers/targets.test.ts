import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { type AnyDriver, type Device, DriverError } from '../../agent/model/index.js'
import { drivers } from '../../drivers/index.js'

const PASSWORD = 'swordfish'
const signal = () => AbortSignal.timeout(5000)

/** Every driver that connects to the address of a device document; `linux` works on its own box and connects to nothing. */
const connecting: Readonly<Record<string, (device: Device) => AnyDriver>> = {
  mikrotik: device => drivers.mikrotik({ device, credential: () => `admin:${PASSWORD}`, clock: Date.now }),
  snmp: device => drivers.snmp({ device, credential: () => PASSWORD, clock: Date.now }),
  openwrt: device => drivers.openwrt({ device, credential: () => `root:${PASSWORD}`, clock: Date.now }),
  genieacs: device => drivers.genieacs({ device, credential: () => `nbi:${PASSWORD}` })
}

const local = [
  '127.0.0.1',
  '127.9.9.9',
  '0.0.0.0',
  '169.254.1.1',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '224.0.0.1',
  '::1',
  '::',
  'fe80::1',
  'ff02::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:a9fe:a9fe',
  // Names are judged by what they resolve to.
  'localhost'
]

t.test('every driver but linux and the one of RADIUS is asked here', async t => {
  t.strictSame(
    Object.keys(connecting).sort(),
    Object.keys(drivers)
      .filter(name => !/^(linux|radius-dae)$/.test(name))
      .sort()
  )
})

for (const [name, make] of Object.entries(connecting)) {
  t.test(`${name}: the gateway itself, its links, groups and metadata services are no devices`, async t => {
    const { port, met } = await listener(t)
    for (const host of local) {
      const error = await refusal(make, name, host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
      t.match(error, { code: 'UNSUPPORTED', message: /loopback, link-local, group or metadata.*allowLocal/ }, host)
      t.notMatch(String(error), PASSWORD)
    }
    t.equal(met(), 0, 'nothing was connected to')
  })

  t.test(`${name}: a credential that cannot be read is said without what it holds`, async t => {
    const { port } = await listener(t)
    const device = {
      id: 'x',
      driver: name,
      address: addressOf(name, `127.0.0.1:${port}`),
      options: { allowLocal: true }
    }
    const broken = () => {
      throw new Error(`secret file holds ${PASSWORD}`)
    }
    const driver =
      name === 'genieacs'
        ? drivers.genieacs({ device, credential: broken })
        : drivers[name as 'snmp' | 'mikrotik' | 'openwrt']({ device, credential: broken, clock: Date.now })
    t.teardown(() => driver.close())
    const error = await driver.health(AbortSignal.timeout(2000)).catch((error: unknown) => error)
    t.type(error, DriverError)
    t.notMatch(String(error), PASSWORD)
  })
}

for (const name of ['openwrt', 'genieacs'] as const) {
  t.test(`${name}: a redirect is not followed, wherever it leads`, async t => {
    const { port: trap, met } = await listener(t)
    for (const status of [301, 302, 307, 308]) {
      const server = createHttp((_request, response) =>
        response.writeHead(status, { location: `http://127.0.0.1:${trap}/latest/meta-data` }).end()
      )
      await once(server.listen(0, '127.0.0.1'), 'listening')
      t.teardown(() => server.close())
      const { port } = server.address() as AddressInfo
      const driver = connecting[name]?.({
        id: 'x',
        driver: name,
        address: `http://127.0.0.1:${port}`,
        options: { allowLocal: true }
      })
      t.teardown(() => driver?.close())
      const error = await driver?.health(signal()).catch((error: unknown) => error)
      t.match(error, { code: 'PROTOCOL', message: /redirect \(30\d\), which is not followed\. Write the address/ })
      t.notMatch(String(error), PASSWORD)
    }
    t.equal(met(), 0)
  })
}

async function refusal(make: (device: Device) => AnyDriver, name: string, address: string): Promise<unknown> {
  try {
    const driver = make({ id: 'x', driver: name, address: addressOf(name, address) })
    try {
      return await driver.health(signal())
    } finally {
      await driver.close()
    }
  } catch (error) {
    return error
  }
}

function addressOf(name: string, address: string): string {
  return name === 'genieacs' || name === 'openwrt' ? `https://${address}` : address
}

/** Something that must not be connected to. */
async function listener(t: Test): Promise<{ port: number; met: () => number }> {
  let count = 0
  const server = createServer(socket => {
    count++
    socket.destroy()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, met: () => count }
}
