import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Device } from '../../agent/model/index.js'
import { loadDictionary } from '../../config/dictionary/index.js'
import { parseConfig, SecretStore } from '../../config/index.js'
import { drivers } from '../../drivers/index.js'
import type { Base } from '../../wiring/base.js'
import { Closers } from '../../wiring/closers.js'
import { Renewals } from '../../wiring/renewals.js'
import { deviceDriver, deviceDrivers } from '../../wiring/drivers.js'

const device = (driver: string, more: Partial<Device> = {}): Device => ({
  id: `a-${driver}`,
  driver,
  // GenieACS would go over plain HTTP.
  address: driver === 'genieacs' ? 'https://192.0.2.9' : '192.0.2.9',
  credentialRef: 'env:NOWHERE',
  ...more
})

t.test('every driver but the one of RADIUS is made from a device document that names it', async t => {
  const { base } = world(t)
  for (const name of Object.keys(drivers).filter(name => name !== 'radius-dae')) {
    const made = deviceDriver(device(name), base)
    t.equal(made.name, name)
    await made.close()
  }
  const message = /a-radius-dae names the driver radius-dae, which is none of mikrotik, snmp, openwrt, linux, genieacs/
  t.throws(() => deviceDriver(device('radius-dae'), base), { code: 'UNSUPPORTED', message })
})

t.test('a document that is not understood drives nothing: who asks is told why, and the log once', async t => {
  const { base, logged } = world(t)
  const wrong = device('snmp', { options: { comunity: 'x' } })
  t.throws(() => deviceDriver(wrong, base), { code: 'UNSUPPORTED', message: /comunity/ })
  const of = deviceDrivers(base, { device: () => wrong })
  t.equal(of('a-snmp'), undefined)
  t.equal(of('a-snmp'), undefined)
  t.equal(logged.length, 1)
  t.match(logged, [/a-snmp.*comunity is not understood/])
})

t.test('whoever asks for a device gets the same driver, until its document changes', async t => {
  const { base } = world(t)
  const documents = new Map([['sw', device('snmp')]])
  const of = deviceDrivers(base, { device: id => documents.get(id) })
  const first = of('sw')
  t.equal(of('sw'), first)
  documents.set('sw', device('snmp', { address: '192.0.2.10' }))
  t.not(of('sw'), first)
  t.equal(of('another'), undefined)
  documents.delete('sw')
  t.equal(of('sw'), undefined)
})

function world(t: Test): { base: Base; logged: string[] } {
  const logged: string[] = []
  const log = pino({ level: 'error' }, { write: line => void logged.push(line) })
  const closers = new Closers(log)
  t.teardown(() => closers.close())
  return {
    logged,
    base: {
      config: parseConfig('', 'test.yaml', {}),
      secrets: new SecretStore({ environment: {} }),
      dictionary: loadDictionary([]),
      clock: Date.now,
      log,
      version: '0',
      renewals: new Renewals(Date.now, log),
      closers
    }
  }
}
