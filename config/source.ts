import { isMap, isScalar, isSeq, type Node, parseDocument, type YAMLParseError } from 'yaml'
import { ConfigError, type Problem, sayProblem } from './errors.js'

/** Steps from the top of the file to a value: `['nas', '0', 'vendor']`. */
export type Steps = readonly string[]

/** Text that may hold a secret is named, never shown. */
const sensitive = /secret|token|password|key/i

/** A YAML file that remembers where everything stands. */
export class Source {
  /** What the file says, as plain values; `{}` when it is empty. */
  readonly value: unknown
  readonly #file: string
  readonly #text: string
  readonly #document

  /** @throws ConfigError `CONFIG_SYNTAX` that names every line that is not YAML */
  constructor(text: string, file: string) {
    this.#file = file
    this.#text = text
    this.#document = parseDocument(text, { prettyErrors: false, strict: true })
    if (this.#document.errors.length > 0) throw this.#syntaxError(this.#document.errors)
    this.value = this.#document.toJS({ maxAliasCount: 100 }) ?? {}
  }

  /** Line and column of a value, or of its key; of the nearest thing around it when it is absent. */
  place(steps: Steps, what: 'key' | 'value'): { line: number; column: number } {
    const node = what === 'key' ? this.#key(steps) : this.#node(steps)
    const offset = node?.range?.[0]
    if (offset !== undefined) return this.#at(offset)
    return steps.length === 0 ? { line: 1, column: 1 } : this.place(steps.slice(0, -1), 'value')
  }

  /** What stands at a value, in words; a secret is never shown. */
  found(steps: Steps): string {
    const node = this.#node(steps)
    if (isMap(node)) return 'a section with keys'
    if (isSeq(node)) return 'a list'
    if (!isScalar(node) || node.value === null) return 'nothing'
    if (steps.some(step => sensitive.test(step))) return 'a text that is not shown here'
    return quoted(node.source ?? JSON.stringify(node.value))
  }

  #node(steps: Steps): Node | undefined {
    return this.#document.getIn(steps, true) as Node | undefined
  }

  #key(steps: Steps): Node | undefined {
    const parent = this.#node(steps.slice(0, -1))
    if (!isMap(parent)) return undefined
    const pair = parent.items.find(item => String(isScalar(item.key) ? item.key.value : item.key) === steps.at(-1))
    return pair?.key as Node | undefined
  }

  #at(offset: number): { line: number; column: number } {
    const before = this.#text.slice(0, offset).split('\n')
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
  }

  /** What follows the first error is mostly its echo: only errors of a known kind are told beside it. */
  #syntaxError(errors: readonly YAMLParseError[]): ConfigError {
    const telling = errors.filter((error, index) => index === 0 || syntaxWords[error.code] !== undefined)
    const problems = telling.map(error => this.#syntaxProblem(error)).slice(0, 5)
    const message = problems.map(problem => sayProblem(this.#file, problem)).join('\n')
    return new ConfigError('CONFIG_SYNTAX', message, { file: this.#file, problems })
  }

  /** The parser's own message is not told: it may quote a secret. */
  #syntaxProblem(error: YAMLParseError): Problem {
    const place = this.#at(error.pos[0])
    const line = this.#text.split('\n')[place.line - 1] ?? ''
    const shown = error.code === 'TAB_AS_INDENT' ? 'a tab' : quoted(line.trim())
    const found = sensitive.test(line) && shown !== 'a tab' ? 'a line that is not shown here' : shown
    return { path: '', ...place, found, expected: syntaxWords[error.code] ?? 'YAML: «key: value», indented by spaces' }
  }
}

const syntaxWords: Partial<Record<YAMLParseError['code'], string>> = {
  TAB_AS_INDENT: 'spaces: YAML does not allow tabs before a key',
  DUPLICATE_KEY: 'each key once; this one stands here a second time',
  BAD_INDENT: 'the same indentation as the lines that belong together with this one',
  MULTILINE_IMPLICIT_KEY: 'a key, a colon and a space on one line',
  MISSING_CHAR: 'a closing quote, bracket or colon that is missing',
  BLOCK_AS_IMPLICIT_KEY: 'one value for a key; quote a text that holds a colon',
  MULTIPLE_DOCS: 'one document; remove the line ---'
}

function quoted(text: string): string {
  return `«${text.length > 60 ? `${text.slice(0, 57)}…` : text}»`
}
