import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { Ledger, TableChange } from '../ledger/contract.js'
import type { DocumentKind, Documents } from '../model/index.js'
import type { DocumentCodec } from './codec.js'
import type { Change } from './documents.js'
import { SubscribersError } from './errors.js'

/*
 * Documents at rest lie in pages, so that a start unseals and reads some thousands of entries and not one for each
 * subscriber. Of 100,000 subscribers a dozen share a page, and are lost together where it is damaged.
 *
 * Table 'documents'; key: kind, '/', the page in 4 hexadecimal digits, which is CRC-32 of the id modulo 8192; value,
 * through the codec (which may seal it: documents hold credentials): JSON [revision, document, revision, document, …].
 * The revision grows with each document, so that the newer of two is known after a restart.
 */
const TABLE = 'documents'
const PAGES = 8192

/** Pages written before others get their turn. */
const SLICE = 100

type Document = Documents[DocumentKind]

/** Revision, document, revision, document, …: what lies in a page, and what of it is in memory. */
type Page = readonly (number | Document)[]

/** What writes documents, and what is to be called once it is durable. */
export interface Plan {
  readonly writes: readonly TableChange[]
  readonly settle: () => void
}

interface Step {
  readonly revision: number
  readonly change: Change
}

/** What lies in which page, and how a change of documents is written. */
export class Pages {
  readonly #codec: DocumentCodec
  readonly #pages = new Map<string, Page>()
  /** Pages that can be read but should be written anew: under another key, or in clear. */
  readonly #stale: string[] = []
  #revision = 0

  constructor(codec: DocumentCodec) {
    this.#codec = codec
  }

  /**
   * Reads all pages.
   * @param unreadable  told of each page that cannot be read; nobody knows what was in it
   * @throws SubscribersError `SUBSCRIBERS_SEAL_KEY`; LedgerError
   */
  async read(ledger: Ledger, unreadable: (page: string) => void): Promise<void> {
    for await (const [key, octets] of ledger.entries(TABLE)) {
      try {
        const page = JSON.parse(this.#codec.decode(octets)) as Page
        this.#pages.set(key, page)
        for (let at = 0; at < page.length; at += 2) this.#revision = Math.max(this.#revision, page[at] as number)
        if (this.#codec.isStale?.(octets) === true) this.#stale.push(key)
      } catch (error) {
        // Another key is no damage: whoever has the right one reads it all.
        if (error instanceof SubscribersError) throw error
        unreadable(key)
      }
    }
  }

  /** All documents of a kind, with their revisions; in no order. */
  *documents(kind: DocumentKind): Generator<readonly [revision: number, document: Document]> {
    for (const [key, page] of this.#pages) {
      if (!isOf(kind, key)) continue
      for (let at = 0; at < page.length; at += 2) yield [page[at] as number, page[at + 1] as Document]
    }
  }

  /** What stores `changes`, each document under a revision of its own. Until `settle`, nothing is different here. */
  async plan(changes: readonly Change[]): Promise<Plan> {
    let revision = this.#revision
    const steps = new Map<string, Step[]>()
    for (const change of changes) {
      const key = keyOf(change)
      const step = { revision: ++revision, change }
      const others = steps.get(key)
      if (others === undefined) steps.set(key, [step])
      else others.push(step)
    }
    const pages = new Map<string, Page>()
    const writes: TableChange[] = []
    for (const [key, stepsOfPage] of steps) {
      const page = after(this.#pages.get(key) ?? [], stepsOfPage)
      pages.set(key, page)
      writes.push(this.#write(key, page))
      if (writes.length % SLICE === 0) await turn()
    }
    return { writes, settle: () => this.#settle(pages, revision) }
  }

  /** Writes that seal with the present key whatever lies there otherwise. */
  renew(): TableChange[] {
    return this.#stale.splice(0).map(key => this.#write(key, this.#pages.get(key) ?? []))
  }

  #write(key: string, page: Page): TableChange {
    return { table: TABLE, key, value: page.length === 0 ? undefined : this.#codec.encode(JSON.stringify(page)) }
  }

  #settle(pages: ReadonlyMap<string, Page>, revision: number): void {
    this.#revision = revision
    for (const [key, page] of pages) {
      if (page.length === 0) this.#pages.delete(key)
      else this.#pages.set(key, page)
    }
  }
}

function keyOf({ kind, id }: Change): string {
  return `${kind}/${(crc32(id) % PAGES).toString(16).padStart(4, '0')}`
}

function isOf(kind: DocumentKind, key: string): boolean {
  return key.startsWith(kind) && key[kind.length] === '/'
}

function after(page: Page, steps: readonly Step[]): Page {
  const next = [...page]
  for (const { revision, change } of steps) {
    const found = next.findIndex((item, at) => at % 2 === 1 && (item as Document).id === change.id)
    if (found >= 0) next.splice(found - 1, 2)
    if (change.document !== undefined) next.push(revision, change.document)
  }
  return next
}
