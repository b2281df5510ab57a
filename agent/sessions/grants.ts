import {
  type Clock,
  type Grant,
  type Granted,
  type Milliseconds,
  Recent,
  type Refusal,
  type Session
} from '../model/index.js'

/** Grants of one subscriber that are remembered. */
const EACH = 8
/** A subscriber's name may be longer than a ticket carries; then the ticket alone must do. */
const SURELY_CARRIED = 64

/** The last answers to Access-Requests, in memory only and bounded by number and age. One place a subscriber. */
export class Grants {
  readonly #granted: Recent<Last>
  readonly #unnamed: Recent<Granted>
  readonly #refused: Recent<Refusal>
  readonly #maxAge: Milliseconds
  readonly #clock: Clock

  /** @param most  subscribers that are remembered */
  constructor(most: number, maxAge: Milliseconds, clock: Clock) {
    this.#granted = new Recent(most)
    this.#unnamed = new Recent(most)
    this.#refused = new Recent(most)
    this.#maxAge = maxAge
    this.#clock = clock
  }

  grant({ ticket, subscriber, profile, nas, treatment, at, given }: Grant): void {
    const granted: Granted = { ticket, subscriber, profile, nas, treatment, at, given }
    const last = this.#granted.get(subscriber) ?? new Last()
    last.add(granted)
    this.#granted.set(subscriber, last)
    if (subscriber.length > SURELY_CARRIED) this.#unnamed.set(ticket, granted)
  }

  refuse(refusal: Refusal): void {
    this.#refused.set(refusal.subscriber, refusal)
  }

  /** The grant that a session came from: its ticket's, or where its NAS echoed none, the last on that NAS. */
  of({ subscriber, ticket, nas }: Pick<Session, 'subscriber' | 'ticket' | 'nas'>): Granted | undefined {
    const last = this.#granted.get(subscriber)
    return this.#young(last?.find(grant => (ticket === '' ? grant.nas === nas : grant.ticket === ticket)))
  }

  /** The grant of a ticket that may not carry its subscriber. */
  unnamed(ticket: string): Granted | undefined {
    return this.#young(this.#unnamed.get(ticket))
  }

  refused(subscriber: string): Refusal | undefined {
    return this.#young(this.#refused.get(subscriber))
  }

  #young<V extends { readonly at: Milliseconds }>(answer: V | undefined): V | undefined {
    return answer !== undefined && answer.at >= this.#clock() - this.#maxAge ? answer : undefined
  }
}

/** The last grants of one subscriber, in a ring. */
class Last {
  readonly #grants: Granted[] = []
  #next = 0

  add(grant: Granted): void {
    this.#grants[this.#next] = grant
    this.#next = (this.#next + 1) % EACH
  }

  /** The newest for which `is` holds. */
  find(is: (grant: Granted) => boolean): Granted | undefined {
    const { length } = this.#grants
    for (let back = 1; back <= length; back++) {
      const grant = this.#grants[(this.#next - back + length) % length]!
      if (is(grant)) return grant
    }
    return undefined
  }
}
