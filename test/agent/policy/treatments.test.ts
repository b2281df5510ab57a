import t from 'tap'
import type { Profile, Subscriber } from '../../../agent/model/index.js'
import {
  AcceptEncoder,
  type AccessFacts,
  decide,
  type DecisionContext,
  defaultPolicySettings as settings,
  desired,
  interimInterval,
  macOf,
  render
} from '../../../agent/policy/index.js'
import { Attr, Packet, Vendor } from '../../../protocols/radius/index.js'
import { dictionary, lines } from '../../server/radius/rig.js'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const home: Profile = { id: 'home-100', down: 100_000_000, up: 20_000_000 }
const alice: Subscriber = { id: 'sub_1', username: 'alice', status: 'active', profile: 'home-100' }
const facts: AccessFacts = {
  nas: 'bras-1',
  callingStation: '',
  nasPort: '',
  nasPortId: '',
  circuitId: undefined,
  remoteId: undefined
}
const context: DecisionContext = { now: NOW, vendor: 'mikrotik', settings, sessionsOf: () => [], mayReplace: false }

const kindOf = (subscriber: Partial<Subscriber>) => desired({ ...alice, ...subscriber }, home, NOW).kind
const said = (subscriber: Subscriber, profile: Profile | undefined, kind: 'full' | 'throttled' | 'walled') =>
  Object.fromEntries(
    render(subscriber, profile, kind, '', 'mikrotik', settings).attributes.map(({ name, value }) => [name, value])
  )

t.test('what billing says is what is wanted', async t => {
  t.equal(kindOf({}), 'full')
  t.equal(kindOf({ status: 'closed' }), 'blocked')
  t.equal(kindOf({ status: 'suspended' }), 'walled', 'the gentlest way where billing does not say how')
  t.equal(kindOf({ status: 'suspended', suspension: { how: 'walled-garden' } }), 'walled')
  t.equal(kindOf({ status: 'suspended', suspension: { how: 'throttle' } }), 'throttled')
  t.equal(kindOf({ status: 'suspended', suspension: { how: 'reject' } }), 'blocked')
  t.equal(kindOf({ suspension: { how: 'reject' } }), 'full', 'an old suspension of an active subscriber does nothing')
  t.equal(kindOf({ validUntil: '2026-11-23T12:00:00Z' }), 'blocked')
  t.equal(kindOf({ validUntil: '2026-11-23T12:00:01Z' }), 'full')
  t.equal(kindOf({ validUntil: 'not a time' }), 'full', 'malformed data blocks nobody')
})

t.test('the reason names the case, and a profile that is not known keeps nobody off', async t => {
  const suspended: Subscriber = {
    ...alice,
    status: 'suspended',
    suspension: { how: 'reject', reason: 'unpaid', reference: 'invoice 7' }
  }
  t.equal(desired(suspended, home, NOW).reason, 'suspended: unpaid, invoice 7')
  const unknown = desired(alice, undefined, NOW)
  t.match(unknown, { kind: 'full', reason: /home-100 is not known/ })
  t.same(said(alice, undefined, 'full'), { 'Acct-Interim-Interval': interimInterval(alice, undefined, settings) })
})

t.test('rejects carry a code and a sentence', async t => {
  const codeOf = (subscriber: Partial<Subscriber> | undefined, more: Partial<DecisionContext> = {}) => {
    const decision = decide(facts, subscriber === undefined ? undefined : { ...alice, ...subscriber }, home, {
      ...context,
      ...more
    })
    return decision.accept ? decision.kind : decision.code
  }
  t.equal(codeOf(undefined), 'UNKNOWN_SUBSCRIBER')
  t.equal(codeOf({}), 'full')
  t.equal(codeOf({ status: 'closed' }), 'CLOSED')
  t.equal(codeOf({ validUntil: '2020-01-01T00:00:00Z' }), 'EXPIRED')
  t.equal(codeOf({ status: 'suspended', suspension: { how: 'reject' } }), 'SUSPENDED')
  t.equal(codeOf({ status: 'suspended' }), 'walled')
  t.equal(codeOf({ status: 'suspended' }, { vendor: 'coova' }), 'SUSPENDED')
  t.equal(codeOf({ status: 'suspended', suspension: { how: 'throttle' } }, { vendor: 'standard' }), 'SUSPENDED')
  t.equal(codeOf({ bind: { nas: 'bras-2' } }), 'WRONG_NAS')
  t.equal(codeOf({ bind: { macs: ['00:11:22:aa:bb:cc'] } }), 'WRONG_MAC')
})

t.test(
  'a document’s own attributes replace the table’s, the subscriber’s beat the profile’s, a vendor’s beat `all`',
  async t => {
    const profile: Profile = {
      ...home,
      sessionTimeout: 100,
      attributes: {
        all: { 'Session-Timeout': 200, 'Framed-MTU': 1400 },
        mikrotik: { 'Session-Timeout': 300 },
        cisco: { 'Session-Timeout': 999 }
      }
    }
    t.match(said(alice, profile, 'full'), { 'Session-Timeout': 300, 'Framed-MTU': 1400 })
    t.match(said({ ...alice, attributes: { 'Session-Timeout': 400 } }, profile, 'full'), { 'Session-Timeout': 400 })
  }
)

