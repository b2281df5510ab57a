import { type Command, Option } from 'commander'
import { Invocation, wholeNumber } from '../invocation.js'
import type { ExportOptions, Place } from '../ledger-care.js'

/** `turnpike ledger verify|repair|backup|restore|export` */
export function ledgerCommand(program: Command): void {
  const ledger = program
    .command('ledger')
    .description('the durable log of usage: backup at any time, the others while no agent uses it')
  const place = () =>
    new Option('--directory <path>', "the ledger's directory; DATA/ledger of the configuration unless you say")
  ledger
    .command('verify')
    .description('read everything, check every checksum, change nothing')
    .addOption(place())
    .action(async ({ directory }: Place, command: Command) => {
      const invocation = new Invocation(command)
      const { verifyLedger } = await import('../ledger-care.js')
      await verifyLedger(invocation, directory)
    })
  ledger
    .command('repair')
    .description('bring a damaged ledger back, and put what is damaged aside')
    .addOption(place())
    .action(async ({ directory }: Place, command: Command) => {
      const invocation = new Invocation(command)
      const { repairLedger } = await import('../ledger-care.js')
      await repairLedger(invocation, directory)
    })
  ledger
    .command('backup')
    .description('copy it, while the agent runs or while it does not')
    .argument('<target>', 'directory for the copy: absent or empty')
    .addOption(place())
    .action(async (target: string, { directory }: Place, command: Command) => {
      const { backupLedger } = await import('../ledger-backup.js')
      await backupLedger(new Invocation(command), target, directory)
    })
  ledger
    .command('restore')
    .description('make a ledger of a backup; what it holds is sent again under its old ids, so nothing counts twice')
    .argument('<backup>', 'directory that turnpike ledger backup wrote; it stays as it is')
    .addOption(place())
    .action(async (backup: string, { directory }: Place, command: Command) => {
      const { restoreLedger } = await import('../ledger-backup.js')
      await restoreLedger(new Invocation(command), backup, directory)
    })
  ledger
    .command('export')
    .description('every record as one line: JSON as billing gets it, or usage as CSV')
    .addOption(place())
    .addOption(new Option('--format <format>', 'how').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--from <record>', 'first record', wholeNumber)
    .option('--to <record>', 'last record', wholeNumber)
    .action(async (options: ExportOptions, command: Command) => {
      const { exportLedger } = await import('../ledger-care.js')
      await exportLedger(new Invocation(command), options)
    })
}
