/* The whole agent as a peer: a process of its own, its ledger on the disk. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openLedger } from '../../agent/ledger/index.js'
import type { Profile, Subscriber } from '../../agent/model/index.js'
import { Replica } from '../../agent/subscribers/index.js'
import { type Running, start } from './child.js'
import { unitEnvironment } from './unit.js'

const SLICE = 10_000
const MEETING = 5000

/** Where a peer answers. */
export interface Peer {
  readonly name: string
  readonly authentication: number
  readonly accounting: number
  /** The processes that answer, for their CPU time. */
  readonly pids: readonly number[]
  readonly stop: () => Promise<void>
}

/** The agent, and how long it took from its start until it answered. */
export interface AgentPeer extends Peer {
  readonly readyMs: number
}

/**
 * Subscribers user0 … with passwords pw0 …, and their profile, put where an agent finds them. An agent has met them once
 * when it returns: what is done but once (sealing, the baseline) is not measured with what is done each time.
 */
export async function writeSubscribers(directory: string, count: number, secret: string): Promise<void> {
  const ledger = await openLedger({ directory: join(directory, 'data/ledger') })
  const replica = await Replica.open(ledger)
  const profile: Profile = { id: 'home-20', down: 20_000_000, up: 20_000_000 }
  await replica.apply([{ kind: 'profile', id: profile.id, document: profile }])
  for (let from = 0; from < count; from += SLICE) {
    const documents = Array.from({ length: Math.min(SLICE, count - from) }, (_, n) => subscriber(from + n))
    await replica.apply(documents.map(document => ({ kind: 'subscriber', id: document.id, document })))
  }
  await ledger.close()
  const agent = await startAgent(directory, secret)
  await pause(MEETING)
  await agent.stop()
}

function subscriber(n: number): Subscriber {
  const credentials = { password: `pw${n}` }
  const addresses = { ipv4: `100.${64 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}` }
  return { id: `sub_${n}`, username: `user${n}`, status: 'active', profile: 'home-20', credentials, addresses }
}

/** Starts an agent in a directory that may hold subscribers. @param options  more for Node, such as a profiler */
export async function startAgent(
  directory: string,
  secret: string,
  options: readonly string[] = []
): Promise<AgentPeer> {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(join(directory, 'secret'), secret, { mode: 0o600 })
  writeFileSync(
    file,
    `data: ${directory}/data
radius: { authentication: ["127.0.0.1:0"], accounting: ["127.0.0.1:0"] }
nas: [{ id: bench, addresses: [127.0.0.1], vendor: mikrotik, secret: "file:${directory}/secret" }]
api: { socket: ${directory}/api.sock }
`
  )
  const from = performance.now()
  const agent = await start(
    process.execPath,
    [...options, join(import.meta.dirname, '../../cli/turnpike.js'), 'run', '-c', file],
    /the agent answers/,
    unitEnvironment()
  )
  const readyMs = Math.round(performance.now() - from)
  const { pid, stop } = agent
  return {
    name: 'turnpike',
    authentication: portOf(agent, 'authentication'),
    accounting: portOf(agent, 'accounting'),
    pids: [pid],
    readyMs,
    stop
  }
}

function portOf({ said }: Running, what: string): number {
  const port = new RegExp(`"${what}":\\[\\{"host":"127.0.0.1","port":(\\d+)`).exec(said)?.[1]
  if (port === undefined) throw new Error(`the agent did not say where it listens: ${said}`)
  return Number(port)
}
