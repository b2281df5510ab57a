import type { Clock, Milliseconds } from '../../../agent/model/index.js'
import type { Conversation } from './conversation.js'

/** Longest conversation, milliseconds. */
export const PATIENCE: Milliseconds = 30_000

/** The conversations that go on: at most so many, the oldest dropped, none older than 30 seconds. */
export class Conversations {
  readonly #all = new Map<string, Conversation>()
  readonly #most: number
  readonly #clock: Clock
  readonly #expired: (conversation: Conversation) => void

  /** @param expired  told of each that took too long, before it is ended */
  constructor(most: number, clock: Clock, expired: (conversation: Conversation) => void = () => {}) {
    this.#most = most
    this.#clock = clock
    this.#expired = expired
  }

  get size(): number {
    return this.#all.size
  }

  add(conversation: Conversation): void {
    this.sweep()
    if (this.#all.size >= this.#most) this.#drop(this.#all.keys().next().value!)
    this.#all.set(keyOf(conversation.state), conversation)
  }

  /** The conversation of a State, if that NAS has it. */
  find(state: Buffer, nas: string): Conversation | undefined {
    const found = this.#all.get(keyOf(state))
    return found?.beginning.nas === nas && !this.#isOld(found) ? found : undefined
  }

  /** Ends those that took too long. */
  sweep(): void {
    for (const [key, conversation] of this.#all) {
      if (!this.#isOld(conversation)) return
      this.#expired(conversation)
      this.#drop(key)
    }
  }

  clear(): void {
    for (const key of this.#all.keys()) this.#drop(key)
  }

  // A clock that was set back makes nothing immortal.
  #isOld({ beginning }: Conversation): boolean {
    const age = this.#clock() - beginning.startedAt
    return age >= PATIENCE || age < 0
  }

  #drop(key: string): void {
    this.#all.get(key)?.close()
    this.#all.delete(key)
  }
}

function keyOf(state: Buffer): string {
  return state.toString('latin1')
}
