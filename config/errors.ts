/** What can be wrong with the configuration or a secret, and what an engineer should do next. */
export const configErrors = {
  CONFIG_UNREADABLE:
    'The configuration file cannot be read. Check its path (--config PATH), that it exists, and that the user of the agent may read it.',
  CONFIG_SYNTAX:
    'The file is not YAML. The message names line and column; most often it is a tab, a missing space after a colon, or a key that stands twice.',
  CONFIG_INVALID:
    'The file is YAML but says something that Turnpike does not understand. Each line of the message names the place, what stands there and what was expected; config/turnpike.example.yaml shows every key.',
  CONFIG_EXISTS:
    'What should be added stands in the configuration already. Choose another id, or edit the entry there.',
  SECRET_REFERENCE:
    'A secret is named by a reference: file:PATH, credential:NAME or env:NAME. Write it so, without spaces.',
  SECRET_MISSING:
    'The file, credential or variable that a secret refers to is not there or may not be read. Create it, or correct the reference.',
  SECRET_EXPOSED:
    'A file that holds a secret can be read or written by every user of the box. Run the chmod that the message shows.',
  SECRET_EMPTY: 'The file, credential or variable of a secret holds nothing. Put the secret into it.'
} as const
export type ConfigErrorCode = keyof typeof configErrors

/** One thing that is wrong in the file, with its place. Never holds a secret. */
export interface Problem {
  /** The key, for people: `nas[0].vendor`. Empty for the file as a whole. */
  readonly path: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** What stands there, in words. */
  readonly found: string
  /** What was expected, in words. */
  readonly expected: string
  /** What to do, where more can be said than `expected`. */
  readonly hint?: string
}

/** A configuration or secret that cannot be used. The message is complete: it needs no code beside it to be understood. */
export class ConfigError extends Error {
  readonly code: ConfigErrorCode
  /** The file, when a file is to blame. */
  readonly file: string | undefined
  /** All that is wrong with the file, in the order of its lines; empty for errors about one secret. */
  readonly problems: readonly Problem[]

  constructor(code: ConfigErrorCode, message: string, options: { file?: string; problems?: readonly Problem[] } = {}) {
    super(message)
    this.name = 'ConfigError'
    this.code = code
    this.file = options.file
    this.problems = options.problems ?? []
  }
}

/** `turnpike.yaml:12:5: nas[0].vendor: found «mikrotk», expected one of …` */
export function sayProblem(file: string, problem: Problem): string {
  const { path, line, column, found, expected, hint } = problem
  const where = `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}`
  return `${where}found ${found}, expected ${expected}.${hint === undefined ? '' : ` ${hint}`}`
}
