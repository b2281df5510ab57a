import type { RateLimit } from '../model/index.js'
import { type AnyMark, Marks } from './marks.js'
import type { Store } from './store.js'

/*
 * Table `rates` in the ledger: which rate was put on which line at which device, so that a restart says nothing again, and
 * what was put there is taken back exactly. It is on disk before the device is asked.
 */

const TABLE = 'rates'

/** The rate that one device holds one subscriber's line to. */
export interface RateMark extends AnyMark {
  readonly rate: RateLimit
  /** Addresses and prefixes of the subscriber's document: a device tells the line by them. */
  readonly addresses: readonly string[]
}

/** The rates of all lines that nobody authenticates. */
export class Rates extends Marks<RateMark> {
  static open(store: Store): Promise<Rates> {
    return new Rates(store, TABLE).load()
  }

  /** The confirmed rates of everybody who was not removed, by device. */
  byDevice(): ReadonlyMap<string, readonly RateMark[]> {
    const devices = new Map<string, RateMark[]>()
    for (const mark of this.subscribers().flatMap(subscriber => this.of(subscriber))) {
      if (!mark.confirmed || mark.gone === true) continue
      const others = devices.get(mark.device)
      if (others === undefined) devices.set(mark.device, [mark])
      else others.push(mark)
    }
    return devices
  }

  /** Notes what is about to be put there; resolves when that is on disk. @throws LedgerError */
  note(mark: Omit<RateMark, 'confirmed' | 'gone'>): Promise<void> {
    return this.announce({ ...mark, confirmed: false })
  }

  /** The device showed the rate that was noted last. */
  confirm(subscriber: string, device: string): void {
    const mark = this.at(subscriber, device)
    if (mark !== undefined) this.put({ ...mark, confirmed: true })
  }
}
