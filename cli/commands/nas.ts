import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { Vendor } from '../../agent/model/index.js'
import {
  addNas,
  type Config,
  ConfigError,
  type NasEntry,
  newSecret,
  parseConfig,
  usualFile
} from '../../config/index.js'
import { CliError } from '../errors.js'
import { replaceFile, writeSecret } from '../files.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { instructions, usualCoaPort } from '../nas-instructions.js'

interface Options {
  readonly vendor: Vendor
  readonly coaPort?: number
  readonly flipDirection?: true
  readonly secrets?: string
}

interface Added {
  readonly id: string
  readonly config: string
  readonly secretFile: string
  readonly instructions: readonly string[]
  readonly notes: readonly string[]
}

const vendors = Vendor.anyOf.map(literal => literal.const)

/** `turnpike nas add` */
export function nasCommand(program: Command): void {
  program
    .command('nas')
    .description('the equipment that may ask')
    .command('add')
    .argument('<id>', 'a name of your choice, such as bras-1')
    .argument('<address...>', 'source addresses or prefixes of the box')
    .description('make a shared secret, add the box to the configuration, and print what to type on it')
    .addOption(new Option('--vendor <vendor>', 'whose vocabulary it speaks').choices(vendors).default('standard'))
    .option('--coa-port <port>', "where it listens for CoA; the vendor's usual port unless you say", wholeNumber)
    .option('--flip-direction', 'its Acct-Input-Octets is the download (CoovaChilli)')
    .option('--secrets <directory>', 'where the secret file goes; secrets/ beside the configuration unless you say')
    .action((id: string, addresses: string[], options: Options, command: Command) => {
      const invocation = new Invocation(command)
      const secret = newSecret()
      const added = add(invocation.configFile ?? usualFile, { id, addresses }, options, secret)
      invocation.answer(added, value => addedWords(value, secret))
    })
}

/** The secret's file comes first: a configuration never names one that is not there. */
function add(
  file: string,
  { id, addresses }: Pick<NasEntry, 'id' | 'addresses'>,
  options: Options,
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

function addedWords({ id, config, secretFile, instructions, notes }: Added, secret: string): string {
  const lines = instructions.map(line => `    ${line.replaceAll(`<the text in ${secretFile}>`, secret)}\n`).join('')
  return `${id} is in ${config}; its shared secret is in ${secretFile}.\n\nOn the box:\n\n${lines}\n${notes.join('\n')}\n`
}
