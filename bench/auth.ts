/*
 * npm run bench -- auth [seconds] [rounds] [subscribers of the storm]: Access-Requests a second of the whole agent by PAP,
 * CHAP and MS-CHAPv2, beside a bare responder that decrypts, compares and signs, FreeRADIUS with its users file and
 * FreeRADIUS with rlm_sql on PostgreSQL: the same generator and packets in one run. Then the storm: a power cut ends and
 * all subscribers of a fresh agent log on at once. The generator and the servers share the machine's cores.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Sessions } from '../agent/sessions/index.js'
import { openLedger } from '../agent/ledger/index.js'
import pino from 'pino'
import { type Peer, startAgent, writeSubscribers } from './peers/agent.js'
import { startCeiling } from './peers/ceiling.js'
import { memoryOf } from './peers/child.js'
import { freePort, lacksFreeradius, lacksFreeradiusSql, startFreeradius } from './peers/freeradius.js'
import { lacksPostgres, startPostgres } from './peers/postgres.js'
import { compare, type Measured, rounded } from './peers/rounds.js'
import { runStorm } from './peers/storm.js'

const SECRET = 'the-shared-secret-of-the-benchmark'
const USERS = 10_240
const [seconds = '2', rounds = '3', many = '100000'] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))
const closers: (() => Promise<void>)[] = []
const figures: Record<string, number> = {}

try {
  const peers = await startPeers()
  for (const mode of ['pap', 'chap', 'mschap'] as const) {
    const load = { mode, secret: SECRET, seconds: Number(seconds), window: 256, users: USERS }
    // The bare responder does not check MS-CHAPv2.
    const asked = mode === 'mschap' ? peers.filter(({ name }) => name !== 'bare') : peers
    note(mode, await compare(asked, Number(rounds), load))
  }
  await stopAll()
  if (Number(many) > 0) await storm(Number(many))
  process.stdout.write(`${JSON.stringify({ bench: 'auth', ...figures })}\n`)
} finally {
  await stopAll()
  rmSync(directory, { recursive: true, force: true })
}

async function stopAll(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close()
}

async function startPeers(): Promise<Peer[]> {
  const peers: Peer[] = []
  const add = (peer: Peer) => {
    peers.push(peer)
    closers.push(() => peer.stop())
  }
  const home = join(directory, 'agent')
  await writeSubscribers(home, USERS, SECRET)
  add(await startAgent(home, SECRET))
  add(await startCeiling(SECRET))
  if (isThere('FreeRADIUS with its users file', lacksFreeradius()))
    add(await startFreeradius(join(directory, 'files'), SECRET, USERS))
  if (isThere('FreeRADIUS on PostgreSQL', lacksFreeradiusSql() ?? lacksPostgres())) {
    const database = await startPostgres(join(directory, 'postgres'), await freePort(), USERS)
    closers.push(() => database.stop())
    add(await startFreeradius(join(directory, 'sql'), SECRET, USERS, database))
  }
  return peers
}

function isThere(what: string, lack: string | undefined): boolean {
  if (lack !== undefined) process.stdout.write(`skipped: ${what} ${lack}\n`)
  return lack === undefined
}

function note(mode: string, medians: ReadonlyMap<string, Measured>): void {
  const ours = medians.get('turnpike')!
  figures[`${mode}PerSecond`] = ours.perSecond
  figures[`${mode}CpuMicroseconds`] = rounded(ours.cpu)
  figures[`${mode}P99Ms`] = rounded(ours.p99)
  for (const [name, key] of [
    ['bare', 'Bare'],
    ['freeradius-files', 'FreeradiusFiles'],
    ['freeradius-postgresql', 'FreeradiusPostgresql']
  ] as const) {
    const peer = medians.get(name)
    if (peer === undefined) continue
    figures[`${mode}${key}PerSecond`] = peer.perSecond
    figures[`${mode}RatioTo${key}`] = rounded(ours.perSecond / peer.perSecond)
    figures[`${mode}CpuRatioTo${key}`] = rounded(peer.cpu / ours.cpu)
  }
}

async function storm(subscribers: number): Promise<void> {
  const none = await startAgent(join(directory, 'none'), SECRET)
  const empty = memoryOf(none.pids[0]!)
  await none.stop()
  const home = join(directory, 'storm')
  await writeSubscribers(home, subscribers, SECRET)
  const agent = await startAgent(home, SECRET)
  closers.push(() => agent.stop())
  figures['readyMs'] = agent.readyMs
  figures['emptyReadyMs'] = none.readyMs
  figures['octetsPerSubscriber'] = Math.round((memoryOf(agent.pids[0]!) - empty) / subscribers)
  process.stdout.write(
    `ready with ${subscribers} subscribers after ${agent.readyMs} ms (${none.readyMs} ms with none)\n`
  )
  const { authentication, accounting } = agent
  const target = { host: '127.0.0.1', authentication, accounting, secret: SECRET }
  const seen = await runStorm({ ...target, subscribers, sockets: 8 })
  await stopAll()
  const lost = subscribers - (await openSessions(home))
  process.stdout.write(
    `storm: ${seen.online} of ${subscribers} online after ${seen.allOnlineMs} ms, worst reply ${seen.worstReplyMs} ms, ` +
      `${seen.retransmitted} sent again, ${seen.refused} refused, ${lost} records lost\n`
  )
  Object.assign(figures, {
    stormSubscribers: subscribers,
    stormAllOnlineMs: seen.allOnlineMs,
    stormWorstReplyMs: seen.worstReplyMs,
    stormP99ReplyMs: seen.p99ReplyMs,
    stormRetransmitted: seen.retransmitted,
    stormRefused: seen.refused + seen.wrong,
    stormLost: lost
  })
}

/** Sessions that are open on the disk, once the agent has ended. */
async function openSessions(home: string): Promise<number> {
  const ledger = await openLedger({ directory: join(home, 'data/ledger') })
  const sessions = await Sessions.open({ ledger, clock: Date.now, log: pino({ level: 'silent' }) })
  const { open } = sessions.counts()
  await ledger.close()
  return open
}
