import type { Static, TSchema } from '@sinclair/typebox'
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'

let compiler: Ajv | undefined

/** A check against one schema, compiled when it is first asked: it costs more than the rest of a start. */
export class Check<T extends TSchema> {
  readonly #schema: T
  #compiled: ValidateFunction<Static<T>> | undefined

  constructor(schema: T) {
    this.#schema = schema
  }

  /** Whether `value` is as the schema has it. */
  holds(value: unknown): value is Static<T> {
    this.#compiled ??= compilerOf().compile<Static<T>>(this.#schema)
    return this.#compiled(value)
  }

  /** What the last check found, by place and rule. Never names a value: it may be a password. */
  explain(): string {
    const [error] = this.#compiled?.errors ?? []
    return error === undefined ? 'does not fit' : `${error.instancePath} ${error.message ?? 'does not fit'}`.trim()
  }
}

/** The schemas are ours: a test, not every start, holds them against the meta-schema. */
function compilerOf(): Ajv {
  if (compiler !== undefined) return compiler
  compiler = new Ajv({ strict: false, meta: false, validateSchema: false })
  formats.default(compiler)
  return compiler
}
