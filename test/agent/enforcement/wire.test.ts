import { pino } from 'pino'
import t, { type Test } from 'tap'
import { Enforcement, verifyEvidence } from '../../../agent/enforcement/index.js'
import { type LevelLedger, openLedger } from '../../../agent/ledger/index.js'
import {
  type Accounting,
  type AnyDriver,
  type EnforcementNotice,
  type Nas,
  readNotice,
  RecordKind,
  type Subscriber
} from '../../../agent/model/index.js'
import { defaultPolicySettings } from '../../../agent/policy/index.js'
import { Sessions, Tickets } from '../../../agent/sessions/index.js'
import { Commands, NasTable, Replica } from '../../../agent/subscribers/index.js'
import { loadDictionary } from '../../../config/dictionary/index.js'
import { radiusDae } from '../../../drivers/radius-dae/index.js'
import { Attr, Code, Secret } from '../../../protocols/radius/index.js'
import { Das } from '../../drivers/das.js'

const SECRET = 'on the wire'
const log = pino({ level: 'silent' })

interface House {
  readonly ledger: LevelLedger
  readonly replica: Replica
  readonly sessions: Sessions
  readonly commands: Commands
  readonly enforcement: Enforcement
  readonly das: Das
}

/** Everything real but the NAS: ledger on disk, replica, sessions, policy, driver, UDP. */
async function house(t: Test, people: number): Promise<House> {
  const ledger = await openLedger({ directory: t.testdir(), reserveOctets: 0 })
  const replica = await Replica.open(ledger)
  const sessions = await Sessions.open({ ledger, clock: Date.now, log })
  const commands = await Commands.open(ledger, Date.now)
  const das = await Das.open(SECRET)
  const nas: Nas = { id: 'bras-1', addresses: ['127.0.0.1'], vendor: 'standard', secretRef: 'env:X', coaPort: das.port }
  const dictionary = loadDictionary()
  const driver: AnyDriver = radiusDae({ nas, secret: new Secret(SECRET), dictionary, clock: Date.now })
  const nases = new NasTable([nas], replica)
  const settings = { ...defaultPolicySettings, walledGarden: { addressList: 'walled', filter: 'garden' } }
  const enforcement = new Enforcement({
    ledger,
    replica,
    sessions,
    commands,
    nases,
    settings,
    log,
    driversFor: () => [driver],
    clock: Date.now,
    brakes: { blocksPerHour: 10_000 }
  })
  t.teardown(async () => {
    await enforcement.close()
    await driver.close()
    await das.close()
    await sessions.close()
    await ledger.close()
  })
  const documents = Array.from({ length: people }, (_, n) => person(n, {}))
  await replica.apply([
    { kind: 'profile', id: 'home', document: { id: 'home', filter: 'home-50' } },
    ...documents.map(document => ({ kind: 'subscriber' as const, id: document.id, document }))
  ])
  await enforcement.start()
  const tickets = new Tickets(Buffer.alloc(32, 7))
  await Promise.all(documents.map(({ id }) => dial(sessions, tickets, id)))
  return { ledger, replica, sessions, commands, enforcement, das }
}

function person(n: number, more: Partial<Subscriber>): Subscriber {
  return { id: `p${n}`, username: `p${n}`, status: 'active', profile: 'home', ...more }
}

async function dial(sessions: Sessions, tickets: Tickets, subscriber: string): Promise<void> {
  const { ticket } = tickets.issue(subscriber, 'home')
  const at = Date.now()
  sessions.granted({
    ticket,
    subscriber,
    userName: subscriber,
    profile: 'home',
    nas: 'bras-1',
    treatment: 'full',
    callingStation: '',
    at
  })
  await sessions.record(accounting('start', subscriber, ticket))
}

function accounting(status: 'start' | 'stop', subscriber: string, ticket = ''): Accounting {
  const at = Date.now()
  return {
    status,
    nas: 'bras-1',
    receivedAt: at,
    eventAt: at,
    acctSessionId: `acct-${subscriber}`,
    multiSessionId: '',
    userName: subscriber,
    nasPort: '',
    ticket,
    subscriber,
    profile: 'home',
    seconds: status === 'start' ? 0 : 60,
    counted: false,
    upOctets: 0n,
    downOctets: 0n,
    upPackets: 0,
    downPackets: 0,
    framedIpv4: '',
    framedIpv6Prefix: '',
    delegatedPrefix: '',
    callingStation: '',
    nasIpv4: '',
    terminateCause: 0,
    flipped: false,
    evidence: Buffer.alloc(0)
  }
}

