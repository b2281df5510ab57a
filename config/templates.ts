import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ConfigError, sayProblem } from './errors.js'
import { packageRoot } from './package-root.js'
import { Source } from './source.js'
import { checkTemplate } from './template-check.js'
import type { Given, Variable } from './template-values.js'

/** A step as the file has it: `${name}` stands for the value of a variable. */
export interface TemplateStep {
  readonly at: string
  readonly key?: readonly [property: string, value: string]
  readonly place?: 'top'
  readonly set?: Readonly<Record<string, Given>>
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

/**
 * The files of all templates by name: those that come with Turnpike, and an operator's own. Where both have a name, the
 * own one counts.
 * @param own  a directory, absolute
 * @throws ConfigError `CONFIG_UNREADABLE`
 */
export function templateFiles(own?: string): ReadonlyMap<string, string> {
  const directories = [join(packageRoot(), 'config', 'templates'), ...(own === undefined ? [] : [own])]
  const files = directories.flatMap(directory => yamlIn(directory).map(name => join(directory, name)))
  const named = files.map(file => [basename(file, '.yaml'), file] as const)
  return new Map(named.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

/** Reads one template. @throws ConfigError `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID` */
export function loadTemplate(file: string): Template {
  return parseTemplate(
    attempt(file, () => readFileSync(file, 'utf8')),
    file
  )
}

/**
 * Checks the text of a template.
 * @param file  names it in errors, and the template itself
 * @throws ConfigError `CONFIG_SYNTAX`, `CONFIG_INVALID` with file, line and column of everything that is wrong
 */
export function parseTemplate(text: string, file: string): Template {
  const source = new Source(text, file)
  const problems = checkTemplate(source)
  if (problems.length > 0)
    throw new ConfigError('CONFIG_INVALID', problems.map(problem => sayProblem(file, problem)).join('\n'), {
      file,
      problems
    })
  const { title, variables = {}, steps } = source.value as Pick<Template, 'title' | 'variables' | 'steps'>
  const place = (where: readonly string[]) => source.place(where, 'key')
  return { name: basename(file, '.yaml'), title, variables, steps, place, file }
}

function yamlIn(directory: string): string[] {
  return attempt(directory, () => readdirSync(directory)).filter(name => name.endsWith('.yaml'))
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is nothing' : code === 'EACCES' ? 'this user may not read it' : code
    const words = `${path} cannot be read: ${reason}. Templates lie where the key templates says.`
    throw new ConfigError('CONFIG_UNREADABLE', words, { file: path })
  }
}
