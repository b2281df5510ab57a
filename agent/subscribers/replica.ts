import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Ledger, TableChange } from '../ledger/contract.js'
import type { Clock, Device, DocumentKind, Documents, Nas, Profile, Subscriber } from '../model/index.js'
import { plainCodec, type DocumentCodec } from './codec.js'
import { DocumentSet, kinds, type Change, type Contest } from './documents.js'
import { SubscribersError } from './errors.js'
import { holdChanges, readHeld, readHeldSnapshot, releaseChanges, type Held, type Snapshot } from './held.js'
import { normaliseMac } from './mac.js'
import { Pages } from './pages.js'
import { positionChange, readPosition, samePosition, toPosition, type FeedPosition } from './position.js'
import { same } from './same.js'

/** Documents compared before others get their turn. */
const SLICE = 1000

export interface ReplicaOptions {
  readonly log?: Logger
  readonly clock?: Clock
  readonly codec?: DocumentCodec
}

export interface ReplaceOptions {
  /** Share of the subscribers, 0–1, that may be removed without a person; 0.2 when absent. */
  readonly mayRemove?: number
}

/** What the replica tells. `changed`: documents that really differ now, after they are durable. */
export interface ReplicaEvents {
  changed: [readonly Change[]]
  contested: [readonly Contest[]]
  /** A snapshot waits for a person, or (undefined) does so no longer. */
  held: [Held | undefined]
}

/**
 * The agent's own copy of billing's documents: durable in the ledger's tables, read from memory.
 * What is read never waits for disk or cloud. Documents are not to be mutated.
 */
export class Replica extends EventEmitter<ReplicaEvents> {
  readonly #ledger: Ledger
  readonly #log: Logger | undefined
  readonly #clock: Clock
  readonly #codec: DocumentCodec
  readonly #documents = new DocumentSet()
  readonly #pages: Pages
  #position: FeedPosition | undefined
  #held: Held | undefined
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(ledger: Ledger, options: ReplicaOptions) {
    super()
    this.setMaxListeners(100)
    this.#ledger = ledger
    this.#log = options.log
    this.#clock = options.clock ?? Date.now
    this.#codec = options.codec ?? plainCodec
    this.#pages = new Pages(this.#codec)
  }

  /**
   * Loads the tables. Where a document is missing or cannot be read it is told in the log, and the cursor counts as
   * unknown, so that a fresh snapshot is taken.
   */
  static async open(ledger: Ledger, options: ReplicaOptions = {}): Promise<Replica> {
    const replica = new Replica(ledger, options)
    replica.#position = await readPosition(ledger)
    replica.#held = await readHeld(ledger)
    await replica.#load()
    await replica.#checkCounts()
    await replica.#reseal()
    return replica
  }

  subscriber(id: string): Subscriber | undefined {
    return this.#documents.subscriber.get(id)
  }

  /** The subscriber whose `username` is exactly this; the newest where billing gave it to several. */
  subscriberByUserName(name: string): Subscriber | undefined {
    const id = this.#documents.userNames.get(name)
    return id === undefined ? undefined : this.#documents.subscriber.get(id)
  }

  /** The subscriber with this MAC among its credentials; any usual spelling. */
  subscriberByMac(mac: string): Subscriber | undefined {
    const spelled = normaliseMac(mac)
    const id = spelled === undefined ? undefined : this.#documents.macs.get(spelled)
    return id === undefined ? undefined : this.#documents.subscriber.get(id)
  }

  profile(id: string): Profile | undefined {
    return this.#documents.profile.get(id)
  }

  nas(id: string): Nas | undefined {
    return this.#documents.nas.get(id)
  }

  device(id: string): Device | undefined {
    return this.#documents.device.get(id)
  }

  subscribers(): IterableIterator<Subscriber> {
    return this.#documents.subscriber.values()
  }

  nases(): IterableIterator<Nas> {
    return this.#documents.nas.values()
  }

  devices(): IterableIterator<Device> {
    return this.#documents.device.values()
  }

  profiles(): IterableIterator<Profile> {
    return this.#documents.profile.values()
  }

  counts(): Record<DocumentKind, number> {
    const { subscriber, profile, nas, device } = this.#documents
    return { subscriber: subscriber.size, profile: profile.size, nas: nas.size, device: device.size }
  }

