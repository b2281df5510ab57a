import { readFileSync } from 'node:fs'
import t from 'tap'
import { readAccounting } from '../../../agent/sessions/index.js'
import { sessionOctets } from '../../../agent/model/index.js'
import { Packet, Secret, verifyRequest } from '../../../protocols/radius/index.js'
import { billed, MemoryLedger } from './memory-ledger.js'
import { open, tickets } from './packets.js'

/*
 * What real NASes sent, folded as it arrived. The fixtures are datagrams, one a line.
 */
const secret = new Secret('testing123')
const folder = new URL('../../../../test/agent/sessions/captures/', import.meta.url)

interface Captured {
  readonly at: number
  readonly packet: Packet
}

function captured(name: string): Captured[] {
  const lines = readFileSync(new URL(`${name}.txt`, folder), 'utf8').split('\n')
  return lines
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const [at = '', , hex = ''] = line.split(' ')
      const packet = Packet.decode(Buffer.from(hex, 'hex'))
      if (typeof packet === 'string') throw new Error(`${name}: ${packet}`)
      if (verifyRequest(packet, secret) !== undefined) throw new Error(`${name}: not signed with the secret`)
      return { at: Math.round(Number(at) * 1000), packet }
    })
}

async function replay(packets: readonly Captured[]) {
  const ledger = new MemoryLedger()
  const sessions = await open(ledger)
  for (const { at, packet } of packets) {
    const identify = (name: string) => (name === 'alice' ? { subscriber: 'sub_alice', profile: 'home' } : undefined)
    const accounting = readAccounting(packet, { id: 'lab' }, at, tickets, identify)
    if (accounting === undefined) throw new Error('not readable')
    await sessions.record(accounting)
  }
  return { ledger, sessions, list: [...sessions.list()] }
}

t.test('hostapd: the next session of a port has the id of the last, and both are told apart', async t => {
  const { list, sessions } = await replay(captured('hostapd'))
  t.match(
    list.map(({ acctSessionId, seconds, state, closedBy }) => [acctSessionId, seconds, state, closedBy]),
    [
      ['0115A69223611783', 9, 'closed', 'stop'],
      ['0115A69223611783', 0, 'closed', 'stop']
    ]
  )
  t.equal(sessions.counts().packets.duplicate + sessions.counts().packets.late, 0)
})

t.test(
  'hostapd unanswered: Accounting-On, Start and Stop again and again, with new Identifiers, change nothing',
  async t => {
    const { list, sessions } = await replay(captured('hostapd-silent'))
    t.equal(list.length, 2, 'the two sessions of the port')
    t.match(
      list.map(({ state, closedBy }) => [state, closedBy]),
      [
        ['closed', 'stop'],
        ['closed', 'stop']
      ]
    )
    t.match(sessions.counts().packets, { late: 2, duplicate: 1 }, 'two Starts and a Stop that were sent again')
  }
)

const talks = [
  { name: 'openvpn', sessions: 1, up: 5_765_328n, down: 22_336_087n, seconds: 20 },
  { name: 'ocserv', sessions: 1, up: 5_544_553n, down: 21_897_844n, seconds: 15 },
  { name: 'strongswan', sessions: 5, up: 4_000_000n, down: 4_000_000n, seconds: 10 }
]

for (const { name, sessions: count, up, down, seconds } of talks) {
  t.test(`${name}: its conversation gives its sessions and its bill`, async t => {
    const { ledger, list } = await replay(captured(name))
    t.equal(list.length, count)
    t.same(billed(ledger), { up, down })
    t.ok(list.every(({ state, closedBy }) => state === 'closed' && closedBy === 'stop'))
    t.match(list[0], { seconds, subscriber: 'sub_alice', userName: 'alice' })
    t.same(list.slice(0, 1).map(sessionOctets), [{ up, down }])
  })

  t.test(`${name}: sent twice, in any order but the Stops last, it gives the same bill`, async t => {
    const packets = captured(name)
    const arrivals = packets.map(({ at }) => at)
    const twice = packets.flatMap(packet => [packet, { ...packet, at: packet.at + 700 }])
    const { ledger } = await replay(twice)
    t.same(billed(ledger), { up, down })
    const middle = packets
      .slice(1, -1)
      .toReversed()
      .map(({ packet }, n) => ({ packet, at: arrivals[n + 1] ?? 0 }))
    if (count === 1)
      t.same(billed((await replay([...packets.slice(0, 1), ...middle, ...packets.slice(-1)])).ledger), { up, down })
  })
}

for (const name of ['openvpn-silent', 'ocserv-silent', 'strongswan-silent']) {
  t.test(`${name}: the Start that was sent again opens one session`, async t => {
    const { list, sessions } = await replay(captured(name))
    t.equal(list.length, 1)
    t.equal(sessions.counts().packets.opened, 1)
    t.ok((list[0]?.duplicates ?? 0) >= 2)
  })
}
