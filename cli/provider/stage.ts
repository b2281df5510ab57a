import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { destination, pino } from 'pino'
import type { RateLimit } from '../../agent/model/index.js'
import { loadConfig } from '../../config/index.js'
import { type Agent, startAgent } from '../../main.js'
import { BillingCloud } from '../../sandbox/billing/index.js'
import { ProviderNetwork } from '../../sandbox/network/index.js'
import { version } from '../program-version.js'
import { until } from '../story/awaiting.js'

/** The plan that both subscribers have, and what is left of it for whoever is throttled. */
export const plan = { id: 'home-40', down: 40_000_000, up: 10_000_000 } as const
export const throttle: RateLimit = { down: 2_000_000, up: 1_000_000 }

const GATEWAY = 'gateway'
const ENOUGH = 10_000_000n

/** Billing, the agent and the network that it drives, running. */
export class ProviderStage {
  /** Who is suspended and restored. */
  readonly subscription = 'sub_one'
  readonly network: ProviderNetwork
  readonly billing: BillingCloud
  readonly billingUrl: string
  readonly agent: Agent

  private constructor(parts: Pick<ProviderStage, 'network' | 'billing' | 'billingUrl' | 'agent'>) {
    this.network = parts.network
    this.billing = parts.billing
    this.billingUrl = parts.billingUrl
    this.agent = parts.agent
  }

  /** Builds it all in a directory of its own; on failure nothing is left running. @throws Error in words */
  static async build(directory: string): Promise<ProviderStage> {
    const closers: (() => Promise<unknown>)[] = []
    try {
      const network = await ProviderNetwork.open()
      closers.unshift(() => network.close())
      const log = pino({ level: 'info' }, destination({ dest: join(directory, 'agent.log'), sync: false }))
      const tokens = { edge: randomBytes(24).toString('hex'), admin: randomBytes(24).toString('hex') }
      const billing = await BillingCloud.open({ directory: join(directory, 'billing'), tokens, log })
      closers.unshift(() => billing.close())
      await stock(billing, network)
      const billingUrl = await billing.listen()
      const configFile = writeConfig(directory, billingUrl, tokens.edge)
      const agent = await startAgent(loadConfig(configFile), { log, version: version() })
      closers.unshift(() => agent.close())
      await until(() => agent.replica.counts().subscriber === 2, 'billing did not tell the agent its subscribers')
      return new ProviderStage({ network, billing, billingUrl, agent })
    } catch (error) {
      for (const close of closers) await close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.agent.close()
    await this.billing.close()
    await this.network.close()
  }
}

/** The gateway, the plan and both subscribers at billing: static addresses, nothing to authenticate with, a line each. */
async function stock(billing: BillingCloud, { subscribers, deviceOptions }: ProviderNetwork): Promise<void> {
  await billing.putDevice({ id: GATEWAY, driver: 'linux', address: 'localhost', options: deviceOptions })
  await billing.putPlan({ id: plan.id, profile: plan, pricePerGb: 1n, whenSpent: 'walled-garden' })
  for (const [index, { ipv4, ipv6Prefix, line }] of subscribers.entries()) {
    const username = index === 0 ? 'one' : 'two'
    const document = { id: `sub_${username}`, username, status: 'active' as const, profile: plan.id }
    const devices = [{ device: GATEWAY, port: `lan${line}` }]
    await billing.addSubscriber({ ...document, addresses: { ipv4, ipv6Prefix }, devices }, ENOUGH)
  }
}

function writeConfig(directory: string, url: string, token: string): string {
  const path = join(directory, 'turnpike.yaml')
  writeFileSync(join(directory, 'edge.secret'), `${token}\n`, { mode: 0o600 })
  writeFileSync(
    path,
    `data: ${directory}/data
radius:
  authentication: ["127.0.0.1:0"]
  accounting: ["127.0.0.1:0"]
policy:
  throttle: {down: ${throttle.down / 1e6}M, up: ${throttle.up / 1e6}M}
cloud:
  url: ${url}
  token: file:${directory}/edge.secret
  source: /agents/provider
api:
  socket: ${directory}/api.sock
`
  )
  return path
}
