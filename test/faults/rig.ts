import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CloudEvent, UsageData } from '../../agent/model/edge-api.js'
import { Attr, AttributeWriter, Code, encodeUserPassword, Secret } from '../../protocols/radius/index.js'
import type { BillingCloud } from '../../sandbox/billing/index.js'
import { RadiusClient, VirtualNas } from '../../sandbox/nas/index.js'
import { freePorts, provider, SECRET } from '../e2e/provider.js'
import { RunningAgent } from './agent.js'
import { Calls, type CallsOptions, pause } from './calls.js'

/** A whole provider under test: billing in this process, the agent in one of its own, and what billing was told. */
export class Rig {
  readonly names: readonly string[]
  readonly billing: BillingCloud
  readonly directory: string
  readonly configFile: string
  /** Where the agent keeps everything: there to be put on a disk of its own before the first start. */
  readonly data: string
  readonly ports: { readonly authentication: number; readonly accounting: number; readonly coa: number }
  /** Octets of each session that billing counted, by Acct-Session-Id. */
  readonly billed = new Map<string, bigint>()
  /** Other events that billing counted. */
  readonly told: CloudEvent[] = []
  readonly t: Test
  #agent: RunningAgent | undefined

  private constructor(
    t: Test,
    names: readonly string[],
    ports: Rig['ports'],
    made: Pick<Rig, 'billing' | 'directory' | 'configFile'>
  ) {
    this.t = t
    this.names = names
    this.ports = ports
    this.billing = made.billing
    this.directory = made.directory
    this.configFile = made.configFile
    this.data = join(made.directory, 'data')
    mkdirSync(this.data, { recursive: true })
    this.billing.events.on('event', event => this.#count(event))
  }

  static async make(t: Test, { subscribers = 20 }: { readonly subscribers?: number } = {}): Promise<Rig> {
    const names = Array.from({ length: subscribers }, (_, n) => `user${n}`)
    const [authentication = 0, accounting = 0, coa = 0] = await freePorts(3)
    const ports = { authentication, accounting, coa }
    return new Rig(t, names, ports, await provider(t, { names, ports, coaPort: coa, whenSpent: 'reject' }))
  }

  get agent(): RunningAgent {
    if (this.#agent === undefined) throw new Error('no agent was started')
    return this.#agent
  }

  /** Starts the agent, after the last one has ended. */
  async start(env: NodeJS.ProcessEnv = {}): Promise<RunningAgent> {
    const agent = await RunningAgent.start(this.configFile, join(this.directory, 'api.sock'), env)
    this.t.teardown(() => agent.end('SIGKILL'))
    this.#agent = agent
    return agent
  }

  /** Short calls, under way at once. */
  calls(options: Partial<CallsOptions> = {}): Calls {
    const calls = new Calls({ port: this.ports.accounting, names: this.names, ...options })
    this.t.teardown(() => calls.close())
    calls.start()
    return calls
  }

  /** Long sessions that report every few milliseconds, of all subscribers. */
  async nas(interimMs: number): Promise<VirtualNas> {
    const nas = new VirtualNas({
      server: { host: '127.0.0.1', authPort: this.ports.authentication, acctPort: this.ports.accounting },
      secret: SECRET,
      coaPort: this.ports.coa,
      subscribers: this.names.map(userName => ({ userName, password: `${userName}-pw` })),
      habits: { interimMs, retryMs: 100, mostRetryMs: 200, stopAgainMs: 200 },
      retransmission: { intervalMs: 150, transmissions: 100 }
    })
    this.t.teardown(() => nas.stop({ graceful: false }))
    await nas.start()
    return nas
  }

  /** Asks for access once. @returns the code of the reply; undefined when there was none within 3 s */
  async access(name = this.names[0] ?? ''): Promise<number | undefined> {
    const secret = new Secret(SECRET)
    const client = new RadiusClient({ host: '127.0.0.1', port: this.ports.authentication, secret, intervalMs: 1000 })
    try {
      const { packet } = await client.request({
        code: Code.AccessRequest,
        attributes: ({ authenticator }) =>
          new AttributeWriter()
            .add(Attr.UserName, name)
            .add(Attr.UserPassword, encodeUserPassword(`${name}-pw`, authenticator, secret))
            .finish()
      })
      return packet.code
    } catch {
      return undefined
    } finally {
      await client.close()
    }
  }

  /** Waits until the agent knows all subscribers. */
  async synced(): Promise<void> {
    while ((await this.agent.status()).documents.subscribers < this.names.length) await pause(20)
  }

  /** Waits until billing has answered for everything. */
  async drained(): Promise<void> {
    while ((await this.agent.status()).uplink.backlog > 0) await pause(50)
  }

  /** Fails unless billing has every acknowledged call exactly as it was, none twice, and none that was not made. */
  assertBooks(t: Test, calls: Calls): void {
    const wrong = (of: ReadonlyMap<string, bigint>, as: ReadonlyMap<string, bigint>): string[] =>
      [...of].filter(([id, octets]) => as.get(id) !== octets).map(([id, octets]) => `${id}: ${octets}, ${as.get(id)}`)
    const billed = new Map([...this.billed].filter(([id]) => id.startsWith('call-')))
    t.ok(calls.acknowledged.size > 0, `${calls.acknowledged.size} calls were acknowledged`)
    t.strictSame(wrong(calls.acknowledged, billed).slice(0, 5), [], 'what was acknowledged is at billing, each once')
    t.strictSame(wrong(billed, calls.sent).slice(0, 5), [], 'what is at billing was sent so')
  }

  /** Sequences that billing misses, of all streams. */
  gaps(): unknown[] {
    return this.billing.streams().flatMap(({ gaps }) => gaps)
  }

  #count(event: CloudEvent): void {
    if (event.type !== 'turnpike.usage') {
      if (event.type !== 'turnpike.session.started' && event.type !== 'turnpike.session.ended') this.told.push(event)
      return
    }
    const { acctSessionId, upOctets, downOctets } = event.data as unknown as UsageData
    const before = this.billed.get(acctSessionId) ?? 0n
    this.billed.set(acctSessionId, before + BigInt(upOctets) + BigInt(downOctets))
  }
}
