import t from 'tap'
import type { SubscriberRef, Treatment } from '../../agent/model/index.js'
import { linux } from '../../drivers/linux/index.js'
import { drop, ip, within } from '../../sandbox/network/index.js'
import { withoutNamespaces } from '../sandbox/namespaces.js'

/* The rate of a line that nobody authenticates, as nftables and tc of this box show it. */

const never = new AbortController().signal
const full: Treatment = { kind: 'full', reason: 'paid', attributes: [] }
const quick = { up: 1_000_000, down: 2_000_000 }
const gone: SubscriberRef = { id: 's-1', userName: 's-1', macs: [], sessions: [], full }
const line: SubscriberRef = { ...gone, userName: 'user-1', ipv4: '10.7.1.2', prefixes: ['fd07:1::/64'], rated: true }

function driverOf(netns: string, shaped: Record<string, unknown> = { downlinks: ['lan'], uplinks: ['wan'] }) {
  return linux({
    device: { id: 'gw', driver: 'linux', address: 'localhost', options: { netns, ...shaped } },
    clock: () => 0
  })
}

t.test('a line has its rate without ever being held back, and gives it back', { skip: withoutNamespaces }, async t => {
  const netns = `tplx-${process.pid}-rate`
  ip('netns', 'add', netns)
  t.teardown(() => drop(netns))
  for (const dev of ['lan', 'wan']) within(netns, 'ip', 'link', 'add', dev, 'type', 'veth')
  const driver = driverOf(netns)
  const classes = (dev: string) => within(netns, 'tc', 'class', 'show', 'dev', dev)
  t.match(await driver.setRate?.(line, quick, never), { result: 'changed', proof: /full 1000000\/2000000 bit/ })
  t.match([classes('lan'), classes('wan')], [/rate 2Mbit/, /rate 1Mbit/])
  t.match(await driver.observe(line, never), { treatment: 'full', rate: quick })
  t.match(await driver.setRate?.(line, quick, never), { result: 'unchanged' })

  await driver.block(line, { kind: 'walled', reason: 'unpaid', attributes: [] }, never)
  t.match(await driver.setRate?.(line, { ...quick, up: 3_000_000 }, never), { result: 'changed' })
  t.equal((await driver.observe(line, never)).treatment, 'walled', 'a fence that stands is left')
  await driver.restore({ ...line, full: { ...full, rate: quick } }, never)
  t.match(classes('wan'), /rate 1Mbit/)

  const moved = { ...line, ipv4: '10.7.1.9' }
  t.match(await driver.setRate?.(moved, quick, never), { result: 'changed' })
  const map = () => within(netns, 'nft', 'list', 'map', 'inet', 'turnpike', 'rate4')
  t.match(map(), /10\.7\.1\.9/)
  t.notMatch(map(), /10\.7\.1\.2/, 'the old address is free')
  t.match(await driver.setRate?.(gone, undefined, never), { result: 'changed' })
  t.notMatch(map(), /10\.7\.1/, 'by the id alone')
  t.notMatch(classes('wan'), /rate 1Mbit/)
  t.match(await driver.setRate?.(gone, undefined, never), { result: 'unchanged' })
  t.equal((await driver.observe(line, never)).rate, undefined)
})

t.test('a box without interfaces to shape on does not claim that it can hold a line to a rate', async t => {
  const bare = driverOf('none', {})
  t.strictSame([bare.setRate, bare.capabilities.includes('setRate')], [undefined, false])
  t.ok(driverOf('none').capabilities.includes('setRate'))
})