  /** What `Last-Event-ID` should say; undefined before the first snapshot. */
  get cursor(): string | undefined {
    return this.#position?.cursor
  }

  get position(): FeedPosition | undefined {
    return this.#position
  }

  /** The snapshot that waits for a person, if any. */
  get held(): Held | undefined {
    return this.#held
  }

  /** The document that the replica holds, where it says the same as `document`; else `document` itself. Saves memory. */
  known<K extends DocumentKind>(kind: K, document: Documents[K]): Documents[K] {
    const present = this.#documents.get(kind, document.id) as Documents[K] | undefined
    const same = !this.#documents.differs({ kind, id: document.id, document })
    return same && present !== undefined ? present : document
  }

  /**
   * Applies changes in order and stores the feed's position, in one durable write; memory and `changed` follow.
   * What is so already is left alone. Where the write fails nothing has changed.
   * @throws LedgerError
   */
  apply(changes: readonly Change[], position?: string | FeedPosition): Promise<void> {
    return this.#serially(() => this.#commit(this.#differing(changes), position, []))
  }

  /**
   * Makes the replica equal to a snapshot, in one durable write. Where it would remove more than the allowed share of
   * the subscribers, nothing is applied: it is stored and waits for `confirmHeld`.
   * @throws SubscribersError `SUBSCRIBERS_DUPLICATE_DOCUMENT`; LedgerError
   */
  replaceAll(
    snapshot: Snapshot,
    position: string | FeedPosition,
    options: ReplaceOptions = {}
  ): Promise<'applied' | 'held'> {
    return this.#serially(async () => {
      const changes = await this.#difference(snapshot)
      const removes = changes.filter(({ kind, document }) => kind === 'subscriber' && document === undefined).length
      const of = this.#documents.subscriber.size
      if (removes > of * (options.mayRemove ?? 0.2)) {
        await this.#hold({ position: toPosition(position), at: this.#clock(), removes, of }, snapshot)
        return 'held'
      }
      await this.#commit(changes, position, this.#held === undefined ? [] : await releaseChanges(this.#ledger))
      this.#release()
      return 'applied'
    })
  }

  /** A person says that the held snapshot is right: it is applied. @throws SubscribersError `SUBSCRIBERS_NOTHING_HELD` */
  confirmHeld(): Promise<void> {
    return this.#serially(async () => {
      const held = this.#mustBeHeld()
      const snapshot = await readHeldSnapshot(this.#ledger, this.#codec)
      await this.#commit(await this.#difference(snapshot), held.position, await releaseChanges(this.#ledger))
      this.#release()
    })
  }

  /** A person says that the held snapshot is wrong: it is forgotten. @throws SubscribersError `SUBSCRIBERS_NOTHING_HELD` */
  discardHeld(): Promise<void> {
    return this.#serially(async () => {
      this.#mustBeHeld()
      await this.#ledger.write(await releaseChanges(this.#ledger))
      this.#release()
    })
  }

  /** The position was stored by somebody else's write (a command's): memory follows. */
  moved(position: FeedPosition): void {
    this.#position = position
  }

  async #load(): Promise<void> {
    await this.#pages.read(this.#ledger, page => {
      this.#position = undefined
      this.#log?.error({ page }, 'a page of stored documents cannot be read; a snapshot will bring them back')
    })
    for (const kind of kinds)
      this.#putAll(kind, kind === 'subscriber' ? this.#pages.documents(kind) : this.#oldestFirst(kind))
    // Their order matters only where several claim a name, and sorting takes as long as reading.
    if (this.#documents.isContested) this.#tellContests(this.#putAll('subscriber', this.#oldestFirst('subscriber')))
  }

  #putAll(kind: DocumentKind, documents: Iterable<readonly [number, Documents[DocumentKind]]>): Contest[] {
    const contests: Contest[] = []
    for (const [, document] of documents) contests.push(...this.#documents.put({ kind, id: document.id, document }))
    return contests
  }

  #oldestFirst(kind: DocumentKind): (readonly [number, Documents[DocumentKind]])[] {
    return [...this.#pages.documents(kind)].sort(([one], [other]) => one - other)
  }

  /** An entry that the ledger found damaged is simply absent: only the count tells. */
  async #checkCounts(): Promise<void> {
    const stored = await this.#ledger.get('feed', 'counts')
    const counts = this.counts()
    if (stored === undefined || same(JSON.parse(stored.toString()), counts)) return
    this.#position = undefined
    this.#log?.error(
      { stored: stored.toString(), counts },
      'stored documents are missing; a snapshot will bring them back'
    )
  }

  /** What lies there in clear, or under a key that was replaced, is sealed anew. */
  async #reseal(): Promise<void> {
    const writes = this.#pages.renew()
    if (writes.length === 0) return
    await this.#ledger.write(writes)
    this.#log?.info({ pages: writes.length }, 'stored documents were sealed with the present key')
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => {})
    return done
  }

  #differing(changes: readonly Change[]): Change[] {
    const last = new Map(changes.map(change => [`${change.kind}/${change.id}`, change]))
    return [...last.values()].filter(change => this.#documents.differs(change))
  }

  async #difference(snapshot: Snapshot): Promise<Change[]> {
    const changes: Change[] = []
    for (const kind of kinds) {
      const seen = new Set<string>()
      for (const document of snapshot[kind]) {
        const change: Change = { kind, id: document.id, document }
        if (this.#documents.differs(change)) changes.push(change)
        if (seen.add(document.id).size % SLICE === 0) await turn()
      }
      if (seen.size !== snapshot[kind].length)
        throw new SubscribersError('SUBSCRIBERS_DUPLICATE_DOCUMENT', `${kind}: ${snapshot[kind].length - seen.size}`)
      for (const id of this.#documents[kind].keys()) if (!seen.has(id)) changes.push({ kind, id, document: undefined })
    }
    return changes
  }

  async #commit(
    changes: readonly Change[],
    to: string | FeedPosition | undefined,
    also: readonly TableChange[]
  ): Promise<void> {
    const position = to === undefined ? this.#position : toPosition(to)
    const plan = await this.#pages.plan(changes)
    const writes: TableChange[] = [...also, ...plan.writes]
    if (position !== undefined && !samePosition(position, this.#position)) writes.push(positionChange(position))
    const counts = this.#countsAfter(changes)
    if (counts !== undefined) writes.push({ table: 'feed', key: 'counts', value: Buffer.from(JSON.stringify(counts)) })
    if (writes.length > 0) await this.#ledger.write(writes)
    plan.settle()
    this.#position = position
    this.#tell(changes)
  }

  /** @returns undefined where they stay as they are */
  #countsAfter(changes: readonly Change[]): Record<DocumentKind, number> | undefined {
    const counts = this.counts()
    let moved = false
    for (const { kind, id, document } of changes) {
      const by = (document === undefined ? 0 : 1) - (this.#documents.get(kind, id) === undefined ? 0 : 1)
      counts[kind] += by
      moved ||= by !== 0
    }
    return moved ? counts : undefined
  }

  #tell(changes: readonly Change[]): void {
    const contests = changes.flatMap(change => this.#documents.put(change))
    this.#tellContests(contests)
    if (changes.length > 0) this.#safely(() => this.emit('changed', changes))
  }

  #tellContests(contests: readonly Contest[]): void {
    if (contests.length === 0) return
    this.#log?.warn(
      { contests: contests.slice(0, 10), count: contests.length },
      'subscribers share a name; newest wins'
    )
    this.#safely(() => this.emit('contested', contests))
  }

  /** A listener that throws must not make an applied change look refused. */
  #safely(emit: () => void): void {
    try {
      emit()
    } catch (error) {
      this.#log?.error({ err: error }, 'a listener of the replica failed')
    }
  }

  async #hold(held: Held, snapshot: Snapshot): Promise<void> {
    await this.#ledger.write(await holdChanges(this.#ledger, this.#codec, held, snapshot))
    this.#held = held
    this.#log?.error({ removes: held.removes, of: held.of }, 'a snapshot would remove many subscribers: held')
    this.#safely(() => this.emit('held', held))
  }

  #release(): void {
    if (this.#held === undefined) return
    this.#held = undefined
    this.#safely(() => this.emit('held', undefined))
  }

  #mustBeHeld(): Held {
    if (this.#held === undefined) throw new SubscribersError('SUBSCRIBERS_NOTHING_HELD', 'nothing is held')
    return this.#held
  }
}
