import t from 'tap'
import type { Session, Subscriber, Vendor } from '../../../agent/model/index.js'
import {
  type AccessFacts,
  circuitOf,
  decide,
  type DecisionContext,
  defaultPolicySettings as settings,
  isCircuit,
  openUntil,
  replyMessage
} from '../../../agent/policy/index.js'
import { vlanOf } from '../../../agent/policy/vlan.js'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const alice: Subscriber = { id: 'sub_1', username: 'alice', status: 'active', profile: 'home' }
const nowhere: AccessFacts = {
  nas: 'bras-1',
  callingStation: '',
  nasPort: '',
  nasPortId: '',
  circuitId: undefined,
  remoteId: undefined
}
const context: DecisionContext = { now: NOW, vendor: 'mikrotik', settings, sessionsOf: () => [], mayReplace: false }
const home = { id: 'home' }

const ask = (bind: Subscriber['bind'], facts: Partial<AccessFacts>, more: Partial<DecisionContext> = {}) =>
  decide({ ...nowhere, ...facts }, { ...alice, bind: bind ?? {} }, home, { ...context, ...more })
const hex = (digits: string) => Buffer.from(digits, 'hex')

t.test('option 82 of every relay: Cisco binary, a MAC address, text; shown as text, meaning and hex digits', t => {
  t.same(circuitOf(hex('000400640001')), {
    hex: '000400640001',
    text: undefined,
    meaning: 'vlan 100 port 0/1',
    vlan: 100
  })
  t.match(circuitOf(hex('00060011 22aabbcc'.replace(' ', ''))), { meaning: '00:11:22:aa:bb:cc' })
  t.match(circuitOf(hex('001122aabbcc')), { meaning: '00:11:22:aa:bb:cc' })
  t.match(circuitOf(Buffer.from('00-11-22-AA-BB-CC')), { text: '00-11-22-AA-BB-CC', meaning: '00:11:22:aa:bb:cc' })
  t.match(circuitOf(Buffer.from('an-1 eth 0/1:200')), { text: 'an-1 eth 0/1:200', vlan: 200 })
  const cisco = hex('000400640001')
  for (const bound of ['000400640001', '0x000400640001', '00:04:00:64:00:01', 'vlan 100 port 0/1', 'VLAN 100 port 0/1'])
    t.ok(isCircuit(bound, cisco), bound)
  for (const bound of ['vlan 100 port 0/2', '000400640002', '']) t.notOk(isCircuit(bound, cisco), bound)
  t.ok(isCircuit('0011.22aa.bbcc', hex('0006001122aabbcc')))
  t.ok(isCircuit('Bridge1/ether2', Buffer.from('bridge1/ether2 ')))
  t.end()
})

t.test('a wrong line is refused with what the request says', t => {
  t.match(ask({ circuitId: 'port-7' }, { circuitId: hex('000400640001') }), {
    code: 'WRONG_CIRCUIT',
    words: /Circuit id: The request says vlan 100 port 0\/1, hex 000400640001\.$/
  })
  t.match(ask({ remoteId: 'sw' }, { remoteId: Buffer.from('sw-2') }), {
    words: /Remote id: The request says «sw-2», hex 73772d32\.$/
  })
  t.match(ask({ circuitId: 'port-7' }, {}), { words: /The request names none\.$/ })
  t.match(ask({ circuitId: 'port-7' }, { circuitId: Buffer.from('port-7') }), { accept: true })
  t.match(ask({ nas: 'bras-2' }, {}), { code: 'WRONG_NAS', words: /bras-1/ })
  t.end()
})

t.test('the VLAN is found in NAS-Port-Id, in the circuit id, and in NAS-Port where the vendor puts it there', t => {
  const vlan = (facts: Partial<AccessFacts>, vendor: Vendor = 'standard') => vlanOf({ ...nowhere, ...facts }, vendor)
  t.equal(vlan({ nasPortId: 'ether2.100' }), 100)
  t.equal(vlan({ nasPortId: 'slot=0;subslot=1;port=2;vlanid=200;' }), 200)
  t.equal(vlan({ nasPortId: 'slot=0;vlanid=200;vlanid2=300' }), 300, 'of a stack the inner one')
  t.equal(vlan({ nasPortId: 'Vlan300' }), 300)
  t.equal(vlan({ nasPortId: 'pppoe-in7' }), undefined)
  t.equal(vlan({ nasPortId: 'ether1', circuitId: hex('000400640001') }), 100)
  t.equal(vlan({ circuitId: Buffer.from('an-1 atm 0/1:0.35') }), 35)
  t.equal(vlan({ nasPort: String((1 << 20) | 400) }, 'huawei'), 400)
  t.equal(vlan({ nasPort: '400' }), undefined)
  t.match(ask({ vlan: 100 }, { nasPortId: 'ether2.100' }), { accept: true })
  t.match(ask({ vlan: 100 }, { nasPortId: 'ether2.101' }), { code: 'WRONG_VLAN', words: /VLAN 101\.$/ })
  t.end()
})

