import { createHmac, randomBytes } from 'node:crypto'
import { type Applied, DriverError, type Provisioning } from '../../agent/model/index.js'
import type { Row } from './connection.js'
import { isYes } from './presence.js'
import { limits } from './queue.js'
import type { Router } from './router.js'
import { type Step, stepsOf } from './templates.js'

/** What one step has to do. */
interface Plan {
  readonly step: Step
  readonly row: Row | undefined
  /** Properties that differ. Empty: nothing is to be done. */
  readonly differ: readonly string[]
}

/** What was done, and how it is undone. */
interface Done {
  readonly words: string
  readonly undo: readonly string[] | undefined
  /** What undoing cannot bring back. */
  readonly lost: string | undefined
}

const REMEMBERED = 10_000
const UNDO = 5000

/** Brings what a template says onto a router: plans, does, reads back, and takes back what it did when a step fails. */
export class Provisioner {
  readonly #router: Router
  /** Passwords that were written and that the router does not show, as digests by a key that nobody has. */
  readonly #written = new Map<string, string>()
  readonly #key = randomBytes(32)

  constructor(router: Router) {
    this.#router = router
  }

  /** @throws DriverError of the step that failed, with what was taken back and what could not be */
  async provision(want: Provisioning, signal: AbortSignal): Promise<Applied> {
    const steps = stepsOf(want)
    const plans: Plan[] = []
    for (const step of steps) plans.push(await this.#plan(step, signal))
    const todo = plans.filter(({ differ }) => differ.length > 0)
    const words = todo.map(planWords).join(' ')
    if (todo.length === 0) return { result: 'unchanged', detail: 'Everything is on the router already.' }
    if (want.dryRun) return { result: 'unchanged', detail: `Would change: ${words}` }
    await this.#doAll(todo, signal)
    return { result: 'changed', detail: words, proof: `Read back: ${words}` }
  }

  async #plan(step: Step, signal: AbortSignal): Promise<Plan> {
    const rows = await this.#router.print(step.menu, { anyOf: [step.key] }, signal)
    const fixed = rows.filter(row => !isYes(row['dynamic']))
    const [row] = fixed
    if (fixed.length > 1) {
      const words = `${step.menu} has ${fixed.length} rows with ${step.key.join(' ')}. Remove those that are wrong first.`
      throw new DriverError('UNSUPPORTED', words)
    }
    if (row === undefined) return { step, row, differ: Object.keys(step.set) }
    return { step, row, differ: Object.keys(step.set).filter(name => !this.#has(step, row, name)) }
  }

  #has(step: Step, row: Row, name: string): boolean {
    const wanted = step.set[name] ?? ''
    const shown = row[name]
    const hidden = step.secret.includes(name) && (shown === undefined || /^\**$/.test(shown))
    if (hidden) return this.#written.get(keyOf(step)) === this.#digest(wanted)
    return isSame(shown ?? '', wanted)
  }

  async #doAll(todo: readonly Plan[], signal: AbortSignal): Promise<void> {
    const done: Done[] = []
    try {
      for (const plan of todo) {
        done.push(await this.#do(plan, signal))
        await this.#readBack(plan.step, signal)
      }
    } catch (error) {
      if (!(error instanceof DriverError)) throw error
      const unsure = error.code === 'TIMEOUT' || error.code === 'UNREACHABLE'
      const last = unsure ? ' Whether the step under way took effect is not known: provision again.' : ''
      const after = await this.#undo(done)
      throw new DriverError(error.code, `${error.message}${last} ${after}`, {
        ...(error.deviceCode !== undefined && { deviceCode: error.deviceCode }),
        cause: error
      })
    }
  }

  async #do({ step, row, differ }: Plan, signal: AbortSignal): Promise<Done> {
    const { menu, set, secret } = step
    const hide = secret.map(name => set[name] ?? '')
    const words = differ.map(name => `=${name}=${set[name] ?? ''}`)
    if (row === undefined) {
      const { ret = '' } = await this.#router.ask([`${menu}/add`, ...words], { signal, hide })
      this.#remember(step)
      return { words: planWords({ step, row, differ }), undo: [`${menu}/remove`, `=.id=${ret}`], lost: undefined }
    }
    const id = `=.id=${row['.id'] ?? ''}`
    await this.#router.ask([`${menu}/set`, id, ...words], { signal, hide })
    this.#remember(step)
    const kept = differ.filter(name => !secret.includes(name))
    const lost = differ.filter(name => secret.includes(name))
    return {
      words: planWords({ step, row, differ }),
      undo: kept.length === 0 ? undefined : [`${menu}/set`, id, ...kept.map(name => `=${name}=${row[name] ?? ''}`)],
      lost: lost.length === 0 ? undefined : `the old ${lost.join(', ')} of ${step.key[1]}`
    }
  }

  async #readBack(step: Step, signal: AbortSignal): Promise<void> {
    const { differ } = await this.#plan(step, signal)
    if (differ.length === 0) return
    throw new DriverError(
      'REJECTED',
      `${step.menu} ${step.key[1]} was taken by the router, but ${differ.join(', ')} reads back otherwise.`
    )
  }

  /** The last first. @returns a sentence on what was taken back, and what was not */
  async #undo(done: readonly Done[]): Promise<string> {
    const failed: string[] = []
    for (const { undo, lost, words } of done.toReversed()) {
      if (lost !== undefined) failed.push(lost)
      if (undo === undefined) continue
      await this.#router.ask(undo, { signal: AbortSignal.timeout(UNDO) }).catch(() => failed.push(words))
    }
    this.#written.clear()
    if (done.length === 0) return 'Nothing else was changed.'
    return failed.length === 0
      ? 'What had been changed before was taken back.'
      : `Could not be taken back: ${failed.join('; ')}. Look at it on the router.`
  }

  #remember(step: Step): void {
    const [name] = step.secret
    if (name === undefined) return
    if (this.#written.size >= REMEMBERED) this.#written.clear()
    this.#written.set(keyOf(step), this.#digest(step.set[name] ?? ''))
  }

  #digest(value: string): string {
    return createHmac('sha256', this.#key).update(value).digest('base64')
  }
}

function keyOf({ menu, key }: Step): string {
  return `${menu} ${key.join('=')}`
}

function planWords({ step, row, differ }: Plan): string {
  const shown = differ.map(name => (step.secret.includes(name) ? name : `${name}=${step.set[name] ?? ''}`))
  return `${row === undefined ? 'add to' : 'set in'} ${step.menu} ${step.key[1]}: ${shown.join(' ')}.`
}

/** The router writes rates with or without k and M, and an address as a target with its length. */
function isSame(shown: string, wanted: string): boolean {
  if (shown === wanted || shown === `${wanted}/32`) return true
  const [a, b] = [limits(shown), limits(wanted)]
  return a !== undefined && a.up === b?.up && a.down === b.down
}
