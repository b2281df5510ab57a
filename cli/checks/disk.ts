import { accessSync, closeSync, constants, existsSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Config } from '../../config/index.js'
import { octetWords } from '../words.js'
import { type Finding, fix, ok } from './finding.js'

/** Slower than this, accounting waits noticeably for the disk. Milliseconds. */
const SLOW = 20
const SYNCS = 15

/** Whether the data directory can be written, has room for the ledger's budget, and syncs fast enough. */
export async function checkDisk({ data, ledger }: Config): Promise<Finding[]> {
  const directory = nearestExisting(data)
  if (!statSync(directory).isDirectory())
    return [fix('disk', `${directory} is not a directory: choose another for data`)]
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return [await checkRoom(data, directory, ledger.diskBudget), checkSync(directory)]
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOSPC') return [fix('disk', `${directory} is full: free some of it`)]
    const reason =
      code === 'EROFS'
        ? 'is mounted read-only'
        : code === 'ENOTDIR'
          ? 'is not a directory'
          : `may not be written by this user (${code})`
    return [fix('disk', `${directory} ${reason}: mend that, or choose another directory for data`)]
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path))
}

async function checkRoom(data: string, directory: string, budget: number): Promise<Finding> {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  const used = await octetsBelow(data)
  const words = `${octetWords(free)} free in ${directory}, the ledger has ${octetWords(used)} of ${octetWords(budget)}`
  if (free + used >= budget) return ok('disk', words)
  return fix(
    'disk',
    `${words}: free some, or set ledger.diskBudget to ${Math.max(1, Math.floor(((free + used) * 0.8) / 2 ** 30))}GiB`
  )
}

async function octetsBelow(directory: string): Promise<number> {
  if (!existsSync(directory)) return 0
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter(entry => entry.isFile())
    .map(entry =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0
      )
    )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** The median of a few synced writes of one page. */
function checkSync(directory: string): Finding {
  const path = join(directory, `.turnpike-check-${process.pid}`)
  const file = openSync(path, 'wx', 0o600)
  try {
    const times = Array.from({ length: SYNCS }, () => {
      const before = performance.now()
      writeSync(file, Buffer.alloc(4096, 1))
      fsyncSync(file)
      return performance.now() - before
    }).sort((a, b) => a - b)
    const median = times[SYNCS >> 1] ?? 0
    const words = `a synced write takes ${median.toFixed(1)} ms`
    return median <= SLOW
      ? ok('disk speed', words)
      : fix(
          'disk speed',
          `${words}, and every accounting reply waits for one: use an SSD, or a controller with a protected cache`
        )
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}
