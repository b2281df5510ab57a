import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { EvidenceLog } from '../../agent/enforcement/evidence.js'
import { type EvidenceFacts, readEvidence, verifyEvidence } from '../../agent/enforcement/index.js'
import { Store } from '../../agent/enforcement/store.js'
import { createApi } from '../../server/http/api.js'
import { listenOnSocket } from '../../server/http/index.js'
import { MemoryLedger } from '../agent/sessions/memory-ledger.js'
import { FakeView, noon } from '../server/http/fake-view.js'
import { shortDirectory, turnpike } from './spawn.js'

// Each question is a process of its own.
t.setTimeout(300_000)

const directory = shortDirectory(t)
const view = new FakeView()
const socket = join(directory, 'api.sock')
const api = await createApi({ view, version: '0.1.0', clock: () => noon })
await listenOnSocket(api, socket)
t.teardown(() => api.close())
const ask = (...words: string[]) => turnpike([...words, '--socket', socket])

const block: EvidenceFacts = {
  at: noon,
  subscriber: 'sub_1001',
  userName: 'alice',
  enforcement: 'enf-1',
  orderedBy: 'billing',
  reference: 'invoice 7',
  noticeAt: '2026-11-01T00:00:00Z',
  want: 'blocked',
  reason: 'suspended: unpaid, invoice 7',
  state: 'requested',
  detail: '=1+1, "unpaid"'
}
const {
  reference: _r,
  noticeAt: _n,
  ...restore
} = { ...block, enforcement: 'enf-2', want: 'full', reason: 'active' } as const
const ledger = new MemoryLedger()

t.before(async () => {
  const store = new Store(ledger, pino({ level: 'silent' }))
  const log = await EvidenceLog.open(store)
  const place = { nas: 'bras-1', way: 'disconnect' }
  log.append(block)
  log.append({ ...block, ...place, at: noon + 40, state: 'sent', detail: 'Disconnect-Request to bras-1' })
  log.append({ ...block, ...place, at: noon + 400, state: 'proven', proof: 'stop', detail: 'The session ended.' })
  log.append({ ...block, subscriber: 'another', userName: 'bob', enforcement: 'enf-9' })
  log.append({ ...restore, at: noon + 60_000, orderedBy: 'operator mara' })
  log.append({ ...restore, at: noon + 61_000, state: 'proven', proof: 'reauthentication', detail: 'answered "full"' })
  await store.close()
  await show()
})

t.test('who ordered, the reference, the notice, what was sent, what proved it, and when it was restored', async t => {
  const { stdout, stderr, status } = await ask('evidence', 'alice')
  t.equal(status, 0, stderr)
  t.match(stdout, /^blocked +2026-11-23 12:00:00\nordered by +billing\nreason +suspended: unpaid, invoice 7\n/)
  t.match(stdout, /^reference +invoice 7\nnotice given +2026-11-01/m)
  t.match(stdout, /^ended +restored 2026-11-23 12:01:01, proven by reauthentication$/m)
  t.match(stdout, /12:00:00 +sent +disconnect +bras-1 +– +Disconnect-Request to bras-1/)
  t.match(stdout, /12:00:00 +proven +disconnect +bras-1 +stop +The session ended/)
  t.match(stdout, /^restored +2026-11-23 12:01:00\nordered by +operator mara$/m)
  t.match(stdout, /The chain of the log holds: 6 entries, head [0-9a-f]{64}\./)
  t.notMatch(stdout, /bob/)
  t.match(JSON.parse((await ask('evidence', 'alice', '--json')).stdout), {
    chain: { entries: 6 },
    entries: [{ sequence: 1 }]
  })
})

t.test('an export can be checked by whoever gets it', async t => {
  const file = join(directory, 'evidence.ndjson')
  const { stderr, status } = await ask('evidence', 'export', file)
  t.equal(status, 0, stderr)
  t.match(stderr, /^6 entries exported\. The chain of the log holds/)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const entries = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { body: string; hash: string; previous: string })
  t.equal(entries.length, 6)
  for (const [index, { body, hash }] of entries.entries()) {
    t.equal(createHash('sha256').update(body).digest('hex'), hash)
    if (index > 0) t.equal((JSON.parse(body) as { previous: string }).previous, entries[index - 1]?.hash)
  }
  const again = await ask('evidence', 'export', file)
  t.equal(again.status, 2)
  t.match(again.stderr, /it is there already/)
})

t.test('CSV by option or by the name of the file; a cell is no formula', async t => {
  const { stdout } = await ask('evidence', 'export', '--csv', '--subscriber', 'alice')
  const lines = stdout.trimEnd().split('\n')
  t.equal(lines.length, 6)
  t.match(lines[0], /^sequence,at,subscriber,.*,hash,body$/)
  t.match(lines[1], /^1,2026-11-23T12:00:00\.000Z,sub_1001,alice,enf-1,billing,invoice 7,.*"'=1\+1, ""unpaid"""/)
  const file = join(directory, 'evidence.csv')
  await ask('evidence', 'export', file)
  t.match(readFileSync(file, 'utf8'), /^sequence,at,/)
})

t.test('a broken chain is said loudly, with the entry where it breaks', async t => {
  for await (const [key, value] of ledger.entries('evidence'))
    if (Number(key) === 3)
      await ledger.write([{ table: 'evidence', key, value: Buffer.from(value.toString().replace('stop', 'none')) }])
  await show()
  for (const words of [['alice'], ['export', '--csv']]) {
    const { stderr, status } = await ask('evidence', ...words)
    t.equal(status, 1)
    t.match(stderr, /THE EVIDENCE LOG IS BROKEN at entry 3: The entry was changed: its hash does not fit\./)
  }
})

t.test('of a subscriber about whom nothing was ordered, that is said', async t => {
  t.match((await ask('evidence', 'nobody')).stdout, /^Nothing was ever ordered/)
})

async function show(): Promise<void> {
  view.log = []
  for await (const entry of readEvidence(ledger)) view.log = [...view.log, entry]
  view.chain = await verifyEvidence(ledger)
}
