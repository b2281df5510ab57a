import { type AttributeValue, type Grant, Recent, type Session, type TreatmentKind } from '../model/index.js'
import type { AppliedTreatment } from './plan.js'
import type { Store } from './store.js'

const TABLE = 'applied'
/** Grants that have not become sessions: beyond this many the oldest is forgotten. */
const GRANTS = 100_000
/** Attribute lists shared between sessions. */
const SHARED = 10_000

interface Stored {
  readonly kind: TreatmentKind
  readonly attributes: readonly AttributeValue[]
  readonly uncertain?: boolean
}

/**
 * What each open session has: from the Access-Accept that let it on, then from each CoA that was acknowledged.
 * Kept in the ledger's table `applied`, by session, so that a restart knows.
 */
export class AppliedTable {
  readonly #store: Store
  readonly #sessions = new Map<string, AppliedTreatment>()
  readonly #grants = new Recent<() => AppliedTreatment>()
  /** The last grant of a subscriber on a NAS, for NASes that do not echo Class. */
  readonly #places = new Recent<string>()
  readonly #shared = new Recent<readonly AttributeValue[]>()

  private constructor(store: Store) {
    this.#store = store
  }

  /** Loads the table; entries of sessions that are no more are removed. */
  static async open(store: Store, isOpen: (session: string) => boolean): Promise<AppliedTable> {
    const table = new AppliedTable(store)
    for await (const [session, stored] of store.read<Stored>(TABLE)) {
      if (isOpen(session)) table.#sessions.set(session, { ...stored, attributes: table.#share(stored.attributes) })
      else store.put(TABLE, session, undefined)
    }
    return table
  }

  /** What a session has; undefined when nothing is known. */
  of(session: string): AppliedTreatment | undefined {
    return this.#sessions.get(session)
  }

  set(session: string, applied: AppliedTreatment): void {
    const kept: AppliedTreatment = { ...applied, attributes: this.#share(applied.attributes) }
    this.#sessions.set(session, kept)
    this.#store.put(TABLE, session, kept)
  }

  /** The session is no more. */
  remove(session: string): void {
    if (this.#sessions.delete(session)) this.#store.put(TABLE, session, undefined)
  }

  /** Access was granted; the session that follows has what `treatment` says. */
  granted(grant: Grant, treatment: () => AppliedTreatment): void {
    this.#grants.set(grant.ticket, treatment)
    this.#places.set(place(grant), grant.ticket)
    this.#grants.trim(GRANTS)
    this.#places.trim(GRANTS)
  }

  /** A session began: what it was granted, when that is known. */
  opened(session: Session): AppliedTreatment | undefined {
    const known = this.#sessions.get(session.id)
    if (known !== undefined) return known
    const ticket = session.ticket === '' ? this.#places.get(place(session)) : session.ticket
    const granted = ticket === undefined ? undefined : this.#grants.get(ticket)?.()
    if (granted !== undefined) this.set(session.id, granted)
    return granted
  }

  #share(attributes: readonly AttributeValue[]): readonly AttributeValue[] {
    const text = JSON.stringify(attributes)
    const shared = this.#shared.get(text)
    if (shared !== undefined) return shared
    this.#shared.set(text, attributes)
    this.#shared.trim(SHARED)
    return attributes
  }
}

function place({ subscriber, nas }: { readonly subscriber: string; readonly nas: string }): string {
  return `${subscriber}\n${nas}`
}
