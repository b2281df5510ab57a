import { type AttributeValue, Recent, type TreatmentKind } from '../model/index.js'
import type { AppliedTreatment } from './plan.js'
import type { Store } from './store.js'

const TABLE = 'applied'
/** Attribute lists shared between sessions. */
const SHARED = 20_000

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
  readonly #shared = new Recent<readonly AttributeValue[]>(SHARED)

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
    const { from: _, ...stored } = kept
    this.#store.put(TABLE, session, stored)
  }

  /** The session is no more. */
  remove(session: string): void {
    if (this.#sessions.delete(session)) this.#store.put(TABLE, session, undefined)
  }

  #share(attributes: readonly AttributeValue[]): readonly AttributeValue[] {
    const text = JSON.stringify(attributes)
    const shared = this.#shared.get(text)
    if (shared !== undefined) return shared
    this.#shared.set(text, attributes)
    return attributes
  }
}
