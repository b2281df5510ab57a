import { pino } from 'pino'
import t, { type Test } from 'tap'
import {
  type AnyDriver,
  type Applied,
  type Command,
  DriverError,
  type Provisioning,
  readNotice,
  type Subscriber
} from '../../../agent/model/index.js'
import { DeviceCommands, Provisioner, ProvisioningError, type Templates } from '../../../agent/provisioning/index.js'
import { Commands } from '../../../agent/subscribers/index.js'
import { MemoryLedger } from '../uplink/memory-ledger.js'

const NOW = Date.UTC(2026, 10, 24, 10)
const alice: Subscriber = {
  id: 'sub_1',
  username: 'alice',
  status: 'active',
  profile: 'p',
  credentials: { password: 'alices-password' }
}
const hashed: Subscriber = { ...alice, id: 'sub_2', credentials: { password: '$6$salt$hash' } }
const bare: Subscriber = { id: 'sub_3', username: 'carol', status: 'active', profile: 'p' }

/** One template with the secret variable `password`. */
const templates: Templates = {
  list: () => [],
  render: ({ template, values, dryRun }, driver, secret) => {
    if (template !== 'line') throw new ProvisioningError('PROVISIONING_TEMPLATE', `There is no template «${template}».`)
    const set = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, name === 'password' ? secret(name, String(value)) : value])
    )
    return { template, values: {}, dryRun, steps: [{ at: driver, set, secret: ['password'] }] }
  }
}

type Provision = (want: Provisioning, signal: AbortSignal) => Promise<Applied>

async function world(t: Test, provision: Provision, more: Partial<AnyDriver> = {}, ledger = new MemoryLedger()) {
  const commands = await Commands.open(ledger, () => NOW)
  const driver: AnyDriver = {
    name: 'box',
    acts: 'line',
    sees: 'all',
    capabilities: ['provision'],
    provision,
    health: async () => 'A box that answers.',
    close: async () => undefined,
    ...more
  }
  const silent: AnyDriver = {
    name: 'mute',
    acts: 'line',
    sees: 'nothing',
    capabilities: [],
    health: async () => 'Here.',
    close: async () => undefined
  }
  const provisioner = new Provisioner({
    templates,
    device: id => (id === 'nowhere' ? undefined : { id, driver: 'box', address: '192.0.2.1' }),
    driverOf: id => (id === 'odd' ? undefined : id === 'mute' ? silent : driver),
    secretOf: reference => {
      if (reference === 'file:/cpe') return 'from-the-store'
      throw new Error(`${reference}: there is no file`)
    },
    subscriber: id => [alice, hashed, bare].find(each => each.id === id)
  })
  const whoIs = (id: string) =>
    id === 'sub_1'
      ? { id, userName: 'alice', macs: [], sessions: [], full: { kind: 'full' as const, reason: '', attributes: [] } }
      : undefined
  const log = pino({ level: 'silent' })
  const running = new DeviceCommands({ commands, provisioner, whoIs, clock: () => NOW, log })
  t.teardown(() => running.close())
  const ends = () => ledger.records.map(({ payload }) => readNotice(payload))
  return {
    commands,
    ledger,
    running,
    provisioner,
    ends,
    /** Sends a command and waits for its end. */
    order: async (more: Partial<Command>, id = 'c1') => {
      await commands.request({ id, verb: 'provision', ...more })
      while (!ends().some(({ command }) => command === id)) await new Promise(setImmediate)
      return ends().find(({ command }) => command === id)
    }
  }
}

const done: Provision = async ({ dryRun }) =>
  dryRun ? { result: 'unchanged', detail: 'Would change: x.' } : { result: 'changed', detail: 'Done and read back: x.' }
const line = { template: 'line', device: 'cpe', values: { username: 'alice', password: 'subscriber:sub_1' } }

t.test('an order is done once, with its secrets from where they are kept, and ends in words', async t => {
  const orders: Provisioning[] = []
  const { running, order, commands, ends } = await world(t, (want, signal) => {
    orders.push(want)
    return done(want, signal)
  })
  running.start()
  t.match(await order({ arguments: line }), { outcome: 'done', words: 'Done and read back: x.' })
  t.match(orders[0]?.steps, [{ set: { username: 'alice', password: 'alices-password' } }])
  await commands.request({ id: 'c1', verb: 'provision', arguments: line })
  const stored = { ...line, values: { password: 'file:/cpe' }, dryRun: true }
  t.match(await order({ arguments: stored }, 'c2'), { outcome: 'done', words: /^Would change/ })
  t.match(orders[1], { dryRun: true, steps: [{ set: { password: 'from-the-store' } }] })
  t.equal(orders.length, 2, 'the first was not done twice')
  t.notMatch(JSON.stringify(ends()), /alices-password|from-the-store/)
})

