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

t.test(
  'of a device that does one thing after the other no more than two changes of rate are asked at a time',
  async t => {
    const time = new Time()
    const { clock, after } = time
    const silences: boolean[] = []
    const queues = new NasQueues({
      limits: queueDefaults,
      clock,
      after,
      silent: (_nas, _driver, is) => silences.push(is)
    })
    const { driver } = new FakeDevice('linux')
    // Each call takes a second of the device, as long as nothing else does.
    let free: Promise<void> = Promise.resolve()
    const act = (): Promise<void> => (free = free.then(() => new Promise<void>(resolve => after(1000, resolve))))
    const ends: string[] = []
    const call = (name: string, lane: 'sideways' | 'looser') =>
      queues.run({ nas: 'gw', driver, lane, signal: new AbortController().signal, act }).then(() => ends.push(name))
    const rates = Array.from({ length: 20 }, (_, n) => call(`rate-${n}`, 'sideways'))
    await time.pass(100)
    t.match(queues.status(), [{ running: 2, waiting: 18 }])
    const restored = call('restore', 'looser')
    await time.pass(3100)
    await restored
    t.strictSame(ends, ['rate-0', 'rate-1', 'restore'], 'a restore waits for two at most')
    await time.pass(20_000)
    await Promise.all(rates)
    t.strictSame([ends.length, silences], [21, []], 'none ran out of time, and the device is not taken for dead')
  }
)

function listenable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) }
}
