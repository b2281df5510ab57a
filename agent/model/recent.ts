interface Kept<V> {
  readonly key: string
  readonly value: V
}

const SLACK = 64

/**
 * A map that can forget its oldest entry, at the same cost however many it holds. A `Map` whose first keys are deleted
 * again and again cannot: each look for the first steps over all that were deleted since it last grew.
 */
export class Recent<V> {
  readonly #byKey = new Map<string, Kept<V>>()
  // In order of setting; those that were replaced or deleted since stay until they are met.
  #queue: Kept<V>[] = []
  #head = 0

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key)?.value
  }

  /** Puts an entry in, or replaces it: it is the newest now. */
  set(key: string, value: V): void {
    const kept = { key, value }
    this.#byKey.set(key, kept)
    this.#queue.push(kept)
    if (this.#queue.length > 2 * this.#byKey.size + SLACK) this.#tidy()
  }

  delete(key: string): void {
    this.#byKey.delete(key)
  }

  /** The entry that was set before all others. */
  oldest(): V | undefined {
    for (; this.#head < this.#queue.length; this.#head++) {
      const kept = this.#queue[this.#head]!
      if (this.#byKey.get(kept.key) === kept) return kept.value
    }
    return undefined
  }

  /** Forgets the oldest entries until no more than `most` are left. */
  trim(most: number): void {
    while (this.#byKey.size > most) this.forgetOldest()
  }

  forgetOldest(): void {
    if (this.oldest() === undefined) return
    this.#byKey.delete(this.#queue[this.#head]!.key)
    this.#head++
  }

  #tidy(): void {
    this.#queue = this.#queue.slice(this.#head).filter(kept => this.#byKey.get(kept.key) === kept)
    this.#head = 0
  }
}
