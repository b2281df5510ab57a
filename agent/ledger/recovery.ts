import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Group } from './group.js'
import type { Handle } from './handle.js'
import { Space, behindPrefix, sequenceKey, spaceRange } from './keys.js'
import type { Reserve } from './reserve.js'
import { Meta, metaOperation } from './start.js'
import { isNoSpace, readPage } from './store.js'
import type { Operation, Store } from './store.js'

/*
 * After a failed write nobody knows whether the group is on disk, and LevelDB takes no more writes until it is opened
 * again. Everybody has been told that the group was not stored, and its numbers will be given again. So, before the
 * next record is taken:
 *
 *   1. what the group wanted to change is read from the failed store, whose memory never saw the group;
 *   2. the store is opened again, which writes what it finds in its log to new files;
 *   3. in one synced batch, blocks beyond the durable head are deleted, and changed keys get their old values back.
 *
 * Only then does the store serve. Nobody reads beyond the durable head meanwhile, so nobody ever sees such a block.
 * If the process dies in between, the group counts where it is on disk: it is whole, and its numbers went to nobody else.
 */
const PAGE = 1024 * 1024

/** Waiting times between attempts, milliseconds: doubled from `first` up to `most`. */
export interface Backoff {
  readonly first: number
  readonly most: number
}

export interface RecoveryOptions {
  readonly handle: Handle
  readonly reserve: Reserve
  readonly backoff: Backoff
  readonly log: Logger | undefined
}

/** Opens the store again after a failure, for as long as it takes. */
export class Recovery {
  readonly #options: RecoveryOptions
  #attempts = 0

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** A write succeeded: the next failure starts with the shortest wait again. */
  succeeded(): void {
    this.#attempts = 0
  }

  /**
   * @param head the durable head
   * @returns a store that takes writes and holds nothing beyond the head, and whether the disk had been full;
   * undefined when the signal aborted
   */
  async run(
    cause: unknown,
    failed: Group,
    head: number,
    signal: AbortSignal
  ): Promise<{ store: Store; full: boolean } | undefined> {
    const { handle, reserve, log } = this.#options
    const undo = await previousValues(handle.current, failed.changes, log)
    let full = isNoSpace(cause)
    while (!signal.aborted) {
      try {
        await this.#wait(signal)
        if (full) await reserve.release()
        return { store: await handle.reopen(store => rollBack(store, head, undo)), full }
      } catch (error) {
        full ||= isNoSpace(error)
        if (!signal.aborted) log?.warn({ err: error }, 'the ledger could not be opened again yet')
      }
    }
    return undefined
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { first, most } = this.#options.backoff
    const attempt = this.#attempts++
    if (attempt > 0) await delay(Math.min(most, first * 2 ** (attempt - 1)), undefined, { signal })
  }
}

/** What the changes will have to be undone with. */
async function previousValues(
  store: Store | undefined,
  changes: readonly Operation[],
  log: Logger | undefined
): Promise<Operation[]> {
  if (store === undefined || changes.length === 0) return []
  const keys = [...new Map(changes.map(({ key }) => [key.toString('latin1'), key])).values()]
  try {
    const undo: Operation[] = []
    for (const key of keys) {
      const [pair] = await readPage(store, { gte: key, lte: key }, 1)
      undo.push(pair === undefined ? { type: 'del', key } : { type: 'put', key, value: pair[1] })
    }
    return undo
  } catch (error) {
    log?.error(
      { err: error },
      'the state before the failed write cannot be read: tables may hold what was not acknowledged'
    )
    return []
  }
}

async function rollBack(store: Store, head: number, undo: readonly Operation[]): Promise<void> {
  const beyond: Operation[] = []
  const range = { ...spaceRange(Space.block), gte: behindPrefix(sequenceKey(Space.block, head)) }
  for (const [key] of await readPage(store, range, PAGE)) beyond.push({ type: 'del', key })
  // Written even when nothing is to be undone: it proves that the store takes writes.
  await store.batch([...beyond, ...undo, metaOperation(Meta.head, head)], { sync: true })
}
