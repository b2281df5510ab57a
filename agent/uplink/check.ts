import type { Static, TSchema } from '@sinclair/typebox'
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'

const ajv = new Ajv({ strict: false })
formats.default(ajv)

/** A check of one schema; `errors` of it tell what was wrong with the last value. */
export function compile<T extends TSchema>(schema: T): ValidateFunction<Static<T>> {
  return ajv.compile<Static<T>>(schema)
}

/** What the last check found, by place and rule. Never names a value: it may be a password. */
export function explain(check: ValidateFunction): string {
  const [error] = check.errors ?? []
  return error === undefined ? 'does not fit' : `${error.instancePath} ${error.message ?? 'does not fit'}`.trim()
}
