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
  /** Drops about so many octets, as far as that is allowed. @returns whether it dropped any */
  readonly shrink: (octets: number) => Promise<boolean>
  readonly onLowSpace: (use: DiskUse) => void
  /** Told why there is no room for records, in words; undefined when there is. */
  readonly onRoom: (lack: string | undefined) => void
}

const ALARM = 0.8
const STEP = 0.05

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
    const { reserve, onRoom } = this.#options
    this.#full = !(await reserve.ensure(signal))
    const use = await this.#withinBudget(signal)
    if (signal.aborted) return
    this.#use = use
    this.#alarm(use)
    onRoom(this.#lack(use))
  }

  // In small steps: files that LevelDB is about to delete count as used, and what is dropped is gone.
  async #withinBudget(signal: AbortSignal): Promise<DiskUse> {
    const { location, budgetOctets, shrink } = this.#options
    let use = await measureDisk(location)
    while (use.used > budgetOctets && !signal.aborted) {
      if (!(await shrink(budgetOctets * STEP))) return use
      use = await measureDisk(location)
    }
    return use
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
