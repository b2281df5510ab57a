import { addressesOf, type Applied, DriverError, type Session, type Subscriber } from '../model/index.js'
import { isRadius } from './reach.js'
import type { Rung } from './ladder.js'
import type { Step } from './plan.js'
import type { Standing } from './standing.js'

/** What became of one call that outlives the session. */
export interface Noted {
  done(applied: Pick<Applied, 'result'>): void
  failed(error: unknown): void
}

/** Whether what the call does stays on the device when the session has ended. */
export function lasts({ driver, verb }: Rung): boolean {
  return !isRadius(driver) && verb !== 'disconnect'
}

/** Keeps account of what one step leaves at devices, so that it can be undone. */
export class Keeper {
  readonly #standing: Standing
  readonly #subscriber: string
  readonly #addresses: readonly string[]
  readonly #session: Session | undefined

  constructor(
    standing: Standing,
    { id, subscriber }: { readonly id: string; readonly subscriber: Subscriber | undefined },
    session: Session | undefined
  ) {
    this.#standing = standing
    this.#subscriber = id
    this.#addresses = addressesOf(subscriber)
    this.#session = session
  }

  /**
   * To be called before the device is.
   * @throws DriverError `UNSUPPORTED` where it cannot be recorded: then it could not be undone after a restart
   */
  async note({ place, ports, way }: Rung, { how }: Step): Promise<Noted> {
    const standing = this.#standing
    const subscriber = this.#subscriber
    if (how.kind === 'full') return { done: () => standing.forget(subscriber, place), failed: () => undefined }
    const isNew = await this.#write(place, ports, how.kind)
    return {
      done: ({ result }) => standing.confirm(subscriber, place, isNew && way === 'port' && result === 'unchanged'),
      failed: error => {
        if (isNew && isUndone(error)) standing.forget(subscriber, place)
      }
    }
  }

  async #write(device: string, ports: readonly string[], kind: Step['how']['kind']): Promise<boolean> {
    const names = this.#session === undefined ? [] : [this.#session.userName]
    const nases = this.#session === undefined ? [] : [this.#session.nas]
    const subscriber = this.#subscriber
    const addresses = this.#addresses
    try {
      return await this.#standing.note({ subscriber, device, kind, ports, addresses, names, nases })
    } catch (cause) {
      throw new DriverError(
        'UNSUPPORTED',
        `What was to be applied at ${device} could not be recorded on disk, so it was not applied: nobody could have undone it.`,
        { cause }
      )
    }
  }
}

/** Failures after which the device is as it was. */
function isUndone(error: unknown): boolean {
  return error instanceof DriverError && ['AUTH', 'UNSUPPORTED', 'NO_SUCH_SESSION'].includes(error.code)
}
