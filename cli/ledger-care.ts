import { once } from 'node:events'
import { join } from 'node:path'
import {
  type ExportedRecord,
  exportRecords,
  type InspectOptions,
  type LedgerReport,
  type Lost,
  repair,
  verify
} from '../agent/ledger/index.js'
import { toEvent } from '../agent/uplink/events.js'
import { clearBar, drawBar, isBarSeen } from './bar.js'
import { csvHeader, csvLine } from './csv.js'
import { exit } from './errors.js'
import type { Invocation } from './invocation.js'
import { type Column, facts, table } from './table.js'
import { countWords } from './words.js'

/** Where a ledger is; DATA/ledger of the configuration when nothing is said. */
export interface Place {
  readonly directory?: string
}

/** What of a ledger is exported, and how. */
export interface ExportOptions extends Place {
  readonly format: 'ndjson' | 'csv'
  readonly from?: number
  readonly to?: number
}

/** Reads everything, checks every checksum, changes nothing; exit status 1 when something is lost or damaged. */
export async function verifyLedger(invocation: Invocation, asked: string | undefined): Promise<void> {
  report(invocation, await verify(await directoryOf(invocation, asked), progress()))
}

/** Brings a damaged ledger back, and tells what is there afterwards. */
export async function repairLedger(invocation: Invocation, asked: string | undefined): Promise<void> {
  report(invocation, await repair(await directoryOf(invocation, asked), progress()))
}

/** The ledger that is meant. @throws ConfigError */
export async function directoryOf(invocation: Invocation, asked: string | undefined): Promise<string> {
  return asked ?? join((await invocation.config()).data, 'ledger')
}

/** Writes every record as a line; what is lost is told on standard error, and by exit status 1. */
export async function exportLedger(
  invocation: Invocation,
  { directory, format, from, to }: ExportOptions
): Promise<void> {
  const bounds = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
  const source = format === 'csv' ? '' : ((await invocation.config()).cloud?.source ?? 'turnpike')
  const line =
    format === 'csv' ? csvLine : (record: ExportedRecord) => toEvent(record, record.epoch, source).json.toString()
  // Records that run over the terminal say themselves how far they are.
  const isDrawn = isBarSeen() && !process.stdout.isTTY
  let count = 0
  let lost = 0
  let headed = format !== 'csv'
  // The first step opens the ledger: where that fails, nothing at all is written.
  const head = async (): Promise<void> => {
    if (!headed) await write(csvHeader)
    headed = true
  }
  for await (const record of exportRecords(await directoryOf(invocation, directory), bounds, progress(isDrawn))) {
    await head()
    if ('lost' in record) {
      if (isDrawn) clearBar()
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
  await head()
  invocation.tell(`${countWords(count, 'record')} exported, ${lost} lost`)
  if (lost > 0) process.exitCode = exit.no
}

/** Waits where the reader is slower than the disk. */
async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}

/** A bar where somebody waits at a terminal; it goes when the walk has ended. */
function progress(isSeen = isBarSeen()): InspectOptions {
  return isSeen ? { onProgress: (passed, all) => (passed < all ? drawBar(passed / all) : clearBar()) } : {}
}

const DAMAGED = 'Some of it cannot be read: turnpike ledger repair puts that aside, and billing is told what is lost.'
const LOST = 'What is lost cannot be brought back: the agent tells billing the ranges when it runs.'

function report(invocation: Invocation, found: LedgerReport): void {
  invocation.answer(found, reportWords)
  if (found.lost.length + found.damagedBlocks + found.damagedEntries > 0) process.exitCode = exit.no
}

function reportWords(report: LedgerReport): string {
  const { records, blocks, lost, damagedBlocks, damagedEntries, quarantined, cursors } = report
  const places = Object.entries(cursors).map(([consumer, sequence]) => `${consumer} ${sequence}`)
  const well = lost.length + damagedBlocks + damagedEntries === 0
  return `${facts([
    ['records', `${records} in ${countWords(blocks, 'block')}${extentWords(report)}`],
    ...jumpWords(report),
    ['cursors', places.join(', ')],
    ['damaged', `${countWords(damagedBlocks, 'block')}, ${damagedEntries} small values`],
    ['quarantine', countWords(quarantined, 'value')]
  ])}${well ? 'all is well\n' : `${table(lost, lostColumns)}${damagedBlocks + damagedEntries > 0 ? DAMAGED : LOST}\n`}`
}

/** Nothing is kept where the floor has passed the last number that was given out. */
function extentWords({ floor, head }: LedgerReport): string {
  if (head === 0) return ''
  return floor <= head ? `, from ${floor} to ${head}` : `; the last that was given out is ${head}`
}

/** Numbers that a new epoch jumped over, so that nobody looks for what was never there. */
function jumpWords({ floor, epochs }: LedgerReport): [string, string][] {
  return epochs
    .filter(({ first, after }) => first - 1 > after && first > floor)
    .map(({ first, after }) => [
      'jumped',
      `${after + 1} to ${first - 1} were never given out: a new epoch begins with ${first}`
    ])
}

const lostColumns: readonly Column<Lost>[] = [
  { title: 'LOST FROM', value: ({ from }) => String(from), right: true },
  { title: 'TO', value: ({ to }) => String(to), right: true },
  { title: 'WHY', value: ({ reason }) => reason }
]
