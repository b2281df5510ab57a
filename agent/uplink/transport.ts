/** An event as it travels. */
export interface WireEvent {
  /** Ledger epoch, '-', sequence. */
  readonly id: string
  readonly sequence: number
  /** When the record was made, ms. */
  readonly time: number
  /** The CloudEvent: JSON in UTF-8. Octets, since what waits for billing's answer is outside of V8's heap then. */
  readonly json: Buffer
}

/** An event that billing will never take, and why. */
export interface Rejection {
  readonly event: WireEvent
  readonly reason: string
}

/**
 * What billing said to a batch. `taken`: all but the rejected. `poisoned`: one of the events spoils it.
 * `wait`: not now. `refused`: who are you? `retry`: anything else.
 */
export type Answer =
  | { readonly kind: 'taken'; readonly rejected: readonly Rejection[]; readonly oddity?: string }
  | { readonly kind: 'poisoned'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'retry'; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string; readonly ms?: number }
export type AnswerKind = Answer['kind']

/** A feed message as it came; `cursor` undefined when the message carries none. */
export interface Incoming {
  readonly cursor: string | undefined
  readonly data: string
}

/**
 * One way to reach billing. Connections, timeouts and liveness are its own; retries, order and durability are not.
 * Everything it throws is an UplinkError, except when `signal` aborts.
 */
export interface Transport {
  send(events: readonly WireEvent[], signal: AbortSignal): Promise<Answer>
  /**
   * Messages behind `cursor`, in groups as they arrive; an empty group is a sign of life. Ends or throws when the
   * connection does. Pulls no further while a group is being worked on.
   * @throws UplinkError `UPLINK_CURSOR_TOO_OLD`, `UPLINK_FEED_SILENT` and others
   */
  feed(cursor: string | undefined, signal: AbortSignal): AsyncIterable<readonly Incoming[]>
  /** The snapshot's lines. Throws when it breaks off. */
  snapshot(signal: AbortSignal): AsyncIterable<string>
  /** This clock less billing's, ms; undefined until billing has told its time. */
  readonly clockSkewMs: number | undefined
  close(): Promise<void>
}
