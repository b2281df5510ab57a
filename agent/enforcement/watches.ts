import type { Cause, Grant, Refusal, Session } from '../model/index.js'
import type { Watch } from './proof.js'

const NONE: readonly never[] = []

/** Who waits for proof, by subscriber: what the session table tells is passed on to them. */
export class Watches {
  readonly #bySubscriber = new Map<string, Map<Watch, string>>()

  add(session: Session, watch: Watch): void {
    const watches = this.#bySubscriber.get(session.subscriber) ?? new Map<Watch, string>()
    watches.set(watch, session.id)
    this.#bySubscriber.set(session.subscriber, watches)
  }

  remove(session: Session, watch: Watch): void {
    const watches = this.#bySubscriber.get(session.subscriber)
    watches?.delete(watch)
    if (watches?.size === 0) this.#bySubscriber.delete(session.subscriber)
  }

  closed(session: Session, cause: Cause): void {
    for (const [watch, id] of this.#of(session.subscriber)) if (id === session.id) watch.closed(cause)
  }

  granted(grant: Grant): void {
    for (const [watch] of this.#of(grant.subscriber)) watch.granted(grant)
  }

  refused(refusal: Refusal): void {
    for (const [watch] of this.#of(refusal.subscriber)) watch.refused(refusal)
  }

  // A copy: proof takes watches away.
  #of(subscriber: string): readonly (readonly [Watch, string])[] {
    const watches = this.#bySubscriber.get(subscriber)
    return watches === undefined ? NONE : [...watches]
  }
}
