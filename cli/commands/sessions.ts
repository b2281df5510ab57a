import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import type { ApiClient } from '../client.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { type Column, table } from '../table.js'
import { countWords, durationWords, octetWords } from '../words.js'

interface Options {
  readonly subscriber?: string
  readonly nas?: string
  readonly state?: string
  readonly limit: number
}

/** `turnpike sessions` */
export function sessionsCommand(program: Command): void {
  program
    .command('sessions')
    .description('who is connected')
    .option('--subscriber <id>', 'only of this subscriber, by id or User-Name')
    .option('--nas <id>', 'only on this NAS')
    .option('--state <state>', 'open, stale or closed')
    .option('--limit <count>', 'at most so many', wholeNumber, 100)
    .action(async (options: Options, command: Command) => {
      const invocation = new Invocation(command)
      invocation.answer(await invocation.ask(agent => collect(agent, options)), sessionWords)
    })
}

/** Follows the pages until there are `limit` sessions. */
async function collect(agent: ApiClient, { limit, ...filter }: Options): Promise<wire.SessionList> {
  const sessions: wire.SessionWire[] = []
  let cursor: string | undefined
  do {
    const query = { ...filter, limit: Math.max(1, Math.min(1000, limit - sessions.length)), cursor }
    const page = await agent.get<wire.SessionList>('/v1/sessions', query)
    sessions.push(...page.sessions)
    cursor = page.cursor
  } while (cursor !== undefined && sessions.length < limit)
  return { sessions, ...(cursor !== undefined && { cursor }) }
}

/** The columns in which sessions are shown. */
export const sessionColumns: readonly Column<wire.SessionWire>[] = [
  { title: 'SUBSCRIBER', value: session => session.subscriber },
  { title: 'USER-NAME', value: session => session.userName },
  { title: 'NAS', value: session => session.nas },
  { title: 'ADDRESS', value: session => session.framedIpv4 || session.delegatedPrefix || session.framedIpv6Prefix },
  { title: 'UP', value: session => octetWords(session.upOctets), right: true },
  { title: 'DOWN', value: session => octetWords(session.downOctets), right: true },
  { title: 'FOR', value: session => durationWords(session.seconds * 1000), right: true },
  { title: 'STATE', value: session => session.state },
  { title: 'ID', value: session => session.id }
]

function sessionWords({ sessions, cursor }: wire.SessionList): string {
  const more = cursor === undefined ? '' : ', and there are more: --limit'
  return `${table(sessions, sessionColumns)}${countWords(sessions.length, 'session')}${more}\n`
}
