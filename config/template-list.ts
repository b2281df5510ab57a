import type { TemplateSummary } from '../agent/model/index.js'
import { ConfigError } from './errors.js'
import { loadTemplate, type Template, templateFiles } from './templates.js'

/**
 * Every template by its name, also those whose files are wrong: with what is wrong in them.
 * @param own  directory of an operator's own, absolute
 * @throws ConfigError `CONFIG_UNREADABLE` when that directory cannot be read
 */
export function listTemplates(own?: string): TemplateSummary[] {
  return [...templateFiles(own)].map(([name, file]) => {
    try {
      return summaryOf(loadTemplate(file))
    } catch (error) {
      if (error instanceof ConfigError) return { name, title: '', drivers: [], variables: [], problem: error.message }
      throw error
    }
  })
}

function summaryOf({ name, title, variables, steps }: Template): TemplateSummary {
  const all = Object.entries(variables).map(([variable, { type, describe, optional, default: otherwise }]) => ({
    name: variable,
    type,
    describe,
    required: optional !== true && otherwise === undefined,
    ...(otherwise !== undefined && { default: otherwise })
  }))
  return { name, title, drivers: Object.keys(steps), variables: all }
}
