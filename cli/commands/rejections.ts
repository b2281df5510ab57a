import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { table } from '../table.js'
import { timeWords } from '../words.js'

/** `turnpike rejections` */
export function rejectionsCommand(program: Command): void {
  program
    .command('rejections')
    .description('who was not let on since the agent started, and why, the last first')
    .option('--limit <number>', 'how many kinds are shown', wholeNumber, 50)
    .action(async (options: { limit: number }, command: Command) => {
      const invocation = new Invocation(command)
      const path = `/v1/rejections?limit=${options.limit}`
      const found = await invocation.ask(agent => agent.get<wire.Rejections>(path))
      invocation.answer(found, ({ rejections }) =>
        table(rejections, [
          { title: 'LAST', value: each => timeWords(each.lastAt) },
          { title: 'TIMES', value: each => String(each.count), right: true },
          { title: 'USER NAME', value: each => each.userName },
          { title: 'FROM', value: each => each.callingStation },
          { title: 'NAS', value: each => each.nas },
          { title: 'CODE', value: each => each.code },
          { title: 'WHY', value: each => each.words }
        ])
      )
    })
}
