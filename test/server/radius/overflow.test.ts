import { join } from 'node:path'
import t from 'tap'
import { openStore } from '../../../agent/ledger/index.js'
import { decodeUsage, RecordKind } from '../../../agent/model/index.js'
import { Sessions, Tickets } from '../../../agent/sessions/index.js'
import { Attr, Code } from '../../../protocols/radius/index.js'
import { accountingHandler } from '../../../server/radius/index.js'
import { openAt, overriding } from '../../agent/ledger/places.js'
import { accountingRequest, Client, Documents, lines, papRequest, read, rig, statusServer, T0 } from './rig.js'

/** Far more than the queue of these tests holds. */
const REQUESTS = 60
const QUEUE = 8192
const OCTETS = 1000

/** A disk that takes what it is given and says so only when it is let: LevelDB itself, with a gate behind each write. */
class SlowDisk {
  #gate: Promise<void> | undefined
  #open: () => void = () => undefined

  readonly openStore = async (location: string) => {
    const store = await openStore(location)
    return overriding(store, {
      put: (...given) => this.#slowly(store.put(...given)),
      batch: (...given) => this.#slowly(store.batch(...given))
    })
  }

  stall(): void {
    this.#gate = new Promise(resolve => (this.#open = resolve))
  }

  recover(): void {
    this.#gate = undefined
    this.#open()
  }

  async #slowly(write: Promise<void>): Promise<void> {
    await write
    await this.#gate
  }
}

t.test(
  'a disk that stalls: what the queue cannot hold is shed, counted, and taken when the NAS sends it again',
  async t => {
    const disk = new SlowDisk()
    const directory = join(t.testdir(), 'ledger')
    const ledger = await openAt(t, directory, { queueOctets: QUEUE, openStore: disk.openStore })
    const tickets = new Tickets(Buffer.alloc(32, 7))
    const clock = () => T0
    const sessions = await Sessions.open({ ledger, clock, log: lines().log, tickets })
    const subscribers = new Documents()
    const made = await rig(t, { accounting: accountingHandler({ subscribers, sessions, tickets, clock }) })
    const client = await Client.open(t, made.accounting)
    const shed = () => made.server.counters().discarded['LEDGER_FULL'] ?? 0

    disk.stall()
    const sent = Array.from({ length: REQUESTS }, (_, n) =>
      accountingRequest(writer =>
        writer
          .uint32(Attr.AcctStatusType, 2)
          .add(Attr.AcctSessionId, `s-${n}`)
          .add(Attr.UserName, 'alice')
          .uint32(Attr.AcctInputOctets, OCTETS)
      )
    )
    for (const { datagram } of sent) client.send(datagram)
    await client.ask(statusServer())
    t.equal(client.arrived.length, 1, 'nothing is acknowledged that is not on disk')
    const lost = shed()
    t.ok(lost > 0 && lost < REQUESTS, `${lost} of ${REQUESTS} were shed and counted`)
    const access = papRequest()
    const door = await Client.open(t, made.authentication)
    t.equal(read(await door.ask(access.datagram), access.authenticator).code, Code.AccessAccept, 'access is answered')

    disk.recover()
    while (client.arrived.length < 1 + REQUESTS - lost) await client.next()
    const answered = new Set(client.arrived.slice(1).map(reply => reply[1]))
    const silent = sent.filter(({ datagram }) => !answered.has(datagram[1]))
    t.strictSame(silent, sent.slice(REQUESTS - lost), 'those that came last are the ones that were shed')
    for (const { datagram, authenticator } of silent)
      t.equal(read(await client.ask(datagram), authenticator).code, Code.AccountingResponse, 'sent again, it is taken')
    t.equal(shed(), lost)

    const billed = new Map<string, bigint>()
    for await (const block of ledger.read(1)) {
      if ('lost' in block) continue
      for (const { kind, payload } of block.records) {
        if (kind !== RecordKind.usage) continue
        const { acctSessionId, upOctets } = decodeUsage(payload)
        billed.set(acctSessionId, (billed.get(acctSessionId) ?? 0n) + upOctets)
      }
    }
    t.equal(billed.size, REQUESTS)
    t.ok(
      [...billed.values()].every(octets => octets === BigInt(OCTETS)),
      'each is billed once'
    )
  }
)
