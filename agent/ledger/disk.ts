import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** What the ledger takes of the disk, and what is left there; octets. */
export interface DiskUse {
  readonly used: number
  readonly free: number
}

/** Measures a ledger's LevelDB: some hundreds of files at most, so that this may be done every few seconds. */
export async function measureDisk(location: string): Promise<DiskUse> {
  const names = await readdir(location)
  // LevelDB deletes files while we look.
  const sizes = await Promise.all(
    names.map(name =>
      stat(join(location, name)).then(
        ({ size }) => size,
        () => 0
      )
    )
  )
  const { bavail, bsize } = await statfs(location)
  return { used: sizes.reduce((sum, size) => sum + size, 0), free: bavail * bsize }
}
