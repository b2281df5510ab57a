import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from './errors.js'
import { openStore } from './store.js'
import type { Store } from './store.js'

/*
 * The ledger's directory:
 *
 *   store/   LevelDB; its keys are in keys.ts, blocks in block.ts, small values in sealed.ts
 *   mark     the durable head, as a witness against LevelDB: mark.ts
 *   reserve  room that is given up when the disk is full: reserve.ts
 *   damaged/ originals of files that had to be mended: filecheck.ts
 */
export const places = { store: 'store', mark: 'mark', reserve: 'reserve', damaged: 'damaged' } as const

/** Opens the store of a ledger that is there already. @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE` */
export async function openExisting(directory: string): Promise<Store> {
  const location = join(directory, places.store)
  await access(location).catch(() => {
    throw new LedgerError('LEDGER_UNREADABLE', `${directory} holds no ledger`)
  })
  return openStore(location)
}
