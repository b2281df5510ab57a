/**
 * A map that forgets the oldest of its entries, at the same small cost however many it holds: what is set goes into a
 * young generation, and when that has half of what may be held, it takes the place of the old one, which is forgotten
 * whole. (A `Map` whose first keys are deleted one by one steps over all that were deleted since it last grew, and a
 * queue beside it costs every entry a second place.)
 */
export class Recent<V> {
  readonly #half: number
  #young = new Map<string, V>()
  #old = new Map<string, V>()

  /** @param most  entries that are held at most, 2 or more; the newest half of them is always there */
  constructor(most: number) {
    this.#half = Math.max(1, Math.floor(most / 2))
  }

  get(key: string): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  /** Puts an entry in, or replaces it: it is the newest now. */
  set(key: string, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }
}
