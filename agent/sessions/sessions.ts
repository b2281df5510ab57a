import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import type {
  Accounting,
  Cause,
  Clock,
  Grant,
  Granted,
  Milliseconds,
  Refusal,
  Session,
  SessionState
} from '../model/index.js'
import { Checkpoint } from './checkpoint.js'
import { closeSynthetically, fold, type Verdict } from './fold.js'
import { Grants } from './grants.js'
import { SessionIds } from './ids.js'
import { isPredecessor, isSuccessor } from './identity.js'
import { closeDoomed } from './restart.js'
import { restore } from './restore.js'
import { defaultSettings, type SessionSettings } from './settings.js'
import { Silence, type Swept } from './silence.js'
import { Slot } from './slot.js'
import { Table } from './table.js'
import type { Tickets } from './tickets.js'
import { Unbilled, type UnbilledPacket } from './unbilled.js'
import { Writer } from './writer.js'

export interface SessionsOptions {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly log: Logger
  /** Reads Class again on replay; without it, sessions restored from the ledger's tail have no ticket. */
  readonly tickets?: Tickets | undefined
  readonly settings?: Partial<SessionSettings>
}

/** What a session did, and a refusal: told once it is durable. */
export interface SessionEvents {
  opened: [Session]
  closed: [Session, Cause]
  granted: [Grant]
  refused: [Refusal]
}

export interface SessionCounts extends Readonly<Record<SessionState, number>> {
  /** Packets since start, by what they did. */
  readonly packets: Readonly<Record<Verdict, number>>
}

const DURABLE = Promise.resolve()

/**
 * The live session table. Every packet is folded into its session, what it changes goes into the ledger, and the
 * promise of that is the answer: only when it settles may the NAS be told that its record was taken.
 */
