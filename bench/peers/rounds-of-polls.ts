import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { openLedger } from '../../agent/ledger/index.js'
import type { Device, Subscriber } from '../../agent/model/index.js'
import { Poller } from '../../agent/poller/index.js'
import { Sessions } from '../../agent/sessions/index.js'
import { Replica } from '../../agent/subscribers/index.js'
import { snmp } from '../../drivers/snmp/index.js'
import { type Running, start } from './child.js'

/** Switches in a process of their own: the first so many answer, the others hang. */
export interface Switches extends Running {
  readonly ports: readonly number[]
}

export async function startSwitches(good: number, hung: number, ports: number): Promise<Switches> {
  const program = join(import.meta.dirname, 'switches.js')
  const running = await start(process.execPath, [program, ...[good, hung, ports].map(String)], /ready\n/)
  return { ...running, ports: JSON.parse(running.said.split('\n')[0] ?? '[]') as number[] }
}

/** One round of polls. */
export interface Round {
  readonly seconds: number
  /** Until the last of those that answer had answered, and what it told was durable. */
  readonly goodSeconds: number
  /** Of this process. */
  readonly cpuSeconds: number
  readonly rows: number
}

export interface RoundsOptions {
  readonly directory: string
  readonly switches: Switches
  readonly good: number
  /** Ports of each switch, a subscriber behind each. */
  readonly ports: number
  readonly rounds: number
}

const LONG = 1_000_000
const HOUR = 3_600_000

/** Turns of the poller that wait for the bench to begin a round; everything shorter is a real timer. */
class Rounds {
  waiting: (() => void)[] = []
  readonly after = (ms: number, run: () => void): (() => void) => {
    if (ms !== 0 && ms < LONG) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    }
    this.waiting.push(run)
    return () => undefined
  }
}

/** Asks all switches, round by round, with a subscriber behind each port: real sessions, their ledger on the disk. */
export async function pollInRounds({ directory, switches, good, ports, rounds }: RoundsOptions): Promise<Round[]> {
  const log = pino({ level: 'silent' })
  const ledger = await openLedger({ directory, reserveOctets: 0 })
  const replica = await Replica.open(ledger, { log, clock: Date.now })
  const sessions = await Sessions.open({ ledger, clock: Date.now, log })
  await replica.apply(documentsOf(switches, good, ports))
  const turns = new Rounds()
  const poller = new Poller({
    ledger,
    replica,
    sessions,
    driverFor: device => snmp({ device, credential: () => 'public', clock: Date.now }),
    schedule: { interval: HOUR },
    random: () => 0,
    after: turns.after,
    clock: Date.now,
    log
  })
  await poller.start()
  const took: Round[] = []
  for (let n = 0; n < rounds; n++) took.push(await oneRound(poller, turns, switches.ports.length, good))
  await poller.close()
  await sessions.close()
  await ledger.close()
  return took
}

async function oneRound(poller: Poller, turns: Rounds, devices: number, good: number): Promise<Round> {
  const [before, began, cpu] = [poller.counts(), performance.now(), process.cpuUsage()]
  const begun = turns.waiting
  turns.waiting = []
  for (const run of begun) run()
  let goodSeconds = 0
  // A device has had its turn, and all that it told is durable, when its next turn waits.
  while (turns.waiting.length < devices) {
    await new Promise(resolve => setTimeout(resolve, 5))
    if (goodSeconds === 0 && poller.counts().answered - before.answered >= good) goodSeconds = since(began)
  }
  const { user, system } = process.cpuUsage(cpu)
  return {
    seconds: since(began),
    goodSeconds: goodSeconds === 0 ? since(began) : goodSeconds,
    cpuSeconds: (user + system) / 1e6,
    rows: poller.counts().counters - before.counters
  }
}

function since(began: number): number {
  return (performance.now() - began) / 1000
}

function documentsOf({ ports: places }: Switches, good: number, ports: number) {
  const devices = places.map((port, n): Device => {
    return { id: `sw-${n}`, driver: 'snmp', address: `127.0.0.1:${port}`, options: { allowLocal: true } }
  })
  const behind = devices.slice(0, good).flatMap(({ id }) =>
    Array.from({ length: ports }, (_, n): Subscriber => {
      const name = `${id}-${n + 1}`
      return {
        id: name,
        username: name,
        status: 'active',
        profile: 'home',
        devices: [{ device: id, port: `ge-0/0/${n + 1}` }]
      }
    })
  )
  return [
    ...devices.map(document => ({ kind: 'device' as const, id: document.id, document })),
    ...behind.map(document => ({ kind: 'subscriber' as const, id: document.id, document }))
  ]
}
