import { type Grant, type Milliseconds, Recent, type Refusal } from '../model/index.js'

/** The last answers to Access-Requests, in memory only and bounded by number and age. */
export class Grants {
  readonly #granted = new Recent<Grant>()
  readonly #refused = new Recent<Refusal>()
  readonly #most: number
  readonly #maxAge: Milliseconds

  constructor(most: number, maxAge: Milliseconds) {
    this.#most = most
    this.#maxAge = maxAge
  }

  grant(grant: Grant): void {
    keep(this.#granted, grant.ticket, grant, this.#most, grant.at - this.#maxAge)
  }

  refuse(refusal: Refusal): void {
    keep(this.#refused, refusal.subscriber, refusal, this.#most, refusal.at - this.#maxAge)
  }

  granted(ticket: string): Grant | undefined {
    return this.#granted.get(ticket)
  }

  refused(subscriber: string): Refusal | undefined {
    return this.#refused.get(subscriber)
  }

  get size(): number {
    return this.#granted.size
  }
}

function keep<V extends { readonly at: Milliseconds }>(
  all: Recent<V>,
  key: string,
  value: V,
  most: number,
  since: Milliseconds
): void {
  all.set(key, value)
  all.trim(most)
  for (let oldest = all.oldest(); oldest !== undefined && oldest.at < since; oldest = all.oldest()) all.forgetOldest()
}
