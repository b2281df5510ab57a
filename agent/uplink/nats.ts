import { jetstream, JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { UplinkError } from './errors.js'
import { readLines } from './lines.js'
import { natsFeed } from './nats-feed.js'
import { causes, NatsLink, natsTimeouts, natsTrouble, unlessAborted, type NatsTimeouts } from './nats-link.js'
import { natsSnapshot } from './nats-snapshot.js'
import type { TlsOptions } from './target.js'
import type { Answer, Incoming, Rejection, Transport, WireEvent } from './transport.js'

/*
 * The Edge API over NATS JetStream. An event is one message with its id as `Nats-Msg-Id`, so that the stream keeps one
 * of each within its duplicate window; it counts as taken when the stream has acknowledged it. The feed is a stream,
 * read by an ordered consumer; the snapshot is asked for page by page. The agent makes no stream: billing does.
 */

/** Octets of a message that are not the event: the header with its id. */
const HEADER = 256

/** What JetStream says to one message, by its error code; everything else is tried again. */
const apiCodes: Readonly<Record<number, 'rejected' | 'wait'>> = {
  /** The message is larger than the stream allows. */
  10054: 'rejected',
  /** Resources of server, account or memory are used up. */
  10023: 'wait',
  10028: 'wait',
  10047: 'wait',
  /** The stream is full and discards what is new. */
  10077: 'wait'
}

/** Where things are at billing's NATS. */
export interface NatsNames {
  /** Subject that events are published on. */
  readonly eventSubject: string
  /** Stream that holds the feed of this agent. */
  readonly feedStream: string
  /** Subject on which billing answers for the snapshot. */
  readonly snapshotSubject: string
}

export const natsNames: NatsNames = {
  eventSubject: 'turnpike.events',
  feedStream: 'TURNPIKE_FEED',
  snapshotSubject: 'turnpike.snapshot'
}

export interface NatsOptions extends TlsOptions, Partial<NatsNames> {
  /** `tls://host[:port]`, or `nats://` to this very box. */
  readonly url: string
  /** Token, password (with `user`), nkey seed or the text of a .creds file; read for each connection. */
  readonly credential: () => string
  readonly user?: string | undefined
  /** The agent's name, told to who answers for the snapshot. */
  readonly source: string
  /** Messages that wait for their acknowledgement at a time; 256. With 1 none can ever pass another. */
  readonly inFlight?: number | undefined
  readonly timeouts?: Partial<NatsTimeouts>
}

type Outcome = { readonly kind: 'taken' } | { readonly kind: 'rejected'; readonly reason: string } | Answer

/** The Edge API over NATS JetStream. */
export class NatsTransport implements Transport {
  readonly #link: NatsLink
  readonly #names: NatsNames
  readonly #source: string
  readonly #inFlight: number
  readonly #timeouts: NatsTimeouts

  /** @throws UplinkError `UPLINK_INSECURE_URL`, `UPLINK_BAD_URL` */
  constructor(options: NatsOptions) {
    this.#names = {
      eventSubject: options.eventSubject ?? natsNames.eventSubject,
      feedStream: options.feedStream ?? natsNames.feedStream,
      snapshotSubject: options.snapshotSubject ?? natsNames.snapshotSubject
    }
    this.#source = options.source
    this.#inFlight = options.inFlight ?? 256
    this.#timeouts = { ...natsTimeouts, ...options.timeouts }
    this.#link = new NatsLink({ ...options, timeouts: this.#timeouts })
  }

  /** NATS does not tell billing's time. */
  get clockSkewMs(): undefined {
    return undefined
  }

  /** Publishes in order, a bounded number ahead of the acknowledgements; stops at the first that is not taken. */
  async send(events: readonly WireEvent[], signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#publish(events, signal)
    } catch (error) {
      if (error instanceof UplinkError && (error.code === 'UPLINK_REFUSED' || error.code === 'UPLINK_BAD_TOKEN'))
        return { kind: 'refused', reason: error.message }
      throw error
    }
  }

  async #publish(events: readonly WireEvent[], signal: AbortSignal): Promise<Answer> {
    const publish = publisher(await this.#link.connection(signal), this.#names.eventSubject, this.#timeouts.answer)
    const rejected: Rejection[] = []
    const waiting: { event: WireEvent; outcome: Promise<Outcome> }[] = []
    const settle = async (most: number): Promise<Answer | undefined> => {
      for (let first = waiting[0]; first !== undefined && waiting.length > most; first = waiting[0]) {
        const outcome = await unlessAborted(first.outcome, signal)
        waiting.shift()
        if (outcome.kind === 'rejected') rejected.push({ event: first.event, reason: outcome.reason })
        else if (outcome.kind !== 'taken') return outcome
      }
      return undefined
    }
    for (const event of events) {
      const trouble = await settle(this.#inFlight - 1)
      if (trouble !== undefined) return trouble
      waiting.push({ event, outcome: publish(event) })
    }
    return (await settle(0)) ?? { kind: 'taken', rejected }
  }

  async *feed(cursor: string | undefined, signal: AbortSignal): AsyncGenerator<readonly Incoming[]> {
    const connection = await this.#link.connection(signal)
    try {
      yield* natsFeed({ connection, stream: this.#names.feedStream, timeouts: this.#timeouts }, cursor, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw natsTrouble(error)
    }
  }

  async *snapshot(signal: AbortSignal): AsyncGenerator<string> {
    const connection = await this.#link.connection(signal)
    const request = { subject: this.#names.snapshotSubject, source: this.#source, timeout: this.#timeouts.answer }
    try {
      yield* readLines(natsSnapshot(connection, request, signal))
    } catch (error) {
      signal.throwIfAborted()
      throw natsTrouble(error)
    }
  }

  close(): Promise<void> {
    return this.#link.close()
  }
}

function publisher(
  connection: NatsConnection,
  subject: string,
  timeout: number
): (event: WireEvent) => Promise<Outcome> {
  const stream: JetStreamClient = jetstream(connection, { timeout })
  const largest = (connection.info?.max_payload ?? Infinity) - HEADER
  return async event => {
    // The server would close the connection on us.
    if (event.json.length > largest)
      return { kind: 'rejected', reason: `larger than a message of this NATS server may be: ${largest} octets` }
    try {
      await stream.publish(subject, event.json, { msgID: event.id, timeout })
      return { kind: 'taken' }
    } catch (error) {
      return outcomeOf(error)
    }
  }
}

function outcomeOf(error: unknown): Outcome {
  const api = causes(error).find(one => one instanceof JetStreamApiError)
  const kind = api === undefined ? undefined : apiCodes[api.code]
  if (api !== undefined && kind !== undefined) return { kind, reason: `${api.message} (${api.code})` }
  const { code, message } = natsTrouble(error)
  return { kind: code === 'UPLINK_REFUSED' ? 'refused' : 'retry', reason: message }
}
