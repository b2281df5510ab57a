import { DriverError, type Provisioning, type ProvisionStep } from '../../agent/model/index.js'

/** One row that is to be on the router, or a menu that is one row by itself (`/ppp/aaa`). */
export interface Step {
  readonly menu: string
  /** What finds the row, and what a new one gets; none where the menu is one row. */
  readonly key: readonly [property: string, value: string] | undefined
  /** What it is to have, as the API writes it. */
  readonly set: Readonly<Record<string, string>>
  /** Properties that the router may not show, and that no error or answer may. */
  readonly secret: readonly string[]
  /** Whether its place in the menu counts: see `ProvisionStep.place`. */
  readonly top: boolean
}

/**
 * The steps of a template in the router's words.
 * @throws DriverError `UNSUPPORTED` naming what is no menu or property, before anything is sent
 */
export function stepsOf({ template, steps }: Provisioning): readonly Step[] {
  if (steps.length > 0) return steps.map(step => stepOf(template, step))
  throw new DriverError('UNSUPPORTED', `The template ${template} has no step for MikroTik. Nothing was changed.`)
}

/** `/ppp/secret dora`, as people are told. */
export function placeOf({ menu, key }: Step): string {
  if (key === undefined) return menu
  return `${menu} ${/^[\w.:/@-]+$/.test(key[1]) ? key[1] : `«${key[1]}»`}`
}

/** Names a secret of a step to those who remember what was written. */
export function secretAt(step: Step, name: string): string {
  return `${step.menu} ${step.key?.join('=') ?? ''} ${name}`
}

function stepOf(template: string, { at, key, place, set, secret }: ProvisionStep): Step {
  const odd =
    [at].find(menu => !/^(\/[a-z0-9-]+)+$/.test(menu)) ?? [key?.[0] ?? 'name', ...Object.keys(set)].find(isOdd)
  if (odd !== undefined)
    throw new DriverError(
      'UNSUPPORTED',
      `${odd} of the template ${template} is not a menu (/ppp/secret) or property (max-mtu) of RouterOS. Nothing was changed.`
    )
  const found = key === undefined ? undefined : ([key[0], textOf(key[0], key[1])] as const)
  const wanted = Object.entries(set).map(([name, value]) => [name, textOf(name, value)] as const)
  return {
    menu: at,
    key: found,
    set: Object.fromEntries(found === undefined ? wanted : [found, ...wanted]),
    secret,
    top: place === 'top'
  }
}

function isOdd(property: string): boolean {
  return !/^[a-z][a-z0-9.-]*$/.test(property)
}

/** Rows are found by the exact text that the router keeps: a MAC address is in capitals. */
function textOf(name: string, value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return name === 'mac-address' ? String(value).toUpperCase() : String(value)
}
