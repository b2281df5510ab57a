import { isDeepStrictEqual } from 'node:util'
import type { DocumentKind, Documents } from '../model/index.js'
import type { SnapshotEnd } from '../model/edge-api.js'
import type { Replica } from '../subscribers/index.js'
import { UplinkError } from './errors.js'
import { readLine, type Line } from './messages.js'
import type { Problems } from './problems.js'
import type { Transport } from './transport.js'

/** Documents in one snapshot; more is taken for a mistake. */
const MOST = 4_000_000

/** What `takeSnapshot` works with. */
export interface SnapshotParts {
  readonly transport: Transport
  readonly replica: Replica
  readonly problems: Problems
}

/**
 * Takes a snapshot and makes the replica equal to it. It is used whole or not at all: without its last line, with
 * counts that do not match, with a line that cannot be read, it is thrown away. A document that does not fit its
 * schema is reported, and the one that the replica has stays.
 * @returns 'held' when it waits for a person
 * @throws UplinkError `UPLINK_SNAPSHOT_INCOMPLETE` and those of the transport; LedgerError
 */
export async function takeSnapshot(parts: SnapshotParts, signal: AbortSignal): Promise<'applied' | 'held'> {
  const draft = new SnapshotDraft(parts.replica, parts.problems)
  for await (const line of parts.transport.snapshot(signal)) if (line.trim() !== '') draft.add(readLine(line))
  signal.throwIfAborted()
  const { cursor, sequence } = draft.end()
  const position = sequence === undefined ? { cursor } : { cursor, sequence }
  return parts.replica.replaceAll(draft.documents, position)
}

/** A snapshot as it comes in. Documents that the replica has already are not held a second time. */
class SnapshotDraft {
  readonly #replica: Replica
  readonly #problems: Problems
  readonly #counts: Record<DocumentKind, number> = { subscriber: 0, profile: 0, nas: 0, device: 0 }
  readonly documents: { [K in DocumentKind]: Documents[K][] } = { subscriber: [], profile: [], nas: [], device: [] }
  #end: SnapshotEnd | undefined
  #size = 0

  constructor(replica: Replica, problems: Problems) {
    this.#replica = replica
    this.#problems = problems
  }

  add(line: Line): void {
    if (this.#end !== undefined) throw incomplete('lines follow the last one')
    if (line.kind === 'unreadable') throw incomplete(line.words)
    if (line.kind === 'end') {
      this.#end = line.end
      return
    }
    if (++this.#size > MOST) throw incomplete(`more than ${MOST} documents`)
    this.#counts[line.of]++
    const list = this.documents[line.of] as Documents[DocumentKind][]
    if (line.kind === 'document') list.push(this.#replica.known(line.of, line.document))
    else this.#keepPresent(line, list)
  }

  #keepPresent({ of, id, words }: Extract<Line, { kind: 'misfit' }>, list: Documents[DocumentKind][]): void {
    this.#problems.note({ code: 'DOCUMENT_MISFIT', words, subject: id })
    const present = this.#replica[of](id)
    if (present !== undefined) list.push(present)
  }

  end(): SnapshotEnd {
    if (this.#end === undefined) throw incomplete('the last line is missing')
    const { counts } = this.#end
    if (!isDeepStrictEqual({ ...this.#counts, ...counts }, this.#counts))
      throw incomplete(`${JSON.stringify(counts)} announced, ${JSON.stringify(this.#counts)} came`)
    return this.#end
  }
}

function incomplete(detail: string): UplinkError {
  return new UplinkError('UPLINK_SNAPSHOT_INCOMPLETE', detail)
}
