import { DriverError } from '../../agent/model/index.js'
import type { Conversation } from './conversation.js'
import { bridge, lldp } from './oids.js'
import { callings, type Port } from './ports.js'
import type { Row } from './rows.js'
import type { Target } from './target.js'
import { numberOf, textOf } from './values.js'

/*
 * No subscriber is worth an uplink. Before a port is switched off everything cheap is asked that would tell that more
 * than one subscriber is behind it; the first that speaks against it is the answer. What the device does not know it
 * cannot tell: so when it tells nothing, and no uplinks are named, the port stays on.
 */

type Candidate = Pick<Port, 'index' | 'name' | 'descr' | 'alias' | 'type'>

/** A reason against it, or that the device has nothing to say. */
type Finding = { readonly against: string } | 'fine' | 'unknown'

/** Rows of a table that are read at most: a guard must not take minutes. */
const ROWS = 5000
const TAGGED = 2
/** Aggregates, VLANs, bridges, tunnels, loopbacks: IANAifType. */
const shared: Readonly<Record<number, string>> = {
  24: 'a loopback',
  53: 'a virtual interface',
  131: 'a tunnel',
  135: 'a VLAN',
  136: 'a VLAN interface',
  161: 'an aggregate of ports',
  209: 'a bridge'
}
/** lldpRemSysCapEnabled: the bit "bridge", counted from the highest. IEEE 802.1AB §11.5.1 */
const BRIDGE = 0x20

/**
 * Refuses to let a port be switched off behind which more than a subscriber may be.
 * @throws DriverError `REJECTED` with the reason and the option that allows it
 */
export async function guard(talk: Conversation, port: Candidate, target: Target): Promise<void> {
  const known = callings(port)
  const isNamed = (names: readonly string[]): boolean => names.some(name => known.includes(name))
  if (isNamed(target.uplinks)) throw refusal(port, 'the options name it as an uplink', false)
  if (isNamed(target.ports)) return
  const kind = shared[port.type]
  if (kind !== undefined) throw refusal(port, `it is ${kind}`)
  const bridgePort = await bridgePortOf(talk, port)
  const findings = [await neighbours(talk, port)]
  if (bridgePort !== undefined) {
    findings.push(await addresses(talk, bridgePort, target.maxMacs))
    findings.push(await vlans(talk, bridgePort))
  }
  for (const finding of findings) if (typeof finding === 'object') throw refusal(port, finding.against)
  if (target.uplinks.length === 0 && !findings.includes('fine'))
    throw refusal(port, 'the device does not tell which ports are uplinks, and the option uplinks names none')
}

/** The number under which the bridge knows an interface. */
async function bridgePortOf(talk: Conversation, { index }: Candidate): Promise<string | undefined> {
  for await (const row of some(talk, [bridge.portIfIndex])) {
    if (String(numberOf(row.cells[0])) === index) return row.index
  }
  return undefined
}

/** A neighbour that says that it is a switch. LLDP numbers its ports in its own way, so name or number must agree. */
async function neighbours(talk: Conversation, port: Candidate): Promise<Finding> {
  const local = new Map<string, string>()
  for await (const { index, cells } of some(talk, [lldp.localPortId])) local.set(index, textOf(cells[0]))
  if (local.size === 0) return 'unknown'
  const known = callings(port)
  for await (const { index, cells } of some(talk, [lldp.remoteName, lldp.remoteCapabilities])) {
    const [, number = ''] = index.split('.')
    const [name, capabilities] = cells
    const here = known.includes(local.get(number) ?? number)
    const bits = Buffer.isBuffer(capabilities) ? (capabilities[0] ?? 0) : 0
    if (here && (bits & BRIDGE) !== 0)
      return { against: `the switch ${textOf(name)} is behind it (LLDP)`.replace('  ', ' ') }
  }
  return 'fine'
}

/** How many MAC addresses are behind the port: by VLAN where the bridge knows VLANs. */
async function addresses(talk: Conversation, bridgePort: string, most: number): Promise<Finding> {
  for (const column of [bridge.vlanFdbPort, bridge.fdbPort]) {
    const macs = new Set<string>()
    let any = false
    for await (const { index, cells } of some(talk, [column])) {
      any = true
      if (String(numberOf(cells[0])) !== bridgePort) continue
      macs.add(index.split('.').slice(-6).join('.'))
      if (macs.size > most) return { against: `more than ${most} MAC addresses are behind it` }
    }
    if (any) return 'fine'
  }
  return 'unknown'
}

/** A trunk: tagged in several VLANs. Bitmaps count bridge ports from the highest bit of the first octet. RFC 4363 §5 */
async function vlans(talk: Conversation, bridgePort: string): Promise<Finding> {
  let tagged = 0
  let any = false
  for await (const { cells } of some(talk, [bridge.vlanEgress, bridge.vlanUntagged])) {
    const [egress, untagged] = cells
    any = true
    if (hasBit(egress, bridgePort) && !hasBit(untagged, bridgePort)) tagged++
    if (tagged >= TAGGED) return { against: `it is a trunk: tagged in ${tagged} VLANs or more` }
  }
  return any ? 'fine' : 'unknown'
}

function hasBit(bitmap: unknown, port: string): boolean {
  const at = Number(port) - 1
  return Buffer.isBuffer(bitmap) && ((bitmap[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0
}

async function* some(talk: Conversation, columns: readonly string[]): AsyncGenerator<Row> {
  let seen = 0
  for await (const row of talk.rows(columns, Infinity)) {
    yield row
    if (++seen >= ROWS) return
  }
}

function refusal({ name, descr, index }: Candidate, why: string, mayAllow = true): DriverError {
  const allow = mayAllow ? ' If it is a subscriber’s, name it in the option ports.' : ''
  return new DriverError('REJECTED', `The port ${name || descr || index} was not switched off: ${why}.${allow}`)
}
