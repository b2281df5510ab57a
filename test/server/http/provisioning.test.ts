import t from 'tap'
import { DriverError } from '../../../agent/model/index.js'
import { Provisioner, ProvisioningError } from '../../../agent/provisioning/index.js'
import { createApi } from '../../../server/http/api.js'
import { provisionHere } from '../../../server/http/provision-here.js'
import { FakeView, noon } from './fake-view.js'

async function apiOf(changesPerMinute = 100) {
  const view = new FakeView()
  const api = await createApi({ view, version: '0.1.0', clock: () => noon, changesPerMinute })
  t.teardown(() => api.close())
  const post = async (device: string, payload: object) => {
    const response = await api.inject({ url: `/v1/devices/${device}/provision`, method: 'POST', payload })
    return { status: response.statusCode, body: response.json<unknown>() }
  }
  return { view, api, post }
}

t.test('templates are listed with what each takes', async t => {
  const { api } = await apiOf()
  t.match((await api.inject('/v1/templates')).json(), {
    templates: [
      { name: 'line', variables: [{ name: 'username' }, { type: 'secret', required: true }, { default: 1492 }] },
      { name: 'odd', problem: /odd\.yaml:1:1/ }
    ]
  })
})

t.test('an order reaches the agent as it was given, and its answer comes back whole', async t => {
  const { view, post } = await apiOf()
  const values = { username: 'alice', mtu: 1480, fast: true, text: '0123', password: 'geheim' }
  const { status, body } = await post('cpe-1', { template: 'line', values })
  t.equal(status, 200)
  t.match(body, {
    device: 'cpe-1',
    template: 'line',
    dryRun: false,
    result: 'changed',
    changes: [/^add/],
    proven: true
  })
  t.same(view.said, [{ template: 'line', device: 'cpe-1', values, dryRun: false }], 'types of values stay')
  t.match(await post('cpe-1', { template: 'line', dryRun: true }), { body: { result: 'unchanged', proven: false } })
})

t.test('what does not fit, is refused, or fails at the device', async t => {
  const { post } = await apiOf()
  for (const payload of [{}, { template: '' }, { template: 'x', values: { a: {} } }, { template: 'x', more: 1 }])
    t.match(await post('cpe-1', payload), { status: 400, body: { code: 'API_BAD_REQUEST' } }, JSON.stringify(payload))
  t.match(await post('nowhere', { template: 'line' }), { status: 422, body: { code: 'API_PROVISIONING' } })
  t.match(await post('off', { template: 'line' }), { status: 502, body: { code: 'API_DEVICE', remedy: /\w/ } })
  const few = await apiOf(1)
  await few.post('cpe-1', { template: 'line' })
  t.match(await few.post('cpe-1', { template: 'line' }), { status: 429 })
})

t.test("refusals and failures of provisioning keep their table's remedy", async t => {
  const failing = (error: Error) => {
    const fail = () => {
      throw error
    }
    const provisioner = new Provisioner({
      templates: { list: () => [], render: fail },
      device: fail,
      driverOf: () => undefined,
      secretOf: () => '',
      subscriber: () => undefined
    })
    return provisionHere(provisioner, { template: 'x', device: 'cpe-1', values: {}, dryRun: false })
  }
  await t.rejects(failing(new ProvisioningError('PROVISIONING_NO_DEVICE', 'There is none.')), {
    code: 'API_PROVISIONING',
    message: 'There is none.',
    remedy: /documents that billing sends/
  })
  await t.rejects(failing(new DriverError('AUTH', 'It refused us.')), {
    code: 'API_DEVICE',
    message: 'cpe-1: It refused us.',
    remedy: /Compare them on both sides/
  })
  await t.rejects(failing(new Error('a mistake')), /a mistake/)
})
