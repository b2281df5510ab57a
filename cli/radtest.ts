import { loadDictionary } from '../config/dictionary/index.js'
import { type Config, SecretStore } from '../config/index.js'
import { Attr, Code, codeName, printPacket, Secret } from '../protocols/radius/index.js'
import { type Answer, NasError, nasErrors, RadiusClient } from '../sandbox/nas/index.js'
import type { wire } from '../server/http/index.js'
import { accessAttributes, type Credential } from './access-request.js'
import { CliError } from './errors.js'
import type { Invocation } from './invocation.js'
import { readPassword } from './password.js'
import { printable } from './words.js'

/** What `turnpike radtest` was told. */
export interface RadtestOptions {
  readonly server?: string
  readonly secret?: string
  readonly nas?: string
  readonly password?: string
  readonly method: Credential['method']
  readonly callingStation?: string
  readonly timeout: string
}

/** A verified answer, and what it means. */
export interface RadtestResult {
  readonly reply: string
  readonly milliseconds: number
  readonly transmissions: number
  readonly signed: boolean
  readonly attributes: readonly string[]
  readonly words: string
}

/**
 * Asks once for access, as a NAS would.
 * @throws CliError `CLI_NO_REPLY`, `CLI_BAD_REPLY`, `CLI_USAGE`; ConfigError for a secret
 */
export async function radtest(
  invocation: Invocation,
  username: string,
  options: RadtestOptions
): Promise<RadtestResult> {
  const config = await invocation.config()
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

async function explain(invocation: Invocation, username: string, answer: Answer): Promise<RadtestResult> {
  const { packet, milliseconds, transmissions } = answer
  const reply = codeName(packet.code)
  const [, ...attributes] = printPacket(packet, loadDictionary((await invocation.config()).radius.dictionaries))
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

/** The answer for people. */
export function resultWords({ reply, milliseconds, transmissions, signed, attributes, words }: RadtestResult): string {
  const again = transmissions === 1 ? '' : `, after ${transmissions} transmissions`
  const proof = signed
    ? 'verified, with Message-Authenticator'
    : 'verified, but without Message-Authenticator: newer NASes will refuse it'
  const lines = attributes.map(line => `  ${printable(line)}\n`).join('')
  return `${reply} in ${milliseconds} ms${again} (${proof})\n${lines}${printable(words)}\n`
}

function sharedSecret(config: Config, { secret, nas }: RadtestOptions): Buffer {
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

function serverOf(config: Config, { server }: RadtestOptions): { host: string; port: number } {
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
