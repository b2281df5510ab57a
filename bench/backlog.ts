/*
 * npm run bench -- backlog [records]: how fast the whole agent, a process of its own, drains what a time without billing
 * left in its ledger, and what memory that takes. 200,000 records unless told, 10 million at most (about 5 GB of disk).
 * Billing is a process that only counts; all share the machine's cores.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startCounter } from './backlog/billing.js'
import { writeBacklog } from './backlog/records.js'

const MOST = 10_000_000
const KIBI = 1024
const records = Math.min(MOST, Number(process.argv[2] ?? 200_000))
const directory = mkdtempSync(join(tmpdir(), 'turnpike-backlog-'))
const billing = await startCounter()

try {
  const idle = await memoryWhenIdle()
  process.stdout.write(`writing ${records} records …\n`)
  await writeBacklog(join(directory, 'full/ledger'), records)
  const agent = await startAgent('full')
  const from = Date.now()
  const samples: number[] = []
  let { events } = await billing.ask()
  while (events < records) {
    await pause(250)
    samples.push(agent.memory())
    ;({ events } = await billing.ask())
    if (samples.length % 20 === 0) process.stdout.write(`${events} drained, ${mebibytes(samples.at(-1) ?? 0)} MiB\n`)
  }
  const seconds = (Date.now() - from) / 1000
  await agent.stop()
  const { repeated, missing, batches } = await billing.ask()
  const figures = {
    bench: 'backlog',
    records,
    perSecond: Math.round(records / seconds),
    batches,
    repeated,
    missing,
    idleMiB: mebibytes(idle),
    peakMiB: mebibytes(Math.max(...samples)),
    firstHalfMiB: mebibytes(mean(samples.slice(0, samples.length / 2))),
    secondHalfMiB: mebibytes(mean(samples.slice(samples.length / 2)))
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
} finally {
  billing.stop()
  rmSync(directory, { recursive: true, force: true })
}

/** Octets of an agent that has nothing to do. */
async function memoryWhenIdle(): Promise<number> {
  const agent = await startAgent('empty')
  // Its API is the last thing to come up.
  while (!existsSync(join(directory, 'empty.sock'))) await pause(50)
  await pause(2000)
  const octets = agent.memory()
  await agent.stop()
  return octets
}

async function startAgent(name: string): Promise<{ memory: () => number; stop: () => Promise<unknown> }> {
  const file = join(directory, `${name}.yaml`)
  const url = name === 'empty' ? 'http://127.0.0.1:9' : `http://127.0.0.1:${billing.port}`
  writeFileSync(join(directory, 'secret'), 'the-token-of-the-benchmark', { mode: 0o600 })
  writeFileSync(
    file,
    `data: ${directory}/${name}
radius: { authentication: ["127.0.0.1:0"], accounting: ["127.0.0.1:0"] }
cloud: { url: "${url}", token: "file:${directory}/secret", source: /agents/bench }
api: { socket: ${directory}/${name}.sock }
log: { level: fatal }
`
  )
  const child = spawn(process.execPath, [join(import.meta.dirname, '../cli/turnpike.js'), 'run', '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  const stop = (): Promise<unknown> => {
    child.kill()
    return ended
  }
  // Its own memory: pages of the ledger's files that LevelDB maps are the kernel's, which takes them back at will.
  const memory = (): number => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) * KIBI
  }
  return { memory, stop }
}

function mean(of: readonly number[]): number {
  return of.reduce((sum, each) => sum + each, 0) / Math.max(1, of.length)
}

function mebibytes(octets: number): number {
  return Math.round(octets / KIBI / KIBI)
}
