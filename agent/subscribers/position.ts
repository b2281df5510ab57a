import type { Ledger, TableChange } from '../ledger/contract.js'

const TABLE = 'feed'
const KEY = 'position'

/** How far billing's feed has been taken over: what `Last-Event-ID` says, and the dense number where billing gives one. */
export interface FeedPosition {
  readonly cursor: string
  /** Decimal digits; the next message's is one more. */
  readonly sequence?: string
}

/** A bare cursor stands for a position without a sequence. */
export function toPosition(position: string | FeedPosition): FeedPosition {
  return typeof position === 'string' ? { cursor: position } : position
}

/** Whether the two name the same place. */
export function samePosition(a: FeedPosition | undefined, b: FeedPosition | undefined): boolean {
  return a?.cursor === b?.cursor && a?.sequence === b?.sequence
}

/** The change that stores a position: it goes into the write that applies what the position covers. */
export function positionChange(position: FeedPosition): TableChange {
  return { table: TABLE, key: KEY, value: Buffer.from(JSON.stringify(position)) }
}

/** The stored position; undefined at first, or when it cannot be read. */
export async function readPosition(ledger: Ledger): Promise<FeedPosition | undefined> {
  const stored = await ledger.get(TABLE, KEY)
  if (stored === undefined) return undefined
  try {
    return JSON.parse(stored.toString()) as FeedPosition
  } catch {
    return undefined
  }
}
