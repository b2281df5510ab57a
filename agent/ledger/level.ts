import { join } from 'node:path'
import type { Entry } from '../model/index.js'
import { backup } from './backup.js'
import { Capacity } from './capacity.js'
import { GroupCommit } from './commit.js'
import type { Block, Ledger, LedgerState, Lost, ReadOptions, Receipt, TableChange } from './contract.js'
import { Cursors } from './cursors.js'
import { measureDisk } from './disk.js'
import type { DiskUse } from './disk.js'
import { neverGiven } from './epochs.js'
import { LedgerError } from './errors.js'
import type { Group } from './group.js'
import type { Handle } from './handle.js'
import { Housekeeping } from './housekeeping.js'
import type { House } from './housekeeping.js'
import { damagedPairs, inspect } from './inspect.js'
import type { InspectOptions, LedgerReport } from './inspect.js'
import { Space, tableOf } from './keys.js'
import { Losses, quarantine } from './losses.js'
import type { Loss } from './losses.js'
import type { Mark } from './mark.js'
import type { Settings } from './options.js'
import { places } from './places.js'
import { readBlocks } from './reader.js'
import { Recovery } from './recovery.js'
import type { Reserve } from './reserve.js'
import { cursorOperation, survey } from './start.js'
import type { Start } from './start.js'
import type { Pair, Store } from './store.js'
import { readEntries, readEntry, tableOperation } from './tables.js'
import { Waiters } from './waiters.js'

const CAPACITY_EVERY = 10_000
const SWEEP_EVERY = 900_000
const REST_AFTER = 60_000
const OK: LedgerState = { status: 'ok', words: 'records are taken and synced' }

/** The open parts that a ledger is made of. */
export interface Parts {
  readonly settings: Settings
  readonly store: Store
  readonly handle: Handle
  readonly mark: Mark
  readonly reserve: Reserve
  readonly found: Start
  readonly repaired: boolean
}

