import type { Logger } from 'pino'
import type { Clock } from '../model/index.js'
import type { Reserve } from './reserve.js'
import { Meta, metaOperation } from './start.js'
import { isDamage, isNoSpace, repairStore } from './store.js'
import type { Store } from './store.js'

/** An opened store, and whether it had to be repaired. */
export interface Opened {
  readonly store: Store
  readonly repaired: boolean
}

/**
 * Opens a store; where its files are damaged, repairs them first and sees to it that a new epoch begins.
 * LevelDB's repair may bring back older values of tables and cursors: cursors that go back cost only repetition, which
 * billing recognises by its ids.
 */
export async function openRepaired(
  location: string,
  open: () => Promise<Store>,
  clock: Clock,
  log?: Logger
): Promise<Opened> {
  try {
    return { store: await open(), repaired: false }
  } catch (error) {
    if (!isDamage(error)) throw error
    log?.error({ err: error }, 'the files of the ledger are damaged and will be repaired')
    await repairStore(location)
    const store = await open()
    await store.batch([metaOperation(Meta.renew, clock())], { sync: true })
    return { store, repaired: true }
  }
}

/** The same where the disk may be full: LevelDB then gets the room of the reserve. */
export async function openWithRoom(
  location: string,
  open: () => Promise<Store>,
  reserve: Reserve,
  clock: Clock,
  log?: Logger
): Promise<Opened> {
  try {
    return await openRepaired(location, open, clock, log)
  } catch (error) {
    if (!isNoSpace(error)) throw error
    await reserve.release()
    return openRepaired(location, open, clock, log)
  }
}
