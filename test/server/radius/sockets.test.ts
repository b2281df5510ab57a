import { EventEmitter, once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { Code, Packet } from '../../../protocols/radius/index.js'
import { RadiusServerError } from '../../../server/radius/index.js'
import { Ring } from '../../../server/radius/sockets/ring.js'
import type { Answer } from '../../../server/radius/request.js'
import { SocketsAside } from '../../../server/radius/sockets/sockets-aside.js'
import { Client, nextIdentifier, papRequest, rig, statusServer } from './rig.js'

const ROOM = 1024

interface Piece {
  readonly socket: number
  readonly address: string
  readonly port: number
  readonly datagram: Buffer
}

const piece: fc.Arbitrary<Piece> = fc.record({
  socket: fc.nat(254),
  address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('fe80::1%enp0s31f6')),
  port: fc.nat(65_535),
  datagram: fc.uint8Array({ maxLength: 300 }).map(octets => Buffer.from(octets))
})

const step = fc.oneof(piece, fc.nat(5))

t.test('Ring: whatever is put and taken, comes out whole and in order, or is refused and counted', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const memory = Ring.allot(ROOM)
      const [putter, taker] = [new Ring(memory), new Ring(memory)]
      const waiting: Piece[] = []
      let refused = 0
      const compare = (socket: number, address: string, port: number, datagram: Buffer) => {
        const { datagram: sent, ...rest } = waiting.shift()!
        t.strictSame({ socket, address, port }, rest)
        t.ok(datagram.equals(sent))
      }
      for (const next of steps) {
        if (typeof next === 'number') {
          const before = waiting.length
          const more = taker.take(next, compare)
          t.equal(waiting.length, Math.max(0, before - next))
          t.equal(more, before >= next, 'it says that there is no more only when it has looked')
        } else if (putter.put(next.socket, next.address, next.port, next.datagram)) waiting.push(next)
        else {
          refused++
          t.ok(
            waiting.reduce((sum, { address, datagram }) => sum + 11 + address.length + datagram.length, 0) > ROOM / 4
          )
        }
        t.equal(taker.isEmpty, waiting.length === 0)
      }
      t.equal(putter.refused, refused)
      t.equal(taker.take(1000, compare), false)
      t.equal(waiting.length, 0)
    }),
    { numRuns: 200 }
  )
})

t.test('Ring: who takes is called once when it slept, and not while it is awake', async t => {
  const memory = Ring.allot(ROOM)
  const [putter, taker] = [new Ring(memory), new Ring(memory)]
  const put = () => putter.put(0, '192.0.2.1', 1, Buffer.of(1))
  put()
  t.notOk(putter.mustWake(), 'it has not slept yet')
  t.notOk(taker.take(9, () => {}))
  t.notOk(
    taker.take(9, () => {}),
    'nothing came'
  )
  put()
  t.ok(putter.mustWake())
  put()
  t.notOk(putter.mustWake(), 'it was called')
  t.ok(
    taker.take(2, () => {}),
    'there may be more: it is awake'
  )
  put()
  t.notOk(putter.mustWake())
})

