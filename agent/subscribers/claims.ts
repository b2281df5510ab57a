/**
 * Which subscriber a name belongs to, where billing may by mistake give one name to two.
 * The newest claim of a subscriber that is not closed wins; closed ones win only among themselves.
 */
export class Claims {
  readonly #winner = new Map<string, string>()
  /** Only names that several claim: all of them, oldest first. */
  readonly #rivals = new Map<string, Set<string>>()
  readonly #open: (id: string) => boolean

  /** @param open whether the subscriber is not closed, now */
  constructor(open: (id: string) => boolean) {
    this.#open = open
  }

  /** Whether any name has several claimants. */
  get isContested(): boolean {
    return this.#rivals.size > 0
  }

  get(name: string): string | undefined {
    return this.#winner.get(name)
  }

  /**
   * Makes `id` the newest claimant of `name`.
   * @returns the id of another, not closed, that claims it as well; undefined when all is well
   */
  claim(name: string, id: string): string | undefined {
    const present = this.#winner.get(name)
    if (present === undefined) {
      this.#winner.set(name, id)
      return undefined
    }
    let rivals = this.#rivals.get(name)
    if (rivals === undefined) {
      if (present === id) return undefined
      rivals = new Set([present])
      this.#rivals.set(name, rivals)
    }
    rivals.delete(id)
    rivals.add(id)
    return this.#settle(name, id, present, rivals)
  }

  /** `id` no longer claims `name`. */
  release(name: string, id: string): void {
    const rivals = this.#rivals.get(name)
    if (rivals === undefined) {
      if (this.#winner.get(name) === id) this.#winner.delete(name)
      return
    }
    rivals.delete(id)
    if (this.#winner.get(name) === id) this.#winner.set(name, this.#newest(rivals))
    if (rivals.size === 1) this.#rivals.delete(name)
  }

  #settle(name: string, id: string, present: string, rivals: Set<string>): string | undefined {
    if (this.#open(id)) {
      this.#winner.set(name, id)
      return present !== id && this.#open(present) ? present : undefined
    }
    if (present === id || !this.#open(present)) this.#winner.set(name, this.#newest(rivals))
    return undefined
  }

  #newest(rivals: Set<string>): string {
    let newest = ''
    let open = false
    for (const id of rivals) {
      const isOpen = this.#open(id)
      if (isOpen || !open) newest = id
      open ||= isOpen
    }
    return newest
  }
}
