/* Rounds of a benchmark: every peer with the same load, one after the other, again and again; the median tells. */
import type { Peer } from './agent.js'
import { cpuSeconds } from './child.js'
import { type Figures, type Load, runLoad } from './load.js'

/** What the generator saw, and what it cost the peer. */
export interface Measured extends Figures {
  /** Microseconds of CPU, user and system, a request; 0 where the system does not tell. */
  readonly cpu: number
}

// A session reports what it did not report before: else all but the first run would be of duplicates.
const ROUNDS_A_RUN = 150
const epoch = Math.floor(Date.now() / 1000)
let runs = 0

/** Runs one load against a peer. @throws Error when replies were wrong or refused */
export async function measure(peer: Peer, load: Omit<Load, 'host' | 'port'>, how = ''): Promise<Measured> {
  const port = load.mode === 'accounting' ? peer.accounting : peer.authentication
  const before = cpuSeconds(peer.pids)
  const firstRound = 1 + ROUNDS_A_RUN * runs++
  const figures = await runLoad({ ...load, host: '127.0.0.1', port, epoch, firstRound })
  if (figures.refused + figures.wrong > 0) throw new Error(`${peer.name}: ${JSON.stringify(figures)}`)
  const warmup = load.warmup ?? 0.5
  const requests = figures.answered * (1 + warmup / load.seconds)
  const cpu = ((cpuSeconds(peer.pids) - before) * 1e6) / requests
  const line = [
    `${figures.perSecond}/s`.padStart(9),
    `${cpu.toFixed(1)} µs CPU`.padStart(13),
    `p50 ${figures.p50.toFixed(1)} ms`,
    `p99 ${figures.p99.toFixed(1)} ms`,
    ...(figures.retransmitted > 0 ? [`${figures.retransmitted} sent again`] : [])
  ]
  process.stdout.write(`${how}${load.mode.padEnd(11)}${peer.name.padEnd(22)}${line.join('  ')}\n`)
  return { ...figures, cpu }
}

/** All peers in turn, `rounds` times, after one of a second that does not count. @returns the median round of each, by its rate */
export async function compare(
  peers: readonly Peer[],
  rounds: number,
  load: Omit<Load, 'host' | 'port'>
): Promise<Map<string, Measured>> {
  const all = new Map<string, Measured[]>(peers.map(({ name }) => [name, []]))
  for (const peer of peers) await measure(peer, { ...load, seconds: 1 }, 'warming ')
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) all.get(peer.name)?.push(await measure(peer, load))
  }
  return new Map([...all].map(([name, measured]) => [name, median(measured)]))
}

function median(of: readonly Measured[]): Measured {
  const middle = of.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(of.length / 2)]
  if (middle === undefined) throw new Error('no round was run')
  return middle
}

/** Rounded for people and JSON. */
export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits))
}
