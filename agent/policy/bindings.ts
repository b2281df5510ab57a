import type { Subscriber, Vendor } from '../model/index.js'
import { circuitWords, isCircuit } from './circuit.js'
import type { AccessFacts } from './facts.js'
import { macOf } from './mac.js'
import type { RejectCode } from './reject.js'
import { vlanOf } from './vlan.js'

/** A binding that a request breaks, and what the request says instead. */
export interface BrokenBinding {
  readonly code: RejectCode
  readonly words: string
}

/** Whether a request keeps the subscriber's bindings; `learns` is a MAC address to which they are bound from now on. */
export type Bound = { readonly broken: BrokenBinding } | { readonly broken?: undefined; readonly learns?: string }

const FREE: Bound = {}

/**
 * Compares a request with what the subscriber is bound to; what cannot be seen in the request breaks the binding too.
 * @param learnt  MAC addresses that earlier logins have bound
 */
export function checkBindings(
  { bind }: Subscriber,
  facts: AccessFacts,
  vendor: Vendor,
  learnt: readonly string[]
): Bound {
  if (bind === undefined) return FREE
  if (bind.nas !== undefined && bind.nas !== facts.nas)
    return broken('WRONG_NAS', `The request comes from ${facts.nas}.`)
  if (bind.circuitId !== undefined && !isOn(bind.circuitId, facts.circuitId))
    return broken('WRONG_CIRCUIT', `Circuit id: ${circuitWords(facts.circuitId)}`)
  if (bind.remoteId !== undefined && !isOn(bind.remoteId, facts.remoteId))
    return broken('WRONG_CIRCUIT', `Remote id: ${circuitWords(facts.remoteId)}`)
  if (bind.vlan !== undefined) {
    const vlan = vlanOf(facts, vendor)
    if (vlan !== bind.vlan)
      return broken(
        'WRONG_VLAN',
        vlan === undefined ? 'The request shows none.' : `The request comes from VLAN ${vlan}.`
      )
  }
  return checkMac(bind, facts, learnt)
}

function checkMac(bind: NonNullable<Subscriber['bind']>, facts: AccessFacts, learnt: readonly string[]): Bound {
  const { macs = [], learnMacs = 0 } = bind
  if (macs.length === 0 && learnMacs === 0) return FREE
  const mac = macOf(facts.callingStation)
  if (mac === undefined) return broken('WRONG_MAC', 'The request shows no MAC address.')
  if (macs.includes(mac) || learnt.includes(mac)) return FREE
  if (learnt.length < learnMacs) return { learns: mac }
  return broken('WRONG_MAC', `The request comes from ${mac}.`)
}

function isOn(bound: string, said: Buffer | undefined): boolean {
  return said !== undefined && isCircuit(bound, said)
}

function broken(code: RejectCode, words: string): Bound {
  return { broken: { code, words } }
}
