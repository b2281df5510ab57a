import type { Entry } from '../model/index.js'
import { BlockBuilder, framedOctets } from './block.js'
import type { Receipt } from './contract.js'
import { LedgerError } from './errors.js'
import { Group } from './group.js'
import { Space, sequenceKey } from './keys.js'
import type { Operation, Store } from './store.js'

/*
 * Group commit. Everything that arrives while a write is in flight goes into the next group; a group is one put (or
 * one batch, when tables change with it) and one fsync. At most one write is in flight, so that groups become durable
 * in the order of their sequence numbers, and the numbers stay dense.
 */
const SYNC = { sync: true } as const
const CAPACITY = 64 * 1024
const SPARE = 2
const CHANGE_OVERHEAD = 64
/* How long a group is gathered at most: turns of the event loop, each of which reads up to 32 datagrams, and octets. */
const TURNS = 8
const PLENTY = 128 * 1024

/** What the group commit tells its owner. */
export interface CommitEvents {
  /** A group is durable; `head` is the last sequence that is. */
  stored: (head: number) => void
  /** A write failed: `failed` may or may not be on disk, what came behind it is not. Everything has been rejected. */
  failed: (error: LedgerError, failed: Group) => void
}

export interface CommitOptions {
  readonly store: Store
  readonly epoch: string
  readonly durableHead: number
  /** A block is closed when it reaches this many octets. */
  readonly blockOctets: number
  /** How much may wait. */
  readonly queueOctets: number
  readonly events: CommitEvents
}

export class GroupCommit {
  readonly #epoch: string
  readonly #blockOctets: number
  readonly #queueOctets: number
  readonly #events: CommitEvents
  #store: Store | undefined
  #durableHead: number
  #next: number
  #waiting = 0
  #writing: Group | undefined
  #queue: Group[] = []
  #open: Group
  #spare: BlockBuilder[] = []
  #scheduled = false
  #refusal: LedgerError | undefined
  #noRecords: LedgerError | undefined

  constructor({ store, epoch, durableHead, blockOctets, queueOctets, events }: CommitOptions) {
    this.#store = store
    this.#epoch = epoch
    this.#durableHead = durableHead
    this.#next = durableHead + 1
    this.#blockOctets = blockOctets
    this.#queueOctets = queueOctets
    this.#events = events
    this.#open = this.#group()
  }

  get next(): number {
    return this.#next
  }

  get durableHead(): number {
    return this.#durableHead
  }

  /** Octets that are not durable yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** @see Ledger.append */
  append(entries: readonly Entry[]): Receipt {
    if (this.#noRecords !== undefined) throw this.#noRecords
    const octets = framedOctets(entries)
    const group = this.#room(octets)
    const first = this.#next
    if (entries.length === 0) return { first, durable: this.settled() }
    group.block.add(entries, octets, first)
    this.#next = first + entries.length
    this.#took(group, octets)
    return { first, durable: group.durable }
  }

  /** Changes keys durably, all or none, in the same fsync as the records that wait. */
  write(changes: readonly Operation[]): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (changes.length === 0) return this.settled()
    let octets = 0
    for (const change of changes)
      octets += CHANGE_OVERHEAD + change.key.length + (change.type === 'put' ? change.value.length : 0)
    try {
      const group = this.#room(octets)
      for (const change of changes) group.changes.push(change)
      this.#took(group, octets)
      return group.durable
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** @see Ledger.settled */
  settled(): Promise<void> {
    if (!this.#open.empty) return this.#open.durable
    return this.#queue.at(-1)?.durable ?? this.#writing?.durable ?? Promise.resolve()
  }

  /** Refuses records from now on, while tables may still change; undefined takes them again. */
  refuseRecords(because: LedgerError | undefined): void {
    this.#noRecords = this.#refusal ?? because
  }

  /** Goes on after a failure, with a store that holds nothing beyond the durable head. */
  resume(store: Store): void {
    this.#store = store
    this.#refusal = undefined
    this.#noRecords = undefined
  }

  /** Refuses everything from now on; what waits is still written. */
  end(because: LedgerError): void {
    this.#refusal = this.#noRecords = because
  }

  /** Rejects everything that waits. */
  drop(because: LedgerError): void {
    const lost = [...this.#queue.splice(0), this.#open]
    this.#open = this.#group()
    this.#next = this.#durableHead + 1
    this.#waiting = 0
    for (const group of lost) group.fail(because)
  }

  #room(octets: number): Group {
    if (this.#waiting + octets > this.#queueOctets) {
      throw new LedgerError('LEDGER_FULL', `${this.#waiting} octets wait, ${this.#queueOctets} may`)
    }
    if (!this.#open.empty && this.#open.octets + octets > this.#blockOctets) {
      this.#queue.push(this.#open)
      this.#open = this.#group()
    }
    return this.#open
  }

  #took(group: Group, octets: number): void {
    group.octets += octets
    this.#waiting += octets
    if (this.#writing === undefined && !this.#scheduled) this.#gather(0, 0)
  }

  // A write costs nearly as much for one record as for hundreds, so a group stays open as long as each turn of the event
  // loop brings it more. Where nothing more comes, it leaves after one turn.
  #gather(turn: number, before: number): void {
    this.#scheduled = true
    setImmediate(() => {
      const { octets } = this.#open
      const more = this.#queue.length === 0 && octets > before && octets < PLENTY && turn < TURNS
      if (more) return this.#gather(turn + 1, octets)
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#writing !== undefined || this.#store === undefined) return
    const group = this.#queue.shift() ?? this.#open
    if (group.empty) return
    if (group === this.#open) this.#open = this.#group()
    this.#writing = group
    put(this.#store, group, this.#epoch).then(
      () => this.#stored(group),
      error => this.#failed(group, error)
    )
  }

  #stored(group: Group): void {
    this.#writing = undefined
    this.#waiting -= group.octets
    this.#durableHead += group.block.count
    this.#recycle(group.block)
    if (this.#queue.length > 0 || this.#open.octets >= PLENTY) this.#flush()
    else if (!this.#open.empty) this.#gather(0, 0)
    this.#events.stored(this.#durableHead)
    group.succeed()
  }

  #failed(group: Group, cause: unknown): void {
    const error = new LedgerError('LEDGER_BROKEN', String(cause), { cause })
    this.#writing = undefined
    this.#store = undefined
    this.end(error)
    group.fail(error)
    this.drop(error)
    this.#events.failed(error, group)
  }

  #group(): Group {
    return new Group(this.#spare.pop() ?? new BlockBuilder(CAPACITY))
  }

  #recycle(block: BlockBuilder): void {
    if (this.#spare.length >= SPARE || block.capacity > 2 * this.#blockOctets) return
    block.clear()
    this.#spare.push(block)
  }
}

async function put(store: Store, { block, changes }: Group, epoch: string): Promise<void> {
  if (block.count === 0) return store.batch(changes, SYNC)
  const key = sequenceKey(Space.block, block.first)
  if (changes.length === 0) return store.put(key, block.seal(epoch), SYNC)
  return store.batch([...changes, { type: 'put', key, value: block.seal(epoch) }], SYNC)
}
