/** A realm and what is done with its requests. */
export interface Realm {
  /** `partner.example`, in lower case. */
  readonly realm: string
  /** The partner is sent the name without the realm. Default false. */
  readonly strip?: boolean
  /** Who keeps accounting records: both of us (default), or the partner alone. */
  readonly accounting?: 'both' | 'theirs'
}

/** A user name in two parts. */
export interface Named<R extends Realm> {
  readonly realm: R
  /** The name without its realm. */
  readonly user: string
}

/** Finds the realm of a name: `user@realm` before `realm\user`. */
export class Realms<R extends Realm> {
  readonly #byName: ReadonlyMap<string, R>

  constructor(realms: readonly R[]) {
    this.#byName = new Map(realms.map(realm => [realm.realm.toLowerCase(), realm]))
  }

  /** @returns undefined for a name without a realm, or with one that is not forwarded: it is ours */
  of(userName: string): Named<R> | undefined {
    const at = userName.lastIndexOf('@')
    const behind = at < 0 ? undefined : this.#byName.get(userName.slice(at + 1).toLowerCase())
    if (behind !== undefined) return { realm: behind, user: userName.slice(0, at) }
    const slash = userName.indexOf('\\')
    const before = slash < 0 ? undefined : this.#byName.get(userName.slice(0, slash).toLowerCase())
    return before === undefined ? undefined : { realm: before, user: userName.slice(slash + 1) }
  }
}
