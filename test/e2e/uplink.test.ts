import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { encodeUsage, type Entry, RecordKind } from '../../agent/model/index.js'
import { billingAt, NatsServer, needsNats } from '../agent/uplink/nats-server.js'
import { turnpike } from '../cli/spawn.js'
import { provider, until } from './provider.js'

t.setTimeout(60_000)

/** A usage record of alice's; `n` makes it another one. */
function usage(n: number): Entry {
  const time = Date.parse('2026-11-23T10:00:00Z') + n * 1000
  const payload = encodeUsage({
    cause: 'interim',
    flipped: false,
    replays: false,
    periodStart: time - 300_000,
    periodEnd: time,
    seconds: 300,
    sessionSeconds: 300,
    upOctets: 1n,
    downOctets: BigInt(n),
    totalUpOctets: 1n,
    totalDownOctets: BigInt(n),
    upPackets: 1,
    downPackets: 1,
    session: `ses_${n}`,
    nas: 'bras-1',
    acctSessionId: `${n}`,
    userName: 'alice',
    subscriber: 'sub_alice',
    profile: 'home-100',
    evidence: Buffer.alloc(0)
  })
  return { kind: RecordKind.usage, time, payload }
}

t.test('events that billing refuses are listed with the reason, and go through once billing is mended', async t => {
  const { billing, configFile, startAgent } = await provider(t, { names: ['alice'] })
  const { ledger, uplink } = await startAgent()
  const first = ledger.next
  const [one, other] = [first + 10, first + 20]
  billing.misbehave({ poison: [one, other].map(n => `${ledger.epoch}-${String(n).padStart(16, '0')}`) })
  await ledger.append(Array.from({ length: 30 }, (_, n) => usage(n))).durable
  await until(() => uplink?.status().backlog === 0 && uplink.status().quarantined === 2)
  const total = billing.totals().downOctets
  const run = (...words: string[]) => turnpike([...words, '--config', configFile])

  const listed = await run('quarantine', 'list')
  t.equal(listed.status, 0)
  t.match(listed.stdout, new RegExp(`${one} .* turnpike\\.usage +sub_alice +HTTP 400`))
  t.match(listed.stdout, new RegExp(`${other} .* turnpike\\.usage +sub_alice +HTTP 400`))
  t.match((await run('status')).stdout, /^billing .*2 refused by billing \(turnpike quarantine\)/m)

  t.match((await run('quarantine', 'resend', String(one))).stdout, /^0 events taken by billing now/, 'still refused')
  t.equal(uplink?.status().quarantined, 2)
  billing.misbehave({})
  t.match((await run('quarantine', 'resend', String(one))).stdout, /^1 event taken by billing now/)
  t.equal(billing.totals().downOctets, total + 10n, 'the one that was named')
  t.match((await run('quarantine', 'resend')).stdout, /^1 event taken by billing now/)
  t.equal(billing.totals().downOctets, total + 10n + 20n)
  t.strictSame(JSON.parse((await run('quarantine', 'list', '--json')).stdout), { events: [] })
})

t.test('the address of a NATS server is all that it takes to send by JetStream', needsNats, async t => {
  const server = await NatsServer.start(t)
  const billing = await billingAt(t, server)
  const { configFile, startAgent } = await provider(t, { names: [] })
  const text = readFileSync(configFile, 'utf8').replace(/^ {2}url: .*$/m, `  url: ${server.url}\n  feed: false`)
  writeFileSync(configFile, text)
  const { ledger, uplink } = await startAgent()
  await ledger.append([usage(1), usage(2)]).durable
  await until(() => uplink?.status().backlog === 0)
  const stored = (await billing.stored('TURNPIKE_EVENTS')) as { type?: string; source?: string }[]
  t.match(
    stored.filter(({ type }) => type === 'turnpike.usage'),
    [{ source: '/agents/test' }, { source: '/agents/test' }]
  )
  const check = await turnpike(['check', '--config', configFile])
  t.match(check.stdout, /^ok +cloud +nats:.* answers and takes the credential$/m)
})
