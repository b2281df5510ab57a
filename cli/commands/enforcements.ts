import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { table } from '../table.js'
import { countWords, durationWords, timeWords } from '../words.js'

/** `turnpike enforcements` and `turnpike release` */
export function enforcementCommands(program: Command): void {
  program
    .command('enforcements')
    .description("billing's decisions on their way to the network, and the proof")
    .option('--subscriber <id>', 'only of this subscriber, by id or User-Name')
    .option('--limit <count>', 'at most so many steps', wholeNumber, 50)
    .action(async (options: { subscriber?: string; limit: number }, command: Command) => {
      const invocation = new Invocation(command)
      const found = await invocation.ask(agent => agent.get<wire.EnforcementList>('/v1/enforcements', { ...options }))
      invocation.answer(found, enforcementWords)
    })
  program
    .command('release')
    .description('let the blocks go that the brake holds back')
    .action(async (_options: object, command: Command) => {
      const invocation = new Invocation(command)
      const moved = await invocation.ask(agent => agent.post<wire.Moved>('/v1/brakes/release'))
      invocation.answer(moved, ({ count }) => `${countWords(count, 'block')} released\n`)
    })
}

function enforcementWords({ enforcements }: wire.EnforcementList): string {
  return table(enforcements, [
    { title: 'DECIDED', value: step => timeWords(step.requestedAt) },
    { title: 'SUBSCRIBER', value: step => step.subject },
    { title: 'WANTED', value: step => step.want },
    { title: 'STATE', value: step => step.state },
    { title: 'AFTER', value: step => durationWords(step.afterMs), right: true },
    { title: 'WAY', value: step => step.way ?? '' },
    { title: 'NAS', value: step => step.nas ?? '' },
    { title: 'DETAIL', value: step => step.detail }
  ])
}
