import { Command } from 'commander'
import { checkCommand } from './commands/check.js'
import { devicesCommand } from './commands/devices.js'
import { enforcementCommands } from './commands/enforcements.js'
import { evidenceCommand } from './commands/evidence.js'
import { ledgerCommand } from './commands/ledger.js'
import { macsCommand } from './commands/macs.js'
import { nasCommand } from './commands/nas.js'
import { provisionCommand } from './commands/provision.js'
import { quarantineCommand } from './commands/quarantine.js'
import { radtestCommand } from './commands/radtest.js'
import { rejectionsCommand } from './commands/rejections.js'
import { runCommand } from './commands/run.js'
import { sandboxCommand } from './commands/sandbox.js'
import { sessionsCommand } from './commands/sessions.js'
import { statusCommand } from './commands/status.js'
import { decisionCommands } from './commands/suspend.js'
import { templatesCommand } from './commands/templates.js'
import { usageCommand } from './commands/usage.js'
import { whyCommand } from './commands/why.js'
import { version } from './program-version.js'

/** The whole command line. Errors come out of `parseAsync`; commander has told its own by then. */
export function createProgram(): Command {
  const program = new Command('turnpike')
    .description(
      'The edge agent of an internet provider: RADIUS, usage that billing can trust, enforcement with proof.'
    )
    .version(version())
    .option('-c, --config <file>', 'configuration file (TURNPIKE_CONFIG; /etc/turnpike/turnpike.yaml)')
    .option('--socket <path>', "socket of the running agent (TURNPIKE_SOCKET; the configuration's api.socket)")
    .option('--json', 'answer in JSON')
    .option('--debug', 'show where an error comes from')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(turnpike --help lists the commands; turnpike COMMAND --help explains one)')
    .exitOverride()
  const commands = [
    runCommand,
    checkCommand,
    statusCommand,
    devicesCommand,
    sessionsCommand,
    whyCommand,
    usageCommand,
    decisionCommands,
    enforcementCommands,
    rejectionsCommand,
    evidenceCommand,
    quarantineCommand,
    macsCommand,
    provisionCommand,
    templatesCommand,
    nasCommand,
    radtestCommand,
    ledgerCommand,
    sandboxCommand
  ]
  for (const register of commands) register(program)
  return program
}
