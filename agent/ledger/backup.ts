import { cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LedgerError } from './errors.js'
import type { Handle } from './handle.js'
import { Space, nameKey, sequenceOf } from './keys.js'
import { openExisting, places } from './places.js'
import { Meta, metaOperation } from './start.js'
import { openStore, readPage } from './store.js'
import type { Operation, Pair, Snapshot, Store } from './store.js'

/*
 * Backup and restore.
 *
 * A backup is a ledger's directory: every key of one moment, copied through a snapshot while records go on arriving.
 * It carries the mark `renew`, so that whoever opens a copy of it begins a new epoch (epochs.ts). That is what keeps
 * records from being billed twice, or not at all:
 *
 *   - The backup knows each cursor as it was then. The original may have sent more since; the restored ledger sends
 *     those records again, under the epoch and sequence that they always had, and billing knows these ids.
 *   - What is appended after the restore carries the new epoch, so that billing never takes it for one of the records
 *     that the original appended after the backup.
 *   - What the original appended after the backup and did not send is gone; billing sees that the old epoch ended.
 */
const PAGE = 1024 * 1024
const PARTIAL = '.partial'

/**
 * Copies a ledger as it is at this moment.
 * @param head the durable head: blocks beyond are left out
 * @param directory must be absent or empty; appears only when the backup is complete
 * @throws LedgerError `LEDGER_NOT_EMPTY`, `LEDGER_UNREADABLE`, `LEDGER_CLOSED`
 */
export async function backup(
  handle: Handle,
  head: number,
  now: number,
  directory: string,
  signal: AbortSignal
): Promise<void> {
  await assertEmpty(directory)
  const partial = await freshPartial(directory)
  const target = await openStore(join(partial, places.store))
  try {
    await handle.use(store => copy(store, target, head, signal))
    await target.batch([metaOperation(Meta.renew, now)], { sync: true })
  } finally {
    await target.close()
  }
  await publish(partial, directory)
}

async function copy(source: Store, target: Store, head: number, signal: AbortSignal): Promise<void> {
  const snapshot = source.snapshot()
  try {
    for await (const page of pages(source, snapshot)) {
      signal.throwIfAborted()
      const wanted = page.filter(([key]) => !isBeyond(key, head))
      await target.batch(
        wanted.map(([key, value]): Operation => ({ type: 'put', key, value })),
        { sync: true }
      )
    }
  } finally {
    await snapshot.close()
  }
}

async function* pages(store: Store, snapshot: Snapshot): AsyncGenerator<Pair[]> {
  let gte = Buffer.of(0)
  for (;;) {
    const page = await readPage(store, { gte }, PAGE, snapshot)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    gte = Buffer.concat([last[0], Buffer.of(0)])
  }
}

function isBeyond(key: Buffer, head: number): boolean {
  return key[0] === Space.block && (sequenceOf(key) ?? 0) > head
}

/**
 * Makes a ledger of a backup. The backup stays as it is.
 * @param directory of the new ledger; must be absent or empty
 * @throws LedgerError `LEDGER_NOT_EMPTY`, `LEDGER_NO_BACKUP`
 */
export async function restore(from: string, directory: string): Promise<void> {
  await assertEmpty(directory)
  const partial = await freshPartial(directory)
  await cp(join(from, places.store), join(partial, places.store), { recursive: true }).catch((error: unknown) => {
    throw new LedgerError('LEDGER_NO_BACKUP', from, { cause: error })
  })
  for (const name of await readdir(join(partial, places.store))) await sync(join(partial, places.store, name))
  const store = await openStore(join(partial, places.store))
  try {
    if ((await store.get(nameKey(Space.meta, Meta.renew))) === undefined)
      throw new LedgerError('LEDGER_NO_BACKUP', from)
  } finally {
    await store.close()
  }
  await publish(partial, directory)
}

/**
 * Says of a ledger that was put back by other means (a copy of the files, a snapshot of the machine) that it was:
 * its next start begins a new epoch.
 * @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE`
 */
export async function markRestored(directory: string, now: number): Promise<void> {
  const store = await openExisting(directory)
  try {
    await store.batch([metaOperation(Meta.renew, now)], { sync: true })
  } finally {
    await store.close()
  }
}

async function assertEmpty(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  if (names.length > 0) throw new LedgerError('LEDGER_NOT_EMPTY', directory)
}

async function freshPartial(directory: string): Promise<string> {
  const partial = resolve(directory) + PARTIAL
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true, mode: 0o700 })
  return partial
}

// The directory appears whole or not at all, also after a power cut.
async function publish(partial: string, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  await rename(partial, directory)
  await sync(dirname(resolve(directory)))
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
