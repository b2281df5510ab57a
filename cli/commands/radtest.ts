import { type Command, Option } from 'commander'
import { exit } from '../errors.js'
import { Invocation } from '../invocation.js'
import type { RadtestOptions } from '../radtest.js'

/** `turnpike radtest <username>` */
export function radtestCommand(program: Command): void {
  program
    .command('radtest')
    .argument('<username>', 'User-Name')
    .description('ask a RADIUS server as a NAS would, and explain its verified answer')
    .option(
      '--server <address:port>',
      "the server; the first of this configuration's authentication addresses unless you say"
    )
    .option('--secret <reference>', 'shared secret: file:PATH, credential:NAME or env:NAME')
    .option('--nas <id>', 'take the shared secret of this NAS of the configuration')
    .option(
      '--password <reference>',
      "file:PATH or env:NAME; else it is asked for, or read from standard input's first line"
    )
    .addOption(new Option('--method <method>', 'how the password travels').choices(['pap', 'chap']).default('pap'))
    .option('--calling-station <mac>', 'Calling-Station-Id')
    .option('--timeout <seconds>', 'for each of three transmissions', '2')
    .action(async (username: string, options: RadtestOptions, command: Command) => {
      const { radtest, resultWords } = await import('../radtest.js')
      const invocation = new Invocation(command)
      const result = await radtest(invocation, username, options)
      invocation.answer(result, resultWords)
      if (result.reply !== 'Access-Accept') process.exitCode = exit.no
    })
}