t.test('the first N devices are learnt, and then no other; those of the document come on top', t => {
  const learnt = (macs: string[]) => ({ learntOf: () => macs })
  const from = (callingStation: string) => ({ callingStation })
  const bind = { learnMacs: 2, macs: ['00:00:00:00:00:01'] }
  t.match(ask(bind, from('00-00-00-00-00-0A'), learnt([])), { accept: true, learns: '00:00:00:00:00:0a' })
  t.match(ask(bind, from('00-00-00-00-00-0A'), learnt(['00:00:00:00:00:0a'])), { accept: true, learns: undefined })
  t.match(ask(bind, from('0000.0000.0001'), learnt(['a', 'b'])), { accept: true, learns: undefined })
  t.match(ask(bind, from('00-00-00-00-00-0C'), learnt(['a', 'b'])), { code: 'WRONG_MAC', words: /00:00:00:00:00:0c/ })
  t.match(ask(bind, from('a line'), learnt([])), { code: 'WRONG_MAC', words: /no MAC/ })
  t.end()
})

t.test('windows of the week: when they are open, and until when', t => {
  const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, 22 + day, hour, minute).getTime() // the 22nd is a Sunday
  t.equal(openUntil(['Mo-Fr 08:00-18:00'], at(1, 9)), at(1, 18))
  t.equal(openUntil(['Mo-Fr 08:00-18:00'], at(1, 18)), 'closed')
  t.equal(openUntil(['Mo-Fr 08:00-18:00'], at(6, 9)), 'closed')
  t.equal(openUntil(['Fr 22:00-06:00'], at(6, 5, 59)), at(6, 6), 'over midnight')
  t.equal(openUntil(['Sa-Mo'], at(0, 12)), at(2, 0), 'over the end of the week')
  t.equal(openUntil(['08:00-12:00', '12:00-14:00'], at(3, 9)), at(3, 14), 'windows that meet are one')
  t.equal(openUntil(['00:00-24:00'], at(3, 9)), undefined, 'always')
  t.equal(openUntil(['Sa,Su 10:00-24:00'], at(0, 23)), at(1, 0))
  t.equal(openUntil(undefined, NOW), undefined)
  t.equal(openUntil(['at night', '25:00-26:00', 'Xx-Fr'], NOW), undefined, 'a typing mistake locks nobody out')
  t.match(decide(nowhere, { ...alice, hours: ['Mo 13:00-14:00'] }, home, { ...context, now: at(1, 12) }), {
    code: 'OUTSIDE_HOURS',
    words: /Mo 13:00-14:00/
  })
  t.match(decide(nowhere, { ...alice, hours: ['Mo 11:00-14:00'] }, home, { ...context, now: at(1, 12) }), {
    limits: { seconds: 7200 }
  })
  t.match(decide(nowhere, { ...alice, validUntil: new Date(NOW + 90_500).toISOString() }, home, context), {
    limits: { seconds: 91 }
  })
  t.end()
})

t.test('a quota that is used up: another profile, the throttle, the walled garden, or a reject', t => {
  const quota = { octets: 1000, onExhausted: 'profile' as const }
  const standing = (used: number) => ({
    quotaOf: () => ({ used, octets: 1000, exhausted: used >= 1000, resetsAt: undefined })
  })
  const slow = { id: 'slow', down: 256_000, up: 128_000 }
  const find = { profile: (id: string) => (id === 'slow' ? slow : undefined) }
  const decided = (more: object, used = 1000, vendor: Vendor = 'mikrotik') =>
    decide(nowhere, { ...alice, quota: { ...quota, ...more } }, home, {
      ...context,
      ...standing(used),
      ...find,
      vendor
    })
  t.match(decided({ profile: 'slow' }), { kind: 'full', profile: slow, reason: /used up.*profile slow/ })
  t.match(decided({ profile: 'gone' }), { kind: 'throttled', profile: home, reason: /not known here/ })
  t.match(decided({}), { kind: 'throttled', profile: home })
  t.match(decided({ onExhausted: 'suspend' }), { kind: 'walled' })
  t.match(decided({ onExhausted: 'suspend' }, 1000, 'standard'), { accept: false, code: 'QUOTA_EXHAUSTED' })
  t.match(decided({ onExhausted: 'suspend' }, 400), { kind: 'full', limits: { octets: 600 } }, 'the NAS holds the rest')
  t.strictSame((decided({ profile: 'slow' }, 400) as { limits: object }).limits, {}, 'a change of profile is not cut')
  t.end()
})

t.test('onExcess replace: the oldest sessions end for the new one, where somebody ends them', t => {
  const session = (id: string, startedAt: number) =>
    ({ id, startedAt, nas: 'other', state: 'open', callingStation: '' }) as Session
  const both = { sessionsOf: () => [session('young', 2), session('old', 1)] }
  const two: Subscriber = { ...alice, simultaneousUse: 2, onExcess: 'replace' }
  t.match(decide(nowhere, two, home, { ...context, ...both, mayReplace: true }), { replaces: [{ id: 'old' }] })
  t.match(decide(nowhere, two, home, { ...context, ...both }), { code: 'TOO_MANY_SESSIONS' })
  t.match(decide(nowhere, { ...two, onExcess: 'refuse' }, home, { ...context, ...both, mayReplace: true }), {
    code: 'TOO_MANY_SESSIONS'
  })
  t.end()
})

t.test('what a subscriber may read tells no stranger which names exist', t => {
  t.equal(replyMessage('UNKNOWN_SUBSCRIBER'), replyMessage('WRONG_CREDENTIAL'))
  t.match(replyMessage('EXPIRED'), /run out/)
  t.end()
})
