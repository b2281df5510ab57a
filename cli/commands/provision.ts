import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import type { ProvisionOptions } from '../provisioning.js'
import { countWords, printable } from '../words.js'

/** `turnpike provision <template> <device>` */
export function provisionCommand(program: Command): void {
  program
    .command('provision')
    .argument('<template>', 'what is to be set up; turnpike templates lists all')
    .argument('<device>', 'id of its document, as billing sends it')
    .description('set a device up by a template: every step is read back, and taken back where one fails')
    .option('--set <name=value>', 'a value of the template, again for each; a secret as file:PATH', collect)
    .option('--values <file>', 'a file of values, YAML or JSON; --set goes before it')
    .option('-n, --dry-run', 'change nothing: say what would be changed')
    .action(async (template: string, device: string, options: ProvisionOptions, command: Command) => {
      const { provision } = await import('../provisioning.js')
      const invocation = new Invocation(command)
      invocation.answer(await provision(invocation, { template, device }, options), provisionedWords)
    })
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function provisionedWords({ device, template, dryRun, changes, detail, proven, result }: wire.Provisioned): string {
  const lines = changes.map(change => `  ${printable(change)}\n`).join('')
  const [on, by] = [printable(device), printable(template)]
  if (changes.length === 0) return `${on} has everything of ${by} already: nothing was changed.\n`
  const count = countWords(changes.length, 'change')
  if (dryRun || result === 'unchanged') return `${on}, ${by}: ${count} to make, nothing was changed yet.\n${lines}`
  const head = proven ? `${count} made and read back` : printable(detail)
  return `${on}, ${by}: ${head}.\n${lines}`.replace('..\n', '.\n')
}
