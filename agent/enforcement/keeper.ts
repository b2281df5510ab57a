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
import type { Turns } from './turns.js'

/** What became of one call that outlives the session. */
export interface Noted {
  done(applied: Pick<Applied, 'result'>): void
  failed(error: unknown): void
}

/** Whether what the call does stays on the device when the session has ended. */
export function lasts({ driver, verb }: Rung): boolean {
  return !isRadius(driver) && verb !== 'disconnect'
}

/** Where account is kept, of all subscribers. */
interface Accounts {
  readonly standing: Standing
  readonly rates: Rates
  readonly turns: Turns
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
  readonly #turns: Turns
  readonly #ratedAt: string | undefined
  readonly #subscriber: string
  readonly #addresses: readonly string[]
  readonly #session: Session | undefined

  constructor({ standing, rates, turns }: Accounts, { id, subscriber, ratedAt }: Kept, session: Session | undefined) {
    this.#standing = standing
    this.#rates = rates
    this.#turns = turns
    this.#ratedAt = ratedAt
    this.#subscriber = id
    this.#addresses = addressesOf(subscriber)
    this.#session = session
  }

  /**
   * To be called before the device is.
   * @throws DriverError `UNSUPPORTED` where it cannot be recorded: then it could not be undone after a restart
   */
  async note(rung: Rung, { step: { how }, rate }: Need): Promise<Noted> {
    if (rung.verb === 'setRate') return this.#noteRate(rung.place, rate ?? undefined)
    return how.kind === 'full' ? this.#noteRestore(rung, how.rate) : this.#noteBlock(rung, how.kind)
  }

  /** What stands goes, and with a restore the rate of the line comes back, or goes too. */
  async #noteRestore({ place, verb }: Rung, full: RateLimit | undefined): Promise<Noted> {
    const standing = this.#standing
    const subscriber = this.#subscriber
    const inTurn = this.#turns.take('standing', subscriber, place)
    // From here on it may be gone, whatever becomes of the call: a newer block must be sent.
    standing.doubt(subscriber, place)
    const rate =
      verb === 'restore' ? await this.#noteRate(place, place === this.#ratedAt ? full : undefined) : undefined
    return {
      done: applied => {
        inTurn(() => standing.forget(subscriber, place))
        rate?.done(applied)
      },
      failed: error => rate?.failed(error)
    }
  }

  async #noteBlock({ place, ports, way }: Rung, kind: Step['how']['kind']): Promise<Noted> {
    const standing = this.#standing
    const subscriber = this.#subscriber
    const inTurn = this.#turns.take('standing', subscriber, place)
    const isNew = await this.#write(place, ports, kind)
    return {
      done: ({ result }) =>
        inTurn(() => standing.confirm(subscriber, place, isNew && way === 'port' && result === 'unchanged')),
      failed: error => {
        if (isNew && isUndone(error)) inTurn(() => standing.forget(subscriber, place))
      }
    }
  }

  async #noteRate(device: string, rate: RateLimit | undefined): Promise<Noted> {
    const rates = this.#rates
    const subscriber = this.#subscriber
    const inTurn = this.#turns.take('rates', subscriber, device)
    if (rate === undefined) {
      // As with what stands: from here on it may be gone.
      rates.doubt(subscriber, device)
      return { done: () => inTurn(() => rates.forget(subscriber, device)), failed: () => undefined }
    }
    const isNew = rates.at(subscriber, device) === undefined
    await rates.note({ subscriber, device, rate, addresses: this.#addresses }).catch(unrecorded(device))
    return {
      done: () => inTurn(() => rates.confirm(subscriber, device)),
      failed: error => {
        if (isNew && isUndone(error)) inTurn(() => rates.forget(subscriber, device))
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
