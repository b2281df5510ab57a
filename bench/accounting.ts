/*
 * npm run bench -- accounting: durable Accounting-Responses a second of the whole agent (a process of its own, its
 * ledger on the disk, every reply after its fsync), beside a bare responder that stores nothing, with the same
 * generator and packets in one run. The generator and the server share the machine's cores.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCeiling } from './peers/ceiling.js'
import { type Figures, type Load, runLoad } from './peers/load.js'

const SECRET = 'the-shared-secret-of-the-benchmark'
const [seconds = '5', rounds = '3'] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))

const load = (port: number): Load => ({
  mode: 'accounting',
  host: '127.0.0.1',
  port,
  secret: SECRET,
  seconds: Number(seconds),
  window: 512,
  users: 10_000
})

try {
  const agent = await startAgent()
  const ceiling = await startCeiling(SECRET)
  const ours: Figures[] = []
  const bare: Figures[] = []
  await runLoad({ ...load(agent.port), seconds: 2 })
  for (let round = 0; round < Number(rounds); round++) {
    ours.push(await runLoad(load(agent.port)))
    bare.push(await runLoad(load(ceiling.port)))
    print(round, ours.at(-1), bare.at(-1))
  }
  ceiling.stop()
  await agent.stop()
  report(median(ours), median(bare))
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function startAgent(): Promise<{ port: number; stop: () => Promise<unknown> }> {
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(join(directory, 'secret'), SECRET, { mode: 0o600 })
  writeFileSync(
    file,
    `data: ${directory}/data
radius: { authentication: ["127.0.0.1:0"], accounting: ["127.0.0.1:0"] }
nas: [{ id: bench, addresses: [127.0.0.1], vendor: mikrotik, secret: "file:${directory}/secret" }]
api: { socket: ${directory}/api.sock }
`
  )
  const cli = join(import.meta.dirname, '../cli/turnpike.js')
  const child = spawn(process.execPath, [cli, 'run', '-c', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '8' }
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  let said = ''
  for await (const chunk of child.stdout) {
    said += String(chunk)
    const port = /"accounting":\[\{"host":"127.0.0.1","port":(\d+)/.exec(said)?.[1]
    if (port === undefined) continue
    child.stdout.resume()
    return {
      port: Number(port),
      stop: () => {
        child.kill()
        return ended
      }
    }
  }
  throw new Error(`the agent ended before it answered: ${said}`)
}

function print(round: number, ours: Figures | undefined, bare: Figures | undefined): void {
  process.stdout.write(
    `round ${round + 1}: durable ${ours?.perSecond}/s (p99 ${ours?.p99.toFixed(1)} ms, ${ours?.retransmitted} again), bare ${bare?.perSecond}/s\n`
  )
}

function median(of: Figures[]): Figures {
  const sorted = of.toSorted((a, b) => a.perSecond - b.perSecond)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('no round was run')
  return middle
}

function report(ours: Figures, bare: Figures): void {
  const figures = {
    bench: 'accounting',
    durablePerSecond: ours.perSecond,
    p50Ms: Number(ours.p50.toFixed(2)),
    p99Ms: Number(ours.p99.toFixed(2)),
    wrong: ours.wrong,
    barePerSecond: bare.perSecond,
    ratioToBare: Number((ours.perSecond / bare.perSecond).toFixed(2))
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}
