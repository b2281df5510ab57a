import type { Observation, RateLimit, TreatmentKind } from '../../agent/model/index.js'
import type { Row } from './connection.js'
import { isYes, type Presence } from './presence.js'
import { isRate, limits } from './queue.js'

/** Names of the address lists that fence. */
export interface Lists {
  readonly walled: string
  readonly blocked: string
}

/** What is seen, and the list on which it rests. */
export type Seen = Observation & { readonly list?: string }

/** Which treatment an entry in force means; undefined for lists of other purposes. */
export function describe(row: Row, { walled, blocked }: Lists): 'walled' | 'blocked' | undefined {
  if (isYes(row['disabled'])) return undefined
  if (row['list'] === blocked) return 'blocked'
  return row['list'] === walled ? 'walled' : undefined
}

/**
 * What the router's tables say of somebody. Where their addresses are treated differently nothing is claimed.
 * @param listed   entries of address lists that are theirs by comment or address
 * @param limited  our queues for them
 * @param whole    the rate of a queue of ours that holds nothing back: that of their profile
 */
export function observe(
  found: Presence,
  listed: readonly Row[],
  limited: readonly Row[],
  lists: Lists,
  whole?: RateLimit
): Seen {
  const { held, ppp, hotspot, leases } = found
  if (held.length === 0 && ppp.length + hotspot.length + leases.length === 0)
    return { present: false, detail: 'The router has no session, lease or address of the subscriber.' }
  const kinds = new Set(held.map(({ address }) => kindOf(address, listed, lists)))
  const where = held.map(({ address, by }) => `${address} (${by})`).join(', ')
  const [kind] = kinds
  if (kinds.size !== 1 || kind === undefined)
    return { present: true, detail: `Online as ${where}; the addresses are not all treated alike.` }
  if (kind !== 'full') {
    const list = lists[kind]
    return { present: true, treatment: kind, list, detail: `Online as ${where}, on the list ${list}.` }
  }
  const [queue] = limited.filter(row => !isYes(row['disabled']))
  const isWhole = queue === undefined || (whole !== undefined && isRate(queue['max-limit'], whole))
  const treatment: TreatmentKind = isWhole ? 'full' : 'throttled'
  const rate = limits(queue?.['max-limit'])
  const words = queue === undefined ? 'on no list that fences' : `held to ${queue['max-limit']} by our queue`
  return { present: true, treatment, ...(rate && { rate }), detail: `Online as ${where}, ${words}.` }
}

function kindOf(address: string, listed: readonly Row[], lists: Lists): 'full' | 'walled' | 'blocked' {
  const kinds = listed.filter(row => row['address'] === address).map(row => describe(row, lists))
  if (kinds.includes('blocked')) return 'blocked'
  return kinds.includes('walled') ? 'walled' : 'full'
}
