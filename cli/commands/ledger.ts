import { once } from 'node:events'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import {
  type ExportedRecord,
  exportRecords,
  type LedgerReport,
  type Lost,
  repair,
  verify
} from '../../agent/ledger/index.js'
import { toEvent } from '../../agent/uplink/events.js'
import { csvHeader, csvLine } from '../csv.js'
import { exit } from '../errors.js'
import { Invocation, wholeNumber } from '../invocation.js'
import { type Column, facts, table } from '../table.js'
import { countWords } from '../words.js'

interface Place {
  readonly directory?: string
}

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
      report(invocation, await verify(directoryOf(invocation, directory), process.stderr.isTTY ? { onProgress } : {}))
    })
  ledger
    .command('repair')
    .description('bring a damaged ledger back, and put what is damaged aside')
    .addOption(place())
    .action(async ({ directory }: Place, command: Command) => {
      const invocation = new Invocation(command)
      report(invocation, await repair(directoryOf(invocation, directory)))
    })
  ledger
    .command('export')
    .description('every record as one line: JSON as billing gets it, or usage as CSV')
    .addOption(place())
    .addOption(new Option('--format <format>', 'how').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--from <record>', 'first record', wholeNumber)
    .option('--to <record>', 'last record', wholeNumber)
    .action(async (options: ExportOptions, command: Command) => exportAll(new Invocation(command), options))
}

interface ExportOptions extends Place {
  readonly format: 'ndjson' | 'csv'
  readonly from?: number
  readonly to?: number
}

function directoryOf(invocation: Invocation, asked: string | undefined): string {
  return asked ?? join(invocation.config().data, 'ledger')
}

async function exportAll(invocation: Invocation, { directory, format, from, to }: ExportOptions): Promise<void> {
  const bounds = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  const source = format === 'csv' ? '' : (invocation.config().cloud?.source ?? 'turnpike')
  const line = format === 'csv' ? csvLine : (record: ExportedRecord) => toEvent(record, record.epoch, source).json
  if (format === 'csv') await write(csvHeader)
  let count = 0
  let lost = 0
  for await (const record of exportRecords(directoryOf(invocation, directory), bounds)) {
    if ('lost' in record) {
      invocation.tell(`lost: records ${record.lost.from} to ${record.lost.to} (${record.lost.reason})`)
      lost += record.lost.to - record.lost.from + 1
      continue
    }
    const text = line(record)
    if (text !== undefined) {
      await write(text)
      count++
    }
  }
  invocation.tell(`${countWords(count, 'record')} exported, ${lost} lost`)
  if (lost > 0) process.exitCode = exit.no
}

/** Waits where the reader is slower than the disk. */
async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

function onProgress(sequence: number, head: number): void {
  const share = head === 0 ? 1 : sequence / head
  const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░')
  process.stderr.write(`\r${bar} ${Math.round(share * 100)} %${sequence >= head ? '\n' : ''}`)
}

function report(invocation: Invocation, found: LedgerReport): void {
  invocation.answer(found, reportWords)
  if (found.lost.length + found.damagedBlocks + found.damagedEntries > 0) process.exitCode = exit.no
}

function reportWords(report: LedgerReport): string {
  const { floor, head, records, blocks, lost, damagedBlocks, damagedEntries, quarantined, cursors } = report
  const places = Object.entries(cursors).map(([consumer, sequence]) => `${consumer} ${sequence}`)
  const well = lost.length + damagedBlocks + damagedEntries === 0
  return `${facts([
    ['records', `${records} in ${countWords(blocks, 'block')}, from ${floor} to ${head}`],
    ['cursors', places.join(', ')],
    ['damaged', `${countWords(damagedBlocks, 'block')}, ${damagedEntries} small values`],
    ['quarantine', countWords(quarantined, 'value')]
  ])}${well ? 'all is well\n' : `${table(lost, lostColumns)}Some of it cannot be read: turnpike ledger repair puts that aside, and billing is told what is lost.\n`}`
}

const lostColumns: readonly Column<Lost>[] = [
  { title: 'LOST FROM', value: ({ from }) => String(from), right: true },
  { title: 'TO', value: ({ to }) => String(to), right: true },
  { title: 'WHY', value: ({ reason }) => reason }
]
