import type { TableChange } from './contract.js'
import { LedgerError } from './errors.js'
import type { Handle } from './handle.js'
import { behindPrefix, tableKey, tableOf } from './keys.js'
import { seal, unseal } from './sealed.js'
import type { Operation, Pair, Span } from './store.js'

const PAGE = 256 * 1024

/** Told of damaged values; puts them into quarantine. */
export type OnDamagedPairs = (pairs: readonly Pair[]) => Promise<void>

/** What a change does to the store. @throws LedgerError `LEDGER_BAD_ENTRY` */
export function tableOperation({ table, key, value }: TableChange): Operation {
  if (table === '' || table.includes('\0')) throw new LedgerError('LEDGER_BAD_ENTRY', `table ${JSON.stringify(table)}`)
  const place = tableKey(table, key)
  return value === undefined ? { type: 'del', key: place } : { type: 'put', key: place, value: seal(place, value) }
}

/**
 * One entry. A damaged one counts as absent.
 * An iterator finds it: LevelDB's own `get` asks a filter first, in which a flipped bit hides the newest value.
 */
export async function readEntry(
  handle: Handle,
  table: string,
  key: string,
  onDamaged: OnDamagedPairs
): Promise<Buffer | undefined> {
  const place = tableKey(table, key)
  const [pair] = await handle.page({ gte: place, lte: place }, 1)
  if (pair === undefined) return undefined
  const [, value] = pair
  const octets = unseal(place, value)
  if (octets === undefined) await onDamaged([[place, value]])
  return octets
}

/** All entries of a table, by key. */
export async function* readEntries(
  handle: Handle,
  table: string,
  onDamaged: OnDamagedPairs
): AsyncGenerator<readonly [string, Buffer]> {
  const start = tableKey(table, '')
  const lt = behindPrefix(start)
  let coming = handle.page({ gte: start, lt }, PAGE)
  for (;;) {
    const page = await coming
    const last = page.at(-1)
    if (last === undefined) return
    coming = readAhead(handle, { gte: Buffer.concat([last[0], Buffer.of(0)]), lt })
    const damaged: Pair[] = []
    for (const [key, value] of page) {
      const octets = unseal(key, value)
      if (octets === undefined) damaged.push([key, value])
      else yield [tableOf(key).key, octets]
    }
    if (damaged.length > 0) await onDamaged(damaged)
  }
}

/** The disk works while a page is worked on. Whoever stops before the end never hears of a failure behind it. */
function readAhead(handle: Handle, span: Span): Promise<Pair[]> {
  const coming = handle.page(span, PAGE)
  coming.catch(() => {})
  return coming
}