t.test('what cannot be begun is refused with the reason', async t => {
  const { running, order } = await world(t, async () => t.fail('the device was touched') as never)
  running.start()
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ device: 'cpe' }, /need a template and a device/],
    [{ ...line, dryRun: 'yes' }, /dryRun is true or false/],
    [{ ...line, values: { a: [] } }, /values is an object/],
    [{ ...line, device: 'nowhere' }, /no device «nowhere»/],
    [{ ...line, device: 'odd' }, /device odd cannot be driven/],
    [{ ...line, device: 'mute' }, /mute of mute cannot provision/],
    [{ ...line, template: 'lime' }, /no template «lime»/],
    [{ ...line, values: { password: 'plain' } }, /never by itself/],
    [{ ...line, values: { password: 'file:/none' } }, /file:\/none: there is no file/],
    [{ ...line, values: { password: 'subscriber:sub_9' } }, /no such subscriber/],
    [{ ...line, values: { password: 'subscriber:sub_2' } }, /salted hash/],
    [{ ...line, values: { password: 'subscriber:sub_3' } }, /sent no password/]
  ]
  for (const [index, [given, words]] of cases.entries())
    t.match(await order({ arguments: { ...given } }, `c${index}`), { outcome: 'refused', words }, words.source)
  t.match(await order({ verb: 'reboot' }, 'r1'), { outcome: 'refused', words: /name no device/ })
  const here = { verb: 'reboot', arguments: { device: 'cpe' } } as const
  t.match(await order(here, 'r2'), { outcome: 'refused', words: /box of cpe cannot restart anything/ })
})

t.test('a device that fails is told with the remedy; one that is another make is not touched', async t => {
  const failing = await world(t, async () => {
    throw new DriverError('REJECTED', 'It refused. What had been changed before was taken back.')
  })
  failing.running.start()
  t.match(await failing.order({ arguments: line }), {
    outcome: 'failed',
    words: /was taken back\. The device understood/
  })
  const other = await world(t, async () => t.fail('it was touched') as never, {
    health: async () => {
      throw new DriverError('PROTOCOL', 'What answers there is a web server.')
    }
  })
  other.running.start()
  t.match(await other.order({ arguments: line }), {
    outcome: 'failed',
    words: /web server\. Nothing was changed\. .*of the make that the configuration says/
  })
  const broken = await world(t, async () => {
    throw new Error('a mistake with alices-password')
  })
  broken.running.start()
  t.match(await broken.order({ arguments: line }), { outcome: 'failed', words: /^The agent failed at this/ })
})

/** Never ends by itself: only when it is given up. */
const waiting: Provision = (_want, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new DriverError('TIMEOUT', 'Given up. All was taken back.')))
  })

t.test('a deadline gives it up, and says what became of it', async t => {
  const { running, order } = await world(t, waiting)
  running.start()
  const deadline = new Date(NOW + 50).toISOString()
  t.match(await order({ arguments: line, deadline }), {
    outcome: 'expired',
    words: /^Its deadline passed\. Given up\. All was taken back\./
  })
})

t.test('a stop gives it up, it stays pending, and the next start does it', async t => {
  const calls: Provisioning[] = []
  const { running, commands, ends } = await world(t, (want, signal) => {
    calls.push(want)
    return waiting(want, signal)
  })
  running.start()
  await commands.request({ id: 'c1', verb: 'provision', arguments: line })
  while (calls.length === 0) await new Promise(setImmediate)
  await running.close()
  t.same(ends(), [])
  t.equal(commands.pending().length, 1)
  const next = await world(t, done)
  await next.commands.request({ id: 'c1', verb: 'provision', arguments: line })
  next.running.start()
  while (next.ends().length === 0) await new Promise(setImmediate)
  t.match(next.ends(), [{ command: 'c1', outcome: 'done' }])
})

t.test('a restart is ordered once: one that a stop interrupts is told, and not done at the next start', async t => {
  const asked: (string | undefined)[] = []
  const { running, commands, order, ends } = await world(t, done, {
    reboot: (who, signal) => {
      asked.push(who?.userName)
      if (who === undefined) return waiting({} as Provisioning, signal)
      return Promise.resolve({ result: 'changed', detail: `The CPE of ${who.userName} restarts.` })
    }
  })
  running.start()
  const verb = 'reboot' as const
  const mine = { device: 'cpe', subscriber: 'sub_1' }
  t.match(await order({ verb, arguments: mine }, 'r1'), { outcome: 'done', words: 'The CPE of alice restarts.' })
  await commands.request({ id: 'r2', verb, arguments: { device: 'cpe' } })
  while (asked.length < 2) await new Promise(setImmediate)
  await running.close()
  t.match(ends().at(-1), { command: 'r2', outcome: 'failed' })
  t.same(commands.pending(), [])
})

