import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { unitEnvironment } from '../../bench/peers/unit.js'
import { ApiClient } from '../../cli/client.js'
import type { AgentStatus } from '../../server/http/index.js'

const command = join(import.meta.dirname, '../../cli/turnpike.js')
const LINES = 1000
const KIBI = 1024

/** The agent as a process of its own, `turnpike run`. */
export class RunningAgent {
  readonly child: ChildProcess
  /** The last lines of its log. */
  readonly said: string[] = []
  readonly #socket: string
  readonly #ended: Promise<number | null>
  #err = ''

  private constructor(child: ChildProcess, socket: string) {
    this.child = child
    this.#socket = socket
    this.#ended = once(child, 'exit').then(([code]) => code as number | null)
    // A test that is ended from outside must not leave it running.
    const kill = (): unknown => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.removeListener('exit', kill))
    child.stderr?.on('data', piece => (this.#err += String(piece)))
  }

  /** @returns once it answers. @throws Error with what it said when it ends before */
  static async start(configFile: string, socket: string, env: NodeJS.ProcessEnv = {}): Promise<RunningAgent> {
    const child = spawn(process.execPath, [command, 'run', '-c', configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...unitEnvironment(), ...env }
    })
    const agent = new RunningAgent(child, socket)
    const answers = new Promise<void>(resolve => {
      createInterface({ input: child.stdout! }).on('line', line => {
        if (agent.said.push(line) > LINES) agent.said.shift()
        if (line.includes('the agent answers')) resolve()
      })
    })
    const gone = agent.#ended.then(() => {
      throw new Error(`the agent ended before it answered: ${agent.stderr}${agent.said.join('\n')}`)
    })
    gone.catch(() => {})
    await Promise.race([answers, gone])
    return agent
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  get stderr(): string {
    return this.#err
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Sends a signal and waits for the end. @returns the exit status; null when the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.alive) this.child.kill(signal)
    return this.#ended
  }

  /** Memory that is the process's own, octets. Pages of the ledger's files that LevelDB maps are not: the kernel takes them back at will. */
  memory(): number {
    return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1]) * KIBI
  }

  /** Looks at the memory from now on. @returns ends it, and gives the most that was seen */
  watchMemory(): () => number {
    let peak = this.memory()
    const timer = setInterval(() => {
      if (this.alive) peak = Math.max(peak, this.memory())
    }, 20)
    return () => {
      clearInterval(timer)
      return peak
    }
  }

  async get<T>(path: string): Promise<T> {
    const api = new ApiClient(this.#socket)
    try {
      return await api.get<T>(path)
    } finally {
      await api.close()
    }
  }

  status(): Promise<AgentStatus> {
    return this.get<AgentStatus>('/v1/status')
  }

  /** The sum of all samples of a metric whose labels contain `label`. */
  async metric(name: string, label = ''): Promise<number> {
    const asked = request({ socketPath: this.#socket, path: '/metrics' }).end()
    const [response] = await once(asked, 'response')
    const lines = (await text(response)).split('\n')
    const found = lines.filter(line => line.startsWith(name) && line.includes(label))
    return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
}
