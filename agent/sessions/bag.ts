import type { Slot } from './slot.js'

/** The slots under each key. Nearly all keys have one, so one costs no collection around it. */
export class Bag {
  readonly #slots = new Map<string, Slot | Set<Slot>>()

  get(key: string): Slot | ReadonlySet<Slot> | undefined {
    return this.#slots.get(key)
  }

  /** The slots under a key as a list of its own. */
  list(key: string): Slot[] {
    const found = this.#slots.get(key)
    return found === undefined ? [] : found instanceof Set ? [...found] : [found]
  }

  /** How many are under a key. */
  count(key: string): number {
    const found = this.#slots.get(key)
    return found === undefined ? 0 : found instanceof Set ? found.size : 1
  }

  add(key: string, slot: Slot): void {
    const found = this.#slots.get(key)
    if (found === undefined) this.#slots.set(key, slot)
    else if (found instanceof Set) found.add(slot)
    else if (found !== slot) this.#slots.set(key, new Set([found, slot]))
  }

  delete(key: string, slot: Slot): void {
    const found = this.#slots.get(key)
    if (found === slot) this.#slots.delete(key)
    if (!(found instanceof Set) || !found.delete(slot) || found.size > 1) return
    for (const last of found) this.#slots.set(key, last)
  }

  get size(): number {
    return this.#slots.size
  }

  /** All slots. Goes on correctly when slots come and go meanwhile. */
  *[Symbol.iterator](): Generator<Slot> {
    for (const found of this.#slots.values()) {
      if (found instanceof Set) yield* found
      else yield found
    }
  }
}
