import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Provisioning, ProvisionStep } from '../agent/model/index.js'
import { ConfigError, type Problem, sayProblem } from './errors.js'
import { nearest } from './nearest.js'
import { Source } from './source.js'
import { checkTemplate } from './template-check.js'
import { type Given, readValue, type Variable } from './template-values.js'

/** A step as the file has it: `${name}` stands for the value of a variable. */
export interface TemplateStep {
  readonly at: string
  readonly key?: readonly [property: string, value: string]
  readonly set: Readonly<Record<string, Given>>
  /** A variable without which the step is left out: absent, empty or false. */
  readonly when?: string
}

/** What is done to a device to bring it into service, for each driver that can. */
export interface Template {
  /** The file's name without `.yaml`. */
  readonly name: string
  readonly title: string
  readonly variables: Readonly<Record<string, Variable>>
  readonly steps: Readonly<Record<string, readonly TemplateStep[]>>
  /** Line and column of a place in the file, for errors about values. */
  readonly place: (steps: readonly string[]) => { line: number; column: number }
  readonly file: string
}

/** The templates that come with Turnpike. Beside the sources, and so one directory up from what is compiled. */
export const shippedTemplates: readonly string[] = [
  fileURLToPath(new URL('./templates/', import.meta.url)),
  fileURLToPath(new URL('../../config/templates/', import.meta.url))
]

/**
 * Reads a directory of templates.
 * @throws ConfigError `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`; its message is a line for each problem
 */
export function loadTemplates(directories: readonly string[] = shippedTemplates): ReadonlyMap<string, Template> {
  const directory = directories.find(isThere)
  if (directory === undefined) {
    const words = `${directories.join(' and ')}: there are no templates there. Name the directory that holds them.`
    throw new ConfigError('CONFIG_UNREADABLE', words)
  }
  const files = readdirSync(directory).filter(name => name.endsWith('.yaml'))
  return new Map(files.sort().map(name => [basename(name, '.yaml'), loadTemplate(join(directory, name))]))
}

/** Reads one template. @throws as {@link loadTemplates} */
export function loadTemplate(file: string): Template {
  try {
    return parseTemplate(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it may not be read'
    throw new ConfigError('CONFIG_UNREADABLE', `${file} cannot be read: ${reason}.`, { file })
  }
}

/**
 * Checks the text of a template.
 * @param file  names it in errors, and the template itself
 * @throws ConfigError `CONFIG_SYNTAX`, `CONFIG_INVALID` with file, line and column of everything that is wrong
 */
export function parseTemplate(text: string, file: string): Template {
  const source = new Source(text, file)
  const problems = checkTemplate(source)
  if (problems.length > 0) throw invalid(file, problems)
  const { title, variables = {}, steps } = source.value as Pick<Template, 'title' | 'variables' | 'steps'>
  const place = (where: readonly string[]) => source.place(where, 'key')
  return { name: basename(file, '.yaml'), title, variables, steps, place, file }
}

/**
 * Fills a template in. Pure: nothing is read or asked.
 * @param given  numbers and booleans may come as texts, as from a command line
 * @returns what a driver's `provision` takes
 * @throws ConfigError `CONFIG_INVALID` naming every variable that is missing, unknown or wrong; a secret is never shown
 */
export function renderTemplate(
  template: Template,
  driver: string,
  given: Readonly<Record<string, Given>>,
  { dryRun }: { readonly dryRun: boolean }
): Provisioning {
  const steps = Object.hasOwn(template.steps, driver) ? template.steps[driver] : undefined
  const { values, problems } = valuesOf(template, given)
  if (steps === undefined) {
    const known = Object.keys(template.steps)
    problems.unshift({
      ...problemAt(template, ['steps'], `steps for ${known.join(', ')}`, `steps for the driver ${driver}`),
      hint: 'Take another template, or add the steps.'
    })
  }
  if (problems.length > 0) throw invalid(template.file, problems)
  const secret = new Set(Object.keys(template.variables).filter(name => template.variables[name]?.type === 'secret'))
  return {
    template: template.name,
    values: Object.fromEntries([...values].filter(([name]) => !secret.has(name))),
    dryRun,
    steps: (steps ?? [])
      .filter(({ when }) => when === undefined || isGiven(values.get(when)))
      .map(step => fill(step, values, secret))
  }
}

function valuesOf(template: Template, given: Readonly<Record<string, Given>>) {
  const { variables } = template
  const values = new Map<string, Given>()
  const problems: Problem[] = []
  for (const name of Object.keys(given).filter(name => !Object.hasOwn(variables, name))) {
    const close = nearest(name, Object.keys(variables))
    const hint = close === undefined ? {} : { hint: `Did you mean ${close}?` }
    problems.push({
      ...problemAt(template, ['variables'], `the value ${name}`, `one of ${Object.keys(variables).join(', ')}`),
      ...hint
    })
  }
  for (const [name, variable] of Object.entries(variables)) {
    const value = Object.hasOwn(given, name) ? given[name] : variable.default
    if (value === undefined && variable.optional === true) continue
    const read = value === undefined ? { expected: `a value for it: ${variable.describe}` } : readValue(variable, value)
    if ('value' in read) values.set(name, read.value)
    else {
      const shown = variable.type === 'secret' ? 'a text that is not shown here' : `«${String(value).slice(0, 60)}»`
      const found = value === undefined ? 'no value' : shown
      problems.push(problemAt(template, ['variables', name], found, read.expected))
    }
  }
  return { values, problems }
}

function fill(
  { at, key, set }: TemplateStep,
  values: ReadonlyMap<string, Given>,
  secrets: ReadonlySet<string>
): ProvisionStep {
  const text = (pattern: string) => pattern.replace(placeholder, (_, name: string) => String(values.get(name) ?? ''))
  const entries = Object.entries(set).flatMap(([property, pattern]): [string, Given][] => {
    if (typeof pattern !== 'string') return [[property, pattern]]
    const [, whole] = /^\$\{(\w+)\}$/.exec(pattern) ?? []
    if (whole === undefined) return [[property, text(pattern)]]
    const value = values.get(whole)
    return value === undefined ? [] : [[property, value]]
  })
  const hidden = ([, pattern]: [string, Given]) =>
    [...String(pattern).matchAll(placeholder)].some(([, name]) => secrets.has(name ?? ''))
  return {
    at: text(at),
    ...(key !== undefined && { key: [key[0], text(key[1])] as const }),
    set: Object.fromEntries(entries),
    secret: Object.entries(set)
      .filter(hidden)
      .map(([property]) => property)
  }
}

const placeholder = /\$\{(\w+)\}/g

function isGiven(value: Given | undefined): boolean {
  return value !== undefined && value !== '' && value !== false
}

function isThere(directory: string): boolean {
  try {
    return readdirSync(directory).some(name => name.endsWith('.yaml'))
  } catch {
    return false
  }
}

function problemAt({ place }: Template, steps: readonly string[], found: string, expected: string): Problem {
  return { path: steps.join('.'), ...place(steps), found, expected }
}

function invalid(file: string, problems: readonly Problem[]): ConfigError {
  const message = problems.map(problem => sayProblem(file, problem)).join('\n')
  return new ConfigError('CONFIG_INVALID', message, { file, problems })
}
