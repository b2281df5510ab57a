import { DeliverPolicy, jetstreamManager, type ConsumerMessages, type JsMsg, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { UplinkError } from './errors.js'
import { unlessAborted, type NatsTimeouts } from './nats-link.js'
import type { Incoming } from './transport.js'

/*
 * The feed out of a stream. A cursor is `<sequence>@<when the stream was made, ms>`: a stream that was made anew counts
 * from 1 again, and a place in the old one means nothing in it. Billing may leave out the second part in a snapshot.
 */

/** Messages that wait here, and that are asked for at a time. */
const MOST = 500

/** What the feed works with. */
export interface NatsFeedParts {
  readonly connection: NatsConnection
  readonly stream: string
  readonly timeouts: NatsTimeouts
}

/**
 * Messages behind `cursor`, in groups as they arrive; an empty group is a heartbeat.
 * @throws UplinkError `UPLINK_CURSOR_TOO_OLD`, `UPLINK_FEED_SILENT`, `UPLINK_UNREACHABLE`; errors of NATS
 */
export async function* natsFeed(
  { connection, stream, timeouts }: NatsFeedParts,
  cursor: string | undefined,
  signal: AbortSignal
): AsyncGenerator<readonly Incoming[]> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeouts.answer })
  const ask = (): Promise<StreamInfo> => unlessAborted(manager.streams.info(stream), signal)
  const info = await ask()
  const made = Date.parse(info.created)
  let last = placeIn(info, cursor)
  const consumer = await unlessAborted(
    manager.jetstream().consumers.get(stream, { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: last + 1 }),
    signal
  )
  const beat = Math.max(500, Math.min(10_000, timeouts.silence / 3))
  const messages = await consumer.consume({
    max_messages: MOST,
    idle_heartbeat: beat,
    expires: Math.max(1000, beat * 3),
    abort_on_missing_resource: true
  })
  const mailbox = new Mailbox(messages)
  try {
    yield []
    for (;;) {
      const group = await mailbox.take(timeouts.silence, signal)
      if (group === undefined) throw new UplinkError('UPLINK_UNREACHABLE', 'the connection or the consumer ended')
      if (hasGap(group, last)) refuseLoss(await ask(), last)
      last = group.at(-1)?.seq ?? last
      yield group.map(message => ({ cursor: `${message.seq}@${made}`, data: message.string() }))
    }
  } finally {
    await messages.close()
    if (!connection.isClosed()) void consumer.delete().catch(() => {})
  }
}

/**
 * The sequence that a cursor stands for.
 * @throws UplinkError `UPLINK_CURSOR_TOO_OLD` when what follows it is no longer there, or it is of another stream
 */
function placeIn(info: StreamInfo, cursor: string | undefined): number {
  const { first_seq, last_seq } = info.state
  if (cursor === undefined) return Math.max(0, first_seq - 1)
  const [, digits, made] = /^([0-9]{1,15})(?:@([0-9]{1,15}))?$/.exec(cursor) ?? []
  const place = Number(digits)
  if (digits === undefined || (made !== undefined && Number(made) !== Date.parse(info.created)))
    throw new UplinkError('UPLINK_CURSOR_TOO_OLD', `${cursor.slice(0, 64)} is no place in the stream as it is now`)
  if (place > last_seq)
    throw new UplinkError('UPLINK_CURSOR_TOO_OLD', `the stream ends at ${last_seq}, before ${place}`)
  refuseLoss(info, place)
  return place
}

function refuseLoss({ state }: StreamInfo, last: number): void {
  if (state.first_seq > last + 1)
    throw new UplinkError('UPLINK_CURSOR_TOO_OLD', `the stream begins at ${state.first_seq}, after ${last}`)
}

/** A message in the middle that is gone was deleted, or replaced by a newer one of its subject: that loses nothing. */
function hasGap(group: readonly JsMsg[], last: number): boolean {
  let expected = last + 1
  return group.some(({ seq }) => seq !== expected++)
}

/** Messages and signs of life of one consumer. Takes no more in than MOST until they are taken out. */
class Mailbox {
  #messages: JsMsg[] = []
  #isAlive = false
  #hasEnded = false
  #wake = (): void => {}
  #makeRoom = (): void => {}

  constructor(messages: ConsumerMessages) {
    void this.#collect(messages).finally(() => {
      this.#hasEnded = true
      this.#wake()
    })
    void this.#listen(messages)
  }

  /** What has come, perhaps nothing but a heartbeat; undefined at the end. @throws UplinkError `UPLINK_FEED_SILENT` */
  async take(silenceMs: number, signal: AbortSignal): Promise<readonly JsMsg[] | undefined> {
    if (!this.#hasNews) await this.#news(silenceMs, signal)
    signal.throwIfAborted()
    if (!this.#hasNews) throw new UplinkError('UPLINK_FEED_SILENT', 'neither message nor heartbeat')
    const group = this.#messages
    if (group.length === 0 && this.#hasEnded) return undefined
    this.#messages = []
    this.#isAlive = false
    this.#makeRoom()
    return group
  }

  get #hasNews(): boolean {
    return this.#messages.length > 0 || this.#isAlive || this.#hasEnded
  }

  async #news(silenceMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, silenceMs).unref()
      this.#wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', this.#wake)
        resolve()
      }
      signal.addEventListener('abort', this.#wake, { once: true })
    })
  }

  async #collect(messages: ConsumerMessages): Promise<void> {
    try {
      for await (const message of messages) {
        this.#messages.push(message)
        this.#wake()
        if (this.#messages.length >= MOST) await new Promise<void>(resolve => (this.#makeRoom = resolve))
      }
    } catch {
      // Whatever ended it: the feed is asked for again from its cursor.
    }
  }

  async #listen(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type !== 'heartbeat') continue
      this.#isAlive = true
      this.#wake()
    }
  }
}
