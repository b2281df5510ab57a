/** Alive: asked. Zombie: has just been silent, asked where no other is alive. Dead: not asked. */
export type State = 'alive' | 'zombie' | 'dead'

/**
 * What happens to a server: it answered (a request or a check), left a request unanswered, left a check unanswered, or has
 * been dead for a while without ever having answered a check, so that checks prove nothing.
 */
export type Happening = 'answered' | 'silent' | 'unchecked' | 'rested'

/** A line of the table: so many of these, with nothing else in between, and the server is held to be something else. */
export interface Step {
  readonly from: State
  readonly on: Happening
  readonly times: number
  readonly to: State
}

/** RFC 5080 §2.2.1 leaves it open; three checks, as RFC 3539 §3.4.1 has it for coming back. */
export const steps: readonly Step[] = [
  { from: 'alive', on: 'silent', times: 1, to: 'zombie' },
  { from: 'zombie', on: 'answered', times: 1, to: 'alive' },
  { from: 'zombie', on: 'unchecked', times: 3, to: 'dead' },
  { from: 'dead', on: 'answered', times: 3, to: 'alive' },
  { from: 'dead', on: 'rested', times: 1, to: 'zombie' }
]

/** What a server is held to be. */
export class Health {
  #state: State = 'alive'
  #last: Happening | undefined
  #times = 0

  get state(): State {
    return this.#state
  }

  /** @returns whether it changed. Requests that go unanswered beside checks count for nothing: a thousand may at once. */
  note(what: Happening): boolean {
    const step = steps.find(({ from, on }) => from === this.#state && on === what)
    if (step === undefined && what === 'silent') return false
    this.#times = this.#last === what ? this.#times + 1 : 1
    this.#last = what
    if (step === undefined || this.#times < step.times) return false
    this.#state = step.to
    this.#last = undefined
    return true
  }
}
