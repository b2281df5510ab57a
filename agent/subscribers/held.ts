import type { Ledger, TableChange } from '../ledger/contract.js'
import type { DocumentKind, Documents } from '../model/index.js'
import type { DocumentCodec } from './codec.js'
import { kinds } from './documents.js'
import type { FeedPosition } from './position.js'

/*
 * A snapshot that waits for a person. Table 'held': key kind/id, value the JSON of the document, through the codec; table 'feed', key 'held':
 * the JSON of `Held`. Both are written, replaced and removed together.
 */

const TABLE = 'held'

/** All documents of one moment. */
export type Snapshot = { readonly [K in DocumentKind]: readonly Documents[K][] }

/** Why a snapshot waits, for people. */
export interface Held {
  readonly position: FeedPosition
  /** When it came, ms. */
  readonly at: number
  /** How many subscribers it would remove, */
  readonly removes: number
  /** of how many. */
  readonly of: number
}

/** Reads what the agent knows of a held snapshot. */
export async function readHeld(ledger: Ledger): Promise<Held | undefined> {
  const stored = await ledger.get('feed', 'held')
  return stored === undefined ? undefined : (JSON.parse(stored.toString()) as Held)
}

/** Changes that hold `snapshot` in place of whatever was held. */
export async function holdChanges(
  ledger: Ledger,
  codec: DocumentCodec,
  held: Held,
  snapshot: Snapshot
): Promise<TableChange[]> {
  const changes = await releaseChanges(ledger)
  changes.push({ table: 'feed', key: 'held', value: Buffer.from(JSON.stringify(held)) })
  for (const kind of kinds)
    for (const document of snapshot[kind])
      changes.push({ table: TABLE, key: `${kind}/${document.id}`, value: codec.encode(JSON.stringify(document)) })
  return changes
}

/** Changes that forget what is held. */
export async function releaseChanges(ledger: Ledger): Promise<TableChange[]> {
  const changes: TableChange[] = [{ table: 'feed', key: 'held', value: undefined }]
  for await (const [key] of ledger.entries(TABLE)) changes.push({ table: TABLE, key, value: undefined })
  return changes
}

/** The held documents. @throws when one of them cannot be read: half a snapshot is none */
export async function readHeldSnapshot(ledger: Ledger, codec: DocumentCodec): Promise<Snapshot> {
  const snapshot: { [K in DocumentKind]: Documents[K][] } = { subscriber: [], profile: [], nas: [], device: [] }
  for await (const [key, stored] of ledger.entries(TABLE)) {
    const kind = key.slice(0, key.indexOf('/')) as DocumentKind
    const list = snapshot[kind] as Documents[DocumentKind][]
    list.push(JSON.parse(codec.decode(stored)) as Documents[DocumentKind])
  }
  return snapshot
}