t.test('Ring: between two threads, a hundred thousand datagrams keep their order and their octets', async t => {
  const memory = Ring.allot(1 << 16)
  const code = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData.module).then(({ Ring }) => {
      const ring = new Ring(workerData.memory)
      const datagram = Buffer.alloc(64)
      let n = 0
      const go = () => {
        while (n < 100_000) {
          datagram.writeUInt32BE(n)
          datagram.fill(n & 255, 4)
          const length = 4 + n % 60
          if (!ring.put(n & 127, '192.0.2.' + (n & 255), n & 65535, datagram.subarray(0, length))) return setImmediate(go)
          if (ring.mustWake()) parentPort.postMessage(undefined)
          n++
        }
        parentPort.postMessage('done')
      }
      go()
    })`
  const module = new URL('../../../server/radius/sockets/ring.js', import.meta.url).href
  const worker = new Worker(code, { eval: true, workerData: { memory, module } })
  const ring = new Ring(memory)
  let expected = 0
  let wrong = 0
  const drain = (): void => {
    const more = ring.take(64, (socket, address, port, datagram) => {
      const n = expected++
      const sound =
        datagram.readUInt32BE() === n &&
        datagram.length === 4 + (n % 60) &&
        datagram.subarray(4).every(octet => octet === (n & 255)) &&
        socket === (n & 127) &&
        port === (n & 65_535) &&
        address === `192.0.2.${n & 255}`
      if (!sound) wrong++
    })
    if (more) setImmediate(drain)
  }
  worker.on('message', (said: unknown) => said === undefined && drain())
  drain()
  await once(worker, 'exit')
  while (ring.take(64, () => expected++));
  t.equal(wrong, 0)
  t.equal(expected, 100_000)
})

t.test(
  'sockets in a thread of their own: requests are answered as ever, repeated ones with the same octets',
  async t => {
    const made = await rig(t, { socketsAside: true })
    const [authentication, accounting] = [
      await Client.open(t, made.authentication),
      await Client.open(t, made.accounting)
    ]
    const { datagram } = papRequest()
    const accepted = await authentication.ask(datagram)
    t.equal((Packet.decode(accepted) as Packet).code, Code.AccessAccept)
    t.strictSame(await authentication.ask(datagram), accepted)
    t.equal((await accounting.ask(statusServer()))[0], Code.AccountingResponse)
    t.ok(await authentication.isSilentOn(Buffer.from('no RADIUS')))
    t.equal(made.server.counters().discarded.RAD_TOO_SHORT, 1)
  }
)

t.test('sockets in a thread of their own: a burst is answered whole, each to its own port', async t => {
  const made = await rig(t, { socketsAside: true })
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(t, made.authentication)))
  const all = clients.map(async client => {
    for (let n = 0; n < 20; n++) {
      const { datagram } = papRequest({ identifier: nextIdentifier() })
      const reply = Packet.decode(await client.ask(datagram)) as Packet
      t.equal(reply.code, Code.AccessAccept)
      t.equal(reply.identifier, datagram[1])
    }
  })
  await Promise.all(all)
  t.equal(made.server.counters().replied['Access-Accept'], 400)
})

t.test('sockets in a thread of their own: closing answers what was taken, and frees the port', async t => {
  const asked = new EventEmitter()
  const access = (): Promise<Answer> => {
    asked.emit('asked')
    return once(asked, 'answered').then(() => ({ outcome: 'accepted', attributes: Buffer.alloc(0) }))
  }
  const made = await rig(t, { socketsAside: true, access })
  const client = await Client.open(t, made.authentication)
  const reply = client.ask(papRequest().datagram)
  await once(asked, 'asked')
  const closed = made.server.close()
  client.send(papRequest().datagram)
  asked.emit('answered')
  await closed
  t.equal((await reply)[0], Code.AccessAccept)
  t.equal(client.arrived.length, 1)
  const again = await rig(t, {})
  const host = '127.0.0.1'
  await again.server.listen({ authentication: [{ host, port: made.authentication }], accounting: [] })
})

t.test('sockets in a thread of their own: a port that is taken is told in words', async t => {
  const first = await rig(t, { socketsAside: true })
  const second = await rig(t, { socketsAside: true })
  const taken = { authentication: [{ host: '127.0.0.1', port: first.authentication }], accounting: [] }
  const refused = await second.server.listen(taken).catch((error: unknown) => error)
  t.match(refused, RadiusServerError)
  t.equal((refused as RadiusServerError).code, 'RADIUS_PORT_IN_USE')
})

t.test(
  'sockets in a thread of their own: what finds no room is shed and counted, and the rest is answered',
  async t => {
    const taken: number[] = []
    const sockets = new SocketsAside(
      { receive: (_socket, datagram) => taken.push(datagram.length), sendFailed: () => {} },
      8192
    )
    const { port } = await sockets.open({
      address: { host: '127.0.0.1', port: 0 },
      receiveBuffer: 1 << 20,
      ipv6Only: false
    })
    const client = await Client.open(t, port)
    const blocked = new Int32Array(new SharedArrayBuffer(4))
    for (let n = 0; n < 40; n++) client.send(Buffer.alloc(1000))
    await new Promise(resolve => setImmediate(resolve))
    while (sockets.shed === 0) Atomics.wait(blocked, 0, 0, 1) // this thread decides nothing meanwhile
    await sockets.close()
    t.ok(sockets.shed > 0 && sockets.shed < 40)
  }
)
