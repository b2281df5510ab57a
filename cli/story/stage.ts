import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { destination, pino } from 'pino'
import { type Agent, startAgent } from '../../main.js'
import { loadConfig } from '../../config/index.js'
import { BillingCloud } from '../../sandbox/billing/index.js'
import { type Dialer, VirtualNas } from '../../sandbox/nas/index.js'
import { version } from '../program-version.js'
import { octetWords } from '../words.js'

const names =
  'alice bob carol dora emil frida gustav hanna ivan jana karl lena mika nora otto paula quentin rosa sven tilda udo vera willi xenia yara'
const usualPorts = { authentication: 1812, accounting: 1813, coa: 3799 }
const anyPorts = { authentication: 0, accounting: 0, coa: 0 }
/** What a subscriber has on the account, in millionths; dora has little. */
const ENOUGH = 10_000_000n
const LITTLE = 700n
/** Octets that billing, ledger and its reserve take. */
const ROOM = 64 * 2 ** 20
const PRICE_PER_GB = 500_000n

export interface StageOptions {
  readonly directory: string
  /** Ports chosen by the system instead of the usual ones. */
  readonly anyPorts: boolean
}

/** Everything that the story needs, running: closed in the order in which nothing is lost. */
export class Stage {
  readonly subscribers: readonly Dialer[]
  /** Who runs out of money. */
  readonly debtor = 'dora'
  readonly price = PRICE_PER_GB
  #billing: BillingCloud | undefined
  #agent: Agent | undefined
  #nas: VirtualNas | undefined
  #url = ''

  private constructor(
    readonly directory: string,
    readonly secret: string
  ) {
    this.subscribers = names.split(' ').map((userName, n) => ({
      userName,
      password: `${userName}-pw`,
      method: n % 2 === 0 ? 'pap' : 'chap'
    }))
  }

  /** Builds billing, agent and NAS; the NAS does not dial yet. @throws what says in a sentence why it cannot be */
  static async build({ directory, anyPorts: any }: StageOptions): Promise<Stage> {
    checkRoom(directory)
    const stage = new Stage(directory, randomBytes(16).toString('hex'))
    try {
      await stage.#build(any ? { ...anyPorts, coa: await freePort() } : usualPorts)
      return stage
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  get billing(): BillingCloud {
    return present(this.#billing)
  }

  get agent(): Agent {
    return present(this.#agent)
  }

  /** What is the matter with the agent, where something is. */
  get trouble(): string {
    const state = this.#agent?.ledger.state()
    return state?.status === 'degraded' ? state.words : ''
  }

  get nas(): VirtualNas {
    return present(this.#nas)
  }

  get billingUrl(): string {
    return this.#url
  }

  get configFile(): string {
    return join(this.directory, 'turnpike.yaml')
  }

  /** Where a request for authentication goes. */
  get authentication(): { host: string; port: number } {
    return present(this.agent.bound.authentication[0])
  }

  async close(): Promise<void> {
    await this.#nas?.stop({ graceful: false })
    await this.#agent?.close()
    await this.#billing?.close()
    this.#nas = this.#agent = this.#billing = undefined
  }

  async #build(ports: typeof usualPorts): Promise<void> {
    const tokens = { edge: randomBytes(24).toString('hex'), admin: randomBytes(24).toString('hex') }
    for (const [name, secret] of Object.entries({ ...tokens, nas: this.secret })) this.#keep(name, secret)
    const log = pino({ level: 'info' }, destination({ dest: join(this.directory, 'agent.log'), sync: false }))
    this.#billing = await BillingCloud.open({ directory: join(this.directory, 'billing'), tokens, log })
    this.#url = await this.#billing.listen()
    await this.#openAccounts(this.#billing)
    writeFileSync(this.configFile, this.#config(ports))
    this.#agent = await startAgent(loadConfig(this.configFile), { log, version: version() })
    const { authentication, accounting } = this.#agent.bound
    this.#nas = new VirtualNas({
      server: { host: '127.0.0.1', authPort: authentication[0]?.port ?? 0, acctPort: accounting[0]?.port ?? 0 },
      secret: this.secret,
      subscribers: this.subscribers,
      coaPort: ports.coa,
      habits: { interimMs: 1000, reconnectMs: 300, retryMs: 1000 },
      faults: { duplicate: 0.05, reorder: 0.05 }
    })
  }

  #keep(name: string, secret: string): void {
    writeFileSync(join(this.directory, `${name}.secret`), `${secret}\n`, { mode: 0o600 })
  }

  async #openAccounts(billing: BillingCloud): Promise<void> {
    const profile = { id: 'home-100', down: 100_000_000, up: 20_000_000 }
    await billing.putPlan({ id: profile.id, profile, pricePerGb: PRICE_PER_GB, whenSpent: 'walled-garden' })
    for (const { userName, password } of this.subscribers) {
      const document = { id: `sub_${userName}`, username: userName, status: 'active' as const, profile: profile.id }
      const balance = userName === this.debtor ? LITTLE : ENOUGH
      await billing.addSubscriber({ ...document, credentials: { password } }, balance)
    }
  }

  #config({ authentication, accounting, coa }: typeof usualPorts): string {
    const { directory } = this
    return `# Made by npm start; a real one is config/turnpike.example.yaml.
data: ${directory}/data
radius:
  authentication: ["127.0.0.1:${authentication}"]
  accounting: ["127.0.0.1:${accounting}"]
nas:
  - id: virtual-nas
    addresses: [127.0.0.1]
    vendor: mikrotik
    secret: file:${directory}/nas.secret
    coaPort: ${coa}
cloud:
  url: ${this.#url}
  token: file:${directory}/edge.secret
  source: /agents/story
api:
  socket: ${directory}/api.sock
`
  }
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the stage is closed')
  return part
}

/** @throws Error where the disk has too little room: better said now than by a part that stalls later */
function checkRoom(directory: string): void {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  if (free >= ROOM) return
  throw new Error(
    `The disk of ${directory} has ${octetWords(free)} free and ${octetWords(ROOM)} are needed; make room there, or name another directory by TMPDIR`
  )
}

/** A UDP port of loopback that is free now. */
async function freePort(): Promise<number> {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}
