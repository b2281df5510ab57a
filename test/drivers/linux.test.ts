import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SubscriberRef, Treatment } from '../../agent/model/index.js'
import { isDriverName } from '../../drivers/index.js'
import { linux } from '../../drivers/linux/index.js'
import { drop, families, ip, ProviderNetwork, within } from '../../sandbox/network/index.js'
import { withoutNamespaces } from '../sandbox/namespaces.js'
import { type Behaviour, type DriverBench, driverSuite } from './suite.js'

const skip = withoutNamespaces
const never = new AbortController().signal
const full: Treatment = { kind: 'full', reason: 'paid', attributes: [] }
const throttled: Treatment = {
  kind: 'throttled',
  reason: 'quota',
  rate: { up: 1_000_000, down: 2_000_000 },
  attributes: []
}
const to = (kind: 'walled' | 'blocked'): Treatment => ({ kind, reason: 'unpaid', attributes: [] })

function person(number: number, macs: readonly string[] = []): SubscriberRef {
  const userName = `user-${number}`
  const framedIpv4 = `10.7.${number}.2`
  const prefixes = [`fd07:${number}::/64`]
  const session = { id: `x-${number}`, nas: 'gw', acctSessionId: `${number}`, userName, framedIpv4, prefixes }
  return { id: `s-${number}`, userName, macs, ipv4: framedIpv4, sessions: [session], full }
}

function driverOf(netns: string, options: Record<string, unknown> = {}, programs = {}) {
  const shaped = { downlinks: ['lan1', 'lan2'], uplinks: ['wan'], payPage: ['10.7.9.3:80', '[fd07:9::3]:80'] }
  const device = { id: 'gw', driver: 'linux', address: 'localhost', options: { netns, ...shaped, ...options } }
  return linux({ device, clock: () => 1000, programs })
}

let made = 0

async function open(t: Test, behaviour: Behaviour): Promise<DriverBench> {
  const bench = { who: person(1), treatment: throttled, credential: 'swordfish' }
  if (behaviour !== 'answers') return { ...bench, driver: driverOf('none', {}, fake(t, behaviour)) }
  const netns = `tplx-${process.pid}-c${++made}`
  ip('netns', 'add', netns)
  t.teardown(() => drop(netns))
  for (const dev of ['lan1', 'lan2', 'wan']) within(netns, 'ip', 'link', 'add', dev, 'type', 'veth')
  const driver = driverOf(netns)
  await driver.block(bench.who, to('blocked'), never)
  return { ...bench, driver }
}

function fake(t: Test, behaviour: Behaviour | 'half') {
  const lines: Partial<Record<Behaviour | 'half', string>> = {
    half: `echo '{"nftables": [{"metainfo": {"json_sch'`,
    hangs: 'exec sleep 30',
    garbage: 'echo "<html>"',
    'wrong-credential': 'echo "Operation not permitted (you must be root)" >&2; exit 1'
  }
  const path = join(t.testdir(), 'ip')
  const line = lines[behaviour]
  if (line === undefined) return { ip: path }
  writeFileSync(path, `#!/bin/sh\n${line}\n`)
  chmodSync(path, 0o755)
  return { ip: path }
}

