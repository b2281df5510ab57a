import { type Command, Option } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import { countWords, printable } from '../words.js'

/** `turnpike suspend <subscriber>` and `turnpike restore <subscriber>` */
export function decisionCommands(program: Command): void {
  program
    .command('suspend')
    .argument('<subscriber>', 'id or User-Name')
    .description('suspend a subscriber here and now; holds until billing sends its next decision')
    .addOption(
      new Option('--how <how>', 'how they are treated')
        .choices(['reject', 'walled-garden', 'throttle'])
        .default('walled-garden')
    )
    .option('--reason <words>', 'why, for whoever asks', 'suspended by hand')
    .option('--reference <text>', 'invoice or case number')
    .action((subscriber: string, options: object, command: Command) => decide('suspend', subscriber, options, command))
  program
    .command('restore')
    .argument('<subscriber>', 'id or User-Name')
    .description('restore a subscriber here and now; holds until billing sends its next decision')
    .option('--reason <words>', 'why, for whoever asks', 'restored by hand')
    .action((subscriber: string, options: object, command: Command) => decide('restore', subscriber, options, command))
}

async function decide(
  verb: 'suspend' | 'restore',
  subscriber: string,
  options: object,
  command: Command
): Promise<void> {
  const invocation = new Invocation(command)
  const path = `/v1/subscribers/${encodeURIComponent(subscriber)}/${verb}`
  const decision = await invocation.ask(agent => agent.post<wire.Decision>(path, { ...options }))
  invocation.answer(decision, ({ subscriber: id, status, sessions }) => {
    const next = sessions === 0 ? 'nobody is connected' : `${countWords(sessions, 'session')} to change`
    return `${printable(id)} is ${status}; ${next} (turnpike enforcements --subscriber ${printable(id)} shows how it goes)\n`
  })
}
