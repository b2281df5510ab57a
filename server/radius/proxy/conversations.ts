import type { Partner } from './partner.js'

const MOST = 16_384

/** Which server gave a State: the next request of an EAP conversation goes to it, whichever is first in turn. */
export class Conversations {
  readonly #byState = new Map<string, Partner>()

  /** Bounded; the oldest make room. */
  remember(state: Buffer | undefined, partner: Partner): void {
    if (state === undefined) return
    this.#byState.set(state.toString('latin1'), partner)
    if (this.#byState.size <= MOST) return
    for (const oldest of this.#byState.keys()) {
      this.#byState.delete(oldest)
      return
    }
  }

  of(state: Buffer | undefined): Partner | undefined {
    return state === undefined ? undefined : this.#byState.get(state.toString('latin1'))
  }
}
