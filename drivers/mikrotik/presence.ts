import type { Row } from './connection.js'
import type { Router } from './router.js'
import type { Subject } from './subject.js'

/** An address on the router, and by what somebody has it. `given`: by configuration, no session or lease is behind it. */
export interface Held {
  readonly address: string
  readonly by: 'ppp' | 'hotspot' | 'lease' | 'given'
  /** Whether RADIUS let them on: then it decides anew when they come back. */
  readonly radius: boolean
}

/** Where somebody is on the router. */
export interface Presence {
  readonly ppp: readonly Row[]
  readonly hotspot: readonly Row[]
  readonly leases: readonly Row[]
  readonly held: readonly Held[]
}

const ppp = ['.id', 'name', 'service', 'caller-id', 'address', 'session-id', 'radius']
const hotspot = ['.id', 'user', 'address', 'mac-address', 'radius']
const lease = ['.id', 'address', 'active-address', 'mac-address', 'dynamic', 'status', 'rate-limit', 'radius']

/** Finds somebody: PPP and hotspot by name, DHCP by MAC, and addresses of which the router knows no holder. */
export async function locate(
  router: Router,
  subject: Subject,
  gateway: boolean,
  signal: AbortSignal
): Promise<Presence> {
  const { names, macs } = subject
  const [pppRows, hotspotRows, leases] = await Promise.all([
    router.printIfThere('/ppp/active', { anyOf: names.map(name => ['name', name]), properties: ppp }, signal),
    router.printIfThere(
      '/ip/hotspot/active',
      { anyOf: names.map(name => ['user', name]), properties: hotspot },
      signal
    ),
    macs.length === 0
      ? []
      : router.printIfThere(
          '/ip/dhcp-server/lease',
          { anyOf: macs.map(mac => ['mac-address', mac]), properties: lease },
          signal
        )
  ])
  const bound = leases.filter(({ status }) => status === 'bound')
  const held = unique([
    ...pppRows.map(row => heldBy('ppp', row)),
    ...hotspotRows.map(row => heldBy('hotspot', row)),
    ...bound.map(row => heldBy('lease', row))
  ])
  const open = subject.addresses.filter(address => !held.some(found => found.address === address))
  const given = await unheld(router, subject, open, gateway, signal)
  return { ppp: pppRows, hotspot: hotspotRows, leases: bound, held: [...held, ...given] }
}

/**
 * Of addresses that our records name: those that nobody else has now. Where the router keeps the sessions itself, an
 * address without a holder was given back, and the next who gets it must not suffer for it.
 */
async function unheld(
  router: Router,
  { online }: Subject,
  addresses: readonly string[],
  gateway: boolean,
  signal: AbortSignal
): Promise<readonly Held[]> {
  if (addresses.length === 0 || (online && !gateway)) return []
  const anyOf = addresses.map(address => ['address', address] as const)
  const menus = ['/ppp/active', '/ip/hotspot/active', '/ip/dhcp-server/lease']
  const rows = await Promise.all(
    menus.map(menu => router.printIfThere(menu, { anyOf, properties: ['address'] }, signal))
  )
  const taken = new Set(rows.flat().map(({ address }) => address))
  return addresses.filter(address => !taken.has(address)).map(address => ({ address, by: 'given', radius: false }))
}

function heldBy(by: Held['by'], row: Row): Held {
  return { address: row['active-address'] ?? row['address'] ?? '', by, radius: isYes(row['radius']) }
}

/** A truth as the API writes it. */
export function isYes(value: string | undefined): boolean {
  return value === 'true' || value === 'yes'
}

function unique(held: readonly Held[]): Held[] {
  return held.filter(
    ({ address }, index) => address !== '' && held.findIndex(other => other.address === address) === index
  )
}
