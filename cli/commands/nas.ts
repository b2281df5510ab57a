import { type Command, Option } from 'commander'
import { Invocation, knownPort } from '../invocation.js'
import type { NasOptions } from '../nas-adding.js'
import { vendors } from '../nas-instructions.js'

/** `turnpike nas add` */
export function nasCommand(program: Command): void {
  program
    .command('nas')
    .description('the equipment that may ask')
    .command('add')
    .argument('<id>', 'a name of your choice, such as bras-1')
    .argument('<address...>', 'source addresses or prefixes of the box')
    .description('make a shared secret, add the box to the configuration, and print what to type on it')
    .addOption(new Option('--vendor <vendor>', 'whose vocabulary it speaks').choices(vendors).default('standard'))
    .option('--coa-port <port>', "where it listens for CoA; the vendor's usual port unless you say", knownPort)
    .option('--flip-direction', 'its Acct-Input-Octets is the download (CoovaChilli)')
    .option('--secrets <directory>', 'where the secret file goes; secrets/ beside the configuration unless you say')
    .action(async (id: string, addresses: string[], options: NasOptions, command: Command) => {
      const { addedWords, nasAdd } = await import('../nas-adding.js')
      const invocation = new Invocation(command)
      const { added, secret } = await nasAdd(invocation, { id, addresses }, options)
      invocation.answer(added, value => addedWords(value, secret))
    })
}