t.test('the linux driver', { skip }, async t => {
  t.ok(isDriverName('linux'))
  driverSuite(t, 'linux', {
    open,
    credential: 'swordfish',
    bad: {
      'wrong password': {
        code: 'AUTH',
        says: /CAP_NET_ADMIN/,
        open: async t => driverOf('none', {}, fake(t, 'wrong-credential'))
      },
      'another certificate': 'it is this box itself: nothing is connected to',
      'another make': { code: 'PROTOCOL', says: /nft/, open: async t => driverOf('none', {}, fake(t, 'garbage')) },
      'half a reply': { code: 'PROTOCOL', says: /nft/, open: async t => driverOf('none', {}, fake(t, 'half')) },
      'the uplink': {
        code: 'REJECTED',
        says: /not ours .*Remove it, or do not name the interface/,
        open: async t => {
          const netns = `tplx-${process.pid}-u${++made}`
          ip('netns', 'add', netns)
          t.teardown(() => drop(netns))
          for (const dev of ['lan1', 'lan2', 'wan']) within(netns, 'ip', 'link', 'add', dev, 'type', 'veth')
          within(netns, 'tc', 'qdisc', 'add', 'dev', 'wan', 'root', 'handle', '1:', 'htb')
          return driverOf(netns)
        },
        ask: async (driver, signal) => driver.block?.(person(1), throttled, signal)
      }
    }
  })

  await t.test('with real packets', async t => {
    const net = await ProviderNetwork.open()
    t.teardown(() => net.close())
    const driver = driverOf(net.gateway, { subscribers: ['10.7.1.0/24', '10.7.2.0/24', 'fd07:1::/48'] })
    const [one, two] = [person(1), person(2)]
    const [home, other] = net.subscribers
    const free = { web: { said: 'site' }, tls: { said: 'open' }, dns: { said: 'answered' } }

    // The first packets over IPv6 may be lost to neighbour discovery.
    await home.attempts(6)
    for (const family of families) t.match(await home.attempts(family), free, `everybody has everything, IPv${family}`)
    for await (const sample of driver.readCounters(never)) t.fail(`nothing is counted yet: ${sample.key}`)

    // They are older than our first rule: conntrack, if it runs at all, has not seen how they began.
    for (const family of families) await home.hold(family)
    await driver.block(one, to('blocked'), never)
    for (const family of families)
      t.type(await home.heldEnds(family), 'number', `an open connection ends, IPv${family}`)
    await driver.restore(one, never)

    for (const family of families) {
      await driver.block(one, to('blocked'), never)
      const cut = await home.attempts(family)
      t.match(cut, {
        web: { said: 'ECONNREFUSED' },
        tls: { said: 'ECONNREFUSED' },
        dns: { said: /EHOSTUNREACH|EACCES|EPERM|ECONNREFUSED/ }
      })
      for (const { ms } of Object.values(cut) as { ms: number }[]) t.ok(ms < 1000, `refused at once: ${ms} ms`)
      t.match(await other.attempts(family), free, 'the other subscriber notices nothing')
      t.equal((await driver.observe(one, never)).treatment, 'blocked')

      await driver.block(one, to('walled'), never)
      const walled = await home.attempts(family)
      t.match(walled, { web: { said: 'pay' }, tls: { said: 'ECONNREFUSED' }, dns: { said: 'answered' } })
      t.equal((await driver.observe(one, never)).treatment, 'walled')
      await driver.restore(one, never)
      t.match(await home.attempts(family), free, 'restored')
    }

    const before = await home.download()
    await driver.block(one, throttled, never)
    for (const family of families) {
      const rate = await home.download(family, 2500)
      t.ok(
        rate < before / 4 && rate > 1_000_000 && rate < 2_600_000,
        `${Math.round(rate)} of 2,000,000 bit/s, before ${Math.round(before)}`
      )
    }
    t.ok((await other.download()) > before / 8, 'the other subscriber is not slowed')
    t.equal((await driver.observe(one, never)).treatment, 'throttled')

    const again = driverOf(net.gateway, { subscribers: ['10.7.1.0/24'] })
    t.equal((await again.observe(one, never)).treatment, 'throttled', 'after a restart of the agent it stands')
    t.equal((await again.block(one, throttled, never)).result, 'unchanged')
    t.equal((await again.restore(one, never)).result, 'changed')
    t.ok((await home.download()) > before / 8, 'restored')

    const samples = new Map<string, bigint>()
    for await (const { key, downOctets, upOctets } of driver.readCounters(never)) {
      t.ok(upOctets > 0n, `${key} up`)
      samples.set(key, downOctets)
    }
    t.ok((samples.get('address:10.7.1.2') ?? 0n) > 100_000n, 'counted by address')
    t.ok((samples.get('address:fd07:1::/64') ?? 0n) > 100_000n, 'counted by /64')

    await t.test('an open connection ends, whoever is silent', async t => {
      await home.hold()
      await driver.block(two, to('blocked'), never)
      await driver.block(one, to('blocked'), never)
      await home.heldEnds()
      t.match(await home.attempts(), { tls: { said: 'ECONNREFUSED' } })
      await driver.restore(two, never)
    })

    await t.test('a MAC fences IPv6 whose addresses nobody knows', async t => {
      const bare = linux({
        device: { id: 'gw', driver: 'linux', address: 'localhost', options: { netns: net.gateway } },
        clock: () => 0
      })
      await bare.restore(one, never)
      await bare.block({ ...person(2, [other.mac]), sessions: [] }, to('blocked'), never)
      t.match(await other.attempts(6), { web: { said: 'ECONNREFUSED' }, tls: { said: 'ECONNREFUSED' } })
      t.match(await home.attempts(6), free)
      await bare.restore(person(2, [other.mac]), never)
      t.match(await other.attempts(6), free)
    })

    await t.test('a delegated prefix is fenced whole, by the document alone, and nothing beside it', async t => {
      within(net.gateway, 'ip', '-6', 'route', 'add', 'fd70:1::/56', 'via', 'fd07:1::2')
      const [inside, beside] = ['fd70:1:0:a5::2', 'fd70:1:0:100::2']
      within(net.gateway, 'ip', '-6', 'route', 'add', `${beside}/128`, 'via', 'fd07:1::2')
      for (const address of [inside, beside])
        within(home.netns, 'ip', '-6', 'addr', 'add', `${address}/128`, 'dev', 'lo')
      const { ipv4: _, ...nowhere } = person(1)
      const who: SubscriberRef = { ...nowhere, prefixes: ['fd70:1::/56'], sessions: [] }
      t.match(await home.attempts(6, inside), free)
      for (const kind of ['walled', 'blocked'] as const) {
        t.match(await driver.block(who, to(kind), never), { proof: /fd70:1::\/56/ })
        const cut = await home.attempts(6, inside)
        t.match(cut, kind === 'walled' ? { web: { said: 'pay' }, dns: free.dns } : { web: { said: 'ECONNREFUSED' } })
        t.match(cut, { tls: { said: 'ECONNREFUSED' } }, 'refused by a reject')
        t.match(await home.attempts(6, beside), free, 'the prefix beside it is somebody else’s')
      }
      t.match(within(net.gateway, 'nft', 'list', 'set', 'inet', 'turnpike', 'blocked6'), /fd70:1::\/56/)
      t.match(await driver.restore(who, never), { result: 'changed' })
      t.match(await home.attempts(6, inside), free)
    })

    await t.test('where nothing of a subscriber is known, nothing is claimed', async t => {
      const { ipv4: _, ...nowhere } = person(3)
      const seen = await driver.observe({ ...nowhere, sessions: [] }, never)
      t.match(seen, { present: true, detail: /No address and no MAC/ })
      t.equal(seen.treatment, undefined)
    })

    await t.test('a ruleset that somebody flushed is found out and made again', async t => {
      await driver.block(one, to('blocked'), never)
      within(net.gateway, 'nft', 'flush', 'chain', 'inet', 'turnpike', 'forward')
      t.equal((await driver.observe(one, never)).treatment, undefined)
      await driver.block(one, to('blocked'), never)
      t.equal((await driver.observe(one, never)).treatment, 'blocked')
      t.match(await home.attempts(), { tls: { said: 'ECONNREFUSED' } })
    })

    await t.test('what somebody else shapes is left alone', async t => {
      within(net.gateway, 'ip', 'link', 'add', 'theirs', 'type', 'veth')
      within(net.gateway, 'tc', 'qdisc', 'add', 'dev', 'theirs', 'root', 'handle', '1:', 'htb')
      const other = driverOf(net.gateway, { downlinks: ['theirs'] })
      await t.rejects(other.block(two, throttled, never), { code: 'REJECTED', message: /not ours/ })
      t.match(within(net.gateway, 'tc', 'qdisc', 'show', 'dev', 'theirs'), /htb 1:/)
    })
  })
})

t.test('a device document that is not understood is refused by the name of the option', async t => {
  for (const options of [
    { netns: '-x' },
    { uplinks: ['eth0; reboot'] },
    { payPage: '10.0.0.1:99999' },
    { allow: ['10.0.0.0/0'] },
    { dns: 1 },
    { shell: 'x' }
  ]) {
    const [name = ''] = Object.keys(options)
    const device = { id: 'gw', driver: 'linux', address: 'localhost', options }
    t.throws(() => linux({ device, clock: () => 0 }), {
      code: 'UNSUPPORTED',
      message: new RegExp(`gw: ${name} is not understood`)
    })
  }
})
