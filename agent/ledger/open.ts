import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from './errors.js'
import { mendFiles } from './filecheck.js'
import { Handle } from './handle.js'
import { LevelLedger } from './level.js'
import { Mark, readMark } from './mark.js'
import { openWithRoom } from './mending.js'
import { settle } from './options.js'
import type { LedgerOptions } from './options.js'
import { places } from './places.js'
import { Reserve } from './reserve.js'
import { start } from './start.js'

/** So many starts without rest make a file of LevelDB's the suspect. */
const CRASHES = 3

/**
 * Opens a ledger, or makes one. Files of LevelDB's that are damaged are repaired; what is lost by that is told when it
 * is read.
 * @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE`, `LEDGER_VERSION`
 */
export async function openLedger(options: LedgerOptions): Promise<LevelLedger> {
  const settings = settle(options)
  const { directory, clock, log } = settings
  const location = join(directory, places.store)
  await makeDirectory(directory)
  const reserve = new Reserve(join(directory, places.reserve), settings.reserveOctets)
  const crashes = (await readMark(join(directory, places.mark))).starts
  if (settings.checkFiles || crashes >= CRASHES) await mendFiles(directory, log)
  const { store, repaired } = await openWithRoom(location, () => settings.openStore(location), reserve, clock, log)
  const handle = new Handle(store, location, settings.openStore)
  let mark: Mark | undefined
  try {
    mark = await Mark.open(join(directory, places.mark))
    const found = await start(store, mark.found.head, clock)
    const ledger = new LevelLedger({ settings, store, handle, mark, reserve, found, repaired })
    await ledger.quarantine(found.damaged)
    return ledger
  } catch (error) {
    await mark?.close()
    await handle.close()
    throw error
  }
}

async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new LedgerError('LEDGER_UNREADABLE', String(error), { cause: error })
  })
}
