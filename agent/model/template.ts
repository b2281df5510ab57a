import { isRecord } from './json.js'

/** Values of a template's variables, by their names. */
export type TemplateValues = Readonly<Record<string, string | number | boolean>>

/** Whether something can be a template's values. */
export function isTemplateValues(given: unknown): given is TemplateValues {
  return isRecord(given) && Object.values(given).every(value => ['string', 'number', 'boolean'].includes(typeof value))
}

/** A variable of a template, for people and for programs that ask them. */
export interface TemplateVariable {
  readonly name: string
  readonly type: 'text' | 'secret' | 'name' | 'number' | 'boolean'
  readonly describe: string
  /** Whether it must be given. */
  readonly required: boolean
  readonly default?: string | number | boolean
}

/** A template of provisioning as it is listed. */
export interface TemplateSummary {
  readonly name: string
  readonly title: string
  readonly drivers: readonly string[]
  readonly variables: readonly TemplateVariable[]
  /** What is wrong with its file: then it cannot be used, and the rest is empty. */
  readonly problem?: string
}
