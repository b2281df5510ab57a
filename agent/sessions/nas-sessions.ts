import type { Accounting, Milliseconds } from '../model/index.js'
import { Bag } from './bag.js'
import type { Slot } from './slot.js'

const SAME_TIMED = 5_000
const SAME_UNTIMED = 30_000
const WRONG_CLOCK = 600_000

/**
 * The sessions of one NAS, and its restarts. Accounting-On or -Off dooms all sessions at once by raising `boot`;
 * writing that down takes a while for thousands of them, and goes on in the background. A doomed session counts as
 * closed meanwhile; what opens after is not doomed.
 */
export class NasSessions {
  readonly id: string
  readonly byAcctSessionId = new Bag()
  readonly byPort = new Bag()
  boot = 0
  /** Sessions that began before this were ended by the last restart. */
  restartAt: Milliseconds = -Infinity
  #heardAt: Milliseconds = -Infinity
  /** Settles when all that the last restart doomed are closed durably. */
  closing: Promise<void> | undefined

  constructor(id: string) {
    this.id = id
  }

  /** Whether doomed sessions may still wait to be closed: also after a failure. */
  unfinished = false

  /**
   * Takes an Accounting-On or -Off.
   * @returns false for a retransmission: nothing that opened since is doomed by it
   */
  restart(accounting: Accounting): boolean {
    const { eventAt, receivedAt } = accounting
    // A NAS that has just booted may not know the time yet.
    const at = receivedAt - eventAt > WRONG_CLOCK ? receivedAt : eventAt
    const same = eventAt === receivedAt ? SAME_UNTIMED : SAME_TIMED
    if (Math.abs(eventAt - this.#heardAt) <= same || at <= this.restartAt) return false
    this.#heardAt = eventAt
    this.restartAt = at
    this.boot++
    this.unfinished = true
    return true
  }

  /** Whether a live session of this NAS was ended by its restart and is not written down as closed yet. */
  isDoomed(slot: Slot): boolean {
    return slot.boot < this.boot && slot.live && slot.session.startedAt < this.restartAt
  }
}
