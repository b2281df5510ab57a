import { type Config, ConfigError, listTemplates } from '../../config/index.js'
import { countWords } from '../words.js'
import { type Finding, fix, ok } from './finding.js'

/** Whether an operator's own templates can be used. */
export function checkTemplates({ templates: own }: Config): Finding[] {
  if (own === undefined) return []
  try {
    const all = listTemplates(own)
    const problems = all.flatMap(({ problem }) => problem?.split('\n') ?? [])
    if (problems.length > 0) return problems.map(problem => fix('templates', problem))
    return [ok('templates', `${own}; ${countWords(all.length, 'template')}, with those that come with it`)]
  } catch (error) {
    if (error instanceof ConfigError) return [fix('templates', error.message)]
    throw error
  }
}
