import type { AnyDriver, Capability, TreatmentKind } from '../model/index.js'
import type { Difference, Step } from './plan.js'

/** The ways of enforcing, gentlest first. `reauthentication` is no call: policy answers the next Access-Request so in any case. */
export const ways = ['coa', 'disconnect', 'api', 'port', 'reauthentication'] as const
export type Way = (typeof ways)[number]

/** One way by one driver. */
export interface Rung {
  readonly way: Exclude<Way, 'reauthentication'>
  readonly driver: AnyDriver
}

/** Drivers whose `block` is something else than a call of the vendor's API: none where it repeats CoA and Disconnect. */
const blockBy: Readonly<Record<string, 'port' | 'none'>> = { 'radius-dae': 'none', snmp: 'port' }

interface Climb {
  readonly way: Rung['way']
  /** Which capability the driver must claim. */
  readonly needs: (want: TreatmentKind) => Capability
  /** Whether the way makes sense for this step. */
  readonly suits: (step: Step) => boolean
  /** Whether this driver's capability is that way. */
  readonly is?: (driver: AnyDriver) => boolean
}

const table: readonly Climb[] = [
  { way: 'coa', needs: () => 'change', suits: step => step.sayable },
  { way: 'disconnect', needs: () => 'disconnect', suits: () => true },
  { way: 'api', needs: blockOrRestore, suits: notSideways, is: driver => blockBy[driver.name] === undefined },
  { way: 'port', needs: blockOrRestore, suits: notSideways, is: driver => blockBy[driver.name] === 'port' }
]

/**
 * The ways to bring a step about, in the order to try them.
 * @param drivers  those of the session's NAS, the preferred one first
 */
export function ladder(step: Step, drivers: readonly AnyDriver[]): readonly Rung[] {
  return table.flatMap(({ way, needs, suits, is }) =>
    suits(step)
      ? drivers
          .filter(driver => driver.capabilities.includes(needs(step.how.kind)) && is?.(driver) !== false)
          .map(driver => ({ way, driver }))
      : []
  )
}

/**
 * Whether an acknowledgement ends a step although it proves nothing: only where the kind stays and merely the rate
 * changes. Nobody who pays is cut for the sake of a proof; the next authentication brings it in any case.
 */
export function standsUnproven(way: Way, difference: Difference): boolean {
  return way === 'coa' && difference === 'sideways'
}

function blockOrRestore(want: TreatmentKind): Capability {
  return want === 'full' ? 'restore' : 'block'
}

function notSideways(step: Step): boolean {
  return step.difference !== 'sideways'
}
