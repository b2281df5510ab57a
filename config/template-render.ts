import type { Provisioning, ProvisionStep } from '../agent/model/index.js'
import { ConfigError, type Problem, sayProblem } from './errors.js'
import { nearest } from './nearest.js'
import { type Given, readValue } from './template-values.js'
import type { Template, TemplateStep } from './templates.js'

type Values = ReadonlyMap<string, Given>

const placeholder = /\$\{(\w+)\}/g

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
  const { values, problems } = valuesOf(template, given)
  const all = Object.hasOwn(template.steps, driver) ? template.steps[driver] : undefined
  if (all === undefined) problems.unshift(otherDriver(template, driver))
  const wanted = (all ?? []).filter(({ when }) => when === undefined || isGiven(values.get(when)))
  if (problems.length === 0) problems.push(...wanted.flatMap(step => missing(template, step, values)))
  if (problems.length > 0) throw invalid(template.file, problems)
  const secret = new Set(Object.keys(template.variables).filter(name => template.variables[name]?.type === 'secret'))
  return {
    template: template.name,
    values: Object.fromEntries([...values].filter(([name]) => !secret.has(name))),
    dryRun,
    steps: wanted.map(step => fill(step, values, secret))
  }
}

function valuesOf(template: Template, given: Readonly<Record<string, Given>>) {
  const { variables } = template
  const values = new Map<string, Given>()
  const problems = Object.keys(given)
    .filter(name => !Object.hasOwn(variables, name))
    .map(name => unknown(template, name))
  for (const [name, variable] of Object.entries(variables)) {
    const value = Object.hasOwn(given, name) ? given[name] : variable.default
    if (value === undefined && variable.optional === true) continue
    const read = value === undefined ? { expected: expectedOf(template, name) } : readValue(variable, value)
    if ('value' in read) values.set(name, read.value)
    else {
      const shown = variable.type === 'secret' ? 'a text that is not shown here' : `«${String(value).slice(0, 60)}»`
      problems.push(problemAt(template, ['variables', name], value === undefined ? 'no value' : shown, read.expected))
    }
  }
  return { values, problems }
}

function fill({ at, key, place, set = {} }: TemplateStep, values: Values, secrets: ReadonlySet<string>): ProvisionStep {
  const text = (pattern: string) => pattern.replace(placeholder, (_, name: string) => String(values.get(name) ?? ''))
  const entries = Object.entries(set).flatMap(([property, pattern]): [string, Given][] => {
    const whole = wholeOf(pattern)
    if (whole === undefined) return [[property, typeof pattern === 'string' ? text(pattern) : pattern]]
    const value = values.get(whole)
    return value === undefined ? [] : [[property, value]]
  })
  const hidden = Object.entries(set).filter(([, pattern]) => namesIn(pattern).some(name => secrets.has(name)))
  return {
    at: text(at),
    ...(key !== undefined && { key: [key[0], text(key[1])] as const }),
    ...(place !== undefined && { place }),
    set: Object.fromEntries(entries),
    secret: hidden.map(([property]) => property)
  }
}

/** Variables without a value in texts that have more in them: half a text is none. */
function missing(template: Template, { at, key, set = {} }: TemplateStep, values: Values): Problem[] {
  const texts = [at, key?.[1] ?? '', ...Object.values(set).filter(pattern => wholeOf(pattern) === undefined)]
  const names = texts.flatMap(namesIn).filter(name => !values.has(name))
  return [...new Set(names)].map(name => {
    const { expected, ...rest } = problemAt(template, ['variables', name], 'no value', expectedOf(template, name))
    return { ...rest, expected: `${expected}; what else is given needs it, at ${at}` }
  })
}

/** The variable that a value is made of alone: without its value the property is left out. */
function wholeOf(pattern: Given): string | undefined {
  return /^\$\{(\w+)\}$/.exec(String(pattern))?.[1]
}

function namesIn(pattern: Given): string[] {
  return [...String(pattern).matchAll(placeholder)].map(([, name]) => name ?? '')
}

function isGiven(value: Given | undefined): boolean {
  return value !== undefined && value !== '' && value !== false
}

function expectedOf({ variables }: Template, name: string): string {
  return `a value for it: ${variables[name]?.describe}`
}

function unknown(template: Template, name: string): Problem {
  const known = Object.keys(template.variables)
  const close = nearest(name, known)
  const hint = close === undefined ? {} : { hint: `Did you mean ${close}?` }
  return { ...problemAt(template, ['variables'], `the value ${name}`, `one of ${known.join(', ')}`), ...hint }
}

function otherDriver(template: Template, driver: string): Problem {
  const known = Object.keys(template.steps).join(', ')
  const problem = problemAt(template, ['steps'], `steps for ${known}`, `steps for the driver ${driver}`)
  return { ...problem, hint: 'Take a template for it (turnpike templates lists all), or correct the driver.' }
}

function problemAt({ place }: Template, steps: readonly string[], found: string, expected: string): Problem {
  return { path: steps.join('.'), ...place(steps), found, expected }
}

function invalid(file: string, problems: readonly Problem[]): ConfigError {
  const message = problems.map(problem => sayProblem(file, problem)).join('\n')
  return new ConfigError('CONFIG_INVALID', message, { file, problems })
}
