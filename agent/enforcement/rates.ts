import type { RateLimit } from '../model/index.js'
import type { Store } from './store.js'

/*
 * Table `rates` in the ledger: which rate was put on which line at which device, so that a restart says nothing again, and
 * what was put there is taken back exactly. Key: subscriber and device, percent-encoded, with a slash between; value: the
 * mark as JSON. It is on disk before the device is asked.
 */

const TABLE = 'rates'

/** The rate that one device holds one subscriber's line to. */
export interface RateMark {
  readonly subscriber: string
  readonly device: string
  readonly rate: RateLimit
  /** Addresses and prefixes of the subscriber's document: a device tells the line by them. */
  readonly addresses: readonly string[]
  /** Whether the device showed it; until then it may have it or not. */
  readonly confirmed: boolean
  /** Billing has removed the subscriber since: absence alone would be no such word. */
  readonly gone?: boolean
}

/** The rates of all lines that nobody authenticates. */
export class Rates {
  readonly #store: Store
  readonly #marks = new Map<string, readonly RateMark[]>()
  readonly #departed = new Set<string>()

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<Rates> {
    const rates = new Rates(store)
    for await (const [, mark] of store.read<RateMark>(TABLE)) rates.#keep(mark)
    return rates
  }

  of(subscriber: string): readonly RateMark[] {
    return this.#marks.get(subscriber) ?? []
  }

  at(subscriber: string, device: string): RateMark | undefined {
    return this.of(subscriber).find(mark => mark.device === device)
  }

  /** The confirmed rates of everybody who was not removed, by device. */
  byDevice(): ReadonlyMap<string, readonly RateMark[]> {
    const devices = new Map<string, RateMark[]>()
    for (const marks of this.#marks.values()) {
      for (const mark of marks) {
        if (!mark.confirmed || mark.gone === true) continue
        const others = devices.get(mark.device)
        if (others === undefined) devices.set(mark.device, [mark])
        else others.push(mark)
      }
    }
    return devices
  }

  /** Those whom billing has removed, and who still have a rate somewhere. */
  departed(): readonly string[] {
    return [...this.#departed]
  }

  /** Notes what is about to be put there; resolves when that is on disk. @throws LedgerError */
  async note(mark: Omit<RateMark, 'confirmed' | 'gone'>): Promise<void> {
    const gone = this.of(mark.subscriber).some(other => other.gone === true)
    const noted: RateMark = { ...mark, confirmed: false, ...(gone && { gone }) }
    this.#keep(noted)
    await this.#store.putNow(TABLE, keyOf(noted), noted)
  }

  /** The device showed the rate that was noted last. */
  confirm(subscriber: string, device: string): void {
    const mark = this.at(subscriber, device)
    if (mark !== undefined) this.#put({ ...mark, confirmed: true })
  }

  /** It may be there or not: the device does not show it any more, or is asked to take it back. */
  doubt({ subscriber, device }: Pick<RateMark, 'subscriber' | 'device'>): void {
    const mark = this.at(subscriber, device)
    if (mark?.confirmed === true) this.#put({ ...mark, confirmed: false })
  }

  /** Billing removed the subscriber, or has them again. */
  removed(subscriber: string, gone: boolean): void {
    for (const { gone: _, ...mark } of this.of(subscriber)) this.#put({ ...mark, ...(gone && { gone }) })
  }

  /** Nothing of ours is there any more. */
  forget(subscriber: string, device: string): void {
    if (this.at(subscriber, device) === undefined) return
    const left = this.of(subscriber).filter(mark => mark.device !== device)
    if (left.length > 0) this.#marks.set(subscriber, left)
    else {
      this.#marks.delete(subscriber)
      this.#departed.delete(subscriber)
    }
    this.#store.put(TABLE, keyOf({ subscriber, device }), undefined)
  }

  #put(mark: RateMark): void {
    this.#keep(mark)
    this.#store.put(TABLE, keyOf(mark), mark)
  }

  #keep(mark: RateMark): void {
    const { subscriber, device } = mark
    this.#marks.set(subscriber, [...this.of(subscriber).filter(other => other.device !== device), mark])
    if (mark.gone === true) this.#departed.add(subscriber)
    else this.#departed.delete(subscriber)
  }
}

function keyOf({ subscriber, device }: Pick<RateMark, 'subscriber' | 'device'>): string {
  return `${encodeURIComponent(subscriber)}/${encodeURIComponent(device)}`
}
