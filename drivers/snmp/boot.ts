import type { Milliseconds } from '../../agent/model/index.js'

const WRAP = 2 ** 32 * 10
const SLACK = 60_000

interface Seen {
  readonly id: string
  readonly upTime: Milliseconds
  readonly at: Milliseconds
}

/**
 * Tells restarts of a device from its uptime: it must have grown by as much as passed here. It counts hundredths of a
 * second in 32 bits and begins again after 497 days, which is no restart. RFC 3418 §2
 */
export class Boot {
  #seen: Seen | undefined

  /**
   * @param hundredths  uptime as the device tells it
   * @param at          our time
   * @returns a name of this run of the device: when it began, the same for as long as it runs
   */
  idOf(hundredths: number, at: Milliseconds): string {
    const upTime = hundredths * 10
    const id = this.#seen !== undefined && goesOn(this.#seen, upTime, at) ? this.#seen.id : began(upTime, at)
    this.#seen = { id, upTime, at }
    return id
  }
}

function goesOn(seen: Seen, upTime: Milliseconds, at: Milliseconds): boolean {
  const passed = at - seen.at
  const expected = (seen.upTime + passed) % WRAP
  const off = Math.abs(upTime - expected)
  // Clocks of devices are poor, and a wrap may lie between the two.
  return Math.min(off, WRAP - off) <= SLACK + Math.abs(passed) / 100
}

function began(upTime: Milliseconds, at: Milliseconds): string {
  return new Date(Math.max(0, Math.round((at - upTime) / 60_000) * 60_000)).toISOString().slice(0, 16)
}
