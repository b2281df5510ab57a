import type {
  After,
  AnyDriver,
  Cause,
  Grant,
  Milliseconds,
  Observation,
  Proof,
  Refusal,
  Session,
  SubscriberRef,
  TreatmentKind
} from '../model/index.js'
import { pause } from './deadline.js'

/** What proved a step, in one word and in a sentence. */
export interface Proven {
  readonly proof: Proof
  readonly detail: string
}

/** What a watch needs. */
export interface WatchOptions {
  /** Absent: no session's end can be the proof. */
  readonly session: Session | undefined
  readonly want: TreatmentKind
  /** How long after its Stop a subscriber is given to come back with the new treatment. */
  readonly returnTime: Milliseconds
  readonly after: After
  /** The session is gone: nothing is left to act on. Proof may still be awaited. */
  readonly gone: () => void
  readonly proven: (proven: Proven) => void
}

/**
 * Waits for what proves that one session no longer has the old treatment: its Stop, a new Access-Request of the same
 * equipment answered with the new treatment or refused, or the device read back. An ACK is none of these.
 */
export class Watch {
  readonly #options: WatchOptions
  #cancel: () => void = () => undefined
  #over = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** The session ended. Where the subscriber may come back, the way they do is the better proof: it is given a moment. */
  closed(cause: Cause): void {
    const { want, returnTime, after, gone } = this.#options
    if (this.#over) return
    gone()
    if (want === 'blocked') return this.#end({ proof: 'stop', detail: `The session ended (${cause}).` })
    this.#cancel()
    this.#cancel = after(returnTime, () =>
      this.#end({
        proof: 'stop',
        detail: `The session ended (${cause}); the next Access-Request is answered with "${want}".`
      })
    )
  }

  /** Access was granted to the same subscriber. */
  granted(grant: Grant): void {
    if (grant.treatment !== this.#options.want || !this.#same(grant)) return
    this.#end({ proof: 'reauthentication', detail: `An Access-Request was answered with "${grant.treatment}".` })
  }

  /** Access was refused to the same subscriber: whoever asks again has lost the session. */
  refused(refusal: Refusal): void {
    if (this.#options.want !== 'blocked' || !this.#same(refusal)) return
    this.#end({ proof: 'refused', detail: `An Access-Request was refused (${refusal.code}).` })
  }

  /** The device was read back. */
  observed(observation: Observation): boolean {
    const { want } = this.#options
    const proves = observation.present ? observation.treatment === want : want === 'blocked'
    if (proves) this.#end({ proof: 'observed', detail: observation.detail })
    return proves
  }

  /** The answer of the device was itself proof, or the session was found to be no more. */
  settled(proven: Proven): void {
    this.#end(proven)
  }

  /** Stops waiting. */
  end(): void {
    this.#over = true
    this.#cancel()
  }

  #same(seen: { readonly nas: string; readonly callingStation: string }): boolean {
    const { session } = this.#options
    if (session === undefined) return false
    const { nas, callingStation } = session
    const known = callingStation !== '' && seen.callingStation !== ''
    return seen.nas === nas && (!known || seen.callingStation === callingStation)
  }

  #end(proven: Proven): void {
    if (this.#over) return
    this.end()
    this.#options.proven(proven)
  }
}

/** Least time between two readings of a device. */
const READ_EVERY = 500

/**
 * Reads a device back until it shows the treatment or the signal ends it. A reading that fails is no proof either way.
 * @param driver  one that claims `observe`
 */
export async function observeUntilProven(
  driver: AnyDriver,
  who: SubscriberRef,
  watch: Watch,
  after: After,
  signal: AbortSignal
): Promise<void> {
  while (!signal.aborted) {
    const observation = await driver.observe?.(who, signal).catch(() => undefined)
    if (signal.aborted || (observation !== undefined && watch.observed(observation))) return
    await pause(READ_EVERY, after, signal)
  }
}
