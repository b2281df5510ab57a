import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { pino } from 'pino'
import t from 'tap'
import type { TableChange } from '../../../agent/ledger/contract.js'
import type { Session } from '../../../agent/model/index.js'
import { AddressLeases, type AddressLeasesOptions, readRange } from '../../../agent/pool/index.js'
import { MemoryLedger } from '../sessions/memory-ledger.js'

const log = pino({ level: 'silent' })
const MINUTE = 60_000

/** The session table, as far as pools look at it. */
class Live extends EventEmitter {
  readonly sessions = new Map<string, Session>()

  start(id: string, subscriber: string, framedIpv4: string, more: Partial<Session> = {}): void {
    const session = {
      id,
      subscriber,
      framedIpv4,
      nas: 'n',
      callingStation: subscriber,
      nasPort: '',
      ticket: '',
      delegatedPrefix: '',
      state: 'open',
      ...more
    } as Session
    this.sessions.set(id, session)
    this.emit('opened', session)
  }

  stop(id: string): void {
    const session = this.sessions.get(id)
    this.sessions.delete(id)
    if (session !== undefined) this.emit('closed', { ...session, state: 'closed' }, 'stop')
  }

  ofSubscriber(subscriber: string): Session[] {
    return [...this.sessions.values()].filter(session => session.subscriber === subscriber)
  }

  list(): Iterable<Session> {
    return this.sessions.values()
  }
}

class World {
  now = Date.parse('2026-11-23T12:00:00Z')
  readonly ledger = new MemoryLedger()
  readonly live = new Live()
  readonly ranges: string[]
  #life = 0

  constructor(...ranges: string[]) {
    this.ranges = ranges
  }

  open(more: Partial<AddressLeasesOptions> = {}): Promise<AddressLeases> {
    const { live: sessions, ranges } = this
    const life = ++this.#life
    const { ledger: disk } = this
    const ledger = {
      get: (table: string, key: string) => disk.get(table, key),
      entries: (table: string) => disk.entries(table),
      // Who was killed writes no more.
      write: (changes: readonly TableChange[]) =>
        life === this.#life ? disk.write(changes) : new Promise<void>(() => undefined)
    }
    const pools = [{ name: 'home', ranges, quarantine: 10 * MINUTE }]
    return AddressLeases.open({ ledger, sessions, clock: () => this.now, log, pools, patience: 15 * MINUTE, ...more })
  }

