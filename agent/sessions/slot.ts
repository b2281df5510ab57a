import type { Session } from '../model/index.js'

/**
 * Where a session stands in the table. The session object is replaced at each change, the slot stays: so the indexes
 * need no touch when a packet only counts.
 */
export class Slot {
  session: Session
  /** Sequence of the last record folded in; durable once the ledger's head has reached it. */
  sequence: number
  /** When it was last heard, in the table's own seconds (`Silence`): immune to steps of the clock. */
  heard: number
  /** Seconds between Interim-Updates as learnt; 0 before the second. */
  interval = 0
  /** The NAS's restart count when the session last proved alive. */
  boot: number
  /** Whether the next checkpoint must write it. */
  changed = false
  /** Whether a checkpoint has written it. */
  stored = false

  constructor(session: Session, sequence: number, heard: number, boot: number) {
    this.session = session
    this.sequence = sequence
    this.heard = heard
    this.boot = boot
  }

  get live(): boolean {
    return this.session.state !== 'closed'
  }

  /** Learns from the session time between two packets that counted; one that was lost or early wears off. */
  learn(seconds: number): void {
    if (seconds > 0) this.interval = Math.max(seconds, Math.floor((this.interval * 3) / 4))
  }
}
