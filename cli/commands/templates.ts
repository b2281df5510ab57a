import type { Command } from 'commander'
import type { TemplateSummary } from '../../agent/model/index.js'
import type { wire } from '../../server/http/index.js'
import { CliError } from '../errors.js'
import { Invocation } from '../invocation.js'
import { type Column, table } from '../table.js'
import { printable } from '../words.js'

type Variable = TemplateSummary['variables'][number]

/** `turnpike templates [name]` */
export function templatesCommand(program: Command): void {
  program
    .command('templates')
    .argument('[name]', 'one of them: the values that it takes')
    .description('the templates for turnpike provision, and the values that each takes')
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const invocation = new Invocation(command)
      const templates = await allOf(invocation)
      if (name === undefined) return invocation.answer({ templates }, listWords)
      const found = templates.find(template => template.name === name)
      const known = templates.map(template => template.name).join(', ')
      if (found === undefined) throw new CliError('CLI_REFUSED', `There is no template «${name}». There are: ${known}.`)
      invocation.answer(found, templateWords)
    })
}

/** As the agent has them; where none runs, as the configuration of this command says. */
async function allOf(invocation: Invocation): Promise<readonly TemplateSummary[]> {
  try {
    return (await invocation.ask(agent => agent.get<wire.TemplateList>('/v1/templates'))).templates
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'CLI_NOT_RUNNING') throw error
  }
  const { listTemplates } = await import('../../config/index.js')
  return listTemplates((await invocation.config()).templates)
}

const listColumns: readonly Column<TemplateSummary>[] = [
  { title: 'TEMPLATE', value: ({ name }) => name },
  { title: 'DRIVER', value: ({ drivers }) => drivers.join(', ') },
  {
    title: 'WHAT IT DOES',
    value: ({ title, problem }) => (problem === undefined ? title : 'its file is wrong, see below')
  }
]

function listWords({ templates }: { readonly templates: readonly TemplateSummary[] }): string {
  const problems = templates.flatMap(({ problem }) => (problem === undefined ? [] : problem.split('\n')))
  const marked = problems.map(problem => `! ${printable(problem)}\n`).join('')
  return `${table(templates, listColumns)}${marked}turnpike templates NAME shows the values that one takes.\n`
}

const variableColumns: readonly Column<Variable>[] = [
  { title: 'VALUE', value: ({ name }) => name },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'IF NOT GIVEN', value: variable => absence(variable) },
  { title: 'WHAT IT IS', value: ({ describe }) => describe }
]

function absence({ required, default: otherwise }: Variable): string {
  return required ? 'must be given' : String(otherwise ?? 'left out')
}

function templateWords({ name, title, drivers, variables, problem }: TemplateSummary): string {
  if (problem !== undefined) return `${printable(problem)}\n`
  const first = variables.toSorted((a, b) => Number(b.required) - Number(a.required))
  const given = first.filter(({ required }) => required).map(variable => exampleOf(variable))
  const example = `turnpike provision ${name} DEVICE ${given.join(' ')} --dry-run`
  return `${printable(title)}, for devices with the driver ${drivers.join(' or ')}\n\n${table(first, variableColumns)}\n${example}\n`
}

function exampleOf({ name, type }: Variable): string {
  return `--set ${name}=${type === 'secret' ? 'file:PATH' : '…'}`
}
