import type { Clock } from '../model/index.js'
import type { Lost } from './contract.js'
import { Space, numberOctets, quarantineKey, readNumber, sequenceKey } from './keys.js'
import { clip, without } from './ranges.js'
import type { Range } from './ranges.js'
import type { Damaged, Gaps } from './reader.js'
import { seal } from './sealed.js'
import type { Operation } from './store.js'

/** A loss that has been noticed, and when. */
export interface Loss extends Lost {
  readonly noticedAt: number
}

/** Stores a loss, so that it is told of once and gives the same range ever after. */
export function lossOperation({ from, to, reason, noticedAt }: Loss): Operation {
  const key = sequenceKey(Space.loss, from)
  return {
    type: 'put',
    key,
    value: seal(key, Buffer.concat([numberOctets(to), numberOctets(noticedAt), Buffer.from(reason)]))
  }
}

/** Reads what `lossOperation` sealed. */
export function decodeLoss(from: number, octets: Buffer): Loss {
  return { from, to: readNumber(octets, 0), noticedAt: readNumber(octets, 8), reason: octets.toString('utf8', 16) }
}

/** Moves damaged values out of the way; nothing of them is lost. */
export function quarantine(
  found: ReadonlyArray<{ readonly key: Buffer; readonly value: Buffer }>,
  now: number
): Operation[] {
  return found.flatMap(({ key, value }): Operation[] => [
    { type: 'put', key: quarantineKey(now, key), value },
    { type: 'del', key }
  ])
}

export interface LossOptions {
  readonly known: readonly Loss[]
  /** Sequences that were never given out, or have been dropped. */
  readonly notKept: () => readonly Range[]
  readonly clock: Clock
  /** Stores changes durably. */
  readonly write: (changes: readonly Operation[]) => Promise<void>
  /** Told of each loss once, when it is noticed. */
  readonly onLost: (lost: Lost) => void
}

/** What is known to be missing: adds to it what readers find, and puts damaged blocks into quarantine. */
export class Losses implements Gaps {
  readonly #options: LossOptions
  readonly #known: Loss[]

  constructor(options: LossOptions) {
    this.#options = options
    this.#known = [...options.known]
  }

  /** All that was noticed so far, by sequence. */
  get known(): readonly Loss[] {
    return this.#known.toSorted((one, other) => one.from - other.from)
  }

  async damaged(found: readonly Damaged[]): Promise<void> {
    if (found.length === 0) return
    // When the disk takes nothing now, the next reader will find it again.
    await this.#options.write(quarantine(found, this.#options.clock())).catch(() => {})
  }

  async missing(range: Range, reasons: readonly string[]): Promise<readonly Lost[]> {
    const reason = reasons.length === 0 ? 'missing' : reasons.join(', ')
    const known = this.#known.flatMap(loss => clip(loss, range) ?? [])
    const fresh = without(range, [...this.#options.notKept(), ...known])
    for (const { from, to } of fresh) await this.#notice({ from, to, reason, noticedAt: this.#options.clock() })
    return [...known, ...fresh.map(({ from, to }) => ({ from, to, reason }))].sort(
      (one, other) => one.from - other.from
    )
  }

  async #notice(loss: Loss): Promise<void> {
    try {
      await this.#options.write([lossOperation(loss)])
    } catch {
      return
    }
    // Two readers may have found it at the same time.
    if (this.#known.some(({ from, to }) => from <= loss.from && to >= loss.to)) return
    this.#known.push(loss)
    this.#options.onLost({ from: loss.from, to: loss.to, reason: loss.reason })
  }
}
