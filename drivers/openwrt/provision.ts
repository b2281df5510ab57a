import { setTimeout as pause } from 'node:timers/promises'
import {
  type Applied,
  DriverError,
  isRecord,
  type Provisioning,
  type ProvisionStep,
  withWords
} from '../../agent/model/index.js'
import { readInterface, sayInterface } from './interfaces.js'
import type { Caller, Reply, Ubus } from './ubus.js'

/** A section of UCI and what it is to have. */
interface Section {
  readonly config: string
  readonly section: string
  /** Of a section that is made when it is missing. */
  readonly type: string | undefined
  readonly set: Readonly<Record<string, string>>
  readonly secret: readonly string[]
}

interface Plan {
  readonly want: Section
  readonly exists: boolean
  readonly differ: readonly string[]
}

/** How long the router waits for us after a change, and how often it is asked. */
export interface Patience {
  /** Seconds after which the router goes back by itself if we do not confirm: it may be the way to it that changed. */
  readonly rollback: number
  /** Between two tries to reach it again, ms. */
  readonly pause: number
}

const UNDO = 5000

/**
 * Brings sections of UCI onto a router: staged in a session of its own, read back, applied with the router's own
 * roll-back, read again through the network as it is then, and only then confirmed.
 * @throws DriverError; then the old settings stand, or come back by themselves, as the message says
 */
export async function provision(
  ubus: Ubus,
  want: Provisioning,
  patience: Patience,
  signal: AbortSignal
): Promise<Applied> {
  const sections = sectionsOf(want)
  return ubus.alone(async caller => {
    const todo = (await planAll(caller, sections, signal)).filter(({ differ }) => differ.length > 0)
    const changes = todo.map(sayPlan)
    const words = changes.join('; ')
    if (todo.length === 0) return { result: 'unchanged', detail: 'Everything is on the router already.' }
    if (want.dryRun) return { result: 'unchanged', detail: `Would change: ${words}.`, changes }
    await stage(caller, todo, signal)
    await apply(caller, todo, patience, signal)
    const state = await stateOf(caller, todo, signal)
    const detail = `Set, applied and read back: ${words}.${state}`
    return { result: 'changed', detail, proof: detail, changes }
  }, signal)
}

async function planAll(caller: Caller, sections: readonly Section[], signal: AbortSignal): Promise<Plan[]> {
  const configs = new Map<string, Reply>()
  const plans: Plan[] = []
  for (const want of sections) {
    const values = configs.get(want.config) ?? (await valuesOf(caller, want.config, signal))
    configs.set(want.config, values)
    const found = values[want.section]
    const shown = isRecord(found) ? found : undefined
    if (shown === undefined && want.type === undefined) {
      const words = `The router has no section ${want.config}.${want.section}. Look at "uci show ${want.config}" for its name. Nothing was changed.`
      throw new DriverError('REJECTED', words)
    }
    const differ = Object.keys(want.set).filter(name => shown?.[name] !== want.set[name])
    plans.push({ want, exists: shown !== undefined, differ })
  }
  return plans
}

async function valuesOf(caller: Caller, config: string, signal: AbortSignal): Promise<Reply> {
  const { values } = await caller.call('uci', 'get', { config }, signal)
  if (isRecord(values)) return values
  throw new DriverError('PROTOCOL', `The router gave no values of the configuration ${config}.`)
}

async function stage(caller: Caller, todo: readonly Plan[], signal: AbortSignal): Promise<void> {
  try {
    for (const { want, exists, differ } of todo) {
      const { config, section, type, set } = want
      const values = Object.fromEntries(differ.map(name => [name, set[name]]))
      if (exists) await caller.call('uci', 'set', { config, section, values }, signal)
      else await caller.call('uci', 'add', { config, type, name: section, values }, signal)
    }
    await readBack(caller, todo, signal)
  } catch (error) {
    throw await reverted(caller, todo, error)
  }
}

/** Staged changes are the session's own: they die with it even where the revert does not get through. */
async function reverted(caller: Caller, todo: readonly Plan[], error: unknown): Promise<unknown> {
  for (const config of new Set(todo.map(({ want }) => want.config)))
    await caller.call('uci', 'revert', { config }, AbortSignal.timeout(UNDO)).catch(() => undefined)
  return withWords(error, 'What was staged was reverted; nothing was changed.')
}

