import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import { noticeEntry, RecordKind, type Clock } from '../model/index.js'
import type { Change, Commands, FeedPosition, Replica } from '../subscribers/index.js'
import { Backoff } from './backoff.js'
import { sayError, UplinkError } from './errors.js'
import { readMessage, type Message, type Misfit } from './messages.js'
import type { Problems } from './problems.js'
import { takeSnapshot } from './snapshot.js'
import { firstOf, type Random, type Sleep } from './time.js'
import type { Incoming, Transport } from './transport.js'

/** Gaps in a row after which a snapshot is taken instead of asking again. */
const MOST_GAPS = 3
/** Replayed messages in a row after which billing's numbering is taken to have begun anew. */
const MOST_REPLAYS = 1000
/** How long a held snapshot waits before another is taken to see whether billing has mended it. */
const HELD_MS = 600_000
/** A connection that gave signs of life for this long makes the next one come at once, ms. */
const LASTING = 10_000
/** What a header can bring back. */
const CURSOR = /^[!-~]([ -~]{0,1022}[!-~])?$/

/** What the feed works with. */
export interface FeedParts {
  readonly ledger: Ledger
  readonly replica: Replica
  readonly commands: Commands
  readonly transport: Transport
  readonly problems: Problems
  readonly clock: Clock
  readonly sleep: Sleep
  readonly random: Random
  readonly log: Logger
}

/** Where the feed stands, for people. */
export interface FeedStatus {
  /** `off`: not wanted, what is known stays. */
  readonly state: 'connecting' | 'connected' | 'snapshot' | 'held' | 'stopped' | 'off'
  readonly cursor: string | undefined
  /** When billing last gave a sign of life, ms; 0 before. */
  readonly heardAt: number
  readonly lastError?: string
}

/** Follows billing's feed: what should be, in order, each message durable together with its place. */
export class Feed {
  readonly #parts: FeedParts
  readonly #backoff: Backoff
  #state: FeedStatus['state'] = 'stopped'
  #heardAt = 0
  #lastError: string | undefined
  #gaps = 0
  #replays = 0

  constructor(parts: FeedParts) {
    this.#parts = parts
    this.#backoff = new Backoff(parts.random)
  }

