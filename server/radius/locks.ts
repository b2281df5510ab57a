import type { Logger } from 'pino'
import type { Ledger } from '../../agent/ledger/contract.js'
import { type Locks, LocksInMemory } from './signing.js'

const TABLE = 'message-authenticator'

/**
 * Locks that survive a restart, in the ledger's table `message-authenticator`. A lock holds in memory at once; if it
 * cannot be written, the box locks itself again after the next start.
 */
export class DurableLocks implements Locks {
  readonly #known = new LocksInMemory()
  readonly #ledger: Pick<Ledger, 'write'>
  readonly #log: Logger

  private constructor(ledger: Pick<Ledger, 'write'>, log: Logger) {
    this.#ledger = ledger
    this.#log = log
  }

  /** Reads the locks. @throws LedgerError */
  static async open(ledger: Pick<Ledger, 'write' | 'entries'>, log: Logger): Promise<DurableLocks> {
    const locks = new DurableLocks(ledger, log)
    for await (const [box] of ledger.entries(TABLE)) locks.#known.lock(box)
    return locks
  }

  has(box: string): boolean {
    return this.#known.has(box)
  }

  lock(box: string): void {
    this.#known.lock(box)
    this.#log.info(
      { nas: box },
      'this NAS signs its requests (Message-Authenticator): unsigned ones are refused from now on'
    )
    const written = this.#ledger.write([{ table: TABLE, key: box, value: Buffer.from('1') }])
    written.catch((error: unknown) => this.#log.warn({ err: error, nas: box }, 'the lock could not be stored'))
  }

  /** Lets a box send unsigned requests again, after its firmware was changed: until it signs the next time. */
  async unlock(box: string): Promise<void> {
    await this.#ledger.write([{ table: TABLE, key: box, value: undefined }])
    this.#known.unlock(box)
  }
}
