import { resolve } from 'node:path'
import { pino } from 'pino'
import { BillingCloud } from '../sandbox/billing/index.js'
import { type Dialer, VirtualNas } from '../sandbox/nas/index.js'
import { CliError } from './errors.js'
import type { Invocation } from './invocation.js'
import { stopSignal } from './stop-signal.js'
import { openPlayground, type Playground, stock, writeConfig } from './playground.js'
import { octetWords, timeWords } from './words.js'

/** What `turnpike sandbox` was told. */
export interface SandboxOptions {
  readonly directory: string
  readonly subscribers: number
  readonly billingPort: number
  readonly authPort: number
  readonly acctPort: number
  readonly coaPort: number
}

/**
 * Runs a billing cloud and a virtual NAS until SIGINT or SIGTERM.
 * @throws CliError `CLI_USAGE` when a port is taken
 */
export async function play(invocation: Invocation, options: SandboxOptions): Promise<void> {
  const directory = resolve(options.directory)
  const ground = openPlayground(directory)
  const log = pino({ level: 'silent' })
  const stop = stopSignal()
  const cloud = await BillingCloud.open({ directory: `${directory}/billing`, tokens: ground.tokens, log })
  try {
    const url = await cloud.listen({ port: options.billingPort }).catch(error => {
      throw taken('billing', options.billingPort, error)
    })
    const { nas, coaPort } = await startNas(await stock(cloud, options.subscribers), ground, options)
    const { authPort: authentication, acctPort: accounting } = options
    writeConfig(ground, { billing: Number(new URL(url).port), authentication, accounting, coa: coaPort })
    invocation.answer({ url, directory, config: ground.configFile }, () => welcome(url, ground))
    new Story(invocation).follow(cloud, nas)
    await stop
    await nas.stop({ patienceMs: 2000 })
  } finally {
    await cloud.close()
  }
}

async function startNas(
  subscribers: readonly Dialer[],
  { secret }: Playground,
  { authPort, acctPort, coaPort }: SandboxOptions
): Promise<{ nas: VirtualNas; coaPort: number }> {
  const nas = new VirtualNas({ server: { host: '127.0.0.1', authPort, acctPort }, secret, subscribers, coaPort })
  try {
    return { nas, ...(await nas.start({ spreadMs: 2000 })) }
  } catch (error) {
    await nas.stop({ graceful: false })
    throw taken('coa', coaPort, error)
  }
}

function taken(what: 'billing' | 'coa', port: number, error: unknown): CliError {
  const { code, message } = error as NodeJS.ErrnoException
  const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${message})`
  return new CliError('CLI_USAGE', `Port ${port} ${reason}: choose another by --${what}-port.`, { cause: error })
}

function welcome(url: string, { configFile, directory }: Playground): string {
  return `Billing is at ${url} (its API: ${url}/openapi.json; the token of the counter is in ${directory}/secrets/admin-token).
The subscribers sub01, sub02, … dial until an agent answers. Start one in another terminal:

    turnpike run --config ${configFile}

then look at it, and let somebody pay:

    turnpike sessions --config ${configFile}
    curl -H "authorization: Bearer $(cat ${directory}/secrets/admin-token)" ${url}/sandbox/v1/subscribers/sub01

Ctrl-C ends it.

`
}

/** Tells what happens, a line each: for people, or as JSON. */
class Story {
  readonly #invocation: Invocation

  constructor(invocation: Invocation) {
    this.#invocation = invocation
  }

  follow(cloud: BillingCloud, nas: VirtualNas): void {
    nas.on('online', line =>
      this.#tell('online', line.dialer.userName, line.session?.walled === true ? 'in the walled garden' : '')
    )
    nas.on('rejected', (line, message) => this.#tell('rejected', line.dialer.userName, message))
    nas.on('offline', (line, session) => {
      const { up, down } = session.octets
      this.#tell('offline', line.dialer.userName, `${octetWords(up)} up, ${octetWords(down)} down`)
    })
    cloud.events.on('suspended', ({ document }) =>
      this.#tell('suspended', document.id, document.suspension?.reason ?? '')
    )
    cloud.events.on('restored', ({ document }) => this.#tell('restored', document.id, ''))
  }

  #tell(what: string, who: string, detail: string): void {
    const at = new Date().toISOString()
    const line = this.#invocation.json
      ? JSON.stringify({ at, what, who, detail })
      : `${timeWords(at)}  ${who}  ${what}  ${detail}`
    process.stdout.write(`${line.trimEnd()}\n`)
  }
}
