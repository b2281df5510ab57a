import {
  addressesOf,
  eapMethodsOf,
  isPolled,
  logsIn,
  type Profile,
  type RateLimit,
  type Session,
  type Subscriber
} from '../model/index.js'
import { isTighter, type Need, type Step } from './plan.js'
import type { RateMark, Rates } from './rates.js'
import type { Reaches } from './reach.js'
import type { Standing } from './standing.js'

const NONE: readonly Need[] = []

/** What working out the rates of lines needs. */
export interface LinesOptions {
  readonly sessions: { ofSubscriber(subscriber: string): readonly Session[] }
  readonly reaches: Reaches
  readonly standing: Standing
  readonly rates: Rates
  readonly replica: { profile(id: string): Profile | undefined }
  /** Whether a certificate alone lets subscribers on: then a document without credentials tells nothing. */
  readonly certificates: boolean
}

/**
 * Lines that nobody authenticates: their rate is held by the device that their document names, and not by what an
 * Access-Accept says. A device whose driver cannot limit is left alone.
 */
export class Lines {
  readonly #options: LinesOptions

  constructor(options: LinesOptions) {
    this.#options = options
  }

  /** The device that holds a subscriber's rate; undefined where RADIUS does, or nothing can. */
  deviceOf(subscriber: Subscriber | undefined): string | undefined {
    if (subscriber === undefined || logsIn(subscriber)) return undefined
    // Where no address is known, there is nothing for a device to tell the line by.
    if (addressesOf(subscriber).length === 0) return undefined
    const { sessions, reaches } = this.#options
    if (!sessions.ofSubscriber(subscriber.id).every(isPolled)) return undefined
    const able = reaches.ofSubscriber(subscriber).find(({ driver }) => driver.capabilities.includes('setRate'))
    // Whoever made the queue that counts a line has given it a rate; one of ours would stand before it and hide the octets.
    if (able === undefined || able.ports.some(port => port.startsWith('queue:'))) return undefined
    return this.#mayLogIn(subscriber) && !this.#isShown(subscriber, able.place) ? undefined : able.place
  }

  /** Whether nothing can ever shut a subscriber's line: nobody asks who they are, and no device is known that could. */
  isOpenForGood(subscriber: Subscriber | undefined): boolean {
    const { sessions, reaches } = this.#options
    if (subscriber === undefined || logsIn(subscriber) || this.#mayLogIn(subscriber)) return false
    return sessions.ofSubscriber(subscriber.id).length === 0 && reaches.ofSubscriber(subscriber).length === 0
  }

  /**
   * Rates that are not as they should be.
   * @param whole  gives the whole profile, or undefined while the subscriber has less: then a rate that is there stays.
   *   Asked for lines only: it is most of the work
   */
  needs(id: string, subscriber: Subscriber | undefined, whole: () => Step['how'] | undefined): readonly Need[] {
    const device = this.deviceOf(subscriber)
    const marks = this.#options.rates.of(id)
    if (device === undefined && marks.length === 0) return NONE
    const how = whole()
    const rate = how?.rate
    if (how === undefined && device !== undefined) return []
    const addresses = addressesOf(subscriber)
    const isWanted =
      device !== undefined && rate !== undefined && this.#isWanted({ subscriber: id, device, rate, addresses })
    const wanted = isWanted ? [device] : []
    const surplus = marks.filter(mark => rate === undefined || mark.device !== device)
    return [
      ...wanted.map(place => needOf(place, rate ?? null, how)),
      ...surplus.filter(mark => this.#canGo(mark)).map(mark => needOf(mark.device, null, how))
    ]
  }

  /** The rate of a line, to be told again whatever is known of it; undefined where no device holds it. */
  again(subscriber: Subscriber | undefined, whole: Step['how']): Need | undefined {
    const device = this.deviceOf(subscriber)
    return device === undefined ? undefined : needOf(device, whole.rate ?? null, whole)
  }

  /** Whether somebody without credentials may have a certificate. */
  #mayLogIn(subscriber: Subscriber): boolean {
    const { certificates, replica } = this.#options
    return certificates && eapMethodsOf(subscriber, replica.profile(subscriber.profile))?.includes('tls') !== false
  }

  /**
   * Whether somebody who may have a certificate is on a line all the same: their document does not speak of EAP, and
   * they are polled, or were when the device was given the rate that it has.
   */
  #isShown(subscriber: Subscriber, device: string): boolean {
    const { sessions, replica, rates } = this.#options
    if (eapMethodsOf(subscriber, replica.profile(subscriber.profile)) !== undefined) return false
    return sessions.ofSubscriber(subscriber.id).length > 0 || rates.at(subscriber.id, device) !== undefined
  }

  #isWanted(want: Omit<RateMark, 'confirmed'>): boolean {
    if (this.#isHeldBack(want.subscriber, want.device)) return false
    const mark = this.#options.rates.at(want.subscriber, want.device)
    return mark?.confirmed !== true || contentOf(mark) !== contentOf(want)
  }

  #canGo({ subscriber, device }: RateMark): boolean {
    return !this.#isHeldBack(subscriber, device) && this.#options.reaches.at(device, []) !== undefined
  }

  /** Whether something worse stands at the device: what takes that back sees to the rate too. */
  #isHeldBack(id: string, device: string): boolean {
    return this.#options.standing
      .of(id)
      .some(mark => mark.device === device && mark.found !== true && isTighter(mark.kind, 'full'))
  }
}

function contentOf({ rate: { up, down }, addresses }: Pick<RateMark, 'rate' | 'addresses'>): string {
  return JSON.stringify([up, down, addresses])
}

function needOf(device: string, rate: RateLimit | null, how: Step['how'] | undefined): Need {
  const full = how ?? { kind: 'full', reason: 'the rate of a line is taken back', attributes: [] }
  const step: Step = { difference: 'sideways', how: full, whole: [], sayable: false }
  return { device, rate, step, before: { kind: 'full', attributes: [] } }
}
