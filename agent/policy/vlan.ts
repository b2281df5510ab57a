import type { Vendor } from '../model/index.js'
import { circuitOf, vlanInText } from './circuit.js'
import type { AccessFacts } from './facts.js'

/** Vendors whose NAS-Port ends in the VLAN: slot 8, subslot 4, port 8, VLAN 12 bits. */
const inNasPort: ReadonlySet<Vendor> = new Set(['huawei', 'h3c'])
const VLAN_BITS = 0xfff

/** The VLAN that a request comes from: by NAS-Port-Id, else by the circuit id, else by NAS-Port where it is encoded there. */
export function vlanOf({ nasPortId, circuitId, nasPort }: AccessFacts, vendor: Vendor): number | undefined {
  const named = nasPortId === '' ? undefined : vlanInText(nasPortId)
  if (named !== undefined) return named
  const relayed = circuitId === undefined ? undefined : circuitOf(circuitId).vlan
  if (relayed !== undefined) return relayed
  if (!inNasPort.has(vendor) || !/^\d+$/.test(nasPort)) return undefined
  const encoded = Number(nasPort) & VLAN_BITS
  return encoded >= 1 && encoded <= 4094 ? encoded : undefined
}
