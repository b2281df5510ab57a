import type { TreatmentKind } from '../model/index.js'
import { isTighter } from './plan.js'
import type { Store } from './store.js'

/*
 * Table `standing` in the ledger: what was applied at devices and outlives sessions (a port switched off, an address on a
 * list), so that it is undone exactly, also after a restart. Key: subscriber and device, percent-encoded, with a slash
 * between; value: the mark as JSON. It is on disk before the device is asked.
 */

const TABLE = 'standing'

/** What stands at one device against one subscriber. */
export interface Mark {
  readonly subscriber: string
  readonly device: string
  readonly kind: TreatmentKind
  /** The ports that were named to the device. */
  readonly ports: readonly string[]
  /** Addresses and prefixes of the subscriber's document. */
  readonly addresses: readonly string[]
  /** User names of the sessions that it was applied for: drivers mark by them too. */
  readonly names: readonly string[]
  /** The NASes of these sessions; none where there was no session. */
  readonly nases: readonly string[]
  /** Whether the device said that it stands; until then it may or may not. */
  readonly confirmed: boolean
  /** It was so before we came: it is not ours to undo. */
  readonly found?: boolean
  /** Billing has removed the subscriber since: absence alone would be no such word. */
  readonly gone?: boolean
}

/** Everything that stands at devices. */
export class Standing {
  readonly #store: Store
  readonly #marks = new Map<string, Map<string, Mark>>()

  private constructor(store: Store) {
    this.#store = store
  }

  static async open(store: Store): Promise<Standing> {
    const standing = new Standing(store)
    for await (const [, mark] of store.read<Mark>(TABLE)) standing.#keep(mark)
    return standing
  }

  of(subscriber: string): readonly Mark[] {
    return [...(this.#marks.get(subscriber)?.values() ?? [])]
  }

  /** Everybody against whom something stands somewhere. */
  subscribers(): readonly string[] {
    return [...this.#marks.keys()]
  }

  /** Whether what stands gives a session (by its NAS), or somebody without one, no more than `kind`. */
  covers(subscriber: string, kind: TreatmentKind, nas?: string): boolean {
    return this.of(subscriber).some(
      mark => mark.confirmed && !isTighter(kind, mark.kind) && (nas === undefined || mark.nases.includes(nas))
    )
  }

  /**
   * Notes what is about to be applied; resolves when that is on disk.
   * @returns whether nothing was known to stand there before
   * @throws LedgerError
   */
  async note(mark: Omit<Mark, 'confirmed' | 'found' | 'gone'>): Promise<boolean> {
    const { subscriber, device } = mark
    const before = this.#marks.get(subscriber)?.get(device)
    const union = (one: readonly string[] = [], other: readonly string[]): string[] => [...new Set([...one, ...other])]
    const noted: Mark = {
      ...mark,
      ports: union(before?.ports, mark.ports),
      addresses: union(before?.addresses, mark.addresses),
      names: union(before?.names, mark.names),
      nases: union(before?.nases, mark.nases),
      confirmed: false,
      ...(before?.found === true && { found: true }),
      ...(this.of(subscriber).some(({ gone }) => gone === true) && { gone: true })
    }
    this.#keep(noted)
    await this.#store.putNow(TABLE, keyOf(noted), noted)
    return before === undefined
  }

  /** The device says that it stands. @param found  and that it did before it was asked */
  confirm(subscriber: string, device: string, found: boolean): void {
    const mark = this.#marks.get(subscriber)?.get(device)
    if (mark !== undefined) this.#put({ ...mark, confirmed: true, ...(found && { found }) })
  }

  /** It may stand in part, or not at all: the device shows otherwise, or is asked to take it back. */
  doubt(subscriber: string, device: string): void {
    const mark = this.#marks.get(subscriber)?.get(device)
    if (mark?.confirmed === true) this.#put({ ...mark, confirmed: false })
  }

  /** Billing removed the subscriber, or has them again. */
  removed(subscriber: string, gone: boolean): void {
    for (const { gone: _, ...mark } of this.of(subscriber)) this.#put({ ...mark, ...(gone && { gone }) })
  }

  /** Those whom billing has removed, and against whom something stands. */
  departed(): readonly string[] {
    return this.subscribers().filter(subscriber => this.of(subscriber).some(({ gone }) => gone === true))
  }

  /** Nothing stands there any more. */
  forget(subscriber: string, device: string): void {
    const marks = this.#marks.get(subscriber)
    if (marks?.delete(device) !== true) return
    if (marks.size === 0) this.#marks.delete(subscriber)
    this.#store.put(TABLE, keyOf({ subscriber, device }), undefined)
  }

  #put(mark: Mark): void {
    this.#keep(mark)
    this.#store.put(TABLE, keyOf(mark), mark)
  }

  #keep(mark: Mark): void {
    const marks = this.#marks.get(mark.subscriber) ?? new Map<string, Mark>()
    marks.set(mark.device, mark)
    this.#marks.set(mark.subscriber, marks)
  }
}

function keyOf({ subscriber, device }: Pick<Mark, 'subscriber' | 'device'>): string {
  return `${encodeURIComponent(subscriber)}/${encodeURIComponent(device)}`
}