  /** Lets what waits for the disk get there. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await new Promise(resolve => setImmediate(resolve))
  }
}

const by = (subscriber: string, ticket = '', place = subscriber) => ({ subscriber, nas: 'n', place, ticket })
const addressOf = (given: ReturnType<AddressLeases['lease']>) => (typeof given === 'string' ? given : given.address)

t.test('ranges: IPv4 prefixes, spans and single addresses, IPv6 prefixes that are cut', t => {
  const all = (text: string, length?: number) => {
    const range = readRange(text, length)
    return range && Array.from({ length: Math.min(range.size, 4) }, (_, n) => range.at(n))
  }
  t.same(all('192.0.2.8/29'), ['192.0.2.9', '192.0.2.10', '192.0.2.11', '192.0.2.12'])
  t.equal(readRange('192.0.2.8/29')?.size, 6)
  t.same(all('192.0.2.7'), ['192.0.2.7'])
  t.same(all('10.0.0.254 - 10.0.1.1'), ['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1'])
  t.same(all('2001:db8:100::/40', 48), [
    '2001:db8:100::/48',
    '2001:db8:101::/48',
    '2001:db8:102::/48',
    '2001:db8:103::/48'
  ])
  t.same(all('2001:db8:0:ff00::/56', 64)?.[1], '2001:db8:0:ff01::/64')
  t.equal(readRange('2001:db8:100::/40')?.has('2001:db8:1ff:ff00::/56'), true)
  t.equal(readRange('2001:db8:100::/40')?.has('2001:db8:1ff:ff01::/56'), false)
  for (const text of ['', '10.0.0.9-10.0.0.1', '10.0.0.0/33', '10.0.0.0/4', '::1', 'x', '1.2.3.4-5.6.7.8-9.9.9.9'])
    t.equal(readRange(text), undefined, text)
  t.end()
})

t.test('who comes back gets the address of last time; a stranger gets it only when it has rested', async t => {
  const world = new World('192.0.2.1-192.0.2.2')
  const pools = await world.open()
  await world.settle()
  const first = addressOf(pools.lease('home', by('a')))
  t.equal(addressOf(pools.lease('home', by('a'))), first, 'the same device asks again')
  world.live.start('s1', 'a', first)
  const second = addressOf(pools.lease('home', by('b')))
  t.not(second, first)
  world.live.stop('s1')
  t.equal(addressOf(pools.lease('home', by('c'))), 'exhausted')
  t.equal(pools.attention().length, 1)
  t.equal(addressOf(pools.lease('home', by('a'))), first)
  world.live.start('s2', 'a', first)
  world.live.stop('s2')
  world.now += 10 * MINUTE
  pools.sweep()
  await world.settle()
  t.equal(addressOf(pools.lease('home', by('c'))), first)
})

t.test(
  'a login whose session never shows up gives its address back, one whose accounting is late keeps it',
  async t => {
    const world = new World('192.0.2.1-192.0.2.2')
    const pools = await world.open()
    await world.settle()
    pools.lease('home', by('gone'))
    const kept = addressOf(pools.lease('home', by('late')))
    world.live.start('s1', 'late', '')
    world.now += 15 * MINUTE
    pools.sweep()
    world.now += 10 * MINUTE
    pools.sweep()
    await world.settle()
    t.equal(pools.status()[0]?.held, 1)
    const other = addressOf(pools.lease('home', by('new')))
    t.not(other, kept)
    t.match(other, /^192/)
  }
)

t.test('the end of an old session does not take the address from the login that came after it', async t => {
  const world = new World('192.0.2.1')
  const pools = await world.open()
  await world.settle()
  const address = addressOf(pools.lease('home', by('a', 't1')))
  world.live.start('s1', 'a', address, { ticket: 't1' })
  t.equal(addressOf(pools.lease('home', by('a', 't2'))), address)
  world.live.stop('s1')
  world.now += 11 * MINUTE
  pools.sweep()
  await world.settle()
  t.equal(addressOf(pools.lease('home', by('b'))), 'exhausted')
})

t.test('an address that a NAS gave to somebody else is told', async t => {
  const world = new World('192.0.2.1')
  const pools = await world.open()
  await world.settle()
  const address = addressOf(pools.lease('home', by('a')))
  world.live.start('s1', 'a', address)
  world.live.start('s2', 'b', address)
  t.match(pools.attention(), [/b on n uses 192\.0\.2\.1, which a was given/])
  world.live.stop('s2')
  t.same(pools.attention(), [])
})

type Step = readonly ['login' | 'start' | 'stop' | 'wait' | 'settle' | 'kill', number]
const step = fc.tuple(
  fc.constantFrom<Step[0]>(
    'login',
    'login',
    'login',
    'start',
    'start',
    'stop',
    'stop',
    'wait',
    'settle',
    'settle',
    'kill'
  ),
  fc.nat(9)
)

t.test('no address is ever with two, whenever the agent is killed', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async steps => {
      const world = new World('192.0.2.0/26')
      let pools = await world.open()
      await world.settle()
      let sessions = 0
      /** Who really uses which address: on the NAS, whatever the agent knows. */
      const using = new Map<string, { address: string; session: string; since: number; told: boolean }>()
      for (const [what, n] of steps) {
        const who = `sub_${n}`
        const mine = using.get(who)
        if (what === 'login' && mine === undefined) {
          const given = pools.lease('home', by(who))
          if (typeof given === 'string') continue
          const { address } = given
          for (const [other, { address: taken }] of using)
            if (taken === address) return t.fail(`${who} and ${other}: ${address}`)
          using.set(who, { address, session: `s${++sessions}`, since: world.now, told: false })
        } else if (what === 'start' && mine?.told === false) {
          mine.told = true
          world.live.start(mine.session, who, mine.address)
        } else if (what === 'stop' && mine !== undefined) {
          using.delete(who)
          if (mine.told) world.live.stop(mine.session)
        } else if (what === 'wait') {
          world.now += n * MINUTE
          // Accounting of every session that goes on has come within a quarter of an hour.
          for (const [id, one] of using) {
            if (one.told || world.now - one.since < 14 * MINUTE) continue
            one.told = true
            world.live.start(one.session, id, one.address)
          }
          pools.sweep()
        } else if (what === 'settle') await world.settle()
        else if (what === 'kill') {
          world.ledger.crash()
          world.live.removeAllListeners()
          pools = await world.open()
        }
      }
      return true
    }),
    { numRuns: 150, seed: 20261123 }
  )
  t.pass('150 histories')
})

t.test('after a stop in order the next start knows what is free', async t => {
  const world = new World('192.0.2.1-192.0.2.4')
  const pools = await world.open()
  await world.settle()
  const address = addressOf(pools.lease('home', by('a')))
  await pools.close()
  const again = await world.open()
  t.equal(addressOf(again.lease('home', by('a'))), address)
  t.match(addressOf(again.lease('home', by('b'))), /^192/, 'no rest after a clean stop')
  await again.close()
})

t.test('a pool that nobody configured, and a range that is none', async t => {
  const world = new World('192.0.2.1')
  const pools = await world.open()
  t.equal(pools.has('other'), false)
  t.equal(pools.lease('other', by('a')), 'exhausted')
  await t.rejects(new World('nonsense').open(), /pool home: nonsense is no range/)
})
