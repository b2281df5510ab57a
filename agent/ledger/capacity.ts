import type { Logger } from 'pino'
import { measureDisk } from './disk.js'
import type { DiskUse } from './disk.js'
import type { Reserve } from './reserve.js'

/** When the disk counts as low, and as full. */
export interface CapacityOptions {
  readonly location: string
  readonly reserve: Reserve
  /** How much the ledger may take, octets. */
  readonly budgetOctets: number
  /** Free space below which somebody should be told, octets. */
  readonly lowWaterOctets: number
  readonly log: Logger | undefined
  /** Drops what may be dropped until about so many octets are free. */
  readonly shrink: (octets: number) => Promise<unknown>
  readonly onLowSpace: (use: DiskUse) => void
  /** Told why there is no room for records, in words; undefined when there is. */
  readonly onRoom: (lack: string | undefined) => void
}

const ALARM = 0.8
const TARGET = 0.9

/** Watches the room on the disk. Its owner calls `check` every few seconds and after each trouble. */
export class Capacity {
  readonly #options: CapacityOptions
  #full = false
  #low = false
  #checking: Promise<void> | undefined
  #use: DiskUse = { used: 0, free: 0 }

  constructor(options: CapacityOptions) {
    this.#options = options
  }

  /** As it was measured last; nothing at first. */
  get use(): DiskUse {
    return this.#use
  }

  /** Measures, drops what may be dropped when the budget is spent, and tells of changes. */
  check(signal: AbortSignal): Promise<void> {
    this.#checking ??= this.#check(signal).finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { location, reserve, budgetOctets, shrink, onRoom } = this.#options
    this.#full = !(await reserve.ensure(signal))
    let use = await measureDisk(location)
    if (use.used > budgetOctets) {
      await shrink(use.used - budgetOctets * TARGET)
      use = await measureDisk(location)
    }
    if (signal.aborted) return
    this.#use = use
    this.#alarm(use)
    onRoom(this.#lack(use))
  }

  #lack(use: DiskUse): string | undefined {
    if (this.#full) return 'the disk has no room for the reserve'
    const { budgetOctets } = this.#options
    return use.used > budgetOctets ? `the budget of ${budgetOctets} octets is spent` : undefined
  }

  #alarm(use: DiskUse): void {
    const { budgetOctets, lowWaterOctets, onLowSpace, log } = this.#options
    const low = use.free < lowWaterOctets || use.used > budgetOctets * ALARM
    if (low && !this.#low) {
      log?.warn(use, 'room for the ledger is getting low')
      onLowSpace(use)
    }
    this.#low = low
  }
}
