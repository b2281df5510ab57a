import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Entry } from '../model/index.js'
import { GroupCommit } from './commit.js'
import type { Block, Ledger, LedgerState, Lost, ReadOptions, Receipt, TableChange } from './contract.js'
import { Cursors } from './cursors.js'
import { neverGiven } from './epochs.js'
import { LedgerError } from './errors.js'
import { Handle } from './handle.js'
import { tableOf, Space } from './keys.js'
import { Losses, quarantine } from './losses.js'
import { Mark } from './mark.js'
import { defaults } from './options.js'
import type { LedgerOptions } from './options.js'
import { readBlocks } from './reader.js'
import { cursorOperation, start } from './start.js'
import type { Start } from './start.js'
import { openStore } from './store.js'
import type { Pair, Store } from './store.js'
import { readEntries, readEntry, tableOperation } from './tables.js'
import { Waiters } from './waiters.js'

/*
 * The ledger's directory:
 *
 *   store/   LevelDB; its keys are in keys.ts, blocks in block.ts, small values in sealed.ts
 *   mark     the durable head, as a witness against LevelDB: mark.ts
 */
export const places = { store: 'store', mark: 'mark' } as const

const OK: LedgerState = { status: 'ok', words: 'records are taken and synced' }

/** Opens a ledger, or makes one. @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE`, `LEDGER_VERSION` */
export async function openLedger (options: LedgerOptions): Promise<LevelLedger> {
  const { directory, clock = Date.now } = options
  const open = options.openStore ?? openStore
  const location = join(directory, places.store)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const store = await open(location)
  const mark = await Mark.open(join(directory, places.mark))
  const handle = new Handle(store, location, open)
  const found = await start(store, mark.found, clock)
  const ledger = new LevelLedger(options, store, handle, mark, found)
  await ledger.quarantine(found.damaged)
  return ledger
}

/** The ledger on LevelDB. */
export class LevelLedger implements Ledger {
  readonly epoch: string
  readonly #options: LedgerOptions
  readonly #log: Logger | undefined
  readonly #handle: Handle
  readonly #mark: Mark
  readonly #commit: GroupCommit
  readonly #cursors: Cursors
  readonly #losses: Losses
  readonly #waiters = new Waiters()
  #floor: number
  #state = OK
  #closing: Promise<void> | undefined

  /** Use `openLedger`. */
  constructor (options: LedgerOptions, store: Store, handle: Handle, mark: Mark, found: Start) {
    this.#options = options
    this.#log = options.log
    this.#handle = handle
    this.#mark = mark
    this.epoch = found.epochs.at(-1)?.epoch ?? ''
    this.#floor = found.floor
    const never = neverGiven(found.epochs)
    this.#cursors = new Cursors(found.cursors, never)
    this.#commit = new GroupCommit({
      store,
      epoch: this.epoch,
      durableHead: found.durableHead,
      blockOctets: options.blockOctets ?? defaults.blockOctets,
      queueOctets: options.queueOctets ?? defaults.queueOctets,
      events: { stored: head => this.#stored(head), failed: error => this.#failed(error) }
    })
    this.#losses = new Losses({
      known: found.losses,
      never,
      clock: options.clock ?? Date.now,
      write: changes => this.#commit.write(changes),
      onLost: lost => this.#lost(lost)
    })
  }

  get next (): number {
    return this.#commit.next
  }

  get durableHead (): number {
    return this.#commit.durableHead
  }

  get floor (): number {
    return this.#floor
  }

  state (): LedgerState {
    return this.#state
  }

  append (entries: readonly Entry[]): Receipt {
    return this.#commit.append(entries)
  }

  settled (): Promise<void> {
    return this.#commit.settled()
  }

  async * read (from: number, { to, signal }: ReadOptions = {}): AsyncGenerator<Block | { readonly lost: Lost }> {
    const head = this.durableHead
    const bounds = { from: Math.max(from, this.#floor), to: Math.min((to ?? head + 1) - 1, head) }
    if (bounds.from > bounds.to) return
    yield * readBlocks(this.#handle, bounds, { from: this.#floor, to: head }, this.#losses, signal)
  }

  reached (sequence: number, signal?: AbortSignal): Promise<void> {
    if (this.durableHead >= sequence) return Promise.resolve()
    if (this.#closing !== undefined) return Promise.reject(new LedgerError('LEDGER_CLOSED'))
    return this.#waiters.wait(sequence, signal)
  }

  cursor (consumer: string): number {
    return this.#cursors.get(consumer)
  }

  async advance (consumer: string, sequence: number): Promise<void> {
    if (!Number.isSafeInteger(sequence) || sequence > this.durableHead) {
      throw new LedgerError('LEDGER_BAD_CURSOR', `${consumer} to ${sequence}, durable are ${this.durableHead}`)
    }
    if (!this.#cursors.isNews(consumer, sequence)) return this.#commit.write([])
    this.#cursors.asked(consumer, sequence)
    try {
      await this.#commit.write([cursorOperation(consumer, sequence)])
      this.#cursors.stored(consumer, sequence)
    } catch (error) {
      this.#cursors.failed()
      throw error
    }
  }

  behind (consumer: string): number {
    return this.#cursors.behind(consumer, this.durableHead)
  }

  async write (changes: readonly TableChange[]): Promise<void> {
    await this.#commit.write(changes.map(tableOperation))
  }

  get (table: string, key: string): Promise<Buffer | undefined> {
    return readEntry(this.#handle, table, key, pairs => this.quarantine(pairs))
  }

  entries (table: string): AsyncIterable<readonly [string, Buffer]> {
    return readEntries(this.#handle, table, pairs => this.quarantine(pairs))
  }

  /** Puts damaged entries out of the way and tells of them. */
  async quarantine (pairs: readonly Pair[]): Promise<void> {
    if (pairs.length === 0) return
    const { clock = Date.now, onDamagedEntry } = this.#options
    await this.#commit.write(quarantine(pairs.map(([key, value]) => ({ key, value })), clock())).catch(() => {})
    for (const [key] of pairs) {
      this.#log?.error({ key: key.toString('latin1') }, 'a damaged value was put into quarantine')
      if (key[0] !== Space.table) continue
      const { table, key: name } = tableOf(key)
      onDamagedEntry?.(table, name)
    }
  }

  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    const closed = new LedgerError('LEDGER_CLOSED')
    this.#commit.end(closed)
    await this.#commit.settled().catch(() => {})
    this.#waiters.fail(closed)
    await this.#handle.close()
    await this.#mark.close()
  }

  #stored (head: number): void {
    this.#mark.note(head)
    this.#waiters.reached(head)
  }

  #failed (error: LedgerError): void {
    this.#log?.error({ err: error }, 'a write failed')
    this.#cursors.failed()
    this.#state = { status: 'degraded', words: error.message }
    this.#options.onState?.(this.#state)
  }

  #lost (lost: Lost): void {
    this.#log?.error({ lost }, 'records are lost')
    this.#options.onLost?.(lost)
  }
}
