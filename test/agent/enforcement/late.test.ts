import t from 'tap'
import { DriverError, type Subscriber } from '../../../agent/model/index.js'
import { FakeDevice, LateAnswer } from './device.js'
import { settle, World } from './world.js'

/* What devices answer late, in part or never: what is known of them then, and what a newer decision makes of it. */

const HOME = '5000000/50000000'
const MUCH = '10000000/100000000'
const line: Partial<Subscriber> = { bind: { nas: 'gw' }, addresses: { ipv4: '192.0.2.7' } }

t.test('a restore that was begun: the line may be open from then on, and a new suspension is carried out', async t => {
  const lost = new DriverError('TIMEOUT', 'the answer was lost')
  const halfDone = new DriverError('NO_SUCH_SESSION', 'no address of the subscriber is here')
  for (const failure of [halfDone, lost]) {
    const { world, gw } = await suspendedAtGateway()
    const { restore } = gw.driver
    gw.driver.restore = async (...asked) => {
      await restore?.(...asked)
      throw failure
    }
    gw.blind = true
    world.restore('alice')
    await world.time.pass(30_000)
    t.match([gw.has.get('alice'), world.last('alice')?.state], ['full', 'failed'], failure.code)
    gw.driver.restore = restore!
    gw.blind = false
    const asked = gw.asked.length
    world.suspend('alice')
    await settle()
    t.strictSame([gw.verbs.slice(asked), gw.has.get('alice')], [['block'], 'blocked'])
    t.match(world.last('alice'), { state: 'proven', want: 'blocked', detail: 'alice has blocked' })
  }
})

t.test('a suspension while a restore is on its way is sent; the restore, answered late, has no say', async t => {
  for (const [answer, limits] of [
    ['resolves', false],
    ['fails', true]
  ] as const) {
    const { world, gw } = await suspendedAtGateway(limits)
    const { restore } = gw.driver
    const late = new LateAnswer()
    gw.driver.restore = (who, signal) => {
      void restore?.(who, signal)
      return late.promise
    }
    world.restore('alice')
    await settle()
    gw.driver.restore = restore!
    t.equal(gw.has.get('alice'), 'full')
    world.suspend('alice')
    await settle()
    t.match([gw.verbs.at(-1), gw.has.get('alice')], ['block', 'blocked'], answer)
    t.match(world.last('alice'), { state: 'proven', want: 'blocked' })
    if (answer === 'resolves') late.resolve({ result: 'changed', detail: 'late', proof: 'late' })
    else late.reject(new DriverError('NO_SUCH_SESSION', 'late'))
    await settle()
    world.restore('alice')
    await settle()
    t.match([gw.verbs.at(-1), gw.has.get('alice')], ['restore', 'full'], 'what was blocked anew is undone')
    t.match(world.last('alice'), { state: 'proven', want: 'full' })
  }
})

t.test('a block that was replaced and is obeyed late does not prove the newer one', async t => {
  const { world, gw, calls, block } = await blockedTwice()
  calls[0]?.resolve({ result: 'changed', detail: 'late', proof: 'late' })
  await settle()
  Object.assign(gw, { blind: true })
  gw.driver.block = block
  await world.restart()
  t.match([gw.verbs, gw.has.get('alice')], [['block'], 'blocked'])
  t.match(world.last('alice'), { state: 'proven', want: 'blocked', detail: 'alice has blocked' })
})

t.test('a block that was replaced and fails late does not hide the newer one from a restore', async t => {
  const { world, gw, calls } = await blockedTwice()
  calls[0]?.reject(new DriverError('UNSUPPORTED', 'late'))
  await settle()
  gw.has.set('alice', 'blocked')
  calls[1]?.resolve({ result: 'changed', detail: 'blocked', proof: 'blocked' })
  await settle()
  t.match(world.last('alice'), { state: 'proven', want: 'blocked' })
  world.restore('alice')
  await settle()
  t.match([gw.verbs, gw.has.get('alice')], [['restore'], 'full'])
})

t.test('the first rate fails late: that of the second is still taken back when the line goes', async t => {
  const { world, gw } = await gateway()
  const { setRate } = gw.driver
  const first = new LateAnswer()
  gw.driver.setRate = () => first.promise
  world.replica.put(world.person('alice', line))
  await settle()
  gw.driver.setRate = setRate!
  world.replica.putProfile({ id: 'home', up: 10_000_000, down: 100_000_000 })
  await world.time.pass(100)
  t.equal(gw.rates.get('alice'), MUCH)
  first.reject(new DriverError('NO_SUCH_SESSION', 'late'))
  await settle()
  world.replica.remove('alice')
  await world.time.pass(100)
  t.equal(gw.rates.size, 0)
})

t.test('a rate that was being taken back, and is wanted again: nobody knows whether it is there', async t => {
  const { world, gw } = await gateway()
  const alice = world.person('alice', line)
  world.replica.put(alice)
  await world.time.pass(100)
  const { setRate } = gw.driver
  gw.driver.setRate = async (...asked) => {
    await setRate?.(...asked)
    throw new DriverError('REJECTED', 'the answer was lost')
  }
  world.replica.put({ ...alice, credentials: { password: 'x' } })
  await world.time.pass(10_000)
  t.match([gw.rates.size, world.last('alice')?.state], [0, 'failed'])
  gw.driver.setRate = setRate!
  world.replica.put(alice)
  await world.time.pass(100)
  t.equal(gw.rates.get('alice'), HOME)
})

/** Somebody without a session, whose address is fenced at a gateway. @param limits  whether that holds the rate too */
async function suspendedAtGateway(limits = false): Promise<{ world: World; gw: FakeDevice }> {
  const { world, gw } = await gateway(limits)
  world.replica.put(world.person('alice', line))
  await settle()
  world.suspend('alice')
  await settle()
  return { world, gw }
}

/** A line that is to be walled, then blocked, at a gateway that has answered neither. @returns  `block` obeys */
async function blockedTwice() {
  const world = new World()
  const gw = new FakeDevice('linux')
  world.devices.set('gw', gw)
  world.person('alice', { bind: { nas: 'gw' } })
  await world.start()
  const block = gw.driver.block!
  const calls: LateAnswer[] = []
  gw.driver.block = () => {
    calls.push(new LateAnswer())
    return calls.at(-1)!.promise
  }
  for (const how of ['walled-garden', 'reject'] as const) {
    world.suspend('alice', how)
    await settle()
  }
  return { world, gw, calls, block }
}

async function gateway(limits = true): Promise<{ world: World; gw: FakeDevice }> {
  const world = new World()
  const gw = new FakeDevice('linux', limits)
  world.devices.set('gw', gw)
  await world.start({ certificates: false })
  return { world, gw }
}
