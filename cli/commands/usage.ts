import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import { facts, table } from '../table.js'
import { octetWords, timeWords } from '../words.js'
import { sessionColumns } from './sessions.js'

/** `turnpike usage <subscriber>` */
export function usageCommand(program: Command): void {
  program
    .command('usage')
    .argument('<subscriber>', 'id or User-Name')
    .option('--since <time>', 'RFC 3339, such as 2026-11-01T00:00:00Z; 30 days ago unless you say')
    .description('what a subscriber used')
    .action(async (subscriber: string, { since }: { since?: string }, command: Command) => {
      const invocation = new Invocation(command)
      const path = `/v1/subscribers/${encodeURIComponent(subscriber)}/usage`
      invocation.answer(await invocation.ask(agent => agent.get<wire.Usage>(path, { since })), usageWords)
    })
}

function usageWords(usage: wire.Usage): string {
  const total = BigInt(usage.upOctets) + BigInt(usage.downOctets)
  return `${facts([
    ['subscriber', `${usage.username} (${usage.subscriber})`],
    ['since', timeWords(usage.since)],
    ['up', octetWords(usage.upOctets)],
    ['down', octetWords(usage.downOctets)],
    ['together', `${octetWords(total)} (${total} octets)`]
  ])}\n${table(usage.sessions, sessionColumns)}`
}
