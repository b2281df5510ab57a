import type { Accounting, Session, SessionState } from '../model/index.js'
import { Bag } from './bag.js'
import { agrees, candidateKey, choose, isLostOnPort } from './identity.js'
import { NasSessions } from './nas-sessions.js'
import { Slot } from './slot.js'

/*
 * The live session table. Indexes: by id; by NAS and Acct-Session-Id (candidates, closed ones too, for late packets);
 * by NAS and port, and by subscriber (live ones only); the closed ones in the order in which they closed. Index keys are the session's own strings, and names that many
 * sessions share are kept once: a million sessions must fit.
 */
const SHARED_NAMES = 10_000
const SHARED_PORT = 8

export class Table {
  /** Closed by their Stop, those that closed first at the front. */
  readonly ended = new Set<Slot>()
  /** Closed by the agent, those that closed first at the front. */
  readonly synthetic = new Set<Slot>()
  readonly #byId = new Map<string, Slot>()
  readonly #nases = new Map<string, NasSessions>()
  readonly #bySubscriber = new Bag()
  readonly #names = new Map<string, string>()
  readonly #states: Record<SessionState, number> = { open: 0, stale: 0, closed: 0 }

  get size(): number {
    return this.#byId.size
  }

  get states(): Readonly<Record<SessionState, number>> {
    return this.#states
  }

  get(id: string): Slot | undefined {
    return this.#byId.get(id)
  }

  slots(): IterableIterator<Slot> {
    return this.#byId.values()
  }

  nas(id: string): NasSessions {
    let found = this.#nases.get(id)
    if (found === undefined) {
      found = new NasSessions(id)
      this.#nases.set(id, found)
    }
    return found
  }

  nases(): IterableIterator<NasSessions> {
    return this.#nases.values()
  }

  /** The slot that a packet is about, or the one whose successor it announces. */
  find(accounting: Accounting): Slot | undefined {
    const found = this.#nases.get(accounting.nas)?.byAcctSessionId.get(candidateKey(accounting))
    if (found === undefined) return undefined
    if (found instanceof Slot) return agrees(found.session, accounting) ? found : undefined
    return choose(found, accounting)
  }

  /** Live sessions that a Start on their port shows to be lost. A port that many share is not looked at. */
  lostOnPort(start: Accounting): Slot[] {
    const byPort = this.#nases.get(start.nas)?.byPort
    if (byPort === undefined || start.nasPort === '') return []
    if (byPort.count(start.nasPort) > SHARED_PORT) return []
    return byPort.list(start.nasPort).filter(slot => isLostOnPort(slot.session, start))
  }

  /** Live slots of a subscriber. */
  ofSubscriber(subscriber: string): Slot[] {
    return subscriber === '' ? [] : this.#bySubscriber.list(subscriber)
  }

  /** Puts a new slot in. */
  add(slot: Slot): void {
    const { session } = slot
    this.#byId.set(session.id, slot)
    this.#states[session.state]++
    this.nas(session.nas).byAcctSessionId.add(candidateKey(session), slot)
    this.#list(slot)
  }

  /** Gives a slot of the table its next session. */
  put(slot: Slot, session: Session): void {
    const before = slot.session
    const moves =
      before.state !== session.state || before.subscriber !== session.subscriber || before.nasPort !== session.nasPort
    if (!moves) {
      slot.become(session)
      return
    }
    this.#unlist(slot)
    this.#states[before.state]--
    this.#states[session.state]++
    slot.become(session)
    this.#list(slot)
  }

  /** Takes a slot out for good. */
  remove(slot: Slot): void {
    const { session } = slot
    if (!this.#byId.delete(session.id)) return
    this.#states[session.state]--
    this.nas(session.nas).byAcctSessionId.delete(candidateKey(session), slot)
    this.#unlist(slot)
  }

  /** Forgets the sessions that closed first, beyond `most` of either kind; none whose block may still be lost. */
  trim(most: number, durableHead: number, forget: (slot: Slot) => void): void {
    for (const closed of [this.ended, this.synthetic]) {
      for (const slot of closed) {
        if (closed.size <= most || slot.sequence > durableHead) break
        this.remove(slot)
        forget(slot)
      }
    }
  }

  /** What an accounting says, with the strings that are kept once: of this a session is opened. */
  economical(accounting: Accounting): Accounting {
    return {
      ...accounting,
      nas: this.nas(accounting.nas).id,
      profile: this.shared(accounting.profile),
      nasIpv4: this.shared(accounting.nasIpv4)
    }
  }

  /** The one copy of a name that many sessions carry. */
  shared(name: string): string {
    if (name === '') return ''
    const known = this.#names.get(name)
    if (known !== undefined) return known
    if (this.#names.size >= SHARED_NAMES) this.#names.clear()
    this.#names.set(name, name)
    return name
  }

  #list(slot: Slot): void {
    const { session } = slot
    if (session.state === 'closed') {
      this.#closed(session).add(slot)
      return
    }
    if (session.nasPort !== '') this.nas(session.nas).byPort.add(session.nasPort, slot)
    if (session.subscriber !== '') this.#bySubscriber.add(session.subscriber, slot)
  }

  #unlist(slot: Slot): void {
    const { session } = slot
    if (session.state === 'closed') {
      this.#closed(session).delete(slot)
      return
    }
    if (session.nasPort !== '') this.nas(session.nas).byPort.delete(session.nasPort, slot)
    if (session.subscriber !== '') this.#bySubscriber.delete(session.subscriber, slot)
  }

  #closed({ closedBy }: Session): Set<Slot> {
    return closedBy === 'stop' ? this.ended : this.synthetic
  }
}
