import { type Command, Option } from 'commander'
import { type Config, SecretStore } from '../../config/index.js'
import { loadDictionary } from '../../config/dictionary/index.js'
import { Attr, Code, codeName, printPacket, Secret } from '../../protocols/radius/index.js'
import { RadiusClient } from '../../sandbox/nas/client.js'
import { NasError, nasErrors } from '../../sandbox/nas/errors.js'
import type { Answer } from '../../sandbox/nas/exchange.js'
import type { wire } from '../../server/http/index.js'
import { accessAttributes, type Credential } from '../access-request.js'
import { CliError, exit } from '../errors.js'
import { Invocation } from '../invocation.js'
import { readPassword } from '../password.js'
import { printable } from '../words.js'

interface Options {
  readonly server?: string
  readonly secret?: string
  readonly nas?: string
  readonly password?: string
  readonly method: Credential['method']
  readonly callingStation?: string
  readonly timeout: string
}

interface Result {
  readonly reply: string
  readonly milliseconds: number
  readonly transmissions: number
  readonly signed: boolean
  readonly attributes: readonly string[]
  readonly words: string
}

/** `turnpike radtest <username>` */
export function radtestCommand(program: Command): void {
  program
    .command('radtest')
    .argument('<username>', 'User-Name')
    .description('ask a RADIUS server as a NAS would, and explain its verified answer')
    .option(
      '--server <address:port>',
      "the server; the first of this configuration's authentication addresses unless you say"
    )
    .option('--secret <reference>', 'shared secret: file:PATH, credential:NAME or env:NAME')
    .option('--nas <id>', 'take the shared secret of this NAS of the configuration')
    .option(
      '--password <reference>',
      "file:PATH or env:NAME; else it is asked for, or read from standard input's first line"
    )
    .addOption(new Option('--method <method>', 'how the password travels').choices(['pap', 'chap']).default('pap'))
    .option('--calling-station <mac>', 'Calling-Station-Id')
    .option('--timeout <seconds>', 'for each of three transmissions', '2')
    .action(async (username: string, options: Options, command: Command) => {
      const invocation = new Invocation(command)
      const result = await test(invocation, username, options)
      invocation.answer(result, resultWords)
      if (result.reply !== 'Access-Accept') process.exitCode = exit.no
    })
}

async function test(invocation: Invocation, username: string, options: Options): Promise<Result> {
  const config = invocation.config()
  const secret = new Secret(sharedSecret(config, options))
  const password = await readPassword(options.password)
  const credential = { username, password, method: options.method, callingStation: options.callingStation ?? '' }
  const client = new RadiusClient({
    ...serverOf(config, options),
    secret,
    intervalMs: seconds(options.timeout),
    demandSigned: false
  })
  try {
    const answer = await client.request({
      code: Code.AccessRequest,
      attributes: ({ authenticator }) => accessAttributes(credential, authenticator, secret)
    })
    return await explain(invocation, username, answer)
  } catch (error) {
    throw explained(error)
  } finally {
    await client.close()
  }
}

async function explain(invocation: Invocation, username: string, answer: Answer): Promise<Result> {
  const { packet, milliseconds, transmissions } = answer
  const reply = codeName(packet.code)
  const [, ...attributes] = printPacket(packet, loadDictionary(invocation.config().radius.dictionaries))
    .trimEnd()
    .split('\n')
  return {
    reply,
    milliseconds,
    transmissions,
    signed: packet.has(Attr.MessageAuthenticator),
    attributes: attributes.map(line => line.trim()),
    words: await reasonOf(invocation, username, reply)
  }
}

const meanings: Readonly<Record<string, string>> = {
  'Access-Accept': 'The subscriber is let in, with the attributes above.',
  'Access-Reject': 'The subscriber is refused.',
  'Access-Challenge': 'The server wants another round: this subscriber uses a method that radtest does not speak.'
}

/** What an answer means; for a refusal by the agent of this box, the agent is asked why. */
async function reasonOf(invocation: Invocation, username: string, reply: string): Promise<string> {
  const words = meanings[reply] ?? 'That is no answer to an Access-Request.'
  if (reply !== 'Access-Reject') return words
  try {
    const path = `/v1/subscribers/${encodeURIComponent(username)}`
    const { lastRefusal } = await invocation.ask(agent => agent.get<wire.SubscriberWire>(path))
    return lastRefusal === undefined ? words : `${words} The agent of this box says: ${lastRefusal.words}`
  } catch (error) {
    return error instanceof CliError && error.code === 'CLI_REFUSED' ? `${words} ${error.message}` : words
  }
}

function resultWords({ reply, milliseconds, transmissions, signed, attributes, words }: Result): string {
  const again = transmissions === 1 ? '' : `, after ${transmissions} transmissions`
  const proof = signed
    ? 'verified, with Message-Authenticator'
    : 'verified, but without Message-Authenticator: newer NASes will refuse it'
  const lines = attributes.map(line => `  ${printable(line)}\n`).join('')
  return `${reply} in ${milliseconds} ms${again} (${proof})\n${lines}${printable(words)}\n`
}

function sharedSecret(config: Config, { secret, nas }: Options): Buffer {
  const secrets = new SecretStore()
  if (secret !== undefined) return secrets.resolve(secret)
  const local = config.nas.find(each => (nas === undefined ? each.addresses.some(isLoopback) : each.id === nas))
  if (local !== undefined) return secrets.resolve(local.secretRef)
  throw new CliError(
    'CLI_USAGE',
    nas === undefined
      ? 'With which shared secret? The configuration has no NAS at 127.0.0.1: add one (turnpike nas add localhost 127.0.0.1), or name the secret by --secret file:PATH.'
      : `The configuration has no NAS «${nas}».`
  )
}

function isLoopback(address: string): boolean {
  return /^(127\.|::1(\/|$))/.test(address)
}

function serverOf(config: Config, { server }: Options): { host: string; port: number } {
  if (server === undefined) {
    const [first = { host: '127.0.0.1', port: 1812 }] = config.radius.authentication
    const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
    return { host: everywhere[first.host] ?? first.host, port: first.port }
  }
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(server)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined)
    throw new CliError('CLI_USAGE', `--server takes an IP address and a port, such as 192.0.2.1:1812, not «${server}».`)
  return { host, port: Number(match?.[3] ?? 1812) }
}

function seconds(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 60) return value * 1000
  throw new CliError('CLI_USAGE', `--timeout takes seconds up to 60, not «${text}».`)
}

function explained(error: unknown): unknown {
  if (!(error instanceof NasError)) return error
  const code = error.code === 'NAS_BAD_ANSWER' ? 'CLI_BAD_REPLY' : 'CLI_NO_REPLY'
  return new CliError(code, `${nasErrors[error.code]} (${error.message})`)
}
