import { codeName } from '../../protocols/radius/index.js'
import type { DiscardReason } from './discards.js'
import type { Port } from './replies.js'

/** A snapshot of what the server did since it started. */
export interface RadiusCounts {
  /** Datagrams that were looked at. */
  readonly received: Readonly<Record<Port, number>>
  /** Replies that were sent first, by name of their code. */
  readonly replied: Readonly<Record<string, number>>
  /** Replies that were sent again to a duplicate. */
  readonly repeated: number
  /** Datagrams that got no reply, by reason. Reasons that did not happen are left out. */
  readonly discarded: Readonly<Partial<Record<DiscardReason, number>>>
  /** Rejects that wait for their delay now. */
  readonly delayed: number
}

/** Counts every datagram: it is replied to, repeated, or discarded for a reason. */
export class Counters {
  readonly #received: Record<Port, number> = { authentication: 0, accounting: 0 }
  readonly #replied = new Uint32Array(256)
  readonly #discarded = new Map<DiscardReason, number>()
  #repeated = 0

  received(port: Port): void {
    this.#received[port]++
  }

  replied(code: number): void {
    this.#replied[code]!++
  }

  repeated(): void {
    this.#repeated++
  }

  discarded(reason: DiscardReason): void {
    this.#discarded.set(reason, (this.#discarded.get(reason) ?? 0) + 1)
  }

  /** @param shed  datagrams that were thrown away before anybody looked at them */
  read(delayed: number, shed: number): RadiusCounts {
    const replied = [...this.#replied.entries()]
      .filter(([, n]) => n > 0)
      .map(([code, n]) => [codeName(code), n] as const)
    return {
      received: { ...this.#received },
      replied: Object.fromEntries(replied),
      repeated: this.#repeated,
      discarded: { ...(shed > 0 && { OVERRUN: shed }), ...Object.fromEntries(this.#discarded) },
      delayed
    }
  }
}
