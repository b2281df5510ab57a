import { isRecord } from '../agent/model/index.js'
import type { Problem } from './errors.js'
import type { Source, Steps } from './source.js'
import { type Given, readValue, type Variable, variableTypes } from './template-values.js'

type Fields = Readonly<Record<string, unknown>>

const variableKeys = ['type', 'describe', 'default', 'optional', 'least', 'most']
const stepKeys = ['at', 'key', 'place', 'set', 'when']

/** Everything that is wrong with a template, in the order of its lines. */
export function checkTemplate(source: Source): Problem[] {
  const check = new Check(source)
  const { value } = source
  if (!isRecord(value)) check.wrong([], 'title, variables and steps')
  else check.template(value)
  return check.problems.sort((a, b) => a.line - b.line || a.column - b.column)
}

class Check {
  readonly problems: Problem[] = []
  readonly #source: Source
  /** Type of each variable that is understood. */
  readonly #types = new Map<string, string>()

  constructor(source: Source) {
    this.#source = source
  }

  wrong(where: Steps, expected: string, what: 'key' | 'value' = 'value'): void {
    const found = what === 'key' ? `the key «${where.at(-1) ?? ''}»` : this.#source.found(where)
    this.problems.push({ path: where.join('.'), ...this.#source.place(where, what), found, expected })
  }

  template(fields: Fields): void {
    this.#known([], fields, ['title', 'variables', 'steps'])
    if (!isText(fields['title'])) this.wrong(['title'], 'a text that says what the template is for')
    const { variables = {}, steps } = fields
    if (!isRecord(variables)) this.wrong(['variables'], 'a section with a key for each variable')
    else for (const [name, variable] of Object.entries(variables)) this.#variable(name, variable)
    if (!isRecord(steps) || Object.keys(steps).length === 0)
      return this.wrong(['steps'], 'a section with a list for each driver')
    for (const [driver, list] of Object.entries(steps)) {
      if (!Array.isArray(list) || list.length === 0) this.wrong(['steps', driver], 'a list of steps')
      else for (const [index, step] of list.entries()) this.#step(['steps', driver, String(index)], step)
    }
  }

  #variable(name: string, variable: unknown): void {
    const where = ['variables', name]
    if (!/^\w+$/.test(name)) this.wrong(where, 'a name of letters, digits and _', 'key')
    if (!isRecord(variable)) return this.wrong(where, 'type and describe, and perhaps default, optional, least, most')
    this.#known(where, variable, variableKeys)
    const { type, describe, optional, least, most } = variable
    if (!isText(describe)) this.wrong([...where, 'describe'], 'a text that says what it is')
    if (optional !== undefined && typeof optional !== 'boolean') this.wrong([...where, 'optional'], 'true or false')
    for (const [key, bound] of Object.entries({ least, most }))
      if (bound !== undefined && !Number.isInteger(bound)) this.wrong([...where, key], 'a whole number')
    if (!variableTypes.some(known => known === type))
      return this.wrong([...where, 'type'], `one of ${variableTypes.join(', ')}`)
    this.#types.set(name, String(type))
    this.#default([...where, 'default'], variable)
  }

  #default(where: Steps, variable: Fields): void {
    const { type, default: value } = variable
    if (value === undefined) return
    if (type === 'secret') return this.wrong(where, 'no default: a password that everybody can read is none')
    if (!isGiven(value)) return this.wrong(where, 'a text, a number, or true or false')
    const read = readValue(variable as unknown as Variable, value)
    if ('expected' in read) this.wrong(where, read.expected)
  }

  #step(where: Steps, step: unknown): void {
    if (!isRecord(step)) return this.wrong(where, 'at and set, and perhaps key and when')
    this.#known(where, step, stepKeys)
    const { at, key, place, set, when } = step
    this.#place([...where, 'at'], at)
    this.#key([...where, 'key'], key)
    if (place !== undefined && place !== 'top') this.wrong([...where, 'place'], 'top, or nothing')
    if (when !== undefined && !(isText(when) && this.#types.has(when)))
      this.wrong([...where, 'when'], this.#variables())
    // What is found by its key may be all that is wanted: that it is there.
    if (set !== undefined || key === undefined) this.#set([...where, 'set'], set)
  }

  #key(where: Steps, key: unknown): void {
    if (key === undefined) return
    if (!Array.isArray(key) || key.length !== 2 || !key.every(isText))
      this.wrong(where, 'a list of a property and its value')
    else if (this.#names([...where, '1'], String(key[1])).some(name => this.#types.get(name) === 'secret'))
      this.wrong(where, 'no secret: what finds a row is shown')
  }

  #set(where: Steps, set: unknown): void {
    if (!isRecord(set) || Object.keys(set).length === 0) return this.wrong(where, 'a section of properties and values')
    for (const [property, value] of Object.entries(set)) {
      if (!isGiven(value)) this.wrong([...where, property], 'a text, a number, or true or false')
      else if (typeof value === 'string') this.#names([...where, property], value)
    }
  }

  /** A place may hold only what cannot lead elsewhere. */
  #place(where: Steps, at: unknown): void {
    if (!isText(at)) return this.wrong(where, 'where the properties belong')
    const free = this.#names(where, at).find(name => !['name', 'number'].includes(this.#types.get(name) ?? 'name'))
    if (free !== undefined) this.wrong(where, `variables of type name or number only; ${free} is of another`)
  }

  #names(where: Steps, pattern: string): string[] {
    const names = [...pattern.matchAll(/\$\{([^}]*)\}?/g)].map(([, name]) => name ?? '')
    if (names.some(name => !this.#types.has(name))) this.wrong(where, this.#variables())
    return names
  }

  #variables(): string {
    return `one of the variables ${[...this.#types.keys()].join(', ')}`
  }

  #known(where: Steps, fields: Fields, keys: readonly string[]): void {
    for (const key of Object.keys(fields))
      if (!keys.includes(key)) this.wrong([...where, key], `one of ${keys.join(', ')}`, 'key')
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isGiven(value: unknown): value is Given {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}
