import type { Row } from './connection.js'
import { isHidden, type Plan, rowOf } from './plan.js'
import type { Router } from './router.js'
import { placeOf } from './step.js'

/** A plan that was begun. `unsure`: the router may have done it, and did not say so. */
export interface Attempt {
  readonly plan: Plan
  readonly state: 'done' | 'unsure'
}

const UNDO = 5000

/**
 * Takes back what was begun, the last first: new rows go, and old ones get back what they had, as far as it is known.
 * Each is looked at before and after: what was not done is not undone, and what did not come back is said.
 * @returns a sentence for a person
 */
export async function undo(router: Router, attempts: readonly Attempt[]): Promise<string> {
  if (attempts.length === 0) return 'Nothing else was changed.'
  const left: string[] = []
  for (const attempt of attempts.toReversed()) {
    left.push(...(await takeBack(router, attempt).catch(() => [placeOf(attempt.plan.step)])))
  }
  if (left.length === 0) return 'What had been changed before was taken back.'
  const rest = left.length < attempts.length ? ' All else was taken back.' : ''
  return `Could not be taken back: ${left.join('; ')}. Look at it on the router.${rest}`
}

/** @returns what could not be taken back */
async function takeBack(router: Router, { plan, state }: Attempt): Promise<string[]> {
  const signal = AbortSignal.timeout(UNDO)
  const { step, row } = plan
  const now = await rowOf(router, step, signal)
  if (row === undefined) {
    if (now !== undefined) await router.ask([`${step.menu}/remove`, ...idOf(now)], { signal })
    return (await rowOf(router, step, signal)) === undefined ? [] : [placeOf(step)]
  }
  if (now === undefined) return [placeOf(step)]
  return [...(await putBack(router, plan, row, now, signal)), ...lostOf(plan, state)]
}

async function putBack(router: Router, plan: Plan, row: Row, now: Row, signal: AbortSignal): Promise<string[]> {
  const { step, differ } = plan
  const isBack = (name: string) => !step.secret.includes(name) && (now[name] ?? '') === (row[name] ?? '')
  const back = differ.filter(name => !isLost(plan, name) && !isBack(name))
  if (back.length === 0) return []
  const hide = back.filter(name => step.secret.includes(name)).map(name => row[name] ?? '')
  const words = back.map(name => `=${name}=${row[name] ?? ''}`)
  await router.ask([`${step.menu}/set`, ...idOf(row), ...words], { signal, hide })
  const after = await rowOf(router, step, signal)
  const bad = back.filter(name => (after?.[name] ?? '') !== (row[name] ?? ''))
  return bad.length === 0 ? [] : [`${bad.join(', ')} of ${placeOf(step)}`]
}

function lostOf(plan: Plan, state: Attempt['state']): string[] {
  const lost = plan.differ.filter(name => isLost(plan, name))
  if (lost.length === 0) return []
  const perhaps = state === 'unsure' ? ', if it was overwritten' : ''
  return [`the old ${lost.join(', ')} of ${placeOf(plan.step)}, which the router does not show${perhaps}`]
}

/** A secret that the router did not show before is gone. */
function isLost({ step, row }: Plan, name: string): boolean {
  return step.secret.includes(name) && isHidden(row?.[name])
}

/** Names a row to `set` and `remove`; a menu that is one row needs no name. */
export function idOf(row: Row): string[] {
  const id = row['.id']
  return id === undefined ? [] : [`=.id=${id}`]
}
