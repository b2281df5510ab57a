import type { Test } from 'tap'
import t from 'tap'
import { openLedger, type LevelLedger } from '../../../agent/ledger/index.js'
import { Commands, Replica } from '../../../agent/subscribers/index.js'
import { HttpTransport, Uplink } from '../../../agent/uplink/index.js'
import { BillingCloud } from '../../../sandbox/billing/index.js'
import { quickSleep, silent, until, usageEntry } from './cloud.js'

/*
 * The real ledger on a disk, the sandbox billing on a socket, and the uplink between them.
 */

const tokens = { edge: 'edge-token', admin: 'admin-token' }

interface Agent {
  readonly ledger: LevelLedger
  readonly replica: Replica
  readonly commands: Commands
  readonly uplink: Uplink
  readonly stop: () => Promise<void>
}

async function startAgent(t: Test, directory: string, url: string): Promise<Agent> {
  const ledger = await openLedger({ directory })
  const replica = await Replica.open(ledger)
  const commands = await Commands.open(ledger, Date.now)
  const transport = new HttpTransport({
    url,
    token: () => tokens.edge,
    timeouts: { send: 1000, answer: 500, silence: 500 }
  })
  const uplink = new Uplink({
    ledger,
    replica,
    commands,
    transport,
    source: '/agents/whole',
    log: silent,
    clock: Date.now,
    version: '1',
    sleep: quickSleep(),
    limits: { ageMs: 0 }
  })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= uplink.close().then(() => ledger.close()))
  t.teardown(stop)
  await uplink.start()
  return { ledger, replica, commands, uplink, stop }
}

async function startBilling(t: Test, directory: string): Promise<{ billing: BillingCloud; url: string }> {
  const billing = await BillingCloud.open({ directory, tokens, log: silent, heartbeatMs: 100 })
  t.teardown(() => billing.close())
  await billing.putPlan({ id: 'home', profile: { id: 'home', down: 1e8 }, pricePerGb: 1n, whenSpent: 'walled-garden' })
  return { billing, url: await billing.listen() }
}

const sum = (count: number): bigint => (BigInt(count) * BigInt(count - 1)) / 2n

void t.test('every octet arrives once, through misbehaviour and a restart, and decisions come back', async t => {
  const directory = t.testdir()
  const { billing, url } = await startBilling(t, `${directory}/billing`)
  await billing.addSubscriber({ id: 'sub_1', username: 'alice', status: 'active', profile: 'home' }, 1_000_000_000n)
  billing.misbehave({
    events: [
      { status: 503, retryAfter: 1 },
      { close: 'before' },
      { close: 'after' },
      { close: 'half-way' },
      { lie: 'omit' },
      { garbage: true },
      { hang: true },
      { status: 413 },
      { lie: 'unknown-ids' },
      { status: 401 }
    ],
    snapshot: [
      { truncate: 'half' },
      { truncate: 'no-end' },
      { truncate: 'wrong-counts' },
      { status: 500 },
      { garbage: true }
    ],
    feed: [{ garbage: true }, { reorder: true }, { truncate: true }, { replay: 5 }, { hang: true }]
  })
  const total = 5000
  const first = await startAgent(t, `${directory}/ledger`, url)
  for (let n = 0; n < total; n += 250)
    await first.ledger.append(Array.from({ length: 250 }, (_, m) => usageEntry(n + m, 'sub_1'))).durable
  await until(() => first.uplink.status().backlog < 4000)
  await first.stop()
  await billing.suspend('sub_1', { reason: 'unpaid' })

  const second = await startAgent(t, `${directory}/ledger`, url)
  await until(() => second.uplink.status().backlog === 0 && second.replica.subscriber('sub_1')?.status === 'suspended')
  t.equal(billing.totals().upOctets, sum(total))
  t.equal(billing.totals().downOctets, sum(total) * 100n)
  t.equal(billing.totals().byType['turnpike.usage'], total)
  t.match(billing.streams(), [{ source: '/agents/whole', gaps: [] }])
  t.equal(second.uplink.status().quarantined, 0)

  await billing.restore('sub_1')
  await until(() => second.replica.subscriber('sub_1')?.status === 'active')
  const command = await billing.command({ verb: 'resend', arguments: { from: 1, to: 100 } })
  await until(() => billing.commandEntry(command.id).outcome !== undefined)
  t.match(billing.commandEntry(command.id), {
    outcome: 'done',
    words: '100 events sent again, 0 rejected, 0 no longer kept'
  })
  t.equal(billing.totals().upOctets, sum(total), 'recognised')
})

void t.test('poisonous events are found on the real ledger, and go through once billing is mended', async t => {
  const directory = t.testdir()
  const { billing, url } = await startBilling(t, `${directory}/billing`)
  const agent = await startAgent(t, `${directory}/ledger`, url)
  const poison = [100, 101, 777].map(n => `${agent.ledger.epoch}-${String(n).padStart(16, '0')}`)
  billing.misbehave({ poison })
  await agent.ledger.append(Array.from({ length: 1000 }, (_, n) => usageEntry(n))).durable
  await until(() => agent.uplink.status().backlog === 0)
  t.strictSame(
    (await agent.uplink.quarantined()).map(({ id }) => id),
    poison
  )
  t.not(billing.totals().upOctets, sum(1000))
  billing.misbehave({})
  t.strictSame(await agent.uplink.resend(), { taken: 3, rejected: 0, gone: 0 })
  t.equal(billing.totals().upOctets, sum(1000))
  t.equal(agent.uplink.status().quarantined, 0)
})
