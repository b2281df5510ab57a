import type { Clock } from '../model/index.js'

const WINDOW = 60_000
const MOST = 120

interface Sample {
  readonly at: number
  readonly sent: number
  readonly made: number
}

/** How fast events leave and arise, over the last minute. */
export class Rate {
  readonly #clock: Clock
  #samples: Sample[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Notes where things stand.
   * @param sent sequence up to which billing has answered
   * @param made sequence up to which there are records
   */
  note(sent: number, made: number): void {
    const at = this.#clock()
    const fresh = this.#samples.filter(sample => at - sample.at <= WINDOW && sample.at <= at)
    this.#samples = fresh.length < MOST ? fresh : fresh.filter((_, n) => n % 2 === 0)
    this.#samples.push({ at, sent, made })
  }

  /** Events a second that billing answered for; 0 without measure. */
  get perSecond(): number {
    return this.#over(({ sent }) => sent)
  }

  /** Seconds until a backlog is gone, at the pace of the last minute; undefined when it does not shrink. */
  drainSeconds(backlog: number): number | undefined {
    if (backlog === 0) return 0
    const shrinking = this.perSecond - this.#over(({ made }) => made)
    return shrinking > 0 ? backlog / shrinking : undefined
  }

  #over(of: (sample: Sample) => number): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at <= first.at) return 0
    return ((of(last) - of(first)) * 1000) / (last.at - first.at)
  }
}