  status(): FeedStatus {
    const { cursor } = this.#parts.replica
    const status = { state: this.#state, cursor, heardAt: this.#heardAt }
    return this.#lastError === undefined ? status : { ...status, lastError: this.#lastError }
  }

  /** Runs until `signal` aborts, whatever billing does. */
  async run(signal: AbortSignal): Promise<void> {
    let stale = false
    while (!signal.aborted) {
      try {
        if (stale || this.#parts.replica.position === undefined) await this.#refresh(signal)
        stale = false
        await this.#follow(signal)
        await this.#parts.sleep(this.#backoff.next(), signal)
      } catch (error) {
        if (signal.aborted) break
        stale = this.#needsSnapshot(error, stale)
        await this.#pause(error, signal)
      }
    }
    this.#state = 'stopped'
  }

  #needsSnapshot(error: unknown, stale: boolean): boolean {
    if (!(error instanceof UplinkError)) return stale
    if (error.code === 'UPLINK_CURSOR_TOO_OLD') return true
    if (error.code === 'UPLINK_FEED_GAP') return stale || ++this.#gaps >= MOST_GAPS
    return stale
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const words = sayError(error)
    if (words !== this.#lastError) this.#parts.log.warn({ words }, 'the feed broke off; connecting again')
    this.#lastError = words
    this.#state = 'connecting'
    const asked = error instanceof UplinkError ? error.retryAfterMs : undefined
    await this.#parts.sleep(asked ?? this.#backoff.next(), signal)
  }

  /** Takes snapshots until one is applied; a held one waits for a person, or for billing to send a better one. */
  async #refresh(signal: AbortSignal): Promise<void> {
    const { replica, problems, sleep } = this.#parts
    for (;;) {
      this.#state = 'snapshot'
      if ((await takeSnapshot(this.#parts, signal)) === 'applied') break
      const { removes, of } = replica.held ?? { removes: 0, of: 0 }
      problems.note({ code: 'SNAPSHOT_HELD', words: `the snapshot would remove ${removes} of ${of} subscribers` })
      this.#state = 'held'
      await firstOf(
        signal,
        child => released(replica, child),
        child => sleep(HELD_MS, child)
      )
      signal.throwIfAborted()
      if (replica.held === undefined) break
    }
    this.#gaps = 0
    this.#replays = 0
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { transport, replica, clock } = this.#parts
    this.#state = 'connecting'
    const since = clock()
    for await (const group of transport.feed(replica.cursor, signal)) {
      this.#state = 'connected'
      this.#heardAt = clock()
      this.#lastError = undefined
      // A connection that held for a while was a good one, even when nothing happened.
      if (this.#heardAt - since > LASTING) this.#backoff.reset()
      if (group.length > 0) await this.#apply(group)
    }
  }

  /** Applies messages in order. What arrived together becomes durable together, up to a command or the end. */
  async #apply(group: readonly Incoming[]): Promise<void> {
    let changes: Change[] = []
    let position = this.#parts.replica.position
    const settle = async (): Promise<void> => {
      const settled = changes
      changes = []
      await this.#parts.replica.apply(settled, position)
    }
    for (const incoming of group) {
      const message = readMessage(incoming.data)
      const at = this.#place(message, incoming.cursor, position)
      if (at === 'replayed') continue
      if (at === 'gap') {
        await settle()
        throw new UplinkError('UPLINK_FEED_GAP', `after ${position?.sequence}, ${message.sequence}`)
      }
      if (message.kind === 'change') changes.push(message.change)
      else if (message.kind === 'command') {
        await settle()
        await this.#parts.commands.request(message.command, at)
        if (at !== undefined) this.#parts.replica.moved(at)
      } else await this.#report(message)
      position = at ?? position
    }
    await settle()
  }

  /** Where the feed stands after `message`; undefined when the message does not say. */
  #place(
    { sequence }: Message,
    cursor: string | undefined,
    before: FeedPosition | undefined
  ): FeedPosition | undefined | 'replayed' | 'gap' {
    if (sequence !== undefined && before?.sequence !== undefined) {
      const ahead = BigInt(sequence) - BigInt(before.sequence)
      if (ahead > 1n) return 'gap'
      if (ahead < 1n) return this.#replayed()
    }
    this.#gaps = 0
    this.#replays = 0
    this.#backoff.reset()
    if (cursor === undefined || !CURSOR.test(cursor)) return undefined
    return sequence === undefined ? { cursor } : { cursor, sequence }
  }

  #replayed(): 'replayed' {
    if (++this.#replays > MOST_REPLAYS)
      throw new UplinkError('UPLINK_CURSOR_TOO_OLD', `${MOST_REPLAYS} messages in a row were known already`)
    return 'replayed'
  }

  /** A command that does not fit ends as refused; anything else is a problem that billing is told of. */
  async #report(misfit: Misfit): Promise<void> {
    const { ledger, clock, problems } = this.#parts
    const { words, subject, command } = misfit
    if (command === undefined) {
      problems.note({ code: 'MESSAGE_MISFIT', words, ...(subject === undefined ? {} : { subject }) })
      return
    }
    const notice = { subject: command, command, outcome: 'refused', words }
    await ledger.append([noticeEntry(RecordKind.commandCompleted, clock(), notice)]).durable
  }
}

/** Resolves when no snapshot is held any more, or the signal aborts. */
function released(replica: Replica, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      replica.off('held', check)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const check = (): void => {
      if (replica.held === undefined) done()
    }
    replica.on('held', check)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
    else check()
  })
}
