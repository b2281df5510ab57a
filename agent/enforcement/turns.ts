/**
 * Which call about one subscriber at one device is the last. The answer of an earlier one, which a newer decision replaced
 * or whose time had passed, says nothing of what is there by now.
 */
export class Turns {
  readonly #last = new Map<string, symbol>()

  /** To be taken before the device is asked. @returns does something only while no newer call has taken its turn; once */
  take(...about: readonly string[]): (act: () => void) => void {
    const key = JSON.stringify(about)
    const mine = Symbol('turn')
    this.#last.set(key, mine)
    return act => {
      if (this.#last.get(key) !== mine) return
      this.#last.delete(key)
      act()
    }
  }
}
