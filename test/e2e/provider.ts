import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Test } from 'tap'
import { loadConfig } from '../../config/index.js'
import { startAgent, type Agent } from '../../main.js'
import { BillingCloud } from '../../sandbox/billing/index.js'

export const SECRET = 'the-shared-secret-of-these-tests'
export const PLAN = { id: 'home-100', profile: { id: 'home-100', down: 100_000_000, up: 20_000_000 }, pricePerGb: 1n }
const TOKENS = { edge: 'the-edge-token-of-these-tests', admin: 'the-admin-token-of-these-tests' }
const quiet = pino({ level: 'silent' })

export interface ProviderOptions {
  readonly names: readonly string[]
  readonly whenSpent?: 'reject' | 'walled-garden'
  readonly vendor?: string
  readonly coaPort?: number
  /** `radius.eap` of the configuration, in YAML on one line. */
  readonly eap?: string
  /** Ports of the agent; chosen by the system when absent. */
  /** More of the configuration, in YAML. */
  readonly more?: string
  readonly ports?: { readonly authentication: number; readonly accounting: number }
}

/** A provider for a test: a sandbox billing with subscribers (password: name + `-pw`), and the configuration of an agent. */
export interface Provider {
  readonly directory: string
  readonly billing: BillingCloud
  readonly configFile: string
  startAgent(): Promise<Agent>
  /** The agent as a process of its own; resolves once it answers. */
  spawnAgent(): Promise<ChildProcess>
}

export async function provider(t: Test, options: ProviderOptions): Promise<Provider> {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-e2e-'))
  const billing = await BillingCloud.open({ directory: join(directory, 'billing'), tokens: TOKENS, log: quiet })
  const children: ChildProcess[] = []
  const agents: Agent[] = []
  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL')
    for (const agent of agents) await agent.close()
    await billing.close()
    rmSync(directory, { recursive: true, force: true })
  })
  await billing.putPlan({ ...PLAN, whenSpent: options.whenSpent ?? 'walled-garden' })
  for (const name of options.names) {
    const document = { id: `sub_${name}`, username: name, status: 'active' as const, profile: PLAN.id }
    await billing.addSubscriber({ ...document, credentials: { password: `${name}-pw` } }, 10n ** 12n)
  }
  const configFile = join(directory, 'turnpike.yaml')
  for (const [name, secret] of Object.entries({ nas: SECRET, edge: TOKENS.edge }))
    writeFileSync(join(directory, name), secret, { mode: 0o600 })
  writeFileSync(configFile, configText(directory, await billing.listen(), options))
  return {
    directory,
    billing,
    configFile,
    startAgent: async () => {
      const agent = await startAgent(loadConfig(configFile), { log: quiet, version: 'test' })
      agents.push(agent)
      return agent
    },
    spawnAgent: async () => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../../cli/turnpike.js'), 'run', '-c', configFile],
        {
          stdio: ['ignore', 'pipe', 'inherit']
        }
      )
      children.push(child)
      await answers(child)
      return child
    }
  }
}

async function answers(child: ChildProcess): Promise<void> {
  let said = ''
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    if (said.includes('the agent answers')) return void child.stdout?.resume()
  }
  throw new Error(`the agent ended before it answered: ${said}`)
}

function configText(directory: string, url: string, options: ProviderOptions): string {
  const { authentication = 0, accounting = 0 } = options.ports ?? {}
  return `data: ${directory}/data
radius:
  authentication: ["127.0.0.1:${authentication}"]
  accounting: ["127.0.0.1:${accounting}"]
  rejectDelay: 0s
${options.eap === undefined ? '' : `  eap: ${options.eap}`}
nas:
  - id: bras-1
    addresses: [127.0.0.1]
    vendor: ${options.vendor ?? 'mikrotik'}
    secret: file:${directory}/nas
    coaPort: ${options.coaPort ?? 3799}
cloud:
  url: ${url}
  token: file:${directory}/edge
  source: /agents/test
api:
  socket: ${directory}/api.sock
${options.more ?? ''}
`
}

/** UDP ports that are free now, for what must know its port before it starts. */
export async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4').bind(0, '127.0.0.1'))
  await Promise.all(sockets.map(socket => once(socket, 'listening')))
  const ports = sockets.map(socket => socket.address().port)
  await Promise.all(sockets.map(socket => new Promise<void>(resolve => socket.close(() => resolve()))))
  return ports
}

/** Waits until something is so; the test's own time limit ends it otherwise. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 10))
}