/** The ledger on LevelDB. */
export class LevelLedger implements Ledger {
  readonly epoch: string
  /** Whether LevelDB's files were damaged and have been repaired: tables may be old or incomplete then. */
  readonly repaired: boolean
  readonly #settings: Settings
  readonly #handle: Handle
  readonly #mark: Mark
  readonly #commit: GroupCommit
  readonly #cursors: Cursors
  readonly #losses: Losses
  readonly #waiters = new Waiters()
  readonly #recovery: Recovery
  readonly #capacity: Capacity
  readonly #housekeeping: Housekeeping
  readonly #stop = new AbortController()
  readonly #timers: NodeJS.Timeout[]
  #state = OK
  #recovering: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** Use `openLedger` of open.ts. */
  constructor({ settings, store, handle, mark, reserve, found, repaired }: Parts) {
    const { log, clock, directory } = settings
    const never = neverGiven(found.epochs)
    this.epoch = found.epochs.at(-1)?.epoch ?? ''
    this.repaired = repaired
    this.#settings = settings
    this.#handle = handle
    this.#mark = mark
    this.#cursors = new Cursors(found.cursors, never)
    this.#commit = new GroupCommit({
      store,
      epoch: this.epoch,
      durableHead: found.durableHead,
      blockOctets: settings.blockOctets,
      queueOctets: settings.queueOctets,
      events: { stored: head => this.#stored(head), failed: (error, failed) => this.#failed(error, failed) }
    })
    this.#housekeeping = new Housekeeping(
      this.#house(),
      settings.retention,
      settings.monotonic,
      found.meta,
      found.anchors
    )
    this.#losses = new Losses({
      known: found.losses,
      notKept: () => [...never, { from: 0, to: this.#housekeeping.dropping - 1 }],
      clock,
      write: changes => this.#commit.write(changes),
      onLost: lost => this.#lost(lost)
    })
    this.#recovery = new Recovery({ handle, reserve, backoff: settings.backoff, log })
    this.#capacity = new Capacity({
      location: join(directory, places.store),
      reserve,
      budgetOctets: settings.budgetOctets,
      lowWaterOctets: settings.lowWaterOctets,
      log,
      shrink: octets => this.#housekeeping.shrink(octets),
      onLowSpace: use => this.#tell(() => settings.onLowSpace?.(use)),
      onRoom: lack => this.#room(lack)
    })
    this.#timers = [
      setInterval(() => void this.checkCapacity(), CAPACITY_EVERY).unref(),
      setInterval(() => this.#sweepQuietly(), SWEEP_EVERY).unref(),
      setTimeout(() => mark.rest(), REST_AFTER).unref()
    ]
    void this.checkCapacity()
  }

  get next(): number {
    return this.#commit.next
  }

  get durableHead(): number {
    return this.#commit.durableHead
  }

  get floor(): number {
    return this.#housekeeping.floor
  }

  /** What the ledger takes of the disk, measured every few seconds. */
  get diskUse(): DiskUse {
    return this.#capacity.use
  }

  /** Octets that wait for the disk. */
  get waiting(): number {
    return this.#commit.waiting
  }

  /** What is known to be missing, oldest first. */
  get losses(): readonly Loss[] {
    return this.#losses.known
  }

  state(): LedgerState {
    return this.#state
  }

  append(entries: readonly Entry[]): Receipt {
    return this.#commit.append(entries)
  }

  settled(): Promise<void> {
    return this.#commit.settled()
  }

  async *read(from: number, { to, signal }: ReadOptions = {}): AsyncGenerator<Block | { readonly lost: Lost }> {
    const head = this.durableHead
    const bounds = { from: Math.max(from, this.floor), to: Math.min((to ?? head + 1) - 1, head) }
    if (bounds.from > bounds.to) return
    yield* readBlocks(this.#handle, bounds, { from: this.floor, to: head }, this.#losses, signal)
  }

  reached(sequence: number, signal?: AbortSignal): Promise<void> {
    if (this.durableHead >= sequence) return Promise.resolve()
    if (this.#closing !== undefined) return Promise.reject(new LedgerError('LEDGER_CLOSED'))
    return this.#waiters.wait(sequence, signal)
  }

  cursor(consumer: string): number {
    return this.#cursors.get(consumer)
  }

  async advance(consumer: string, sequence: number): Promise<void> {
    if (!Number.isSafeInteger(sequence) || sequence > this.durableHead) {
      throw new LedgerError('LEDGER_BAD_CURSOR', `${consumer} to ${sequence}, durable are ${this.durableHead}`)
    }
    this.#assertOpen()
    if (!this.#cursors.isNews(consumer, sequence)) return this.#commit.write([])
    const takeBack = this.#cursors.asked(consumer, sequence)
    try {
      await this.#commit.write([cursorOperation(consumer, sequence)])
      this.#cursors.stored(consumer, sequence)
    } catch (error) {
      takeBack()
      throw error
    }
  }

  /** How many sequences `consumer` has still before it: `durableHead` minus its cursor, less what was never given out. */
  behind(consumer: string): number {
    return this.#cursors.behind(consumer, this.durableHead)
  }

  async write(changes: readonly TableChange[]): Promise<void> {
    this.#assertOpen()
    await this.#commit.write(changes.map(tableOperation))
  }

  get(table: string, key: string): Promise<Buffer | undefined> {
    return readEntry(this.#handle, table, key, pairs => this.quarantine(pairs))
  }

  entries(table: string): AsyncIterable<readonly [string, Buffer]> {
    return readEntries(this.#handle, table, pairs => this.quarantine(pairs))
  }

  /** Takes out what the retention allows; done by itself every quarter of an hour. @returns the floor */
  sweep(): Promise<number> {
    return this.#housekeeping.sweep()
  }

  /** Drops whole blocks below `sequence` that every consumer has passed. @returns the floor */
  dropBefore(sequence: number): Promise<number> {
    return this.#housekeeping.dropBefore(sequence)
  }

  /** What the ledger takes of the disk. */
  disk(): Promise<DiskUse> {
    return measureDisk(join(this.#settings.directory, places.store))
  }

  /** Looks whether there is room on the disk; done by itself every ten seconds. */
  async checkCapacity(): Promise<void> {
    if (this.#recovering !== undefined || this.#closing !== undefined) return
    await this.#capacity.check(this.#stop.signal).catch((error: unknown) => {
      if (this.#closing === undefined)
        this.#settings.log?.warn({ err: error }, 'the room on the disk cannot be measured')
    })
  }

  /**
   * Copies the ledger as it is now, while records go on arriving; `restore` makes a ledger of it.
   * @param directory absent or empty
   * @throws LedgerError `LEDGER_NOT_EMPTY`, `LEDGER_UNREADABLE`, `LEDGER_CLOSED`
   */
  async backupTo(directory: string): Promise<void> {
    await this.settled()
    await backup(this.#handle, this.durableHead, this.#settings.clock(), directory, this.#stop.signal)
  }

  /** Walks through everything and changes nothing. */
  async verify(options: InspectOptions = {}): Promise<LedgerReport> {
    const found = await this.#handle.use(store => survey(store, 0))
    return inspect(this.#handle, found, options)
  }

  /** Puts everything that is damaged out of the way: blocks by reading them, tables by looking at each entry. */
  async quarantineAll(): Promise<void> {
    for await (const _ of this.read(this.floor)) {
      /* reading does it */
    }
    for await (const pair of damagedPairs(this.#handle, this.durableHead)) await this.quarantine([pair])
  }

  /** Puts damaged values out of the way and tells of them. */
  async quarantine(pairs: readonly Pair[]): Promise<void> {
    if (pairs.length === 0) return
    const { clock, log, onDamagedEntry } = this.#settings
    // When the disk takes nothing now, the next reader finds them again.
    await this.#commit
      .write(
        quarantine(
          pairs.map(([key, value]) => ({ key, value })),
          clock()
        )
      )
      .catch(() => {})
    for (const [key] of pairs) {
      log?.error({ key: key.toString('latin1') }, 'a damaged value was put into quarantine')
      if (key[0] !== Space.table) continue
      const { table, key: name } = tableOf(key)
      this.#tell(() => onDamagedEntry?.(table, name))
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = new LedgerError('LEDGER_CLOSED')
    for (const timer of this.#timers) clearTimeout(timer)
    this.#stop.abort(closed)
    this.#commit.refuseRecords(closed)
    const ended = this.#end(closed)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, this.#settings.closeTimeout)
    })
    await Promise.race([ended, late])
    clearTimeout(timer)
    this.#commit.drop(closed)
  }

  async #end(closed: LedgerError): Promise<void> {
    await this.#housekeeping.countService().catch(() => {})
    this.#commit.end(closed)
    await this.#commit.settled().catch(() => {})
    this.#waiters.fail(closed)
    await this.#recovering
    await this.#handle.close()
    this.#mark.rest()
    await this.#mark.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LedgerError('LEDGER_CLOSED')
  }

  #house(): House {
    return {
      handle: this.#handle,
      log: this.#settings.log,
      durableHead: () => this.durableHead,
      cursor: consumer => this.cursor(consumer),
      blocks: from => this.read(from, { signal: this.#stop.signal }),
      write: changes => this.#commit.write(changes)
    }
  }

  #stored(head: number): void {
    this.#recovery.succeeded()
    this.#mark.note(head)
    this.#waiters.reached(head)
  }

  #failed(error: LedgerError, failed: Group): void {
    this.#settings.log?.error({ err: error }, 'a write failed: nothing is acknowledged until the ledger is open again')
    this.#cursors.failed()
    void this.#mark.release()
    this.#setState({ status: 'degraded', words: error.message })
    this.#recovering = this.#recover(error, failed)
  }

  async #recover(error: LedgerError, failed: Group): Promise<void> {
    const recovered = await this.#recovery.run(error, failed, this.durableHead, this.#stop.signal)
    this.#recovering = undefined
    if (recovered === undefined || this.#closing !== undefined) return
    this.#commit.resume(recovered.store)
    if (recovered.full) this.#room('the disk has no room for the reserve')
    else this.#setState(OK)
    await this.checkCapacity()
  }

  #room(lack: string | undefined): void {
    if (this.#recovering !== undefined || this.#closing !== undefined) return
    const error = lack === undefined ? undefined : new LedgerError('LEDGER_NO_SPACE', lack)
    this.#commit.refuseRecords(error)
    this.#setState(error === undefined ? OK : { status: 'degraded', words: error.message })
  }

  #setState(state: LedgerState): void {
    if (state.words === this.#state.words) return
    this.#state = state
    this.#tell(() => this.#settings.onState?.(state))
  }

  #sweepQuietly(): void {
    this.sweep().catch((error: unknown) => {
      if (this.#closing === undefined) this.#settings.log?.warn({ err: error }, 'old records could not be dropped')
    })
  }

  #lost(lost: Lost): void {
    this.#settings.log?.error({ lost }, 'records are lost')
    this.#tell(() => this.#settings.onLost?.(lost))
  }

  // Whoever is told may fail, by appending to a full ledger for one; the ledger goes on.
  #tell(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#settings.log?.error({ err: error }, 'somebody who was told by the ledger failed')
    }
  }
}