export class Sessions extends EventEmitter<SessionEvents> {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #settings: SessionSettings
  readonly #table = new Table()
  readonly #ids = new SessionIds()
  readonly #grants: Grants
  readonly #writer: Writer
  readonly #silence: Silence
  readonly #unbilled = new Unbilled()
  readonly #checkpoint: Checkpoint
  readonly #packets: Record<Verdict, number> = {
    opened: 0,
    counted: 0,
    duplicate: 0,
    late: 0,
    reset: 0,
    closed: 0,
    reopened: 0
  }

  private constructor({ ledger, clock, log, settings }: SessionsOptions) {
    super()
    this.#ledger = ledger
    this.#clock = clock
    this.#settings = { ...defaultSettings, ...settings }
    this.#grants = new Grants(this.#settings.grants, this.#settings.grantAge, clock)
    this.#checkpoint = new Checkpoint({
      ledger,
      table: this.#table,
      unbilled: this.#unbilled,
      durable: () => this.#writer.durable()
    })
    this.#writer = new Writer({
      ledger,
      table: this.#table,
      changed: slot => this.#checkpoint.note(slot),
      tell: ({ what, session }) => {
        try {
          if (what === 'opened') this.emit('opened', session)
          else this.emit('closed', session, session.closedBy === '' ? 'stop' : session.closedBy)
        } catch (error) {
          log.error({ err: error, session: session.id }, `a listener to '${what}' failed`)
        }
      }
    })
    this.#silence = new Silence({
      settings: this.#settings,
      ledger,
      table: this.#table,
      writer: this.#writer,
      forget: slot => this.#checkpoint.forget(slot)
    })
  }

  /**
   * Loads the checkpoint and replays the ledger behind it.
   * @throws LedgerError when the ledger cannot be read
   */
  static async open(options: SessionsOptions): Promise<Sessions> {
    const sessions = new Sessions(options)
    const { ledger, log, tickets } = options
    await restore({
      ledger,
      log,
      tickets,
      table: sessions.#table,
      checkpoint: sessions.#checkpoint,
      unbilled: sessions.#unbilled,
      window: sessions.#settings.timeWindow,
      keepClosed: sessions.#settings.keepClosed
    })
    return sessions
  }

  /**
   * Takes an Accounting-Request.
   * @returns settles when everything that the packet changed, or that the packet it repeats changed, is durable;
   *   rejects with LedgerError when it could not be stored: the table is then as before, and the NAS must not be answered
   */
  record(accounting: Accounting): Promise<void> {
    try {
      const { status } = accounting
      return status === 'on' || status === 'off' ? this.#restarted(accounting) : this.#fold(this.#known(accounting))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Remembers an Access-Accept until accounting names its ticket. */
  granted(grant: Grant): void {
    this.#grants.grant(grant)
    this.emit('granted', grant)
  }

  /** Remembers a refusal: the answer to "why is this subscriber offline?". */
  refused(refusal: Refusal): void {
    this.#grants.refuse(refusal)
    this.emit('refused', refusal)
  }

  /** The Access-Accept that a session came from, while it is remembered. */
  grantOf(session: Pick<Session, 'subscriber' | 'ticket' | 'nas'>): Granted | undefined {
    return this.#grants.of(session)
  }

  /** The last refusal of a subscriber. */
  refusalOf(subscriber: string): Refusal | undefined {
    return this.#grants.refused(subscriber)
  }

  /** A session by its id, also one that closed a while ago. */
  get(id: string): Session | undefined {
    return this.#table.get(id)?.snapshot()
  }

  /** The last packets of a session that were duplicates or late: its bill is none of theirs. */
  unbilled(id: string): readonly UnbilledPacket[] {
    return this.#unbilled.of(id)
  }

  /** The open and stale sessions of a subscriber. */
  ofSubscriber(subscriber: string): readonly Session[] {
    const found = this.#table.ofSubscriber(subscriber).filter(slot => !this.#isDoomed(slot))
    return found.map(slot => slot.snapshot())
  }

  /**
   * All sessions that are known, the closed ones among them, or those that are wanted: only they are copied.
   * @param wanted  is shown each as it is now, and must not keep it
   */
  *list(wanted?: (session: Session) => boolean): Iterable<Session> {
    for (const slot of this.#table.slots()) if (wanted === undefined || wanted(slot.session)) yield slot.snapshot()
  }

  /** The first `most` of `list` by their ids. */
  first(most: number, wanted: (session: Session) => boolean): Session[] {
    const found: Slot[] = []
    for (const slot of this.#table.slots()) {
      const last = found[most - 1]
      if ((last !== undefined && last.session.id < slot.session.id) || !wanted(slot.session)) continue
      const at = found.findLastIndex(({ session }) => session.id < slot.session.id) + 1
      found.splice(at, 0, slot)
      found.length = Math.min(found.length, most)
    }
    return found.map(slot => slot.snapshot())
  }

  counts(): SessionCounts {
    return { ...this.#table.states, packets: { ...this.#packets } }
  }

  /**
   * Marks sessions stale, closes those silent for the grace period, forgets old closed ones. In steps: it never holds
   * the event loop for long. Call it every few seconds, at least every `sweepStep`.
   * @returns what it did, once that is durable
   */
  sweep(now: Milliseconds): Promise<Swept> {
    for (const nas of this.#table.nases()) if (nas.unfinished) closeDoomed(nas, this.#writer, now).catch(() => {})
    return this.#silence.sweep(now)
  }

  /** Writes the sessions that changed, so that a restart needs not replay them. In steps, each atomic. */
  checkpoint(): Promise<void> {
    return this.#checkpoint.write()
  }

  /** A last checkpoint. The ledger stays open: it is not ours. */
  async close(): Promise<void> {
    await this.#ledger.settled().catch(() => {})
    await this.checkpoint()
  }

  #fold(accounting: Accounting): Promise<void> {
    const found = this.#table.find(accounting)
    if (found !== undefined) {
      if (this.#isDoomed(found))
        void this.#writer.change(found, closeSynthetically(found.session, 'nas-restart'), accounting.receivedAt)
      if (isSuccessor(found.session, accounting)) return this.#open(found, accounting)
      if (!isPredecessor(found.session, accounting)) return this.#count(found, accounting)
    }
    return this.#open(undefined, accounting)
  }

  #count(slot: Slot, accounting: Accounting): Promise<void> {
    const { seconds, nas } = slot.session
    const folded = fold(slot.session, accounting)
    this.#packets[folded.verdict]++
    slot.heard = this.#silence.seconds
    if (folded.records.length === 0) {
      this.#table.put(slot, folded.session)
      this.#unbilled.note(folded, accounting)
      this.#checkpoint.note(slot)
      return slot.sequence > this.#ledger.durableHead ? this.#ledger.settled() : DURABLE
    }
    const durable = this.#writer.change(slot, folded, accounting.receivedAt)
    slot.learn(folded.session.seconds - seconds)
    slot.boot = this.#table.nas(nas).boot
    return durable
  }

  #open(before: Slot | undefined, accounting: Accounting): Promise<void> {
    const table = this.#table
    const replaced = accounting.status === 'start' ? table.lostOnPort(accounting) : []
    if (before?.live === true) replaced.push(before)
    const folded = fold(undefined, table.economical(accounting), this.#ids.next(this.#clock()))
    this.#packets[folded.verdict]++
    const slot = new Slot(folded.session, 0, this.#silence.seconds, table.nas(accounting.nas).boot)
    if (replaced.length === 0) return this.#writer.change(slot, folded, accounting.receivedAt)
    const changes = [...new Set(replaced)].map(slot => ({ slot, folded: closeSynthetically(slot.session, 'replaced') }))
    return this.#writer.changeAll([...changes, { slot, folded }], accounting.receivedAt)
  }

  #restarted(accounting: Accounting): Promise<void> {
    const nas = this.#table.nas(accounting.nas)
    nas.restart(accounting)
    return closeDoomed(nas, this.#writer, accounting.receivedAt)
  }

  #isDoomed(slot: Slot): boolean {
    return this.#table.nas(slot.session.nas).isDoomed(slot)
  }

  /** A ticket too long to carry its subscriber is completed from the grant. */
  #known(accounting: Accounting): Accounting {
    if (accounting.ticket === '' || accounting.subscriber !== '') return accounting
    const grant = this.#grants.unnamed(accounting.ticket)
    return grant === undefined ? accounting : { ...accounting, subscriber: grant.subscriber, profile: grant.profile }
  }
}
