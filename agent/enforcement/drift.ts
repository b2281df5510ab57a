import type { Observation } from '../model/index.js'
import { GIVEN_UP } from './deadline.js'
import type { Desires } from './desires.js'
import type { Dispatch } from './dispatch.js'
import type { ReplicaView } from './needs.js'
import { isTighter } from './plan.js'
import type { NasQueues } from './queue.js'
import type { RateMark, Rates } from './rates.js'
import type { Reaches } from './reach.js'
import type { Mark, Standing } from './standing.js'

/** What watching for drift needs. */
export interface DriftOptions {
  readonly standing: Standing
  readonly rates: Rates
  readonly reaches: Reaches
  readonly desires: Desires
  readonly dispatch: Dispatch
  readonly queues: NasQueues
  readonly replica: Pick<ReplicaView, 'subscriber'>
  /** What stood against this subscriber stands no more, or not wholly. */
  readonly lost: (subscriber: string) => void
}

/**
 * Reads back what should stand at devices: a switch that restarted with another configuration, a table that somebody
 * emptied. What is gone is wanted again. Of the rates at one device one is read at each look, in turn, and the next ones
 * for as long as they are gone: a gateway that restarted has lost them all.
 */
export class Drift {
  readonly #options: DriftOptions
  readonly #closing = new AbortController()
  /** What is still to be looked at: a device, or undefined for everything. */
  readonly #wanted = new Set<string | undefined>()
  #looking = false
  #turn = 0

  constructor(options: DriftOptions) {
    this.#options = options
  }

  /**
   * Looks once at everything that stands, or at what stands at one device; after what is looked at already, if anything.
   * A device that cannot be read tells nothing.
   */
  async look(device?: string): Promise<void> {
    this.#wanted.add(device)
    if (this.#looking) return
    this.#looking = true
    for (const next of this.#wanted) {
      this.#wanted.delete(next)
      await this.#lookAt(next)
    }
    this.#looking = false
  }

  async #lookAt(device: string | undefined): Promise<void> {
    const { standing } = this.#options
    for (const subscriber of standing.subscribers()) {
      for (const mark of standing.of(subscriber)) {
        if (!mark.confirmed || mark.found === true || (device !== undefined && mark.device !== device)) continue
        if (this.#closing.signal.aborted) return
        if (await this.#isGone(mark).catch(() => false)) this.#lost(mark)
      }
    }
    await this.#lookAtRates(device)
  }

  async #lookAtRates(device: string | undefined): Promise<void> {
    const turn = this.#turn++
    for (const [place, marks] of this.#options.rates.byDevice()) {
      if (device !== undefined && place !== device) continue
      const first = turn % marks.length
      for (const mark of [...marks.slice(first), ...marks.slice(0, first)]) {
        if (this.#closing.signal.aborted || !(await this.#isRateGone(mark).catch(() => false))) break
        this.#options.rates.doubt(mark.subscriber, mark.device)
        this.#options.lost(mark.subscriber)
      }
    }
  }

  /** Reads nothing more. */
  close(): void {
    this.#closing.abort(GIVEN_UP)
  }

  #lost({ subscriber, device }: Mark): void {
    if (this.#closing.signal.aborted) return
    this.#options.standing.doubt(subscriber, device)
    this.#options.lost(subscriber)
  }

  async #isGone({ subscriber: id, device, kind, ports }: Mark): Promise<boolean> {
    const seen = await this.#read(id, device, ports)
    return seen?.present === true && seen.treatment !== undefined && isTighter(kind, seen.treatment)
  }

  /** A line that has less than everything now, or another rate, is somebody else's to see to. */
  async #isRateGone({ subscriber: id, device, rate }: RateMark): Promise<boolean> {
    if (this.#options.desires.of(id)?.kind !== 'full') return false
    const seen = await this.#read(id, device, [], device)
    if (seen?.present !== true || seen.treatment !== 'full') return false
    return seen.rate?.up !== rate.up || seen.rate.down !== rate.down
  }

  async #read(
    id: string,
    device: string,
    ports: readonly string[],
    ratedAt?: string
  ): Promise<Observation | undefined> {
    const { reaches, desires, dispatch, queues, replica } = this.#options
    const reach = reaches.at(device, ports)
    const desire = desires.of(id)
    if (reach === undefined || desire === undefined) return undefined
    const owner = { id, subscriber: replica.subscriber(id), full: desires.full(desire), ratedAt }
    const who = dispatch.who(owner, undefined, reach)
    const { signal } = this.#closing
    const { driver } = reach
    const act = async (inner: AbortSignal) => driver.observe?.(who, inner)
    return queues.run({ nas: device, driver, lane: 'sideways', signal, act })
  }
}
