import { createHmac, randomBytes } from 'node:crypto'

const MOST = 10_000

/** Secrets that were written and that the router does not show again: as digests, by a key that nobody has. */
export class Written {
  readonly #digests = new Map<string, string>()
  readonly #key = randomBytes(32)

  /** Whether this is what was written last there. */
  is(place: string, name: string, value: string): boolean {
    return this.#digests.get(`${place} ${name}`) === this.#digest(value)
  }

  remember(place: string, name: string, value: string): void {
    if (this.#digests.size >= MOST) this.#digests.clear()
    this.#digests.set(`${place} ${name}`, this.#digest(value))
  }

  forget(place: string, name: string): void {
    this.#digests.delete(`${place} ${name}`)
  }

  #digest(value: string): string {
    return createHmac('sha256', this.#key).update(value).digest('base64')
  }
}
