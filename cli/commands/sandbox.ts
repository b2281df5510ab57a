import type { Command } from 'commander'
import { Invocation, knownPort, portNumber, wholeNumber } from '../invocation.js'
import type { SandboxOptions } from '../sandbox.js'

/** `turnpike sandbox` */
export function sandboxCommand(program: Command): void {
  program
    .command('sandbox')
    .description('something to try the agent against: a billing cloud and a virtual NAS, on loopback, until Ctrl-C')
    .option('--directory <path>', 'where its state, secrets and a configuration for the agent go', 'sandbox-data')
    .option('--subscribers <count>', 'how many dial in', wholeNumber, 25)
    .option('--billing-port <port>', 'where billing listens', portNumber, 8480)
    .option('--auth-port <port>', 'where the agent will take Access-Requests', knownPort, 1812)
    .option('--acct-port <port>', 'where the agent will take Accounting-Requests', knownPort, 1813)
    .option('--coa-port <port>', 'where the virtual NAS takes CoA and Disconnect', portNumber, 3799)
    .action(async (options: SandboxOptions, command: Command) => {
      const { play } = await import('../sandbox.js')
      await play(new Invocation(command), options)
    })
}
