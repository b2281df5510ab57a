/*
 * How long the replica takes to be ready, and what a subscriber costs in memory: documents sealed on the real ledger,
 * read by a fresh process as after a restart.
 *   node --expose-gc dist/bench/subscribers.js [subscribers]        default 100000
 * The last line is JSON: { bench, subscribers, readyMs, cpuMs, octetsEach, sealed, met }; on a machine that is busy with other
 * things only cpuMs says much.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { openLedger } from '../agent/ledger/index.js'
import type { Subscriber } from '../agent/model/index.js'
import { Replica, SealedCodec } from '../agent/subscribers/index.js'

const MOST_READY = 2000
const MOST_OCTETS = 2048
const KEY = Buffer.alloc(32, 7)

function subscriber(n: number): Subscriber {
  const mac = n
    .toString(16)
    .padStart(12, '0')
    .replaceAll(/..(?!$)/g, '$&:')
  return {
    id: `sub_${n}`,
    username: `user${n}@home.example`,
    status: 'active',
    profile: `home-${n % 20}`,
    credentials: { password: `secret-${n}`, macs: [mac] },
    quota: { octets: 1e12, used: 0, resetsAt: '2030-01-01T00:00:00Z', onExhausted: 'profile' }
  }
}

async function write(directory: string, count: number): Promise<void> {
  const ledger = await openLedger({ directory })
  const replica = await Replica.open(ledger, { codec: new SealedCodec(KEY) })
  for (let from = 0; from < count; from += 10_000) {
    const documents = Array.from({ length: Math.min(10_000, count - from) }, (_, n) => subscriber(from + n))
    await replica.apply(documents.map(document => ({ kind: 'subscriber', id: document.id, document })))
  }
  await ledger.close()
}

async function read(directory: string): Promise<void> {
  const ledger = await openLedger({ directory })
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  const used = process.cpuUsage()
  const replica = await Replica.open(ledger, { codec: new SealedCodec(KEY) })
  const readyMs = Math.round(performance.now() - started)
  const { user, system } = process.cpuUsage(used)
  const cpuMs = Math.round((user + system) / 1000)
  globalThis.gc?.()
  const { subscriber: subscribers } = replica.counts()
  const octetsEach = Math.round((process.memoryUsage().heapUsed - before) / subscribers)
  await ledger.close()
  const met = readyMs <= MOST_READY && octetsEach <= MOST_OCTETS
  console.log(JSON.stringify({ bench: 'subscribers', subscribers, readyMs, cpuMs, octetsEach, sealed: true, met }))
}

const [first = '100000', directory] = process.argv.slice(2)
if (first === 'read' && directory !== undefined) await read(directory)
else {
  const made = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))
  try {
    await write(made, Number(first))
    const reader = ['--expose-gc', fileURLToPath(import.meta.url), 'read', made]
    process.exitCode = spawnSync(process.execPath, reader, { stdio: 'inherit' }).status ?? 1
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}
