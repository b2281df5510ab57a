import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import { facts, table } from '../table.js'
import { octetWords, timeWords } from '../words.js'

/** `turnpike why <session>` */
export function whyCommand(program: Command): void {
  program
    .command('why')
    .argument('<session>', 'its id, as turnpike sessions shows it')
    .description('how a session came to its octets, packet by packet')
    .action(async (session: string, _options: object, command: Command) => {
      const invocation = new Invocation(command)
      const path = `/v1/sessions/${encodeURIComponent(session)}/why`
      invocation.answer(await invocation.ask(agent => agent.get<wire.Story>(path)), storyWords)
    })
}

function storyWords({ session, steps }: wire.Story): string {
  const { userName, subscriber, nas, acctSessionId, state, upOctets, downOctets, duplicates, late, resets } = session
  return `${facts([
    ['session', `${session.id} (${acctSessionId} on ${nas}), ${state}`],
    ['subscriber', `${userName} ${subscriber === '' ? '(unknown)' : `(${subscriber})`}`],
    ['octets', `up ${octetWords(upOctets)}, down ${octetWords(downOctets)}`],
    ['packets', `${duplicates} duplicate, ${late} late, ${resets} counter resets${unlisted(session, steps)}`]
  ])}\n${table(steps, [
    { title: 'TIME', value: step => timeWords(step.at) },
    { title: 'WHAT', value: step => step.cause },
    { title: 'UP', value: step => `+${octetWords(step.upOctets)}`, right: true },
    { title: 'DOWN', value: step => `+${octetWords(step.downOctets)}`, right: true },
    { title: 'RECORD', value: step => (step.sequence === 0 ? '' : String(step.sequence)), right: true },
    { title: 'WHY', value: step => step.words }
  ])}`
}

/** Of the packets that added nothing only the last few are kept. */
function unlisted({ duplicates, late }: wire.SessionWire, steps: wire.Story['steps']): string {
  const more = duplicates + late - steps.filter(({ sequence }) => sequence === 0).length
  return more > 0 ? ` (${more} that added nothing came before those below)` : ''
}
