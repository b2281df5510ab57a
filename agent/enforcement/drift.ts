import { GIVEN_UP } from './deadline.js'
import type { Desires } from './desires.js'
import type { Dispatch } from './dispatch.js'
import type { ReplicaView } from './needs.js'
import { isTighter } from './plan.js'
import type { NasQueues } from './queue.js'
import type { Reaches } from './reach.js'
import type { Mark, Standing } from './standing.js'

/** What watching for drift needs. */
export interface DriftOptions {
  readonly standing: Standing
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
 * emptied. What is gone is wanted again.
 */
export class Drift {
  readonly #options: DriftOptions
  readonly #closing = new AbortController()
  /** What is still to be looked at: a device, or undefined for everything. */
  readonly #wanted = new Set<string | undefined>()
  #looking = false

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
    const { reaches, desires, dispatch, queues, replica } = this.#options
    const reach = reaches.at(device, ports)
    const desire = desires.of(id)
    if (reach === undefined || desire === undefined) return false
    const who = dispatch.who({ id, subscriber: replica.subscriber(id), full: desires.full(desire) }, undefined, reach)
    const { signal } = this.#closing
    const { driver } = reach
    const act = async (inner: AbortSignal) => driver.observe?.(who, inner)
    const seen = await queues.run({ nas: device, driver, lane: 'sideways', signal, act })
    return seen?.present === true && seen.treatment !== undefined && isTighter(kind, seen.treatment)
  }
}
