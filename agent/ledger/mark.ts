import { crc32 } from 'node:zlib'
import { open, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { readNumber, writeNumber } from './keys.js'

/*
 * The mark: the durable head, in a file of its own beside LevelDB's, so that records which LevelDB leaves out at the
 * end of a damaged log are missed; and how often the ledger was opened without having come to rest, so that a file
 * which ends the process is found out. 20 octets, big-endian, written in place and never synced: a witness, not a store.
 *
 *    0  ASCII  "TPM1"
 *    4  uint64 durable head
 *   12  uint32 starts since the ledger was last closed or had served for a minute
 *   16  uint32 CRC-32 of the 16 octets before
 */
const MAGIC = 'TPM1'
const LENGTH = 20
const SUMMED = 16

/** What the mark says. */
export interface Marked {
  readonly head: number
  readonly starts: number
}

/** Reads the file at `path`; all zero when there is none to be believed. */
export async function readMark(path: string): Promise<Marked> {
  const octets = await readFile(path).catch(() => Buffer.alloc(0))
  const whole =
    octets.length === LENGTH &&
    octets.toString('latin1', 0, 4) === MAGIC &&
    crc32(octets.subarray(0, SUMMED)) === octets.readUInt32BE(SUMMED)
  return whole ? { head: readNumber(octets, 4), starts: octets.readUInt32BE(12) } : { head: 0, starts: 0 }
}

function encodeMark({ head, starts }: Marked): Buffer {
  const octets = Buffer.alloc(LENGTH)
  octets.write(MAGIC, 'latin1')
  writeNumber(octets, head, 4)
  octets.writeUInt32BE(starts, 12)
  octets.writeUInt32BE(crc32(octets.subarray(0, SUMMED)), SUMMED)
  return octets
}

/** Keeps the mark of a ledger that is in service. */
export class Mark {
  readonly #path: string
  #file: FileHandle | undefined
  /** What was found in the file. */
  readonly found: Marked
  #wanted: Marked
  #written: Marked
  #writing: Promise<void> | undefined
  #closed = false

  private constructor(path: string, file: FileHandle, found: Marked) {
    this.#path = path
    this.#file = file
    this.found = this.#wanted = this.#written = found
  }

  /** Opens the file, or makes it, and counts a start. */
  static async open(path: string): Promise<Mark> {
    const found = await readMark(path)
    const mark = new Mark(path, await openFile(path), found)
    await mark.#note({ head: found.head, starts: found.starts + 1 })
    return mark
  }

  /** Notes the head, soon: at most one write is under way, and the newest head wins. */
  note(head: number): void {
    void this.#note({ head, starts: this.#wanted.starts })
  }

  /** The ledger has come to rest: what is there can be read. */
  rest(): void {
    void this.#note({ head: this.#wanted.head, starts: 0 })
  }

  /** Lets go of the file until the next note: a file system that broke can be unmounted, checked and mounted again. */
  async release(): Promise<void> {
    await this.#writing
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }

  async close(): Promise<void> {
    await this.#writing
    this.#closed = true
    await this.release()
  }

  #note(wanted: Marked): Promise<void> {
    this.#wanted = wanted
    this.#writing ??= this.#write()
    return this.#writing
  }

  async #write(): Promise<void> {
    while (this.#wanted !== this.#written) {
      const wanted = this.#wanted
      // A mark that cannot be written only witnesses less.
      await this.#put(encodeMark(wanted)).catch(() => {})
      this.#written = wanted
    }
    this.#writing = undefined
  }

  async #put(octets: Buffer): Promise<void> {
    if (this.#closed) return
    this.#file ??= await openFile(this.#path)
    await this.#file.write(octets, 0, LENGTH, 0)
  }
}

function openFile(path: string): Promise<FileHandle> {
  return open(path, 'r+').catch(() => open(path, 'w+', 0o600))
}
