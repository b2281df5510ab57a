import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { DiscardPolicy, jetstreamManager, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'

const isThere = spawnSync('nats-server', ['--version']).status === 0

/** Options of a test that needs the program. */
export const needsNats =
  isThere || process.env['CI'] === 'true' ? {} : { skip: 'needs nats-server (apt-get install nats-server)' }

/** A nats-server with JetStream on loopback, which can be killed and started again on the same port and data. */
export class NatsServer {
  readonly #directory: string
  readonly #more: string
  #child: ChildProcess | undefined
  port = -1

  private constructor(directory: string, more: string) {
    this.#directory = directory
    this.#more = more
  }

  /** @param more of the server's configuration */
  static async start(t: Test, more = ''): Promise<NatsServer> {
    const server = new NatsServer(mkdtempSync(`${tmpdir()}/turnpike-nats-`), more)
    t.teardown(async () => {
      await server.kill()
      rmSync(server.#directory, { recursive: true, force: true })
    })
    await server.start()
    return server
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const ports = `${this.#directory}/ports`
    rmSync(ports, { recursive: true, force: true })
    mkdirSync(ports)
    const file = `${this.#directory}/nats.conf`
    writeFileSync(
      file,
      `listen: "127.0.0.1:${this.port}"\njetstream {store_dir: "${this.#directory}/data"}\n` +
        `ports_file_dir: "${ports}"\n${this.#more}\n`
    )
    const child = spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    let said = ''
    // Read on for ever: a log that nobody reads ends the server.
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', chunk => {
        said = `${said}${String(chunk)}`.slice(-4096)
        if (said.includes('Server is ready')) resolve()
      })
      child.once('exit', () => reject(new Error(`nats-server ended: ${said}`)))
    })
    for (let names: string[] = []; this.port < 0; names = readdirSync(ports)) {
      await turn()
      const [name] = names
      const text = name === undefined ? '' : readFileSync(`${ports}/${name}`, 'utf8')
      if (text.includes('}')) this.port = Number(new URL((JSON.parse(text) as { nats: [string] }).nats[0]).port)
    }
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name)
  }

  /** As the power cut does it. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

/** What billing does at its NATS. */
export interface Billing {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  /** JSON of each message of a stream, in order. */
  readonly stored: (stream: string) => Promise<{ id: string; sequence: string }[]>
}

/** A connection of billing's, with the two streams. */
export async function billingAt(
  t: Test,
  server: NatsServer,
  options: { readonly connect?: NodeConnectionOptions; readonly events?: Partial<StreamConfig> } = {}
): Promise<Billing> {
  const connection = await connect({
    servers: `127.0.0.1:${server.port}`,
    reconnectTimeWait: 20,
    reconnectJitter: 0,
    maxReconnectAttempts: -1,
    tls: null,
    ...options.connect
  })
  t.teardown(() => connection.close())
  const manager = await jetstreamManager(connection)
  await manager.streams.add({
    name: 'TURNPIKE_EVENTS',
    subjects: ['turnpike.events'],
    discard: DiscardPolicy.New,
    duplicate_window: 600e9,
    ...options.events
  })
  await manager.streams.add({ name: 'TURNPIKE_FEED', subjects: ['turnpike.feed'] })
  const stored = async (stream: string): Promise<{ id: string; sequence: string }[]> => {
    const { first_seq, last_seq } = (await manager.streams.info(stream)).state
    const found: { id: string; sequence: string }[] = []
    for (let seq = first_seq; seq <= last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq })
      if (message !== null) found.push(message.json())
    }
    return found
  }
  return { connection, manager, stored }
}
