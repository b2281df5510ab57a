import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openLedger, restore } from '../agent/ledger/index.js'
import { clearBar, drawBar, isBarSeen } from './bar.js'
import { CliError } from './errors.js'
import type { Invocation } from './invocation.js'
import { directoryOf } from './ledger-care.js'
import { countWords } from './words.js'

const LOOK_EVERY = 200

/**
 * Copies the ledger: by the agent where it runs, so that it goes on; else, or where a directory is named, by ourselves.
 * @throws LedgerError `LEDGER_NOT_EMPTY`, `LEDGER_UNREADABLE`; CliError `CLI_REFUSED`
 */
export async function backupLedger(invocation: Invocation, to: string, asked: string | undefined): Promise<void> {
  const target = resolve(to)
  const directory = await directoryOf(invocation, asked)
  const done = watch(join(directory, 'store'), `${target}.partial`)
  try {
    const head = await (asked === undefined ? online(invocation, target, directory) : offline(directory, target))
    invocation.answer({ backup: target, head }, () => `${countWords(head, 'record')} backed up in ${target}\n`)
  } finally {
    done()
  }
}

async function online(invocation: Invocation, target: string, directory: string): Promise<number> {
  try {
    return (await invocation.ask(agent => agent.post<{ head: number }>('/v1/ledger/backup', { directory: target }, 0)))
      .head
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'CLI_NOT_RUNNING') throw error
    return offline(directory, target)
  }
}

async function offline(directory: string, target: string): Promise<number> {
  statSync(join(directory, 'store'))
  const ledger = await openLedger({ directory, reserveOctets: 0, lowWaterOctets: 0 })
  try {
    await ledger.backupTo(target)
    return ledger.durableHead
  } finally {
    await ledger.close()
  }
}

/** Makes a ledger of a backup. @throws LedgerError `LEDGER_NOT_EMPTY`, `LEDGER_NO_BACKUP` */
export async function restoreLedger(invocation: Invocation, from: string, asked: string | undefined): Promise<void> {
  const directory = resolve(await directoryOf(invocation, asked))
  const done = watch(join(resolve(from), 'store'), `${directory}.partial`)
  try {
    await restore(resolve(from), directory)
    invocation.answer({ restored: directory }, () => `restored in ${directory}: the next start begins a new epoch\n`)
  } finally {
    done()
  }
}

/** Shows on a terminal how far a copy is: by the octets that are there. @returns ends it */
function watch(source: string, target: string): () => void {
  if (!isBarSeen()) return () => undefined
  const whole = Math.max(1, octetsIn(source))
  const timer = setInterval(() => drawBar(Math.min(1, octetsIn(join(target, 'store')) / whole)), LOOK_EVERY)
  return () => {
    clearInterval(timer)
    clearBar()
  }
}

function octetsIn(directory: string): number {
  try {
    return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  } catch {
    return 0
  }
}
