import { type Accounting, type Milliseconds, Recent } from '../model/index.js'
import type { Folded } from './fold.js'

/*
 * The packets that changed nothing, duplicates and late ones, for whoever asks why a bill is what it is. They have no
 * record in the ledger (docs/adr/0002), so the last few of a session are kept here, and in its checkpoint entry.
 */
const MOST_OF_A_SESSION = 8
const MOST_SESSIONS = 10_000

/** A packet that billed nothing. */
export interface UnbilledPacket {
  readonly verdict: 'duplicate' | 'late'
  readonly status: 'start' | 'interim' | 'stop'
  /** When it arrived, and when it says that it happened. */
  readonly receivedAt: Milliseconds
  readonly eventAt: Milliseconds
  /** Acct-Session-Time, seconds; `UNKNOWN_SECONDS` without it. */
  readonly seconds: number
  /** False when it told no octets. */
  readonly counted: boolean
  /** The running totals that it told. */
  readonly upOctets: bigint
  readonly downOctets: bigint
  /** The reason, a clause for a person. */
  readonly words: string
}

const NONE: readonly UnbilledPacket[] = []

/** The last of them, of the sessions that had one last: at most 8 of each of 10,000, whatever storm comes. */
export class Unbilled {
  readonly #bySession = new Recent<readonly UnbilledPacket[]>(MOST_SESSIONS)

  of(session: string): readonly UnbilledPacket[] {
    return this.#bySession.get(session) ?? NONE
  }

  /** Notes a packet that was folded and changed nothing. */
  note({ session, verdict, words }: Folded, accounting: Accounting): void {
    const { status, receivedAt, eventAt, seconds, counted, upOctets, downOctets } = accounting
    if ((verdict !== 'duplicate' && verdict !== 'late') || status === 'on' || status === 'off') return
    const packet = { verdict, status, receivedAt, eventAt, seconds, counted, upOctets, downOctets, words }
    this.put(session.id, [...this.of(session.id).slice(1 - MOST_OF_A_SESSION), packet])
  }

  /** Puts back what a checkpoint kept. */
  put(session: string, packets: readonly UnbilledPacket[]): void {
    if (packets.length === 0) return
    this.#bySession.set(session, packets)
  }

  forget(session: string): void {
    this.#bySession.delete(session)
  }
}
