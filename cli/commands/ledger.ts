import { type Command, Option } from 'commander'
import { Invocation, wholeNumber } from '../invocation.js'
import type { ExportOptions, Place } from '../ledger-care.js'

/** `turnpike ledger verify|export|repair` */
export function ledgerCommand(program: Command): void {
  const ledger = program.command('ledger').description('the durable log of usage, while no agent uses it')
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
