import type { TreatmentKind } from '../model/index.js'
import { type AnyMark, Marks } from './marks.js'
import { isTighter } from './plan.js'
import type { Store } from './store.js'

/*
 * Table `standing` in the ledger: what was applied at devices and outlives sessions (a port switched off, an address on a
 * list), so that it is undone exactly, also after a restart. It is on disk before the device is asked.
 */

const TABLE = 'standing'

/** What stands at one device against one subscriber. */
export interface Mark extends AnyMark {
  readonly kind: TreatmentKind
  /** The ports that were named to the device. */
  readonly ports: readonly string[]
  /** Addresses and prefixes of the subscriber's document. */
  readonly addresses: readonly string[]
  /** User names of the sessions that it was applied for: drivers mark by them too. */
  readonly names: readonly string[]
  /** The NASes of these sessions; none where there was no session. */
  readonly nases: readonly string[]
  /** It was so before we came: it is not ours to undo. */
  readonly found?: boolean
}

/** Everything that stands at devices. */
export class Standing extends Marks<Mark> {
  static open(store: Store): Promise<Standing> {
    return new Standing(store, TABLE).load()
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
    const before = this.at(mark.subscriber, mark.device)
    await this.announce({
      ...mark,
      ports: union(before?.ports, mark.ports),
      addresses: union(before?.addresses, mark.addresses),
      names: union(before?.names, mark.names),
      nases: union(before?.nases, mark.nases),
      confirmed: false,
      ...(before?.found === true && { found: true })
    })
    return before === undefined
  }

  /** The device says that it stands. @param found  and that it did before it was asked */
  confirm(subscriber: string, device: string, found: boolean): void {
    const mark = this.at(subscriber, device)
    if (mark !== undefined) this.put({ ...mark, confirmed: true, ...(found && { found }) })
  }
}

function union(one: readonly string[] = [], other: readonly string[]): string[] {
  return [...new Set([...one, ...other])]
}