async function apply(caller: Caller, todo: readonly Plan[], patience: Patience, signal: AbortSignal): Promise<void> {
  try {
    await caller.call('uci', 'apply', { rollback: true, timeout: patience.rollback }, signal)
  } catch (error) {
    throw isLost(error) ? withWords(error, itself(patience)) : await reverted(caller, todo, error)
  }
  try {
    await reached(() => readBack(caller, todo, signal), patience, signal)
    await caller.call('uci', 'confirm', {}, signal)
  } catch (error) {
    const undone = await caller.call('uci', 'rollback', {}, AbortSignal.timeout(UNDO)).then(
      () => true,
      () => false
    )
    throw withWords(error, undone ? 'The router was rolled back to what it had.' : itself(patience))
  }
}

/** Interfaces go down and up while the change is applied: silence is expected for a while. */
async function reached(
  read: () => Promise<void>,
  { rollback, pause: between }: Patience,
  signal: AbortSignal
): Promise<void> {
  const tries = Math.max(1, Math.floor((rollback * 1000) / Math.max(between, 1000)) - 1)
  for (let left = tries; ; left -= 1) {
    try {
      return await read()
    } catch (error) {
      if (!isLost(error) || left <= 1 || signal.aborted) throw error
    }
    await pause(between, undefined, { signal }).catch(() => undefined)
  }
}

async function readBack(caller: Caller, todo: readonly Plan[], signal: AbortSignal): Promise<void> {
  const after = await planAll(
    caller,
    todo.map(({ want }) => want),
    signal
  )
  const bad = after.find(({ differ }) => differ.length > 0)
  if (bad === undefined) return
  const { want, differ } = bad
  const words = `${want.config}.${want.section} was taken by the router, but ${differ.join(', ')} reads back otherwise.`
  throw new DriverError('REJECTED', words)
}

/** How the interfaces that were touched stand. A line that is not up yet does not undo what was set. */
async function stateOf(caller: Caller, todo: readonly Plan[], signal: AbortSignal): Promise<string> {
  const touched = todo.filter(({ want }) => want.config === 'network' && want.set['proto'] !== undefined)
  const words: string[] = []
  for (const { want } of touched) {
    const status = await caller
      .call('network.interface', 'status', { interface: want.section }, signal)
      .catch(() => undefined)
    if (status !== undefined) words.push(` ${sayInterface({ ...readInterface(status), name: want.section })}`)
  }
  return words.join('')
}

function sectionsOf({ template, steps }: Provisioning): Section[] {
  if (steps.length > 0) return steps.map(step => sectionOf(template, step))
  throw new DriverError('UNSUPPORTED', `The template ${template} has no step for OpenWrt. Nothing was changed.`)
}

function sectionOf(template: string, { at, key, set, secret }: ProvisionStep): Section {
  const [, config, section] = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_]+)$/.exec(at) ?? []
  const odd = Object.keys(set).find(name => !/^[A-Za-z0-9_]+$/.test(name))
  if (config === undefined || section === undefined || odd !== undefined || (key !== undefined && key[0] !== '.type'))
    throw new DriverError(
      'UNSUPPORTED',
      `${odd ?? at} of the template ${template} is not a name of UCI (config.section).`
    )
  const values = Object.entries(set).map(([name, value]) => [name, uciText(value)] as const)
  return { config, section, type: key?.[1], set: Object.fromEntries(values), secret }
}

function uciText(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? '1' : '0') : String(value)
}

function sayPlan({ want, exists, differ }: Plan): string {
  const shown = differ.map(name => (want.secret.includes(name) ? `${name}=…` : `${name}=${want.set[name] ?? ''}`))
  return `${exists ? '' : 'new '}${want.config}.${want.section}: ${shown.join(' ')}`
}

function isLost(error: unknown): boolean {
  return error instanceof DriverError && (error.code === 'TIMEOUT' || error.code === 'UNREACHABLE')
}

function itself({ rollback }: Patience): string {
  return `The router goes back by itself to what it had, ${rollback} s after the change.`
}
