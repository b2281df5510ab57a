import type { Milliseconds, TreatmentKind } from '../model/index.js'
import type { Store } from './store.js'

const TABLE = 'decisions'
const META = 'enforcement'
const BASELINE = 'baseline'

/** The last decision about a subscriber that was acted on. */
export interface Decision {
  readonly kind: TreatmentKind
  /** `open`: under way when last heard of; a restart takes it up again. */
  readonly state: 'open' | 'acknowledged' | 'proven' | 'failed'
  readonly at: Milliseconds
  readonly enforcement: string
  readonly requestedAt: Milliseconds
  /** Billing removed the subscriber. */
  readonly removed?: boolean
}

/**
 * The last decision of each subscriber, in the ledger's table `decisions`. Whoever has none has the whole profile:
 * only what departs from that is kept.
 */
export class Decisions {
  readonly #store: Store
  readonly #decisions = new Map<string, Decision>()
  readonly #known = new Set<string>()
  /** False until the first start has taken the replica as it found it. */
  #baseline = false

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<Decisions> {
    const decisions = new Decisions(store)
    for await (const [id, decision] of store.read<Decision>(TABLE)) decisions.#decisions.set(id, decision)
    for await (const [key] of store.read(META)) if (key === BASELINE) decisions.#baseline = true
    return decisions
  }

  get(subscriber: string): Decision | undefined {
    return this.#decisions.get(subscriber)
  }

  entries(): Iterable<readonly [string, Decision]> {
    return this.#decisions
  }

  kindOf(subscriber: string): TreatmentKind {
    return this.#decisions.get(subscriber)?.kind ?? 'full'
  }

  set(subscriber: string, decision: Decision): void {
    const settled = decision.state === 'proven' || decision.state === 'acknowledged'
    if (settled && (decision.kind === 'full' || decision.removed === true)) return this.forget(subscriber)
    this.#decisions.set(subscriber, decision)
    this.#store.put(TABLE, subscriber, decision)
  }

  forget(subscriber: string): void {
    if (this.#decisions.delete(subscriber)) this.#store.put(TABLE, subscriber, undefined)
  }

  /** Notes that a subscriber exists. @returns whether that is new */
  meet(subscriber: string): boolean {
    if (this.#known.has(subscriber)) return false
    this.#known.add(subscriber)
    return true
  }

  /** True once: at the very first start, when nobody can have been treated otherwise by us. */
  takeBaseline(): boolean {
    if (this.#baseline) return false
    this.#baseline = true
    this.#store.put(META, BASELINE, true)
    return true
  }

  /** Decisions that a stop of the agent interrupted, or that failed. */
  *unfinished(): Iterable<readonly [string, Decision]> {
    for (const entry of this.#decisions) if (entry[1].state === 'open' || entry[1].state === 'failed') yield entry
  }
}
