import { resolve } from 'node:path'
import type { Command } from 'commander'
import { pino } from 'pino'
import { BillingCloud } from '../../sandbox/billing/index.js'
import { VirtualNas } from '../../sandbox/nas/index.js'
import { CliError } from '../errors.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { openPlayground, type Playground, type Ports, stock } from '../playground.js'
import { octetWords, timeWords } from '../words.js'

interface Options {
  readonly directory: string
  readonly subscribers: number
  readonly billingPort: number
  readonly authPort: number
  readonly acctPort: number
  readonly coaPort: number
}

/** `turnpike sandbox` */
export function sandboxCommand(program: Command): void {
  program
    .command('sandbox')
    .description('something to try the agent against: a billing cloud and a virtual NAS, on loopback, until Ctrl-C')
    .option('--directory <path>', 'where its state, secrets and a configuration for the agent go', 'sandbox-data')
    .option('--subscribers <count>', 'how many dial in', wholeNumber, 25)
    .option('--billing-port <port>', 'where billing listens', wholeNumber, 8480)
    .option('--auth-port <port>', 'where the agent will take Access-Requests', wholeNumber, 1812)
    .option('--acct-port <port>', 'where the agent will take Accounting-Requests', wholeNumber, 1813)
    .option('--coa-port <port>', 'where the virtual NAS takes CoA and Disconnect', wholeNumber, 3799)
    .action((options: Options, command: Command) => play(new Invocation(command), options))
}

async function play(invocation: Invocation, options: Options): Promise<void> {
  const ports = {
    billing: options.billingPort,
    authentication: options.authPort,
    accounting: options.acctPort,
    coa: options.coaPort
  }
  const directory = resolve(options.directory)
  const ground = openPlayground(directory, ports)
  const log = pino({ level: 'silent' })
  const cloud = await BillingCloud.open({ directory: `${directory}/billing`, tokens: ground.tokens, log })
  try {
    const url = await cloud.listen({ port: ports.billing }).catch(error => {
      throw taken('billing', ports.billing, error)
    })
    const nas = await startNas(cloud, ground, ports, options.subscribers)
    const story = new Story(invocation)
    invocation.answer({ url, directory, config: ground.configFile }, () => welcome(url, ground))
    story.follow(cloud, nas)
    await new Promise<void>(done => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
    })
    await nas.stop({ patienceMs: 2000 })
  } finally {
    await cloud.close()
  }
}

async function startNas(cloud: BillingCloud, { secret }: Playground, ports: Ports, count: number): Promise<VirtualNas> {
  const subscribers = await stock(cloud, count, ports.coa)
  const server = { host: '127.0.0.1', authPort: ports.authentication, acctPort: ports.accounting }
  const nas = new VirtualNas({ server, secret, subscribers, coaPort: ports.coa })
  try {
    await nas.start({ spreadMs: 2000 })
  } catch (error) {
    await nas.stop({ graceful: false })
    throw taken('coa', ports.coa, error)
  }
  return nas
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
