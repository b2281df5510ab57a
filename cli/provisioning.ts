import { readFileSync, statSync } from 'node:fs'
import { parse } from 'yaml'
import { isTemplateValues, type TemplateVariable } from '../agent/model/index.js'
import { SecretStore } from '../config/index.js'
import type { wire } from '../server/http/index.js'
import { CliError } from './errors.js'
import type { Invocation } from './invocation.js'
import { readAnswer } from './password.js'

/** What `turnpike provision` was told, beside template and device. */
export interface ProvisionOptions {
  readonly set?: readonly string[]
  readonly values?: string
  readonly dryRun?: boolean
}

type Value = string | number | boolean

/** A device is given so long, and then a little. Milliseconds. */
const PATIENCE = 200_000
const OTHERS_READ = 0o004

/**
 * Lets the running agent bring a template onto a device. What a template needs and was not given is asked for on a
 * terminal.
 * @throws CliError `CLI_USAGE`, `CLI_FILE`, and as the agent refuses; ConfigError for a reference
 */
export function provision(
  invocation: Invocation,
  { template, device }: { readonly template: string; readonly device: string },
  options: ProvisionOptions
): Promise<wire.Provisioned> {
  return invocation.ask(async agent => {
    const { templates } = await agent.get<wire.TemplateList>('/v1/templates')
    const variables = templates.find(({ name }) => name === template)?.variables ?? []
    const values = await valuesOf(invocation, variables, options)
    const path = `/v1/devices/${encodeURIComponent(device)}/provision`
    return agent.post<wire.Provisioned>(path, { template, values, dryRun: options.dryRun === true }, PATIENCE)
  })
}

async function valuesOf(
  invocation: Invocation,
  variables: readonly TemplateVariable[],
  { set = [], values: file }: ProvisionOptions
): Promise<Record<string, Value>> {
  const values: Record<string, Value> = file === undefined ? {} : fromFile(file, variables)
  for (const given of set) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(given) ?? []
    if (name === undefined || value === undefined)
      throw new CliError('CLI_USAGE', `--set takes name=value, and «${given}» has no name before an «=».`)
    values[name] = value
    if (isSecret(variables, name) && !isReference(value))
      invocation.tell(
        `${name} is a secret: while this runs every user of this box can read it in the process list, and it stays in your shell's history. Better: --set ${name}=file:PATH, or leave it out and be asked.`
      )
  }
  const secrets = new SecretStore()
  for (const [name, value] of Object.entries(values))
    if (isSecret(variables, name) && typeof value === 'string' && isOurs(value)) values[name] = secrets.text(value)
  return { ...values, ...(await asked(variables, values)) }
}

/** Asks for what must be given and was not, where somebody sits there. */
async function asked(
  variables: readonly TemplateVariable[],
  values: Readonly<Record<string, Value>>
): Promise<Record<string, Value>> {
  const answers: Record<string, Value> = {}
  if (!process.stdin.isTTY) return answers
  for (const { name, type, describe } of variables.filter(({ name, required }) => required && !(name in values))) {
    const answer = await readAnswer(`${describe} (${name})`, { echo: type !== 'secret' })
    if (answer === undefined) break
    answers[name] = answer
  }
  return answers
}

function fromFile(file: string, variables: readonly TemplateVariable[]): Record<string, Value> {
  const values = readValues(file)
  const exposed = (statSync(file).mode & OTHERS_READ) !== 0
  const plain = Object.entries(values).find(([name, value]) => isSecret(variables, name) && !isReference(String(value)))
  if (exposed && plain !== undefined)
    throw new CliError(
      'CLI_FILE',
      `${file} holds the secret ${plain[0]} and can be read by every user of this box. Run: chmod o= ${file}`
    )
  return values
}

function readValues(file: string): Record<string, Value> {
  let values: unknown
  try {
    values = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    // The parser's message may quote a secret; its place does not.
    const { code, linePos } = error as NodeJS.ErrnoException & { linePos?: readonly { line: number }[] }
    const reason = linePos === undefined ? `cannot be read (${code})` : `is not YAML at line ${linePos[0]?.line}`
    throw new CliError('CLI_FILE', `${file} ${reason}.`)
  }
  if (isTemplateValues(values)) return values
  throw new CliError('CLI_FILE', `${file} is not a list of «name: value», each value a text, a number, true or false.`)
}

function isSecret(variables: readonly TemplateVariable[], name: string): boolean {
  return variables.some(variable => variable.name === name && variable.type === 'secret')
}

/** A reference that this command resolves, by the rights of who runs it; the agent knows its subscribers. */
function isOurs(value: string): boolean {
  return /^(file|env|credential):/.test(value)
}

function isReference(value: string): boolean {
  return isOurs(value) || value.startsWith('subscriber:')
}
