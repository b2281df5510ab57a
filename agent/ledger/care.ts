import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../model/index.js'
import type { Block, Lost } from './contract.js'
import { LedgerError } from './errors.js'
import { mendFiles, unsafeFiles } from './filecheck.js'
import { Handle } from './handle.js'
import { blocksOf, inspect } from './inspect.js'
import type { ExportedRecord, InspectOptions, LedgerReport } from './inspect.js'
import { openLedger } from './open.js'
import { readMark } from './mark.js'
import { openRepaired } from './mending.js'
import { openExisting, places } from './places.js'
import type { Range } from './ranges.js'
import { survey } from './start.js'
import type { Survey } from './start.js'
import { openStore } from './store.js'

/*
 * What an engineer does to a ledger that no agent is using at the moment. Each of these takes LevelDB's lock, so that
 * an agent which runs on the same directory makes them fail with LEDGER_LOCKED.
 */

/** Walks through everything and changes nothing. @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE`, `LEDGER_VERSION` */
export function verify(directory: string, options: InspectOptions = {}): Promise<LedgerReport> {
  return withLedger(directory, (handle, found) => inspect(handle, found, options))
}

/**
 * Brings a damaged ledger back: LevelDB's own repair where it cannot be opened, a new epoch where numbers are in doubt,
 * and everything damaged into quarantine.
 * @returns what is there afterwards
 * @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE`, `LEDGER_VERSION`
 */
export async function repair(
  directory: string,
  { log, clock = Date.now, ...options }: { log?: Logger; clock?: Clock } & InspectOptions = {}
): Promise<LedgerReport> {
  await mendFiles(directory, log)
  const { store } = await openRepaired(join(directory, places.store), () => openExisting(directory), clock, log)
  await store.close()
  const ledger = await openLedger({ directory, reserveOctets: 0, clock, ...(log && { log }) })
  try {
    await ledger.quarantineAll()
    return await ledger.verify(options)
  } finally {
    await ledger.close()
  }
}

/**
 * Every record that is kept, and what is lost, in order.
 * @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE`, `LEDGER_VERSION`
 */
export async function* exportRecords(
  directory: string,
  bounds: Partial<Range> = {},
  options: InspectOptions = {}
): AsyncGenerator<ExportedRecord | { readonly lost: Lost }> {
  const { handle, found } = await openIdle(directory)
  try {
    yield* recordsOf(blocksOf(handle, found, bounds, options))
  } finally {
    await handle.close()
  }
}

/** The records of blocks, each with its epoch; works on `Ledger.read` too. */
export async function* recordsOf(
  blocks: AsyncIterable<Block | { readonly lost: Lost }>
): AsyncGenerator<ExportedRecord | { readonly lost: Lost }> {
  for await (const piece of blocks) {
    if ('lost' in piece) yield piece
    else for (const record of piece.records) yield { ...record, epoch: piece.epoch }
  }
}

async function openIdle(directory: string): Promise<{ handle: Handle; found: Survey }> {
  for await (const { name } of unsafeFiles(directory)) {
    throw new LedgerError('LEDGER_UNREADABLE', `Corruption: LevelDB cannot read ${name} without harm`)
  }
  const store = await openExisting(directory)
  const handle = new Handle(store, join(directory, places.store), openStore)
  try {
    return { handle, found: await survey(store, (await readMark(join(directory, places.mark))).head) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function withLedger<T>(directory: string, work: (handle: Handle, found: Survey) => Promise<T>): Promise<T> {
  const { handle, found } = await openIdle(directory)
  try {
    return await work(handle, found)
  } finally {
    await handle.close()
  }
}