async function notices(ledger: LevelLedger): Promise<EnforcementNotice[]> {
  await ledger.settled()
  const found: EnforcementNotice[] = []
  for await (const block of ledger.read(1)) {
    if ('lost' in block) throw new Error(block.lost.reason)
    for (const { kind, payload } of block.records) {
      if (kind === RecordKind.enforcement) found.push(readNotice(payload) as unknown as EnforcementNotice)
    }
  }
  return found
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

// Measured: 25 ms and 1.7 s beside others on two cores. The test leaves room for a machine that is busier still.
t.test('a thousand suspensions on one NAS: first packet within a second, all proven within 10 s', async t => {
  const { ledger, replica, sessions, enforcement, das } = await house(t, 1000)
  let first = 0
  das.conduct = ({ packet }, das) => {
    first ||= performance.now()
    const subscriber = (packet.text(Attr.AcctSessionId) ?? '').slice('acct-'.length)
    // The Stop follows the ACK, as accel-ppp and strongSwan have it.
    setImmediate(() => void sessions.record(accounting('stop', subscriber)))
    return packet.code === Code.DisconnectRequest ? das.ack(packet) : das.nak(packet, 401)
  }
  const suspended = { status: 'suspended', suspension: { how: 'reject', reference: 'invoice 7' } } as const
  const changes = Array.from({ length: 1000 }, (_, n) => ({
    kind: 'subscriber' as const,
    id: `p${n}`,
    document: person(n, suspended)
  }))
  let changed = 0
  replica.prependOnceListener('changed', () => {
    changed = performance.now()
  })
  await replica.apply(changes)
  await until(() => enforcement.status().open === 0 && das.received.length === 1000)
  const took = performance.now() - changed
  const proven = (await notices(ledger)).filter(({ state, proof }) => state === 'proven' && proof === 'stop')
  t.equal(proven.length, 1000)
  t.equal(das.discarded, 0)
  t.ok(first - changed < 1000, `first packet at the NAS after ${(first - changed).toFixed(1)} ms`)
  t.ok(took < 10_000, `all proven after ${took.toFixed(0)} ms`)
  await enforcement.close()
  t.match(await verifyEvidence(ledger), { broken: undefined })
  t.comment(`first packet ${(first - changed).toFixed(1)} ms, all proven ${took.toFixed(0)} ms`)
})

t.test('suspended into the walled garden by CoA, restored by CoA, on real classes and a real socket', async t => {
  const { ledger, replica, enforcement, das } = await house(t, 1)
  await replica.apply([{ kind: 'subscriber', id: 'p0', document: person(0, { status: 'suspended' }) }])
  await until(() => enforcement.history('p0').at(-1)?.state === 'acknowledged')
  t.equal(das.last.code, Code.CoaRequest)
  t.equal(das.last.text(Attr.FilterId), 'garden')
  await replica.apply([{ kind: 'subscriber', id: 'p0', document: person(0, {}) }])
  await until(
    () =>
      enforcement.history('p0').at(-1)?.want === 'full' && enforcement.history('p0').at(-1)?.state === 'acknowledged'
  )
  t.equal(das.last.text(Attr.FilterId), 'home-50')
  t.match(
    (await notices(ledger)).map(({ want, state }) => `${want} ${state}`),
    [
      'walled requested',
      'walled sent',
      'walled acknowledged',
      'walled failed',
      'full requested',
      'full sent',
      'full acknowledged'
    ]
  )
})

t.test('a command of billing ends a session over the wire, and its outcome is recorded', async t => {
  const { ledger, sessions, commands, das } = await house(t, 1)
  das.conduct = ({ packet }, das) => {
    void sessions.record(accounting('stop', 'p0'))
    return das.ack(packet)
  }
  await commands.request({ id: 'c1', verb: 'disconnect', arguments: { subscriber: 'p0' } })
  await until(() => commands.pending().length === 0)
  t.equal(das.last.code, Code.DisconnectRequest)
  let outcome: unknown
  for await (const block of ledger.read(1)) {
    if ('lost' in block) continue
    for (const { kind, payload } of block.records)
      if (kind === RecordKind.commandCompleted) outcome = readNotice(payload)
  }
  t.match(outcome, { command: 'c1', outcome: 'done' })
})
