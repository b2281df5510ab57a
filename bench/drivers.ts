/*
 * npm run bench -- drivers [switches] [ports]: a full round of polls over SNMP (1,000 switches with 48 ports each, 64-bit
 * counters, a subscriber behind each port, all of it durable), in one process, the switches in another; beside it bare
 * net-snmp and snmp-native reading the same rows of a tenth of the switches; what 500 switches that hang cost 500 that do
 * not; and 1,000 suspensions on one NAS.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rounded } from './peers/rounds.js'
import { pollInRounds, type Round, startSwitches } from './peers/rounds-of-polls.js'
import { walk, type Walked, ways } from './peers/walkers.js'

const MOST_SECONDS = 60
const ROUNDS = 5
const [count = 1000, ports = 48] = process.argv.slice(2).map(Number)
const half = Math.ceil(count / 2)
const directory = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))

try {
  const [first, later] = await rounds('all', count, 0)
  say('first round', first)
  say('later round', later)
  const walked = await walkers(Math.max(1, Math.ceil(count / 10)))
  const [, alone] = await rounds('alone', half, 0)
  const [met, known] = await rounds('beside', half, half)
  for (const [what, round] of Object.entries({ alone, 'beside hung ones, met first': met, 'beside hung ones': known }))
    process.stdout.write(`${half} good ${what}: ${round.goodSeconds.toFixed(2)} s\n`)
  const { turnpike: ours, 'net-snmp': bare, 'snmp-native': native } = walked
  const figures = {
    bench: 'drivers',
    switches: count,
    ports,
    roundSeconds: rounded(later.seconds),
    firstRoundSeconds: rounded(first.seconds),
    rowsPerSecond: Math.round(later.rows / later.seconds),
    cpuSecondsARound: rounded(later.cpuSeconds),
    met: later.cpuSeconds < MOST_SECONDS && later.seconds < MOST_SECONDS,
    walkRowsPerSecond: Math.round(ours.rowsPerSecond),
    ratioToNetSnmp: rounded(ours.rowsPerSecond / bare.rowsPerSecond),
    cpuRatioToNetSnmp: rounded(bare.cpuMicroseconds / ours.cpuMicroseconds),
    ratioToSnmpNative: rounded(ours.rowsPerSecond / native.rowsPerSecond),
    cpuRatioToSnmpNative: rounded(native.cpuMicroseconds / ours.cpuMicroseconds),
    goodAloneSeconds: rounded(alone.goodSeconds),
    goodMeetingHungSeconds: rounded(met.goodSeconds),
    goodBesideHungSeconds: rounded(known.goodSeconds),
    ...suspensions()
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}

/** Two rounds: in the first every session begins. */
async function rounds(name: string, good: number, hung: number): Promise<readonly [Round, Round]> {
  const switches = await startSwitches(good, hung, ports)
  try {
    const [first, later] = await pollInRounds({ directory: join(directory, name), switches, good, ports, rounds: 2 })
    if (first === undefined || later === undefined) throw new Error('a round is missing')
    return [first, later]
  } finally {
    await switches.stop()
  }
}

/** The ways take turns; the median of their rounds, by rate and by CPU. */
async function walkers(few: number): Promise<Record<keyof typeof ways, Walked>> {
  const switches = await startSwitches(few, 0, ports)
  try {
    const names = ['turnpike', 'net-snmp', 'snmp-native'] as const
    const walked = { turnpike: [] as Walked[], 'net-snmp': [] as Walked[], 'snmp-native': [] as Walked[] }
    for (const name of names) await walk(ways[name], switches.ports.slice(0, 10), ports)
    for (let round = 0; round < ROUNDS; round++)
      for (const name of names) walked[name].push(await walk(ways[name], switches.ports, ports))
    return { turnpike: told('turnpike'), 'net-snmp': told('net-snmp'), 'snmp-native': told('snmp-native') }

    function told(name: (typeof names)[number]): Walked {
      const rowsPerSecond = median(walked[name].map(round => round.rowsPerSecond))
      const cpuMicroseconds = median(walked[name].map(round => round.cpuMicroseconds))
      process.stdout.write(
        `${name}: ${rowsPerSecond.toFixed(0)} rows/s, ${cpuMicroseconds.toFixed(1)} µs of CPU a row\n`
      )
      return { rowsPerSecond, cpuMicroseconds }
    }
  } finally {
    await switches.stop()
  }
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? 0
}

/** As the test of enforcement on the wire measures them, which is run for it. */
function suspensions(): { readonly firstPacketMs?: number; readonly allProvenMs?: number } {
  const test = join(import.meta.dirname, '../test/agent/enforcement/wire.test.js')
  const { stdout } = spawnSync(process.execPath, [test], { encoding: 'utf8' })
  const [, first, all] = /first packet ([\d.]+) ms, all proven ([\d.]+) ms/.exec(stdout) ?? []
  if (first === undefined || all === undefined) throw new Error(`the suspensions could not be measured: ${stdout}`)
  process.stdout.write(`1,000 suspensions on one NAS: first packet ${first} ms, all proven ${all} ms\n`)
  return { firstPacketMs: Number(first), allProvenMs: Number(all) }
}

function say(what: string, { seconds, rows, cpuSeconds }: Round): void {
  const rate = (rows / seconds).toFixed(0)
  process.stdout.write(`${what}: ${seconds.toFixed(2)} s, ${rate} rows/s, ${cpuSeconds.toFixed(2)} s of CPU\n`)
}
