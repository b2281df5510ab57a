import type { Store } from './store.js'

/** What every mark of something at a device says. */
export interface AnyMark {
  readonly subscriber: string
  readonly device: string
  /** Whether the device showed it; until then it may be there or not. */
  readonly confirmed: boolean
  /** Billing has removed the subscriber since: absence alone would be no such word. */
  readonly gone?: boolean
}

/**
 * Marks of what was put at devices for subscribers, one for each of both, so that a restart knows it and it is undone
 * exactly. Kept in a table of the ledger; key: subscriber and device, percent-encoded, with a slash between; value: the mark
 * as JSON.
 */
export abstract class Marks<M extends AnyMark> {
  readonly #store: Store
  readonly #table: string
  readonly #marks = new Map<string, readonly M[]>()
  readonly #departed = new Set<string>()

  constructor(store: Store, table: string) {
    this.#store = store
    this.#table = table
  }

  /** Reads the table; to be called once, before all else. */
  async load(): Promise<this> {
    for await (const [, mark] of this.#store.read<M>(this.#table)) this.#keep(mark)
    return this
  }

  of(subscriber: string): readonly M[] {
    return this.#marks.get(subscriber) ?? []
  }

  at(subscriber: string, device: string): M | undefined {
    return this.of(subscriber).find(mark => mark.device === device)
  }

  /** Everybody who has a mark. */
  subscribers(): readonly string[] {
    return [...this.#marks.keys()]
  }

  /** Those whom billing has removed, and who have a mark still. */
  departed(): readonly string[] {
    return [...this.#departed]
  }

  /** It may be there, in part, or not at all: the device shows otherwise, or is asked to take it back. */
  doubt(subscriber: string, device: string): void {
    const mark = this.at(subscriber, device)
    if (mark?.confirmed === true) this.put({ ...mark, confirmed: false })
  }

  /** Billing removed the subscriber, or has them again. */
  removed(subscriber: string, gone: boolean): void {
    for (const mark of this.of(subscriber)) if ((mark.gone === true) !== gone) this.put({ ...mark, gone })
  }

  /** Nothing of ours is there any more. */
  forget(subscriber: string, device: string): void {
    if (this.at(subscriber, device) === undefined) return
    this.#set(subscriber, this.#beside(subscriber, device))
    this.#store.put(this.#table, keyOf({ subscriber, device }), undefined)
  }

  /** Keeps a mark of what is about to be put there, unconfirmed; resolves when it is on disk. @throws LedgerError */
  protected async announce(mark: M): Promise<void> {
    const announced: M = { ...mark, confirmed: false, ...(this.#departed.has(mark.subscriber) && { gone: true }) }
    this.#keep(announced)
    await this.#store.putNow(this.#table, keyOf(announced), announced)
  }

  /** Replaces a mark; it is on disk a little later. */
  protected put(mark: M): void {
    this.#keep(mark)
    this.#store.put(this.#table, keyOf(mark), mark)
  }

  #keep(mark: M): void {
    this.#set(mark.subscriber, [...this.#beside(mark.subscriber, mark.device), mark])
  }

  #beside(subscriber: string, device: string): readonly M[] {
    return this.of(subscriber).filter(mark => mark.device !== device)
  }

  #set(subscriber: string, marks: readonly M[]): void {
    if (marks.length > 0) this.#marks.set(subscriber, marks)
    else this.#marks.delete(subscriber)
    if (marks.some(({ gone }) => gone === true)) this.#departed.add(subscriber)
    else this.#departed.delete(subscriber)
  }
}

function keyOf({ subscriber, device }: Pick<AnyMark, 'subscriber' | 'device'>): string {
  return `${encodeURIComponent(subscriber)}/${encodeURIComponent(device)}`
}
