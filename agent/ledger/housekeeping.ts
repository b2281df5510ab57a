import type { Logger } from 'pino'
import type { Block, Lost } from './contract.js'
import { LedgerError } from './errors.js'
import type { Handle } from './handle.js'
import { Space, sequenceKey } from './keys.js'
import { Run, anchorOperation, passes } from './retention.js'
import type { Anchor, Pass, RetentionOptions } from './retention.js'
import { Meta, metaOperation } from './start.js'
import type { Operation } from './store.js'

const HOUR = 3_600_000

/** What housekeeping needs of the ledger. */
export interface House {
  readonly handle: Handle
  readonly log: Logger | undefined
  durableHead(): number
  cursor(consumer: string): number
  /** Stored blocks and losses from a sequence to the durable head. */
  blocks(from: number): AsyncIterable<Block | { readonly lost: Lost }>
  write(changes: readonly Operation[]): Promise<void>
}

/** Drops what need not be kept any more: in steps of about 1 MiB, each durable before the next. */
export class Housekeeping {
  readonly #house: House
  readonly #retention: RetentionOptions
  readonly #monotonic: () => number
  readonly #swept: Map<number, number>
  #anchors: Anchor[]
  #service: number
  #clocked: number
  #floor: number
  #dropping: number
  #busy: Promise<unknown> = Promise.resolve()

  /**
   * @param monotonic milliseconds that only ever grow
   * @param meta numbers of the meta space, as they were at the start
   */
  constructor(
    house: House,
    retention: RetentionOptions,
    monotonic: () => number,
    meta: ReadonlyMap<string, number>,
    anchors: readonly Anchor[]
  ) {
    this.#house = house
    this.#retention = retention
    this.#monotonic = monotonic
    this.#anchors = [...anchors]
    this.#service = meta.get(Meta.service) ?? 0
    this.#clocked = monotonic()
    this.#floor = this.#dropping = meta.get(Meta.floor) ?? 1
    this.#swept = new Map(
      [...meta]
        .filter(([name]) => name.startsWith(Meta.swept))
        .map(([name, sequence]) => [Number(name.slice(Meta.swept.length)), sequence])
    )
  }

  /** The oldest sequence that is kept. */
  get floor(): number {
    return this.#floor
  }

  /** Everything below has been dropped or is being dropped. */
  get dropping(): number {
    return this.#dropping
  }

  /** Counts the time in service and takes out what is due. @returns the floor */
  sweep(): Promise<number> {
    return this.#alone(async () => {
      await this.#anchor()
      for (const pass of passes(this.#retention, this.#anchors, this.#service)) await this.#pass(pass)
      await this.#forgetAnchors()
      return this.#floor
    })
  }

  /** Drops whole blocks below `sequence`, as far as every consumer that holds records back has passed them. @returns the floor */
  dropBefore(sequence: number): Promise<number> {
    return this.#alone(async () => {
      await this.#pass({ days: 0, below: sequence, due: () => true, all: true })
      return this.#floor
    })
  }

  /** Drops the oldest blocks, however young: about so many octets, as far as consumers have passed. @returns whether it dropped any */
  shrink(octets: number): Promise<boolean> {
    return this.#alone(async () => {
      const before = this.#floor
      const below = await this.#sequenceAfter(octets)
      await this.#pass({ days: 0, below, due: () => true, all: true })
      return this.#floor > before
    })
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#busy.then(work)
    this.#busy = mine.catch(() => {})
    return mine
  }

  async #anchor(): Promise<void> {
    const now = this.#monotonic()
    this.#service += Math.max(0, Math.round(now - this.#clocked))
    this.#clocked = now
    const changes = [metaOperation(Meta.service, this.#service)]
    const anchor = { service: this.#service, next: this.#house.durableHead() + 1 }
    const last = this.#anchors.at(-1)
    if (last === undefined || (anchor.next !== last.next && anchor.service - last.service >= HOUR)) {
      changes.push(anchorOperation(anchor))
      this.#anchors.push(anchor)
    }
    await this.#house.write(changes)
  }

  /** Stores how long the ledger has been in service. */
  async countService(): Promise<void> {
    await this.#alone(() => this.#anchor())
  }

  // The last anchor at or below the floor still tells how old the floor is.
  async #forgetAnchors(): Promise<void> {
    const old = this.#anchors.filter(({ next }) => next <= this.#floor).slice(0, -1)
    if (old.length === 0) return
    await this.#house.write(old.map(({ next }) => ({ type: 'del', key: sequenceKey(Space.hour, next) })))
    this.#anchors = this.#anchors.filter(anchor => !old.includes(anchor))
  }

  #held(): number {
    const holders = this.#retention.heldBy ?? ['uplink']
    return Math.min(this.#house.durableHead(), ...holders.map(consumer => this.#house.cursor(consumer)))
  }

  async #pass(pass: Pass): Promise<void> {
    const before = this.#floor
    const from = pass.all ? before : Math.max(before, this.#swept.get(pass.days) ?? 0)
    // The last block stays in any case: it tells a start where the log ends.
    const below = Math.min(pass.below, this.#held() + 1, this.#house.durableHead())
    let run = new Run()
    if (from >= below) return
    for await (const found of this.#house.blocks(from)) {
      if ('lost' in found) continue
      if (found.last >= below) break
      if (!run.takes(found)) {
        await this.#finish(run, pass)
        run = new Run()
      }
      run.add(found)
    }
    await this.#finish(run, pass)
    if (this.#floor > before) await this.#compact(before, this.#floor)
  }

  async #finish(run: Run, pass: Pass): Promise<void> {
    const end = run.last + 1
    if (run.last === 0) return
    if (!pass.all) {
      await this.#house.write([...run.thin(pass.due), metaOperation(`${Meta.swept}${pass.days}`, end)])
      this.#swept.set(pass.days, end)
      return
    }
    // Set first, so that a reader on its way does not take what is dropped for lost.
    this.#dropping = end
    await this.#house.write([...run.drop(), metaOperation(Meta.floor, end)])
    this.#floor = end
  }

  // LevelDB gives room back only when it rewrites files, and has no reason to touch old ones by itself.
  async #compact(from: number, to: number): Promise<void> {
    const start = sequenceKey(Space.block, from)
    const end = sequenceKey(Space.block, to)
    await this.#house.handle
      .use(store => store.compactRange(start, end))
      .catch((error: unknown) => {
        if (!(error instanceof LedgerError) || error.code !== 'LEDGER_CLOSED')
          this.#house.log?.warn({ err: error }, 'dropped records still take room')
      })
  }

  async #sequenceAfter(octets: number): Promise<number> {
    let left = octets
    for await (const found of this.#house.blocks(this.#floor)) {
      if (left <= 0) return 'lost' in found ? found.lost.from : found.first
      if ('records' in found) for (const { payload } of found.records) left -= payload.length
    }
    return this.#house.durableHead()
  }
}
