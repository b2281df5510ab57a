import { randomBytes } from 'node:crypto'
import { AcctStatusType, Attr, AttributeWriter, Code, Secret } from '../../protocols/radius/index.js'
import { RadiusClient } from '../../sandbox/nas/index.js'
import { SECRET } from '../e2e/provider.js'

/** How the calls are made. */
export interface CallsOptions {
  readonly port: number
  readonly names: readonly string[]
  /** Calls under way at once. */
  readonly window?: number
  /** Milliseconds until a request is sent again, and how often it is sent at all. */
  readonly intervalMs?: number
  readonly transmissions?: number
}

/**
 * A NAS that makes many short calls. Each is reported by one Stop alone, sent again until it is acknowledged and never
 * after: what the agent acknowledges and loses, nobody tells it a second time. Keeps its own list of what was
 * acknowledged, outside of the agent.
 */
export class Calls {
  /** Octets, both directions, by Acct-Session-Id. */
  readonly sent = new Map<string, bigint>()
  readonly acknowledged = new Map<string, bigint>()
  readonly #options: CallsOptions
  readonly #client: RadiusClient
  readonly #prefix = `call-${randomBytes(3).toString('hex')}-`
  #running = false
  #loops: Promise<void>[] = []

  constructor(options: CallsOptions) {
    const { port, intervalMs = 100, transmissions = 200 } = options
    this.#options = options
    this.#client = new RadiusClient({
      host: '127.0.0.1',
      port,
      secret: new Secret(SECRET),
      intervalMs,
      transmissions,
      sockets: 8
    })
  }

  start(): void {
    this.#running = true
    this.#loops = Array.from({ length: this.#options.window ?? 32 }, () => this.#loop())
  }

  /** Makes no new calls, and waits for those under way: each is acknowledged or given up. */
  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
  }

  /** Gives up what is under way: it may have been recorded, or not. */
  async close(): Promise<void> {
    this.#running = false
    await this.#client.close()
    await Promise.all(this.#loops)
  }

  /** Resolves after so many more acknowledgements. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.size + count
    while (this.acknowledged.size < enough) await pause(5)
  }

  /** Resolves when nothing was acknowledged for so long. */
  async silence(milliseconds: number): Promise<void> {
    for (let before = -1; before !== this.acknowledged.size; ) {
      before = this.acknowledged.size
      await pause(milliseconds)
    }
  }

  async #loop(): Promise<void> {
    while (this.#running) await this.#call()
  }

  async #call(): Promise<void> {
    const number = this.sent.size + 1
    const id = this.#prefix + number
    const [up, down] = [1_000 + number, 1_000_000 + 7 * number]
    const name = this.#options.names[number % this.#options.names.length] ?? ''
    const at = Math.floor(Date.now() / 1000)
    this.sent.set(id, BigInt(up + down))
    const attributes = (): Buffer =>
      new AttributeWriter()
        .uint32(Attr.AcctStatusType, AcctStatusType.Stop)
        .add(Attr.AcctSessionId, id)
        .add(Attr.UserName, name)
        .uint32(Attr.AcctSessionTime, 60)
        .uint32(Attr.EventTimestamp, at)
        .uint32(Attr.AcctInputOctets, up)
        .uint32(Attr.AcctOutputOctets, down)
        .uint32(Attr.AcctTerminateCause, 1)
        .finish()
    try {
      await this.#client.request({ code: Code.AccountingRequest, attributes })
      this.acknowledged.set(id, BigInt(up + down))
    } catch {
      // Not acknowledged: billing may have it or not, but never twice.
    }
  }
}

/** Real time passes: the processes under test have no other. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
