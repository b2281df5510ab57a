import { isIP, isIPv4 } from 'node:net'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { Problem } from './errors.js'
import { nearest } from './nearest.js'
import { ConfigFile, type Reads, readingWords, type SchemaNode } from './schema.js'
import type { Source, Steps } from './source.js'
import { readAs } from './units.js'

const fieldSource = /^[A-Za-z]\w*(\.\w+)*( \+ [A-Za-z]\w*(\.\w+)*)*( as (text|number|seconds|milliseconds))?$/

/** The words for a value of each format, and how it is told. */
const formats: Readonly<Record<string, { readonly words: string; readonly holds: (text: string) => boolean }>> = {
  'secret-reference': {
    words: 'a reference: file:PATH, credential:NAME or env:NAME',
    holds: text => /^(file:.|credential:[A-Za-z0-9][\w.-]*$|env:[A-Za-z_]\w*$)/.test(text)
  },
  address: { words: 'an IP address, such as 192.0.2.10', holds: text => isIP(text) !== 0 },
  'address-or-prefix': {
    words: 'an IP address or prefix, such as 192.0.2.10, 10.8.0.0/16 or 2001:db8::/32',
    holds: isAddressOrPrefix
  },
  'web-url': { words: 'a URL that begins with http:// or https://', holds: text => /^https?:$/.test(schemeOf(text)) },
  'cloud-url': {
    words:
      'a URL that begins with https://, or tls:// for NATS (http:// and nats:// only to this box: 127.0.0.1, ::1, localhost), without a password',
    holds: isCloudUrl
  },
  'url-path': { words: 'a path that begins with /, such as /api/v1/events', holds: text => /^\/[!->@-~]*$/.test(text) },
  'field-source': {
    words:
      'a field of the event (subject, data.upOctets), a sum (data.upOctets + data.downOctets), or one of them with: as text, as number, as seconds, as milliseconds',
    holds: text => fieldSource.test(text)
  }
}

const moveSecret =
  'A secret never stands in this file. Move it out: (umask 027; read -rs S; printf %s "$S" > /etc/turnpike/secrets/NAME), give the file to the group of the agent, and write file:/etc/turnpike/secrets/NAME here.'

const unchecked = { meta: false, validateSchema: false } as const

let compiled: ValidateFunction | undefined

/** Compiles the schema once, when there is a file to check: it costs more than all the rest of a short command. */
function compiledCheck(): ValidateFunction {
  if (compiled !== undefined) return compiled
  // The schema is ours, and a test holds it against the meta-schema; what the compiler would tidy up, V8 does as well.
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, ...unchecked, code: { optimize: false } })
  ajv.addKeyword({ keyword: ['from', 'to'], schemaType: 'string' })
  ajv.addKeyword({
    keyword: 'reads',
    validate: (_: unknown, data: unknown, schema?: object) => isRead(schema as Reads, data)
  })
  for (const [name, { holds }] of Object.entries(formats)) ajv.addFormat(name, holds)
  compiled = ajv.compile(ConfigFile)
  return compiled
}

/** Checks a file's value against the schema. @returns all that is wrong, in the order of the lines */
export function validate(source: Source, value: unknown): Problem[] {
  const check = compiledCheck()
  if (check(value)) return []
  const problems = (check.errors ?? []).map(error => problemOf(source, error))
  const unique = problems.filter((one, index) => problems.findIndex(other => sameThing(one, other)) === index)
  return unique.sort((a, b) => a.line - b.line || a.column - b.column)
}

function sameThing(a: Problem, b: Problem): boolean {
  return a.path === b.path && a.line === b.line && a.expected === b.expected
}

/** `nas[0].vendor` */
export function pathOf(steps: Steps): string {
  return steps.map((step, index) => (/^\d+$/.test(step) ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`)).join('')
}

function problemOf(source: Source, error: ErrorObject): Problem {
  const steps = error.instancePath.split('/').slice(1).map(unescape)
  const schema = error.parentSchema as SchemaNode
  if (error.keyword === 'additionalProperties') return unknownKey(source, steps, schema, error)
  if (error.keyword === 'required') return missingKey(source, steps, schema, error)
  const base = { path: pathOf(steps), ...source.place(steps, 'value'), expected: expectedWords(schema) }
  if (schema.format === 'secret-reference' && typeof error.data === 'string') {
    const found = `a text of ${error.data.length} characters, which is not shown here`
    return { ...base, found, hint: moveSecret }
  }
  const meant = typeof error.data === 'string' ? nearest(error.data, schema.enum ?? []) : undefined
  return { ...base, found: source.found(steps), ...didYouMean(meant) }
}

function unknownKey(source: Source, steps: Steps, schema: SchemaNode, error: ErrorObject): Problem {
  const key = String(error.params['additionalProperty'])
  const known = Object.keys(schema.properties ?? {})
  return {
    path: pathOf([...steps, key]),
    ...source.place([...steps, key], 'key'),
    found: `the unknown key «${key}»`,
    expected: `one of ${known.join(', ')}`,
    ...didYouMean(nearest(key, known))
  }
}

function missingKey(source: Source, steps: Steps, schema: SchemaNode, error: ErrorObject): Problem {
  const key = String(error.params['missingProperty'])
  return {
    path: pathOf(steps),
    ...source.place(steps, 'value'),
    found: `no key «${key}»`,
    expected: `${key}: ${schema.properties?.[key]?.description ?? ''}`
  }
}

function didYouMean(word: string | undefined): { hint?: string } {
  return word === undefined ? {} : { hint: `Did you mean «${word}»?` }
}

/** What a value should be, from its schema. */
function expectedWords(schema: SchemaNode): string {
  if (schema.reads !== undefined) return readingWords(schema.reads, schema)
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`
  const format = formats[schema.format ?? '']
  if (format !== undefined) return format.words
  if (schema.pattern !== undefined)
    return 'a name of letters, digits, dots, hyphens and underscores, a letter or digit first'
  const { minimum, maximum, minItems = 0, maxItems, minLength = 0, maxLength } = schema
  if (schema.type === 'integer') return `a whole number from ${minimum} to ${maximum}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'array') return `a list of ${minItems} to ${maxItems} (lines that begin with a hyphen)`
  if (schema.type === 'object') return 'a section: keys with values, indented'
  return `a text of ${minLength} to ${maxLength} characters`
}

function isRead(schema: Reads, data: unknown): boolean {
  if (typeof data !== 'string') return false
  const value = readAs(schema.reads, data)
  if (value === undefined || typeof value !== 'number') return value !== undefined
  const bound = (text: string | undefined, otherwise: number) =>
    text === undefined ? otherwise : Number(readAs(schema.reads, text) ?? otherwise)
  return value >= bound(schema.from, 0) && value <= bound(schema.to, Number.MAX_SAFE_INTEGER)
}

function isAddressOrPrefix(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/')
  if (isIP(address) === 0 || rest.length > 0) return false
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (isIPv4(address) ? 32 : 128))
}

function isCloudUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  if (protocol === 'https:' || protocol === 'tls:') return hostname !== ''
  return ['http:', 'nats:'].includes(protocol) && /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(hostname)
}

function schemeOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : ''
}

/** Undoes the escapes of a JSON pointer (RFC 6901 §3). */
function unescape(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}
