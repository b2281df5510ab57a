import type { AnyDriver, Capability } from '../model/index.js'
import { cutsOff, type Difference, type Step } from './plan.js'
import { isRadius, type Reach } from './reach.js'

/** The ways of enforcing, gentlest first. `reauthentication` is no call: policy answers the next Access-Request so in any case. */
export const ways = ['coa', 'disconnect', 'api', 'port', 'reauthentication'] as const
export type Way = (typeof ways)[number]

/** What a driver is called to do. */
export type Verb = Extract<Capability, 'change' | 'disconnect' | 'block' | 'restore' | 'setRate'>

/** One call of one driver. */
export interface Rung extends Reach {
  readonly way: Exclude<Way, 'reauthentication'>
  readonly verb: Verb
}

interface Climb {
  readonly verb: (step: Step) => Verb
  /** Whether the call makes sense for this step, by this driver. */
  readonly suits: (step: Step, reach: Reach) => boolean
  /** Whether it names a session. */
  readonly session: boolean
}

/**
 * RADIUS goes with the session, and what is done at a device outlives it: so Disconnect comes before a block there. Only
 * for a change of rate the device comes first: nobody is cut off for that where it can be helped.
 */
const table: readonly Climb[] = [
  { verb: () => 'change', session: true, suits: changesSession },
  { verb: () => 'disconnect', session: true, suits: (_step, { driver }) => isRadius(driver) },
  { verb: blockOrRestore, session: false, suits: (step, reach) => isApi(reach.driver) && changesKind(step, reach) },
  { verb: () => 'disconnect', session: true, suits: (_step, { driver, beside }) => isApi(driver) && !beside },
  {
    verb: blockOrRestore,
    session: false,
    suits: (step, { driver }) => driver.acts === 'port' && step.difference === 'tighter' && cutsOff(step.how.kind)
  }
]

/**
 * The ways to bring a step about, in the order to try them.
 * @param reaches  what reaches the session or the subscriber, the preferred one first
 * @param session  whether there is a session to name
 */
export function ladder(step: Step, reaches: readonly Reach[], session = true): readonly Rung[] {
  return table.flatMap(climb => {
    const verb = climb.verb(step)
    if (climb.session && !session) return []
    return reaches
      .filter(reach => reach.driver.capabilities.includes(verb) && climb.suits(step, reach))
      .map(reach => ({ ...reach, verb, way: wayOf(verb, reach.driver) }))
  })
}

/** The one call that takes back what stands at a device. */
export function undoing(step: Step, reach: Reach): readonly Rung[] {
  const verb = blockOrRestore(step)
  return reach.driver.capabilities.includes(verb) ? [{ ...reach, verb, way: wayOf(verb, reach.driver) }] : []
}

/** The one call that gives a line a rate, or takes it back. */
export function rating(reach: Reach): readonly Rung[] {
  const { driver } = reach
  return driver.capabilities.includes('setRate') ? [{ ...reach, verb: 'setRate', way: wayOf('setRate', driver) }] : []
}

/**
 * Whether an acknowledgement ends a step although it proves nothing: only where the kind stays and merely the rate
 * changes. Nobody who pays is cut for the sake of a proof; the next authentication brings it in any case.
 */
export function standsUnproven(verb: Verb, difference: Difference): boolean {
  return verb === 'change' && difference === 'sideways'
}

function wayOf(verb: Verb, driver: AnyDriver): Rung['way'] {
  if (isRadius(driver)) return verb === 'change' ? 'coa' : 'disconnect'
  return driver.acts === 'port' ? 'port' : 'api'
}

function blockOrRestore({ how }: Step): 'block' | 'restore' {
  return how.kind === 'full' ? 'restore' : 'block'
}

function changesSession({ sayable, difference }: Step, { driver, beside }: Reach): boolean {
  return sayable && !beside && (isRadius(driver) || difference === 'sideways')
}

/** What stands at a device beside the NAS is taken back by itself, not for the sake of a session. */
function changesKind({ difference }: Step, { beside }: Reach): boolean {
  return difference === 'tighter' || (difference === 'looser' && !beside)
}

function isApi({ acts }: AnyDriver): boolean {
  return acts === 'line'
}
