/** How many polls go on at a time. */
export interface LaneLimits {
  /** Devices that answer, or may. Default 64. */
  readonly quick: number
  /** Devices that let us wait. They cost a socket each and no processor. Default 2,000. */
  readonly slow: number
}

export const laneDefaults: LaneLimits = { quick: 64, slow: 2000 }

type Lane = keyof LaneLimits

/** A poll's place. */
export interface Place {
  /** Moves to the slow lane, if there is room, and lets the next one in. */
  tire(): void
  leave(): void
}

/**
 * Two queues, so that those who wait for a silent device never stand before those whose device answers: a poll begins in
 * the quick lane, gives its place back when nothing came for a moment, and begins in the slow lane where the last one failed.
 */
export class Lanes {
  readonly #limits: LaneLimits
  readonly #in = { quick: 0, slow: 0 }
  readonly #waiting: Record<Lane, (() => void)[]> = { quick: [], slow: [] }

  constructor(limits: Partial<LaneLimits> = {}) {
    this.#limits = { ...laneDefaults, ...limits }
  }

  /** Polls that go on, and that wait for a place. */
  counts(): { readonly quick: number; readonly slow: number; readonly waiting: number } {
    return { ...this.#in, waiting: this.#waiting.quick.length + this.#waiting.slow.length }
  }

  /** Resolves when there is a place. */
  async enter(lane: Lane): Promise<Place> {
    if (this.#in[lane] < this.#limits[lane]) this.#in[lane]++
    else await new Promise<void>(resolve => this.#waiting[lane].push(resolve))
    return this.#place(lane)
  }

  #place(lane: Lane): Place {
    let now: Lane | undefined = lane
    return {
      tire: () => {
        if (now !== 'quick' || this.#in.slow >= this.#limits.slow) return
        now = 'slow'
        this.#in.slow++
        this.#free('quick')
      },
      leave: () => {
        if (now !== undefined) this.#free(now)
        now = undefined
      }
    }
  }

  /** The place goes to the next who waits, else it is empty. */
  #free(lane: Lane): void {
    const next = this.#waiting[lane].shift()
    if (next === undefined) this.#in[lane]--
    else next()
  }
}
