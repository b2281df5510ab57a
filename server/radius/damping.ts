import type { Clock, Milliseconds, Subscriber } from '../../agent/model/index.js'
import type { Rejection } from '../../agent/policy/index.js'

/** How a flood of rejects is damped. Milliseconds. */
export interface DampingSettings {
  /** Rejects within `within` after which nothing is checked any more. */
  readonly rejects: number
  readonly within: Milliseconds
  /** How long; then one request is checked again. */
  readonly rest: Milliseconds
  /** Devices that are remembered. */
  readonly most: number
}

/** Ten rejects in a minute, then one look every ten seconds. */
export const defaultDamping: DampingSettings = { rejects: 10, within: 60_000, rest: 10_000, most: 4096 }

/** What stays as it is until a document changes: only rejects of these kinds are answered without a look. */
const lasting: ReadonlySet<string> = new Set([
  'UNKNOWN_SUBSCRIBER',
  'WRONG_CREDENTIAL',
  'NO_CREDENTIAL',
  'MALFORMED_CREDENTIAL',
  'UNSUPPORTED_METHOD'
])

interface Kept {
  since: Milliseconds
  count: number
  /** Until when nothing is checked; 0 while it is not damped. */
  until: Milliseconds
  readonly rejection: Rejection
  readonly subscriber: Subscriber | undefined
}

/** Who asks: the device, and the name that it gives. */
export interface Asking {
  /** Calling-Station-Id; without one nothing is damped, or one who guesses would hold up everybody behind the NAS. */
  readonly callingStation: string
  readonly userName: string
}

/**
 * Remembers devices that are rejected again and again (a modem with an old password asks all day): they get the same
 * reject without their credential being checked, until their document changes or a while has passed. The device and the
 * name together are the key, so that nobody else behind the same line is held up.
 */
export class Damping {
  readonly #clock: Clock
  readonly #settings: DampingSettings
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock, settings: DampingSettings = defaultDamping) {
    this.#clock = clock
    this.#settings = settings
  }

  /** Devices that are remembered. */
  get size(): number {
    return this.#kept.size
  }

  /**
   * The reject to give without a look; undefined where the request is to be checked.
   * @param named  the subscriber of that name, as the document is now
   */
  of(asking: Asking, named: Subscriber | undefined): Rejection | undefined {
    if (this.#kept.size === 0 || asking.callingStation === '') return undefined
    const key = keyOf(asking)
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    const now = this.#clock()
    if (kept.subscriber !== named || now < kept.since) {
      this.#kept.delete(key)
      return undefined
    }
    if (now < kept.until) return kept.rejection
    // One look; until it is judged, the others wait with the same answer.
    if (kept.until > 0) kept.until = now + this.#settings.rest
    return undefined
  }

  /** A request was checked and rejected. */
  rejected(asking: Asking, named: Subscriber | undefined, rejection: Rejection): void {
    if (asking.callingStation === '') return
    const key = keyOf(asking)
    if (!lasting.has(rejection.code)) {
      this.#kept.delete(key)
      return
    }
    const { within, rejects, rest, most } = this.#settings
    const now = this.#clock()
    const before = this.#kept.get(key)
    const goesOn = before !== undefined && (before.until > 0 || now - before.since < within)
    const { since = now, count = 0 } = goesOn ? before : {}
    const until = count + 1 >= rejects ? now + rest : 0
    this.#kept.delete(key)
    this.#kept.set(key, { since, count: count + 1, until, rejection, subscriber: named })
    if (this.#kept.size > most) for (const oldest of this.#kept.keys()) return void this.#kept.delete(oldest)
  }

  /** A request was right: nothing stands against the device. */
  accepted(asking: Asking): void {
    if (this.#kept.size > 0) this.#kept.delete(keyOf(asking))
  }
}

function keyOf({ callingStation, userName }: Asking): string {
  return `${callingStation}\0${userName}`
}
