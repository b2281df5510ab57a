import { crc32 } from 'node:zlib'
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { readNumber, writeNumber } from './keys.js'

/*
 * The mark: the durable head, in a file of its own beside LevelDB's, so that records which LevelDB leaves out at the
 * end of a damaged log are missed. 16 octets, written in place and never synced: it is a witness, not a store.
 *
 *    0  ASCII  "TPM1"
 *    4  uint64 durable head, big-endian
 *   12  uint32 CRC-32 of the 12 octets before
 */
const MAGIC = 'TPM1'
const LENGTH = 16
const SUMMED = 12

function headIn(octets: Buffer): number {
  const whole =
    octets.length === LENGTH &&
    octets.toString('latin1', 0, 4) === MAGIC &&
    crc32(octets.subarray(0, SUMMED)) === octets.readUInt32BE(SUMMED)
  return whole ? readNumber(octets, 4) : 0
}

/** The head that the file at `path` names; 0 when there is none to be believed. */
export async function readMark(path: string): Promise<number> {
  return headIn(await readFile(path).catch(() => Buffer.alloc(0)))
}

/** Keeps the mark of a ledger that is in service. */
export class Mark {
  readonly #file: FileHandle
  readonly #octets = Buffer.alloc(LENGTH)
  /** The head that was found in the file; 0 when there was none to be believed. */
  readonly found: number
  #wanted = 0
  #written = 0
  #writing: Promise<void> | undefined

  private constructor(file: FileHandle, found: number) {
    this.#file = file
    this.found = this.#written = found
    this.#octets.write(MAGIC, 'latin1')
  }

  /** Opens the file, or makes it. */
  static async open(path: string): Promise<Mark> {
    const file = await open(path, 'r+').catch(() => open(path, 'w+'))
    return new Mark(file, await readMark(path))
  }

  /** Notes the head, soon: at most one write is under way, and the newest head wins. */
  note(head: number): void {
    this.#wanted = head
    this.#writing ??= this.#write()
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file.close()
  }

  async #write(): Promise<void> {
    while (this.#wanted !== this.#written) {
      const head = this.#wanted
      writeNumber(this.#octets, head, 4)
      this.#octets.writeUInt32BE(crc32(this.#octets.subarray(0, SUMMED)), SUMMED)
      // A mark that cannot be written only witnesses less.
      await this.#file.write(this.#octets, 0, LENGTH, 0).catch(() => {})
      this.#written = head
    }
    this.#writing = undefined
  }
}
