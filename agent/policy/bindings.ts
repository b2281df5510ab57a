import type { Subscriber } from '../model/index.js'
import type { AccessFacts } from './facts.js'
import { macOf } from './mac.js'
import type { RejectCode } from './reject.js'

/** Which binding of the subscriber a request breaks; what cannot be seen in the request breaks it too. */
export function brokenBinding({ bind }: Subscriber, facts: AccessFacts): RejectCode | undefined {
  if (bind === undefined) return undefined
  if (bind.nas !== undefined && bind.nas !== facts.nas) return 'WRONG_NAS'
  if (bind.macs !== undefined && bind.macs.length > 0 && !isOneOf(bind.macs, facts)) return 'WRONG_MAC'
  if (!isCircuit(bind.circuitId, facts.circuitId)) return 'WRONG_CIRCUIT'
  if (!isCircuit(bind.remoteId, facts.remoteId)) return 'WRONG_CIRCUIT'
  return bind.vlan !== undefined && bind.vlan !== vlanOf(facts.nasPortId) ? 'WRONG_VLAN' : undefined
}

function isOneOf(macs: readonly string[], { callingStation }: AccessFacts): boolean {
  const mac = macOf(callingStation)
  return mac !== undefined && macs.includes(mac)
}

// Relays send text or binary: a document may hold either, binary as hex digits with or without 0x.
function isCircuit(bound: string | undefined, said: Buffer | undefined): boolean {
  if (bound === undefined) return true
  if (said === undefined) return false
  return said.toString() === bound || said.toString('hex') === bound.replace(/^0x/i, '').toLowerCase()
}

/** The VLAN in a NAS-Port-Id such as `ether2.100`, `slot=0;port=1;vlanid=100`; the last one of a stack. */
export function vlanOf(nasPortId: string): number | undefined {
  const found = /vlan(?:-?id)?[=: ]?(\d{1,4})(?!.*vlan)/i.exec(nasPortId) ?? /\.(\d{1,4})$/.exec(nasPortId)
  return found === null ? undefined : Number(found[1])
}