t.test(
  'a restart that a crash interrupts is not ordered again: the next start tells that its outcome is unknown',
  async t => {
    const asked: string[] = []
    const { ledger, running, commands } = await world(t, done, {
      // The device is told to restart, and the agent dies before it hears that it does.
      reboot: (_who, signal) => {
        asked.push('reboot')
        return waiting({} as Provisioning, signal)
      }
    })
    running.start()
    const overdue = { deadline: new Date(NOW + 60_000).toISOString() }
    await commands.request({ id: 'r1', verb: 'reboot', arguments: { device: 'cpe' }, ...overdue })
    while (asked.length === 0) await new Promise(setImmediate)
    const late = await Commands.open(ledger, () => NOW + 120_000)
    t.same(late.pending(), [])
    const ends = ledger.records.map(({ payload }) => readNotice(payload))
    t.match(ends, [{ command: 'r1', outcome: 'failed', words: /outcome is unknown, and it is not done again/ }])
    const next = await world(t, done, { reboot: async () => t.fail('it was ordered again') as never }, ledger)
    next.running.start()
    await next.commands.request({ id: 'r1', verb: 'reboot', arguments: { device: 'cpe' } })
    t.equal(next.ends().length, 1, 'told once, also when billing sends it again')
  }
)

t.test('a crash before the restart was sent loses nothing: the next start orders it', async t => {
  const knocks: string[] = []
  const { ledger, running, commands } = await world(t, done, {
    health: async signal => {
      knocks.push('health')
      return (await waiting({} as Provisioning, signal)).detail
    },
    reboot: async () => t.fail('it was sent') as never
  })
  running.start()
  await commands.request({ id: 'r1', verb: 'reboot', arguments: { device: 'cpe' } })
  while (knocks.length === 0) await new Promise(setImmediate)
  const reboot = async () => ({ result: 'changed', detail: 'It restarts now.' }) as const
  const next = await world(t, done, { reboot }, ledger)
  next.running.start()
  while (next.ends().length === 0) await new Promise(setImmediate)
  t.match(next.ends(), [{ command: 'r1', outcome: 'done' }])
})

t.test('a restart that cannot be noted on disk is not sent', async t => {
  const { ledger, running, order } = await world(t, done, { reboot: async () => t.fail('it was sent') as never })
  running.start()
  const { write } = ledger
  ledger.write = async changes => {
    if (changes.some(({ value }) => value?.includes('"begun"') === true)) throw new Error('the disk is full')
    return write.call(ledger, changes)
  }
  t.match(await order({ verb: 'reboot', arguments: { device: 'cpe' } }, 'r1'), { outcome: 'failed' })
})

t.test('a device is driven by one at a time, and devices do not wait for each other', async t => {
  const running: string[] = []
  const gates = new Map<string, () => void>()
  const { provisioner } = await world(t, async want => {
    const name = String(want.steps[0]?.set['name'])
    running.push(name)
    await new Promise<void>(resolve => gates.set(name, resolve))
    running.push(`${name} ended`)
    return { result: 'changed', detail: '' }
  })
  const signal = new AbortController().signal
  const go = (device: string, name: string) =>
    provisioner.provision({ template: 'line', device, values: { name }, dryRun: false }, 'here', signal)
  const all = [go('a', 'first'), go('a', 'second'), go('b', 'other')]
  while (gates.size < 2) await new Promise(setImmediate)
  t.same(running, ['first', 'other'])
  gates.get('first')?.()
  while (gates.size < 3) await new Promise(setImmediate)
  t.same(running, ['first', 'other', 'first ended', 'second'])
  gates.get('second')?.()
  gates.get('other')?.()
  await Promise.all(all)
})

t.test('diagnose answers what a device says of itself, and of somebody', async t => {
  const { running, order } = await world(t, done, {
    observe: async ({ userName }) => ({ present: true, detail: `${userName} is there.` })
  })
  running.start()
  const verb = 'diagnose' as const
  t.match(await order({ verb, arguments: { device: 'cpe' } }, 'd1'), { outcome: 'done', words: 'A box that answers.' })
  t.match(await order({ verb, arguments: { device: 'cpe', subscriber: 'sub_1' } }, 'd2'), {
    words: 'A box that answers. alice is there.'
  })
  t.match(await order({ verb, arguments: { device: 'cpe', subscriber: 'sub_9' } }, 'd3'), { outcome: 'refused' })
  t.match(await order({ verb, arguments: {} }, 'd4'), { outcome: 'refused', words: /name no device/ })
  t.match(await order({ verb, arguments: { device: 'nowhere' } }, 'd5'), { outcome: 'refused' })
})
