import { mkdir, open, readFile, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { places } from './places.js'
import { mendTable } from './tablefile.js'
import type { Mended } from './tablefile.js'

/** A table file that would end the process. */
export interface UnsafeFile {
  readonly name: string
  readonly mended: Exclude<Mended, { readonly state: 'sound' }>
}

/** Looks for table files that LevelDB must not read as they are. Reads all of them: about 3 s a GiB. */
export async function* unsafeFiles(directory: string): AsyncGenerator<UnsafeFile> {
  const store = join(directory, places.store)
  const names = await readdir(store).catch(() => [])
  for (const name of names.filter(each => each.endsWith('.ldb'))) {
    const mended = mendTable(await readFile(join(store, name)))
    if (mended.state !== 'sound') yield { name, mended }
  }
}

/**
 * Makes all table files safe: blocks that LevelDB must not read are struck out, and files that cannot be made safe are
 * taken away. The originals are kept in the folder `damaged`. What is missing then is found by reading.
 * @returns how many files were touched
 */
export async function mendFiles(directory: string, log?: Logger): Promise<number> {
  let count = 0
  for await (const { name, mended } of unsafeFiles(directory)) {
    log?.error({ file: name, state: mended.state }, 'a file of the ledger is damaged; the original is kept')
    await replace(directory, name, mended)
    count++
  }
  return count
}

async function replace(directory: string, name: string, mended: UnsafeFile['mended']): Promise<void> {
  const path = join(directory, places.store, name)
  const kept = join(directory, places.damaged)
  await mkdir(kept, { recursive: true, mode: 0o700 })
  if (mended.state === 'struck') await writeSynced(`${path}.mended`, mended.octets)
  await rename(path, join(kept, `${Date.now()}-${name}`))
  if (mended.state === 'struck') await rename(`${path}.mended`, path)
}

async function writeSynced(path: string, octets: Buffer): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(octets)
    await file.sync()
  } finally {
    await file.close()
  }
}
