/**
 * Lets one caller at a time act on a key; the others wait in the order they came.
 * For boxes that drop a second request for a session while the first is in flight.
 */
export class Turns {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `act` when all earlier callers of this key have ended, however they ended. */
  async take<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const { promise: mine, resolve: done } = withResolvers()
    this.#tails.set(key, mine)
    await before
    try {
      return await act()
    } finally {
      done()
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}