t.test('nobody leaves the throttle or the walled garden by an attribute of a document', async t => {
  const loose: Profile = {
    ...home,
    attributes: {
      mikrotik: {
        'Mikrotik-Rate-Limit': '1G/1G',
        'Mikrotik-Group': 'vip',
        'Mikrotik-Address-List': 'free',
        'Framed-MTU': 1400
      }
    }
  }
  const escapee: Subscriber = { ...alice, attributes: { 'Mikrotik-Address-List': 'free', 'Session-Timeout': 999_999 } }
  const walled = said(escapee, loose, 'walled')
  t.match(walled, {
    'Mikrotik-Address-List': 'turnpike-walled',
    'Mikrotik-Rate-Limit': '512k/1M',
    'Session-Timeout': 3600,
    'Framed-MTU': 1400
  })
  t.notOk('Mikrotik-Group' in walled)
  t.match(said(alice, loose, 'throttled'), { 'Mikrotik-Rate-Limit': '512k/1M' })
  t.match(said(escapee, loose, 'full'), { 'Mikrotik-Rate-Limit': '1G/1G', 'Mikrotik-Address-List': 'free' })
})

t.test('a throttle never makes a slow profile faster', async t => {
  t.match(said(alice, { id: 'slow', down: 256_000, up: 4_000_000 }, 'throttled'), {
    'Mikrotik-Rate-Limit': '512k/256k'
  })
})

t.test('AVPairs are told apart by what stands before the equals sign', async t => {
  const profile: Profile = {
    ...home,
    pool: 'customers',
    attributes: { cisco: { 'Cisco-AVPair': 'ip:addr-pool=special' } }
  }
  const pairs = render(alice, profile, 'full', '', 'cisco', settings).attributes.filter(
    ({ name }) => name === 'Cisco-AVPair'
  )
  t.same(
    new Set(pairs.map(({ value }) => value)),
    new Set(['ip:addr-pool=special', 'ip:sub-qos-policy-in=home-100-up', 'ip:sub-qos-policy-out=home-100-down'])
  )
})

t.test(
  'intervals spread by 10 % either way, are the same for a subscriber every time, and never below 60 s',
  async t => {
    const all = Array.from({ length: 2000 }, (_, n) =>
      interimInterval({ ...alice, id: `sub_${n}` }, undefined, settings)
    )
    t.ok(all.every(seconds => seconds >= 270 && seconds <= 330))
    for (let from = 270; from < 330; from += 15) {
      const share = all.filter(seconds => seconds >= from && seconds < from + 15).length / all.length
      t.ok(share > 0.2 && share < 0.3, `${from}: ${share}`)
    }
    t.equal(interimInterval(alice, undefined, settings), interimInterval({ ...alice }, undefined, settings))
    const shortest = Array.from({ length: 100 }, (_, n) =>
      interimInterval({ ...alice, id: `sub_${n}` }, { id: 'p', interimInterval: 60 }, settings)
    )
    t.equal(Math.min(...shortest), 60)
  }
)

t.test('MAC addresses are read in any notation, and nothing else is taken for one', async t => {
  for (const text of ['00:11:22:aa:bb:cc', '00-11-22-AA-BB-CC', '0011.22aa.bbcc', '001122AABBCC', '0011-22aa-bbcc']) {
    t.equal(macOf(text), '00:11:22:aa:bb:cc', text)
  }
  for (const text of [
    '',
    'alice',
    '00:11:22:aa:bb',
    '00:11:22:aa:bb:cg',
    '00:11:22:aa:bb:cc:dd',
    '001122aabbcc:ssid'
  ]) {
    t.equal(macOf(text), undefined, text)
  }
})

t.test('what is encoded is what is rendered, once a profile, and anew when its document is replaced', async t => {
  const { log } = lines()
  let encoded = 0
  const counting = {
    encode: (...[name, value]: Parameters<typeof dictionary.encode>) => {
      encoded++
      return dictionary.encode(name, value)
    }
  }
  const encoder = new AcceptEncoder(counting, settings, log)
  const first = encoder.encode(alice, home, 'full', 'mikrotik')
  const made = encoded
  const second = encoder.encode({ ...alice, id: 'sub_2', username: 'bob' }, home, 'full', 'mikrotik')
  t.equal(encoded, made, 'a second subscriber of the profile costs nothing')
  t.equal(second?.octets, first?.octets)
  t.not(second?.interim, first?.interim, 'but for the interval')
  const replaced = encoder.encode(alice, { ...home, down: 50_000_000 }, 'full', 'mikrotik')
  const packet = Packet.fromAttributes(replaced!.octets) as Packet
  t.equal(packet.vsaText(Vendor.Mikrotik, 8), '20M/50M')
  const own = encoder.encode({ ...alice, addresses: { ipv4: '192.0.2.9' } }, home, 'full', 'mikrotik')
  t.equal((Packet.fromAttributes(own!.octets) as Packet).ipv4(Attr.FramedIpAddress), '192.0.2.9')
})

t.test('an interval that a document sets is not said twice', async t => {
  const { log } = lines()
  const encoder = new AcceptEncoder(dictionary, settings, log)
  const encoded = encoder.encode(
    alice,
    { ...home, attributes: { all: { 'Acct-Interim-Interval': 900 } } },
    'full',
    'standard'
  )
  t.equal(encoded?.interim, 0)
  t.equal((Packet.fromAttributes(encoded!.octets) as Packet).uint32(Attr.AcctInterimInterval), 900)
})
