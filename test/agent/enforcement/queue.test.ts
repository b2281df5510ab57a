import { getEventListeners } from 'node:events'
import t from 'tap'
import { NasQueues, queueDefaults } from '../../../agent/enforcement/queue.js'
import { FakeDevice } from './device.js'
import { settle, Time } from './time.js'

t.test('a call that has ended leaves nothing on its signal, which may live as long as the agent', async t => {
  const { clock, after } = new Time()
  const queues = new NasQueues({ limits: queueDefaults, clock, after, silent: () => undefined })
  const { signal, abort } = listenable()
  const call = { nas: 'gw', driver: new FakeDevice('linux').driver, lane: 'looser', signal } as const
  for (let n = 0; n < 20; n++) await queues.run({ ...call, act: async () => 'read' })
  await t.rejects(queues.run({ ...call, act: () => Promise.reject(new Error('no')) }), /no/)
  await settle()
  t.equal(getEventListeners(signal, 'abort').length, 0)
  const hung = queues.run({ ...call, act: () => new Promise(() => undefined) })
  abort()
  await t.rejects(hung, /enough/)
})

function listenable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) }
}
