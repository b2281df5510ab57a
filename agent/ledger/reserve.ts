import { randomFillSync } from 'node:crypto'
import { open, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

const CHUNK = 1024 * 1024

/**
 * A file that keeps room on the disk. LevelDB needs room to be opened again after the disk was full, and to delete;
 * the reserve is given up for that, and made again when there is space.
 */
export class Reserve {
  readonly #path: string
  readonly #octets: number
  #making: Promise<boolean> | undefined

  /** @param octets how much to keep; 0 keeps none */
  constructor(path: string, octets: number) {
    this.#path = path
    this.#octets = octets
  }

  /**
   * Makes the reserve, or what is missing of it.
   * @returns whether it is whole; when it is not, nothing is left of it
   */
  ensure(signal?: AbortSignal): Promise<boolean> {
    this.#making ??= this.#make(signal).finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  /** Gives the room to others. */
  async release(): Promise<void> {
    await this.#making
    await rm(this.#path, { force: true })
  }

  async #make(signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#fill(signal)
      return true
    } catch {
      if (signal?.aborted !== true) await rm(this.#path, { force: true })
      return false
    }
  }

  // Filling a disk to the brim only to find out would make others fail; the margin keeps it from going to and fro.
  async #needRoom(missing: number): Promise<void> {
    const { bavail, bsize } = await statfs(dirname(this.#path))
    if (bavail * bsize < missing + this.#octets / 2) throw new Error('no room for the reserve')
  }

  // Real, random octets: a sparse or compressed file would keep no room.
  async #fill(signal?: AbortSignal): Promise<void> {
    const file = await open(this.#path, 'a', 0o600)
    try {
      const missing = this.#octets - (await file.stat()).size
      if (missing <= 0) return
      await this.#needRoom(missing)
      const chunk = randomFillSync(Buffer.allocUnsafe(Math.min(CHUNK, missing)))
      for (let left = missing; left > 0; left -= chunk.length) {
        signal?.throwIfAborted()
        await file.write(chunk, 0, Math.min(chunk.length, left))
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }
}
