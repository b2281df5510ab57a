import { type Command, Option } from 'commander'
import type { wire } from '../../server/http/index.js'
import type { EvidenceExport } from '../evidence.js'
import { Invocation } from '../invocation.js'

/** `turnpike evidence <subscriber>` and `turnpike evidence export` */
export function evidenceCommand(program: Command): void {
  const evidence = program
    .command('evidence')
    .argument('<subscriber>', 'id or User-Name; also of one whom billing has removed')
    .description('who ordered what, when notice was given, what was sent and what proved it')
    .action(async (subscriber: string, _options: object, command: Command) => {
      const invocation = new Invocation(command)
      const { evidenceOf, evidenceWords, tellChain } = await import('../evidence.js')
      const found = await invocation.ask(async agent => ({
        entries: await evidenceOf(agent, subscriber),
        chain: await agent.get<wire.EvidenceChain>('/v1/evidence/check')
      }))
      invocation.answer(found, evidenceWords)
      tellChain(invocation, found.chain)
    })
  evidence
    .command('export')
    .argument('[file]', 'where to; standard output unless you say')
    .description('the whole log, one entry a line, for somebody who checks it: each hash is the SHA-256 of its body')
    .option('--csv', 'as CSV; JSON otherwise, unless the file ends with .csv')
    .addOption(new Option('--subscriber <id>', 'only of this subscriber'))
    .action(async (file: string | undefined, options: EvidenceExport, command: Command) => {
      const { exportEvidence } = await import('../evidence.js')
      await exportEvidence(new Invocation(command), file, options)
    })
}
