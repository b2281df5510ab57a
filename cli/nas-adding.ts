import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Vendor } from '../agent/model/index.js'
import { addNas, type Config, ConfigError, type NasEntry, newSecret, parseConfig, usualFile } from '../config/index.js'
import { CliError } from './errors.js'
import { replaceFile, writeSecret } from './files.js'
import type { Invocation } from './invocation.js'
import { instructions, usualCoaPort } from './nas-instructions.js'

/** What `turnpike nas add` was told. */
export interface NasOptions {
  readonly vendor: Vendor
  readonly coaPort?: number
  readonly flipDirection?: true
  readonly secrets?: string
}

/** What was added. The secret itself is not in here. */
export interface Added {
  readonly id: string
  readonly config: string
  readonly secretFile: string
  readonly instructions: readonly string[]
  readonly notes: readonly string[]
}

/**
 * Makes a shared secret, writes it to a file of its own, and adds the NAS to the configuration.
 * @throws ConfigError, CliError `CLI_FILE`, `CLI_USAGE`: then nothing was changed
 */
export async function nasAdd(
  invocation: Invocation,
  box: Pick<NasEntry, 'id' | 'addresses'>,
  options: NasOptions
): Promise<{ added: Added; secret: string }> {
  const secret = newSecret()
  return { added: add((await invocation.configFile()) ?? usualFile, box, options, secret), secret }
}

/** The secret's file comes first: a configuration never names one that is not there. */
function add(
  file: string,
  { id, addresses }: Pick<NasEntry, 'id' | 'addresses'>,
  options: NasOptions,
  secret: string
): Added {
  const { vendor, coaPort, flipDirection, secrets = join(dirname(file), 'secrets') } = options
  const secretFile = join(resolve(secrets), id)
  const entry: NasEntry = {
    id,
    addresses,
    secret: `file:${secretFile}`,
    vendor,
    ...(coaPort !== undefined && { coaPort }),
    ...(flipDirection && { flipDirection })
  }
  const text = changed(file, entry)
  const undo = writeSecret(secretFile, `${secret}\n`)
  try {
    replaceFile(file, text)
  } catch (error) {
    undo()
    throw error
  }
  return describe(parseConfig(text, file), entry, file, secretFile)
}

function changed(file: string, entry: NasEntry): string {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  try {
    return addNas(before, file, entry)
  } catch (error) {
    if (!(error instanceof ConfigError) || error.problems.length === 0 || hasProblems(before, file)) throw error
    const [problem] = error.problems
    throw new CliError('CLI_USAGE', `Found ${problem?.found}, expected ${problem?.expected}.`)
  }
}

function hasProblems(text: string, file: string): boolean {
  try {
    parseConfig(text, file)
    return false
  } catch {
    return true
  }
}

function describe(config: Config, entry: NasEntry, file: string, secretFile: string): Added {
  const vendor = entry.vendor ?? 'standard'
  const [authentication] = open(config.radius.authentication)
  const [accounting] = open(config.radius.accounting)
  const peer = {
    server: authentication?.host ?? 'ADDRESS-OF-THIS-BOX',
    authPort: authentication?.port ?? 1812,
    acctPort: accounting?.port ?? 1813,
    coaPort: entry.coaPort ?? usualCoaPort(vendor),
    secret: `<the text in ${secretFile}>`
  }
  const far = entry.addresses.some(address => !/^(127\.|::1(\/|$))/.test(address))
  const deaf = authentication === undefined && far
  return {
    id: entry.id,
    config: file,
    secretFile,
    instructions: instructions(vendor, peer),
    notes: [
      ...(deaf
        ? [
            'Turnpike listens on this box only: add an address that the NAS reaches to radius.authentication and radius.accounting.'
          ]
        : []),
      'It takes effect when the agent starts again: systemctl restart turnpike'
    ]
  }
}

/** Listening places that other boxes reach; all addresses is told as the first of this box. */
function open(endpoints: Config['radius']['authentication']): { host: string; port: number }[] {
  const own = Object.values(networkInterfaces())
    .flat()
    .find(each => each?.internal === false)?.address
  return endpoints
    .filter(({ host }) => !/^(127\.|::1$)/.test(host))
    .map(({ host, port }) => ({ host: /^(0\.0\.0\.0|::)$/.test(host) ? (own ?? host) : host, port }))
}

/** What was done and what to type, for people; here the secret is shown, once. */
export function addedWords({ id, config, secretFile, instructions, notes }: Added, secret: string): string {
  const lines = instructions.map(line => `    ${line.replaceAll(`<the text in ${secretFile}>`, secret)}\n`).join('')
  return `${id} is in ${config}; its shared secret is in ${secretFile}.\n\nOn the box:\n\n${lines}\n${notes.join('\n')}\n`
}
