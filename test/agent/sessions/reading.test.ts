import * as fc from 'fast-check'
import t from 'tap'
import { readAccounting, Tickets, UNKNOWN_SECONDS } from '../../../agent/sessions/index.js'
import { Attr, AttributeWriter, Packet } from '../../../protocols/radius/index.js'
import { attributesOf, heard, type Said, T0, tickets } from './packets.js'

/*
 * From an Accounting-Request to the agent's terms, and the session ticket.
 */
// The same cases in every run; FC_SEED tries others.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 4711) })

function read(attributes: Buffer, receivedAt = T0) {
  const packet = Packet.fromAttributes(attributes)
  if (typeof packet === 'string') throw new Error(packet)
  return readAccounting(packet, { id: 'bras-1' }, receivedAt, tickets, name =>
    name === 'alice' ? { subscriber: 'sub_1', profile: 'home' } : undefined
  )
}

t.test('RFC 2866 §5, RFC 2869 §5: every field that a session is kept by', async t => {
  const { ticket, octets } = tickets.issue('sub_7', 'fast')
  const attributes = new AttributeWriter()
    .uint32(Attr.AcctStatusType, 2)
    .add(Attr.UserName, 'alice')
    .add(Attr.AcctSessionId, 'abc')
    .add(Attr.AcctMultiSessionId, 'multi')
    .uint32(Attr.NasPort, 17)
    .add(Attr.Class, Buffer.from('of a proxy'))
    .add(Attr.Class, octets)
    .uint32(Attr.AcctSessionTime, 300)
    .uint32(Attr.AcctInputOctets, 1)
    .uint32(Attr.AcctInputGigawords, 2)
    .uint32(Attr.AcctOutputOctets, 3)
    .uint32(Attr.AcctOutputGigawords, 4)
    .uint32(Attr.AcctInputPackets, 5)
    .uint32(Attr.AcctOutputPackets, 6)
    .uint32(Attr.AcctTerminateCause, 1)
    .ipv4(Attr.FramedIpAddress, '192.0.2.9')
    .ipv6Prefix(Attr.FramedIpv6Prefix, '2001:db8::/64')
    .ipv6Prefix(Attr.DelegatedIpv6Prefix, '2001:db8:1::/56')
    .add(Attr.CallingStationId, '02-00-00-00-00-01')
    .ipv4(Attr.NasIpAddress, '192.0.2.1')
    .uint32(Attr.EventTimestamp, T0 / 1000 - 5)
    .finish()
  t.same(read(attributes), {
    status: 'stop',
    nas: 'bras-1',
    receivedAt: T0,
    eventAt: T0 - 5_000,
    acctSessionId: 'abc',
    multiSessionId: 'multi',
    userName: 'alice',
    nasPort: '17',
    ticket,
    subscriber: 'sub_7',
    profile: 'fast',
    seconds: 300,
    counted: true,
    upOctets: 2n * 2n ** 32n + 1n,
    downOctets: 4n * 2n ** 32n + 3n,
    upPackets: 5,
    downPackets: 6,
    framedIpv4: '192.0.2.9',
    framedIpv6Prefix: '2001:db8::/64',
    delegatedPrefix: '2001:db8:1::/56',
    callingStation: '02-00-00-00-00-01',
    nasIpv4: '192.0.2.1',
    terminateCause: 1,
    flipped: false,
    evidence: attributes
  })
})

t.test('what a NAS leaves out is empty, and a packet without counters is not counted', async t => {
  const accounting = read(new AttributeWriter().uint32(Attr.AcctStatusType, 1).add(Attr.UserName, 'nobody').finish())
  t.match(accounting, {
    seconds: UNKNOWN_SECONDS,
    counted: false,
    subscriber: '',
    ticket: '',
    nasPort: '',
    eventAt: T0
  })
})

t.test('User-Name finds the subscriber where Class does not name one', async t => {
  t.match(read(attributesOf({ status: 'start', at: 0 })), { subscriber: 'sub_1', profile: 'home', ticket: '' })
})

t.test('NAS-Port-Id stands in for a NAS-Port that is not there', async t => {
  const writer = () => new AttributeWriter().uint32(Attr.AcctStatusType, 1).add(Attr.NasPortId, 'ether2')
  t.equal(read(writer().finish())?.nasPort, 'ether2')
  t.equal(read(writer().uint32(Attr.NasPort, 0).finish())?.nasPort, '0')
})

