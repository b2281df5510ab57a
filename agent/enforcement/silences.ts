import type { After, Clock, Milliseconds } from '../model/index.js'

/** When a NAS counts as back. */
export interface SilenceTimes {
  /** A packet after this long without one makes us look what was missed. Default 120,000 ms. */
  readonly silence: Milliseconds
}

export const silenceDefaults: SilenceTimes = { silence: 120_000 }

const FIRST_PROBE = 1000
const LONGEST_PROBE = 30_000

/** What watching silences needs. */
export interface SilencesOptions {
  readonly limits: SilenceTimes
  readonly clock: Clock
  readonly after: After
  readonly random: () => number
  /** Asks a driver of a NAS whether it answers. Failing is expected. */
  readonly probe: (nas: string, driver: string) => Promise<void>
  /** A NAS is back: what could not be done is to be made up for. */
  readonly back: (nas: string) => void
}

/** Notices that NASes come back: by their own packets after a silence, or because a driver that did not answer does again. */
export class Silences {
  readonly #options: SilencesOptions
  // An object, whose time is changed in place: this is done for every packet.
  readonly #seen = new Map<string, { at: Milliseconds }>()
  readonly #probes = new Map<string, () => void>()

  constructor(options: SilencesOptions) {
    this.#options = options
  }

  /** A packet of a NAS arrived. */
  seen(nas: string): void {
    const now = this.#options.clock()
    const last = this.#seen.get(nas)
    if (last === undefined) return void this.#seen.set(nas, { at: now })
    const silent = now - last.at
    last.at = now
    if (silent > this.#options.limits.silence) this.#options.back(nas)
  }

  /** A driver stopped answering: it is probed after 1 s, 2 s … 30 s, with jitter. */
  began(nas: string, driver: string): void {
    this.#probeAfter(nas, driver, FIRST_PROBE)
  }

  /** It answers again. */
  ended(nas: string, driver: string): void {
    this.#probes.get(`${nas}/${driver}`)?.()
    this.#probes.delete(`${nas}/${driver}`)
    this.#options.back(nas)
  }

  close(): void {
    for (const cancel of this.#probes.values()) cancel()
    this.#probes.clear()
  }

  #probeAfter(nas: string, driver: string, wait: Milliseconds): void {
    const key = `${nas}/${driver}`
    const { after, random, probe } = this.#options
    // Never early: the circuit lets nobody through before its own time.
    const cancel = after(wait * (1 + random() * 0.2), () => {
      probe(nas, driver)
        .catch(() => undefined)
        .finally(() => {
          if (this.#probes.get(key) === cancel) this.#probeAfter(nas, driver, Math.min(LONGEST_PROBE, wait * 2))
        })
    })
    this.#probes.set(key, cancel)
  }
}
