import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { table } from '../table.js'
import { countWords, timeWords } from '../words.js'

/** `turnpike quarantine list|resend` */
export function quarantineCommand(program: Command): void {
  const quarantine = program.command('quarantine').description('events that billing refused')
  quarantine
    .command('list', { isDefault: true })
    .description('what billing refused, and why')
    .action(async (_options: object, command: Command) => {
      const invocation = new Invocation(command)
      const found = await invocation.ask(agent => agent.get<wire.Quarantine>('/v1/quarantine'))
      invocation.answer(found, ({ events }) =>
        table(events, [
          { title: 'RECORD', value: event => String(event.sequence), right: true },
          { title: 'TIME', value: event => timeWords(event.at) },
          { title: 'WHAT', value: event => event.type },
          { title: 'ABOUT', value: event => event.subject },
          { title: 'REASON', value: event => event.reason }
        ])
      )
    })
  quarantine
    .command('resend')
    .argument('[records...]', 'their numbers; all when none is named')
    .description('send refused events again')
    .action(async (records: string[], _options: object, command: Command) => {
      const invocation = new Invocation(command)
      const body = records.length === 0 ? {} : { sequences: records.map(wholeNumber) }
      const moved = await invocation.ask(agent => agent.post<wire.Moved>('/v1/quarantine/resend', body))
      invocation.answer(moved, ({ count }) => `${countWords(count, 'event')} taken by billing now\n`)
    })
}
