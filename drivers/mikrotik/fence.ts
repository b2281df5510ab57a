import { DriverError } from '../../agent/model/index.js'
import type { Row } from './connection.js'
import { isDuplicate } from './failures.js'
import { isYes } from './presence.js'
import type { Router } from './router.js'
import { isOurs, type Subject } from './subject.js'

/*
 * Address lists fence. An entry of ours carries the comment `turnpike:<subscriber>`; entries without such a comment are
 * the operator's, or RADIUS made them with a session: they are read, and never removed.
 */

const MENU = '/ip/firewall/address-list'
const properties = ['.id', 'list', 'address', 'comment', 'dynamic', 'disabled']
/** Where an entry can be made to count. */
const ruleMenus = ['/ip/firewall/filter', '/ip/firewall/raw', '/ip/firewall/mangle']
/** Undoing has time of its own: the caller's may be over. */
const UNDO = 3000

/** What was done to the lists. */
export interface Fenced {
  readonly changed: boolean
  /** Entries of the subscriber's addresses that stand now, on any list. */
  readonly standing: readonly Row[]
}

/**
 * Makes the subscriber's entries these and no others: adds first, so that nothing is open in between, then removes.
 * Entries of ours that name somebody else at one of these addresses are stale and go too. A failure while adding takes
 * back what was added.
 * @param list       undefined: no entries at all
 * @param addresses  those that the subscriber has now
 */
export async function fence(
  router: Router,
  subject: Subject,
  list: string | undefined,
  addresses: readonly string[],
  signal: AbortSignal
): Promise<Fenced> {
  const before = await entries(router, subject, addresses, signal)
  const wanted = list === undefined ? [] : addresses
  const stands = (address: string): Row | undefined =>
    before.find(row => row['address'] === address && row['list'] === list && !isYes(row['disabled']))
  const missing = wanted.filter(address => {
    const there = stands(address)
    return there === undefined || isAnothers(there, subject)
  })
  const kept = new Set(wanted.map(address => stands(address)?.['.id']))
  const surplus = before.filter(row => isOurs(row['comment']) && (!kept.has(row['.id']) || isAnothers(row, subject)))
  if (missing.length + surplus.length === 0) return { changed: false, standing: before }
  // An entry of somebody else in the same place would forbid ours.
  const inTheWay = surplus.filter(row => missing.includes(row['address'] ?? '') && row['list'] === list)
  await remove(router, MENU, inTheWay, signal)
  if (list !== undefined) await addAll(router, subject, list, missing, signal)
  await remove(
    router,
    MENU,
    surplus.filter(row => !inTheWay.includes(row)),
    signal
  )
  const standing = await entries(router, subject, addresses, signal)
  verify(standing, subject, list, wanted)
  return { changed: true, standing }
}

/** Entries that are the subscriber's by comment or by address. */
export function entries(
  router: Router,
  { marks }: Subject,
  addresses: readonly string[],
  signal: AbortSignal
): Promise<readonly Row[]> {
  const anyOf = [
    ...marks.map(mark => ['comment', mark] as const),
    ...addresses.map(address => ['address', address] as const)
  ]
  return router.print(MENU, { anyOf, properties }, signal)
}

/** Removes rows; those that are gone already are as wanted. */
export async function remove(router: Router, menu: string, rows: readonly Row[], signal: AbortSignal): Promise<void> {
  if (rows.length === 0) return
  await Promise.all(
    rows.map(({ '.id': id = '' }) =>
      router.ask([`${menu}/remove`, `=.id=${id}`], { signal }).catch((error: unknown) => {
        if (!(error instanceof DriverError) || error.code !== 'NO_SUCH_SESSION') throw error
      })
    )
  )
}

/** Remembers which lists a rule was found for, so that a thousand blocks ask once. */
export class Rules {
  readonly #router: Router
  readonly #clock: () => number
  readonly #seen = new Map<string, number>()

  constructor(router: Router, clock: () => number) {
    this.#router = router
    this.#clock = clock
  }

  /** Whether a firewall rule in force looks at the list. A yes is believed for a minute. */
  async use(list: string, signal: AbortSignal): Promise<boolean> {
    if (this.#clock() - (this.#seen.get(list) ?? -Infinity) < 60_000) return true
    const anyOf = ['src-address-list', 'dst-address-list'].flatMap(side => [
      [side, list] as const,
      [side, `!${list}`] as const
    ])
    const found = await Promise.all(
      ruleMenus.map(menu => this.#router.printIfThere(menu, { anyOf, properties: ['.id', 'disabled'] }, signal))
    )
    const used = found.flat().some(row => !isYes(row['disabled']))
    if (used) this.#seen.set(list, this.#clock())
    return used
  }

  /** @throws DriverError `REJECTED` with what to type */
  async require(list: string, signal: AbortSignal): Promise<void> {
    if (await this.use(list, signal)) return
    throw new DriverError(
      'REJECTED',
      `No firewall rule of the router looks at the address list ${list}, so an entry there would stop nobody. Type there: /ip firewall filter add chain=forward src-address-list=${list} action=reject reject-with=icmp-admin-prohibited place-before=0 (docs/drivers/mikrotik.md).`
    )
  }
}

async function addAll(
  router: Router,
  { mark }: Subject,
  list: string,
  addresses: readonly string[],
  signal: AbortSignal
): Promise<void> {
  const added: Row[] = []
  try {
    for (const address of addresses) {
      const { ret } = await router.ask([`${MENU}/add`, `=list=${list}`, `=address=${address}`, `=comment=${mark}`], {
        signal
      })
      if (ret !== undefined) added.push({ '.id': ret })
    }
  } catch (error) {
    // Somebody was faster: reading back shows whether it is what is wanted.
    if (isDuplicate(error)) return
    await remove(router, MENU, added, AbortSignal.timeout(UNDO)).catch(() => undefined)
    throw error
  }
}

function isAnothers(row: Row, { marks }: Subject): boolean {
  const { comment = '' } = row
  return isOurs(comment) && !marks.includes(comment)
}

function verify(rows: readonly Row[], { marks }: Subject, list: string | undefined, wanted: readonly string[]): void {
  const missing = wanted.find(
    address => !rows.some(row => row['address'] === address && row['list'] === list && !isYes(row['disabled']))
  )
  const left = rows.find(row => marks.includes(row['comment'] ?? '') && row['list'] !== list)
  if (missing === undefined && left === undefined) return
  throw new DriverError(
    'REJECTED',
    missing === undefined
      ? `The entry for ${left?.['address']} on the list ${left?.['list']} is still there, though the router had taken its removal.`
      : `${missing} is not on the list ${list}, though the router had taken it. Does another program tidy that list?`
  )
}