t.test('a packet that no session can be kept for is told apart', async t => {
  t.equal(read(new AttributeWriter().uint32(Attr.AcctStatusType, 15).add(Attr.AcctSessionId, 'x').finish()), undefined)
  t.equal(read(new AttributeWriter().add(Attr.AcctSessionId, 'x').finish()), undefined)
  t.equal(read(new AttributeWriter().uint32(Attr.AcctStatusType, 3).finish()), undefined)
  t.match(read(new AttributeWriter().uint32(Attr.AcctStatusType, 7).finish()), { status: 'on', acctSessionId: '' })
})

t.test('time is Event-Timestamp within a window around arrival, else arrival less Acct-Delay-Time', async t => {
  const at = (stamp: number | undefined, delay?: number) => {
    const writer = new AttributeWriter().uint32(Attr.AcctStatusType, 3).add(Attr.AcctSessionId, 'x')
    if (stamp !== undefined) writer.uint32(Attr.EventTimestamp, T0 / 1000 + stamp)
    if (delay !== undefined) writer.uint32(Attr.AcctDelayTime, delay)
    return ((read(writer.finish())?.eventAt ?? 0) - T0) / 1000
  }
  const week = 7 * 86_400
  t.equal(at(300), 300)
  t.equal(at(301), 0, 'nothing comes from the future')
  t.equal(at(-week, 10), -week)
  t.equal(at(-week - 1, 10), -10, 'a clock that was never set')
  t.equal(at(undefined, 12), -12)
  t.equal(at(undefined), 0)
  t.equal(at(undefined, 0xffff_ffff), 0, 'a delay of a century is none')
})

t.test('what was said is read back, whatever it was', async t => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
  const octets = fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined })
  const said = fc.record({ time: fc.option(u32, { nil: undefined }), up: octets, down: octets, flip: fc.boolean() })
  fc.assert(
    fc.property(said, some => {
      const accounting = heard({ status: 'interim', at: 0, ...some } satisfies Said)
      const [up, down] = some.flip ? [some.down, some.up] : [some.up, some.down]
      t.match(accounting, {
        seconds: some.time ?? UNKNOWN_SECONDS,
        counted: up !== undefined || down !== undefined,
        upOctets: up ?? 0n,
        downOctets: down ?? 0n,
        flipped: some.flip
      })
    }),
    { numRuns: 200 }
  )
})

t.test('a ticket names its session, subscriber and profile, and no two are the same', async t => {
  const seen = new Set<string>()
  for (let n = 0; n < 1_000; n++) {
    const { ticket, octets } = tickets.issue('sub_1001', 'home-100')
    seen.add(ticket)
    t.same(tickets.read(octets), { ticket, subscriber: 'sub_1001', profile: 'home-100' })
  }
  t.equal(seen.size, 1_000)
})

t.test('a ticket that was changed in any octet, cut short or made with another key is none', async t => {
  const { octets } = tickets.issue('sub_1001', 'home')
  for (let at = 0; at < octets.length; at++) {
    const changed = Buffer.from(octets)
    changed[at] = (changed[at] ?? 0) ^ 1
    t.equal(tickets.read(changed), undefined)
    t.equal(tickets.read(octets.subarray(0, at)), undefined)
  }
  t.equal(new Tickets(Buffer.alloc(32, 8)).read(octets), undefined)
  t.throws(() => new Tickets(Buffer.alloc(15)), RangeError)
})

t.test('names of any length give a Class of at most 253 octets that still reads', async t => {
  const name = fc.string({ unit: 'grapheme', maxLength: 128 })
  fc.assert(
    fc.property(name, name, (subscriber, profile) => {
      const { ticket, octets } = tickets.issue(subscriber, profile)
      t.ok(octets.length <= 253)
      const read = tickets.read(octets)
      t.equal(read?.ticket, ticket)
      const room = 253 - 34
      const fits = Buffer.byteLength(subscriber) <= room
      t.equal(read?.subscriber, fits ? subscriber : '')
      t.equal(read?.profile, Buffer.byteLength(subscriber) + Buffer.byteLength(profile) <= room ? profile : '')
    }),
    { numRuns: 300 }
  )
})

t.test('Class octets of anybody never throw', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), octets => {
      t.equal(tickets.read(Buffer.from(octets)), undefined)
      t.equal(tickets.read(Buffer.concat([Buffer.from('TPK1'), octets])), undefined)
    }),
    { numRuns: 200 }
  )
})
