import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import { countWords, printable } from '../words.js'

/** `turnpike macs reset <subscriber>` */
export function macsCommand(program: Command): void {
  program
    .command('macs')
    .description('the MAC addresses to which logins have bound a subscriber (bind.learnMacs)')
    .command('reset')
    .argument('<subscriber>', 'id or User-Name')
    .description('forget them: the next devices are learnt anew')
    .action(async (subscriber: string, _options: object, command: Command) => {
      const invocation = new Invocation(command)
      const path = `/v1/subscribers/${encodeURIComponent(subscriber)}/macs/reset`
      const moved = await invocation.ask(agent => agent.post<wire.Moved>(path, {}))
      invocation.answer(
        moved,
        ({ count }) => `${countWords(count, 'MAC address', 'MAC addresses')} of ${printable(subscriber)} forgotten\n`
      )
    })
}
