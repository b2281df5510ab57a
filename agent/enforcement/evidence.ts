import { createHash } from 'node:crypto'
import type { Ledger } from '../ledger/contract.js'
import type { EnforcementState, Milliseconds, Proof, TreatmentKind } from '../model/index.js'
import type { Store } from './store.js'

/*
 * Tables in the ledger:
 *
 *   evidence       key: sequence, 16 decimal digits   value: SHA-256 of the body in hex (64 octets), LF, the body as JSON
 *   evidence-ends  key: 'anchor' and 'head'           value: {"sequence": n, "hash": "…"}
 *
 * Each body names the hash of the entry before (`previous`), so that none can be changed, left out or put in between
 * without breaking the chain. `head` is the last entry, `anchor` the last one that was dropped for its age; both absent
 * at first. The first entry's `previous` is 64 zeros.
 */

const TABLE = 'evidence'
const ENDS = 'evidence-ends'
const HASH = 64
const START: End = { sequence: 0, hash: '0'.repeat(HASH) }

interface End {
  readonly sequence: number
  readonly hash: string
}

/** What is recorded of one step. */
export interface EvidenceFacts {
  readonly at: Milliseconds
  readonly subscriber: string
  readonly userName: string
  readonly enforcement: string
  /** `billing`, `clock` (a date passed), `reconciliation`, or who gave the order at the box. */
  readonly orderedBy: string
  /** Invoice or case. */
  readonly reference?: string
  /** When the subscriber was given notice. */
  readonly noticeAt?: string
  readonly want: TreatmentKind
  readonly reason: string
  readonly state: EnforcementState
  readonly session?: string
  readonly nas?: string
  readonly way?: string
  readonly proof?: Proof
  readonly detail: string
}

/** An entry of the evidence log. */
export interface EvidenceEntry extends EvidenceFacts {
  readonly sequence: number
  /** SHA-256 of the entry before, in hex. */
  readonly previous: string
  /** SHA-256 of this entry's body as it is stored, in hex. */
  readonly hash: string
  /** The entry as it is stored: the text that `hash` is the SHA-256 of, in UTF-8. */
  readonly body: string
}

/** What checking the chain found. `broken` names the first entry that does not fit. */
export interface EvidenceCheck {
  readonly entries: number
  readonly head: string
  readonly broken?: { readonly sequence: number; readonly why: string }
}

/** The append-only log of who ordered what, what was sent, and what proved it. */
export class EvidenceLog {
  readonly #store: Store
  #head: End

  private constructor(store: Store, head: End) {
    this.#store = store
    this.#head = head
  }

  static async open(store: Store): Promise<EvidenceLog> {
    let head = START
    let anchor = START
    for await (const [key, end] of store.read<End>(ENDS)) {
      if (key === 'head') head = end
      else anchor = end
    }
    return new EvidenceLog(store, head.sequence < anchor.sequence ? anchor : head)
  }

  /** The last entry: its hash vouches for all before it. */
  get head(): End {
    return this.#head
  }

  append(facts: EvidenceFacts): void {
    const sequence = this.#head.sequence + 1
    const body = JSON.stringify({ sequence, previous: this.#head.hash, ...facts })
    this.#head = { sequence, hash: sha256(body) }
    this.#store.putOctets(TABLE, keyOf(sequence), Buffer.from(`${this.#head.hash}\n${body}`))
    this.#store.put(ENDS, 'head', this.#head)
  }
}

/**
 * The entries in order, or those of one subscriber; damaged ones are left to `verifyEvidence`.
 * @param after  only those with a higher sequence
 */
export async function* readEvidence(
  ledger: Pick<Ledger, 'entries'>,
  subscriber?: string,
  after = 0
): AsyncIterable<EvidenceEntry> {
  for await (const [key, value] of ledger.entries(TABLE)) {
    if (Number(key) <= after) continue
    const entry = parse(value)
    if (entry !== undefined && (subscriber === undefined || entry.subscriber === subscriber)) yield entry
  }
}

/** Recomputes every hash from the anchor to the head. */
export async function verifyEvidence(ledger: Pick<Ledger, 'entries' | 'get'>): Promise<EvidenceCheck> {
  let last = await end(ledger, 'anchor')
  const head = await end(ledger, 'head')
  let entries = 0
  const broken = (sequence: number, why: string): EvidenceCheck => ({
    entries,
    head: last.hash,
    broken: { sequence, why }
  })
  for await (const [key, value] of ledger.entries(TABLE)) {
    const entry = parse(value)
    const sequence = Number(key)
    if (sequence !== last.sequence + 1) return broken(last.sequence + 1, 'The entry is missing.')
    if (entry === undefined || entry.sequence !== sequence) return broken(sequence, 'The entry cannot be read.')
    if (sha256(bodyOf(value)) !== entry.hash) return broken(sequence, 'The entry was changed: its hash does not fit.')
    if (entry.previous !== last.hash) return broken(sequence, 'The entry does not follow the one before it.')
    last = { sequence, hash: entry.hash }
    entries++
  }
  if (head.sequence > last.sequence) return broken(last.sequence + 1, 'The last entries are missing.')
  return { entries, head: last.hash }
}

/**
 * Drops entries older than a time, oldest first, and keeps the last one's hash as the anchor of the chain.
 * @returns how many were dropped
 */
export async function pruneEvidence(ledger: Pick<Ledger, 'entries' | 'write'>, before: Milliseconds): Promise<number> {
  const old: EvidenceEntry[] = []
  for await (const entry of readEvidence(ledger)) {
    if (entry.at >= before) break
    old.push(entry)
  }
  const last = old.at(-1)
  if (last === undefined) return 0
  const anchor: End = { sequence: last.sequence, hash: last.hash }
  await ledger.write([
    ...old.map(({ sequence }) => ({ table: TABLE, key: keyOf(sequence), value: undefined })),
    { table: ENDS, key: 'anchor', value: Buffer.from(JSON.stringify(anchor)) }
  ])
  return old.length
}

function keyOf(sequence: number): string {
  return String(sequence).padStart(16, '0')
}

function bodyOf(value: Buffer): string {
  return value.toString('utf8', HASH + 1)
}

function parse(value: Buffer): EvidenceEntry | undefined {
  try {
    const body = bodyOf(value)
    const facts = JSON.parse(body) as Omit<EvidenceEntry, 'hash' | 'body'>
    return { ...facts, hash: value.toString('latin1', 0, HASH), body }
  } catch {
    return undefined
  }
}

async function end(ledger: Pick<Ledger, 'get'>, key: string): Promise<End> {
  const value = await ledger.get(ENDS, key)
  return value === undefined ? START : (JSON.parse(value.toString()) as End)
}

function sha256(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}
