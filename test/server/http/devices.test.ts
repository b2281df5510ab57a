import t from 'tap'
import type { DeviceStatus } from '../../../agent/poller/index.js'
import { deviceAttention, deviceCounts, inNeedFirst, portCounts } from '../../../server/http/devices.js'
import { aDevice } from './fake-view.js'

/* What the status says of many devices. */

const up: DeviceStatus = { ...aDevice, device: 'sw-0', state: 'up', detail: 'It answers.', problems: [] }
const contested: DeviceStatus = { ...up, device: 'sw-2', problems: ['ge1: several subscribers have it.'] }

t.test('those that a person should look at stand first', async t => {
  const named = inNeedFirst([up, contested, aDevice]).map(({ device }) => device)
  t.same(named, ['sw-1', 'sw-2', 'sw-0'])
})

t.test('what is down, and why, and ports that cannot be billed are sentences, and there are never many', async t => {
  t.same(deviceAttention([up]), [])
  t.same(deviceAttention([up, contested, aDevice]), [
    'Device sw-1 is down: Nothing answers.',
    'Device sw-1, port ge-9: the device counts no port of that name.',
    'Device sw-2, port ge1: several subscribers have it.'
  ])
  const many = deviceAttention(Array.from({ length: 500 }, () => aDevice))
  t.equal(many.length, 11)
  t.equal(many.at(-1), 'And 990 more about devices: turnpike devices.')
})

t.test('devices are counted by state, ports by whom they count for', async t => {
  t.same(deviceCounts([up, contested, aDevice]), { up: 2, down: 1, flapping: 0, unknown: 0 })
  t.same(portCounts([up, aDevice]), { counted: 2, unclaimed: 4, problems: 1 })
})
