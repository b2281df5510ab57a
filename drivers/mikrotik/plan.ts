import { DriverError } from '../../agent/model/index.js'
import type { Written } from '../written.js'
import type { Row } from './connection.js'
import { isYes } from './presence.js'
import type { Router } from './router.js'
import { isSame } from './same.js'
import { placeOf, secretAt, type Step } from './step.js'

/** What one step has to do. */
export interface Plan {
  readonly step: Step
  readonly row: Row | undefined
  /** Properties that differ. */
  readonly differ: readonly string[]
}

/** Whether a plan leaves the router as it is. */
export function isDone({ row, differ }: Plan): boolean {
  return row !== undefined && differ.length === 0
}

/**
 * Compares a step with what is on the router.
 * @throws DriverError `REJECTED` where several rows have the key, or the menu has many and the step no key
 */
export async function planOf(router: Router, written: Written, step: Step, signal: AbortSignal): Promise<Plan> {
  const row = await rowOf(router, step, signal)
  const names = Object.keys(step.set)
  const differ = row === undefined ? names : names.filter(name => !has(written, step, row, name))
  return { step, row, differ }
}

/** The row that a step is about; undefined where there is none. Rows that the router makes by itself do not count. */
export async function rowOf(router: Router, step: Step, signal: AbortSignal): Promise<Row | undefined> {
  const { menu, key } = step
  const rows = await router.print(menu, key === undefined ? {} : { anyOf: [key] }, signal)
  const fixed = rows.filter(row => !isYes(row['dynamic']))
  const [row] = fixed
  if (key === undefined && (fixed.length !== 1 || row?.['.id'] !== undefined))
    throw new DriverError('REJECTED', `${menu} holds rows: the step of the template needs a key that names one.`)
  if (fixed.length > 1)
    throw new DriverError(
      'REJECTED',
      `${menu} has ${fixed.length} rows with ${key?.join(' ')}. Remove those that are wrong first.`
    )
  return row
}

/** Whether the router does not show a value: without the policy `sensitive`, passwords are left out or starred. */
export function isHidden(shown: string | undefined): boolean {
  return shown === undefined || /^\**$/.test(shown)
}

/** A line on what a plan changes. */
export function planWords({ step, row, differ }: Plan): string {
  const { set, secret } = step
  const shown = differ
    .filter(name => row !== undefined || name !== step.key?.[0])
    .map(name => {
      const was = (row?.[name] ?? '').replace(/^true$/, 'yes').replace(/^false$/, 'no')
      if (secret.includes(name)) return `${name}=…`
      return `${name}=${set[name] ?? ''}${was === '' ? '' : ` (was ${was})`}`
    })
  return `${row === undefined ? 'add' : 'set'} ${placeOf(step)}${shown.length === 0 ? '' : `: ${shown.join(' ')}`}`
}

function has(written: Written, step: Step, row: Row, name: string): boolean {
  const wanted = step.set[name] ?? ''
  const shown = row[name]
  if (step.secret.includes(name) && isHidden(shown)) return written.is(secretAt(step, name), wanted)
  return isSame(shown ?? '', wanted)
}
