import { type Applied, DriverError, type Provisioning, withWords } from '../../agent/model/index.js'
import { printSentence } from '../../protocols/routeros/index.js'
import { Written } from '../written.js'
import type { Row } from './connection.js'
import { isDone, type Plan, planOf, planWords, rowOf } from './plan.js'
import { isYes } from './presence.js'
import type { Router } from './router.js'
import { placeOf, secretAt, type Step, stepsOf } from './step.js'
import { type Attempt, idOf, undo } from './undo.js'

/** Brings steps onto a router: plans, does, reads back, and takes back what it did when a step fails. */
export class Provisioner {
  readonly #router: Router
  readonly #written = new Written()

  constructor(router: Router) {
    this.#router = router
  }

  /** @throws DriverError of the step that failed, with what was taken back and what could not be */
  async provision(want: Provisioning, signal: AbortSignal): Promise<Applied> {
    const steps = stepsOf(want)
    const changes = await this.#changes(steps, signal)
    if (changes.length === 0) return { result: 'unchanged', detail: 'Everything is on the router already.' }
    const words = changes.join('; ')
    if (want.dryRun) return { result: 'unchanged', detail: `Would change: ${words}.`, changes }
    const done = await this.#doAll(steps, signal)
    const detail = `Done and read back: ${done.join('; ')}.`
    return { result: 'changed', detail, proof: detail, changes: done }
  }

  /** A line for each step that would change something. */
  async #changes(steps: readonly Step[], signal: AbortSignal): Promise<string[]> {
    const changes: string[] = []
    try {
      for (const step of steps) {
        const plan = await planOf(this.#router, this.#written, step, signal)
        if (!isDone(plan)) changes.push(planWords(plan))
      }
    } catch (error) {
      throw withWords(error, 'Nothing was changed.')
    }
    return changes
  }

  /** @returns a line for each step that changed something */
  async #doAll(steps: readonly Step[], signal: AbortSignal): Promise<string[]> {
    const attempts: Attempt[] = []
    try {
      for (const [index, step] of steps.entries()) {
        // Compared anew: a step before may have made the row.
        const plan = await planOf(this.#router, this.#written, step, signal)
        if (isDone(plan)) continue
        await this.#do(plan, steps.slice(0, index), attempts, signal)
        await this.#readBack(step, signal)
      }
    } catch (error) {
      throw await this.#failed(error, attempts)
    }
    return attempts.map(({ plan }) => planWords(plan))
  }

  async #do(plan: Plan, before: readonly Step[], attempts: Attempt[], signal: AbortSignal): Promise<void> {
    const { step, row, differ } = plan
    const { menu, set, secret } = step
    const hide = secret.map(name => set[name] ?? '')
    const words = differ.map(name => `=${name}=${set[name] ?? ''}`)
    const sentence =
      row === undefined
        ? [`${menu}/add`, ...words, ...(step.top ? await this.#placeBefore(step, before, signal) : [])]
        : [`${menu}/set`, ...idOf(row), ...words]
    try {
      await this.#router.ask(sentence, { signal, hide })
    } catch (error) {
      if (isUnsure(error)) attempts.push({ plan, state: 'unsure' })
      throw error
    }
    attempts.push({ plan, state: 'done' })
    for (const name of secret) this.#written.remember(secretAt(step, name), set[name] ?? '')
  }

  /** Behind the last of the steps before that has a place here; without one, before all rows that are not dynamic. */
  async #placeBefore({ menu }: Step, before: readonly Step[], signal: AbortSignal): Promise<string[]> {
    const last = before.findLast(step => step.top && step.menu === menu)
    const previous = last === undefined ? undefined : await rowOf(this.#router, last, signal)
    const rows: Row[] = []
    const each = (row: Row): void => void rows.push(row)
    await this.#router.ask(printSentence(menu, { properties: ['.id', 'dynamic'] }), { signal, each })
    const fixed = rows.filter(row => !isYes(row['dynamic']))
    const next = fixed[fixed.findIndex(row => row['.id'] === previous?.['.id']) + 1]
    return next === undefined ? [] : [`=place-before=${next['.id'] ?? ''}`]
  }

  async #readBack(step: Step, signal: AbortSignal): Promise<void> {
    const plan = await planOf(this.#router, this.#written, step, signal)
    if (isDone(plan)) return
    const what = plan.row === undefined ? 'it is not there' : `${plan.differ.join(', ')} reads back otherwise`
    throw new DriverError('REJECTED', `${placeOf(step)} was taken by the router, but ${what}.`)
  }

  async #failed(error: unknown, attempts: readonly Attempt[]): Promise<unknown> {
    const after = await undo(this.#router, attempts)
    for (const { plan } of attempts)
      for (const name of plan.step.secret) this.#written.forget(secretAt(plan.step, name))
    return withWords(error, after)
  }
}

/** Whether the router may have done what it did not answer. */
function isUnsure(error: unknown): boolean {
  return !(error instanceof DriverError) || error.code === 'TIMEOUT' || error.code === 'UNREACHABLE'
}
