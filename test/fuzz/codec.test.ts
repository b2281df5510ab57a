import fc from 'fast-check'
import t from 'tap'
import { Tickets } from '../../agent/sessions/index.js'
import { Packet, type Secret, verifyRequest, verifyResponse } from '../../protocols/radius/index.js'
import { accountingHandler } from '../../server/radius/index.js'
import { alice, dictionary, Documents, nas, rig, secret, T0 } from '../server/radius/rig.js'
import { Dice, mutated, nextPacket } from './packets.js'
import { goldenPackets } from '../protocols/radius/golden.js'

const seed = fc.integer({ min: 1, max: 2 ** 31 - 1 })

/** Reads all that a packet says, in every way there is. */
function readWhole(datagram: Buffer, by: Secret): void {
  const packet = Packet.decode(datagram, { anyCode: true })
  if (typeof packet === 'string') return
  verifyRequest(packet, by)
  verifyResponse(packet, Buffer.alloc(16, 3), by)
  dictionary.decode(packet)
  for (const { type, value } of packet.entries()) {
    if (value.buffer !== datagram.buffer) throw new Error('a value lies outside of its datagram')
    packet.text(type)
    packet.ipv6Prefix(type)
    packet.uint64(type)
    packet.concat(type)
  }
}

t.test('golden packets with any octets changed are read or refused, never more', async t => {
  const golden = goldenPackets()
  fc.assert(
    fc.property(fc.nat(golden.length - 1), seed, (which, from) => {
      const dice = new Dice(from)
      for (let n = 0; n < 8; n++) readWhole(mutated(golden[which]!, dice), secret)
    }),
    { numRuns: 1500, seed: 20_261_124 }
  )
  t.pass('12,000 packets')
})

t.test('nothing that arrives makes a handler fail, and all of it is counted', async t => {
  const recorded: unknown[] = []
  const documents = new Documents([{ ...alice, username: 'user1' }])
  const accounting = accountingHandler({
    subscribers: documents,
    sessions: { record: async accounting => void recorded.push(accounting) },
    tickets: new Tickets(Buffer.alloc(32, 7)),
    clock: () => T0
  })
  const { server, lines } = await rig(t, { documents, accounting })
  const source = { address: '192.0.2.1', nas, secret, box: nas.id }
  let sent = 0
  await fc.assert(
    fc.asyncProperty(seed, async from => {
      const dice = new Dice(from)
      for (let n = 0; n < 10; n++, sent++) {
        const { datagram } = nextPacket(dice, secret)
        server.receiveFrom({ source, name: `${from} ${n}`, send: () => {}, busy: () => {} }, datagram)
      }
      await new Promise(resolve => setImmediate(resolve))
    }),
    { numRuns: 600, seed: 20_261_124 }
  )
  const { discarded, received } = server.counters()
  t.equal(received.authentication + received.accounting, sent)
  t.equal(discarded.HANDLER_FAILED, undefined)
  t.same(
    lines.filter(({ level }) => Number(level) >= 50),
    []
  )
  t.ok(recorded.length > 300, `${recorded.length} records got through`)
})
