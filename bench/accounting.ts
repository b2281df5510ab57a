/*
 * npm run bench -- accounting [seconds] [rounds]: durable Accounting-Responses a second of the whole agent (a process of
 * its own, its ledger on the disk, every reply after its fsync), beside a bare responder that stores nothing,
 * FreeRADIUS with a detail file (which it never syncs) and FreeRADIUS on PostgreSQL with synchronous_commit: the same
 * generator and packets in one run. The generator and the servers share the machine's cores.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Peer, startAgent } from './peers/agent.js'
import { startCeiling } from './peers/ceiling.js'
import { freePort, lacksFreeradius, lacksFreeradiusSql, startFreeradius } from './peers/freeradius.js'
import { lacksPostgres, startPostgres } from './peers/postgres.js'
import { compare, measure, type Measured, rounded } from './peers/rounds.js'

const SECRET = 'the-shared-secret-of-the-benchmark'
const [seconds = '3', rounds = '3'] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))
const closers: (() => Promise<void>)[] = []
const load = { mode: 'accounting', secret: SECRET, seconds: Number(seconds), window: 512, users: 10_240 } as const

try {
  const peers = await startPeers()
  const medians = await compare(peers, Number(rounds), load)
  const ours = medians.get('turnpike')!
  const steady = await measure(peers[0]!, {
    ...load,
    window: 4096,
    users: 12_288,
    rate: Math.round(ours.perSecond * 0.7)
  })
  report(medians, ours, steady)
} finally {
  for (const close of closers.toReversed()) await close()
  rmSync(directory, { recursive: true, force: true })
}

async function startPeers(): Promise<Peer[]> {
  const peers: Peer[] = []
  const add = (peer: Peer) => {
    peers.push(peer)
    closers.push(() => peer.stop())
  }
  add(await startAgent(join(directory, 'agent'), SECRET))
  add(await startCeiling(SECRET))
  if (isThere('FreeRADIUS with a detail file', lacksFreeradius()))
    add(await startFreeradius(join(directory, 'detail'), SECRET, 1))
  if (isThere('FreeRADIUS on PostgreSQL', lacksFreeradiusSql() ?? lacksPostgres())) {
    const database = await startPostgres(join(directory, 'postgres'), await freePort(), 1)
    closers.push(() => database.stop())
    add(await startFreeradius(join(directory, 'sql'), SECRET, 1, database))
  }
  return peers
}

function isThere(what: string, lack: string | undefined): boolean {
  if (lack !== undefined) process.stdout.write(`skipped: ${what} ${lack}\n`)
  return lack === undefined
}

function report(medians: ReadonlyMap<string, Measured>, ours: Measured, steady: Measured): void {
  const bare = medians.get('bare')!
  const detail = medians.get('freeradius-files')
  const sql = medians.get('freeradius-postgresql')
  const figures = {
    bench: 'accounting',
    durablePerSecond: ours.perSecond,
    cpuMicroseconds: rounded(ours.cpu),
    p50Ms: rounded(ours.p50),
    p99Ms: rounded(ours.p99),
    p99MsAt70Percent: rounded(steady.p99),
    barePerSecond: bare.perSecond,
    ratioToBare: rounded(ours.perSecond / bare.perSecond),
    cpuRatioToBare: rounded(bare.cpu / ours.cpu),
    ...(detail && {
      freeradiusDetailPerSecond: detail.perSecond,
      ratioToFreeradiusDetail: rounded(ours.perSecond / detail.perSecond)
    }),
    ...(sql && {
      freeradiusPostgresqlPerSecond: sql.perSecond,
      ratioToFreeradiusPostgresql: rounded(ours.perSecond / sql.perSecond)
    })
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}
