import { createHmac, randomBytes } from 'node:crypto'

const MOST = 10_000

/** Secrets that were written and that the device does not show again: as digests, by a key that nobody has. */
export class Written {
  readonly #digests = new Map<string, string>()
  readonly #key = randomBytes(32)

  /** Whether this is what was written last at a place. */
  is(place: string, value: string): boolean {
    return this.#digests.get(place) === this.#digest(value)
  }

  remember(place: string, value: string): void {
    if (this.#digests.size >= MOST) this.#digests.clear()
    this.#digests.set(place, this.#digest(value))
  }

  forget(place: string): void {
    this.#digests.delete(place)
  }

  #digest(value: string): string {
    return createHmac('sha256', this.#key).update(value).digest('base64')
  }
}
