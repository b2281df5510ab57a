import { type Clock, type Grant, type Milliseconds, Recent, type Refusal, type Session } from '../model/index.js'

/** Grants of one subscriber that are remembered. */
const EACH = 8
/** A subscriber's name may be longer than a ticket carries; then the ticket alone must do. */
const SURELY_CARRIED = 64

/** The last answers to Access-Requests, in memory only and bounded by number and age. One place a subscriber. */
export class Grants {
  /** By subscriber, the newest first. */
  readonly #granted: Recent<readonly Grant[]>
  readonly #unnamed: Recent<Grant>
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

  grant(grant: Grant): void {
    const before = this.#granted.get(grant.subscriber)
    this.#granted.set(grant.subscriber, before === undefined ? [grant] : [grant, ...before.slice(0, EACH - 1)])
    if (grant.subscriber.length > SURELY_CARRIED) this.#unnamed.set(grant.ticket, grant)
  }

  refuse(refusal: Refusal): void {
    this.#refused.set(refusal.subscriber, refusal)
  }

  /** The grant that a session came from: its ticket's, or where its NAS echoed none, the last on that NAS. */
  of({ subscriber, ticket, nas }: Pick<Session, 'subscriber' | 'ticket' | 'nas'>): Grant | undefined {
    const grants = this.#granted.get(subscriber)
    return this.#young(grants?.find(grant => (ticket === '' ? grant.nas === nas : grant.ticket === ticket)))
  }

  /** The grant of a ticket that may not carry its subscriber. */
  unnamed(ticket: string): Grant | undefined {
    return this.#young(this.#unnamed.get(ticket))
  }

  refused(subscriber: string): Refusal | undefined {
    return this.#young(this.#refused.get(subscriber))
  }

  #young<V extends { readonly at: Milliseconds }>(answer: V | undefined): V | undefined {
    return answer !== undefined && answer.at >= this.#clock() - this.#maxAge ? answer : undefined
  }
}
