import {
  addressesOf,
  type Applied,
  DriverError,
  type RateLimit,
  type Session,
  type Subscriber
} from '../model/index.js'
import { isRadius } from './reach.js'
import type { Rung } from './ladder.js'
import type { Need, Step } from './plan.js'
import type { Rates } from './rates.js'
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

/** Whose device it is, as far as keeping account needs it. */
interface Kept {
  readonly id: string
  readonly subscriber: Subscriber | undefined
  readonly ratedAt?: string | undefined
}

/** Keeps account of what one step leaves at devices, so that it can be undone. */
export class Keeper {
  readonly #standing: Standing
  readonly #rates: Rates
  readonly #ratedAt: string | undefined
  readonly #subscriber: string
  readonly #addresses: readonly string[]
  readonly #session: Session | undefined

  constructor(
    { standing, rates }: { readonly standing: Standing; readonly rates: Rates },
    { id, subscriber, ratedAt }: Kept,
    session: Session | undefined
  ) {
    this.#standing = standing
    this.#rates = rates
    this.#ratedAt = ratedAt
    this.#subscriber = id
    this.#addresses = addressesOf(subscriber)
    this.#session = session
  }

  /**
   * To be called before the device is.
   * @throws DriverError `UNSUPPORTED` where it cannot be recorded: then it could not be undone after a restart
   */
  async note({ place, ports, way, verb }: Rung, { step: { how }, rate }: Need): Promise<Noted> {
    const standing = this.#standing
    const subscriber = this.#subscriber
    if (verb === 'setRate') return this.#noteRate(place, rate ?? undefined)
    if (how.kind === 'full') {
      // What stands goes, and the rate of the line comes back with it, or goes too.
      const rate = await this.#noteRate(place, place === this.#ratedAt ? how.rate : undefined)
      const done = (applied: Pick<Applied, 'result'>): void => {
        standing.forget(subscriber, place)
        rate.done(applied)
      }
      return { done, failed: error => rate.failed(error) }
    }
    const isNew = await this.#write(place, ports, how.kind)
    return {
      done: ({ result }) => standing.confirm(subscriber, place, isNew && way === 'port' && result === 'unchanged'),
      failed: error => {
        if (isNew && isUndone(error)) standing.forget(subscriber, place)
      }
    }
  }

  async #noteRate(device: string, rate: RateLimit | undefined): Promise<Noted> {
    const rates = this.#rates
    const subscriber = this.#subscriber
    const before = rates.at(subscriber, device)
    // What a newer order noted meanwhile is not this one's to forget.
    const forget = (): void => {
      if (rates.at(subscriber, device) === before) rates.forget(subscriber, device)
    }
    if (rate === undefined) return { done: forget, failed: () => undefined }
    const isNew = before === undefined
    await rates.note({ subscriber, device, rate, addresses: this.#addresses }).catch(unrecorded(device))
    return {
      done: () => rates.confirm(subscriber, device, rate),
      failed: error => {
        if (isNew && isUndone(error)) rates.forget(subscriber, device)
      }
    }
  }

  async #write(device: string, ports: readonly string[], kind: Step['how']['kind']): Promise<boolean> {
    const names = this.#session === undefined ? [] : [this.#session.userName]
    const nases = this.#session === undefined ? [] : [this.#session.nas]
    const subscriber = this.#subscriber
    const addresses = this.#addresses
    return this.#standing.note({ subscriber, device, kind, ports, addresses, names, nases }).catch(unrecorded(device))
  }
}

function unrecorded(device: string): (cause: unknown) => never {
  return cause => {
    throw new DriverError(
      'UNSUPPORTED',
      `What was to be applied at ${device} could not be recorded on disk, so it was not applied: nobody could have undone it.`,
      { cause }
    )
  }
}

/** Failures after which the device is as it was. */
function isUndone(error: unknown): boolean {
  return error instanceof DriverError && ['AUTH', 'UNSUPPORTED', 'NO_SUCH_SESSION'].includes(error.code)
}
