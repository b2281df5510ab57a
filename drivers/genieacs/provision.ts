import { type Applied, DriverError, type Provisioning } from '../../agent/model/index.js'
import { Written } from '../written.js'
import { faultNumber, faultWords } from './faults.js'
import { findDevice, type Sought } from './find.js'
import type { DeviceRecord, Nbi, Value } from './nbi.js'
import { isSame, parameterOf, typeFor } from './parameters.js'

/** One parameter that is to be set. */
interface Wish {
  readonly path: string
  readonly value: Value
  readonly secret: boolean
}

const UNDO = 30_000

/**
 * Sets parameters of a CPE. All go in one SetParameterValues, which a CPE carries out whole or not at all
 * (TR-069 A.3.2.1), and are read from the CPE again.
 */
export class Provisioner {
  readonly #nbi: Nbi
  readonly #written = new Written()

  constructor(nbi: Nbi) {
    this.#nbi = nbi
  }

  /** @throws DriverError; after `REJECTED` the task is taken back and nothing is left to happen later */
  async provision(want: Provisioning, otherwise: Sought, signal: AbortSignal): Promise<Applied> {
    const wishes = wishesOf(want)
    const device = await findDevice(
      this.#nbi,
      soughtOf(want, otherwise),
      wishes.map(({ path }) => path),
      signal
    )
    const todo = wishes.filter(wish => !this.#has(device, wish))
    const words = `${device.id}: ${todo.map(sayWish).join(', ')}`
    if (todo.length === 0) {
      const detail = `${device.id} has everything already, as GenieACS saw it last.`
      return { result: 'unchanged', detail }
    }
    if (want.dryRun) return { result: 'unchanged', detail: `Would set on ${words}.`, changes: todo.map(sayWish) }
    return this.set(device, todo, signal)
  }

  /** Sets parameters, changed or not, and reads them back. */
  async set(device: DeviceRecord, wishes: readonly Wish[], signal: AbortSignal): Promise<Applied> {
    return { ...(await this.#set(device, wishes, signal)), changes: wishes.map(sayWish) }
  }

  async #set(device: DeviceRecord, wishes: readonly Wish[], signal: AbortSignal): Promise<Applied> {
    const words = `${device.id}: ${wishes.map(sayWish).join(', ')}`
    const result = await this.#nbi.task(device.id, taskOf(device, wishes), signal)
    const hide = wishes.filter(({ secret }) => secret).map(({ value }) => String(value))
    if (result.state === 'faulted') {
      await this.#nbi.drop(result.task, signal)
      const number = faultNumber(result.fault)
      throw new DriverError(
        'REJECTED',
        `The CPE took nothing of ${words}. ${faultWords(result.fault, hide)} The task was taken back.`,
        {
          ...(number !== undefined && { deviceCode: number })
        }
      )
    }
    if (result.state === 'queued') {
      const why = result.why === '' ? '' : ` (${result.why})`
      return {
        result: 'changed',
        detail: `Queued, not done: the CPE could not be called${why}. GenieACS will set it at the next inform, task ${result.task}: ${words}.`
      }
    }
    for (const { path, value, secret } of wishes) if (secret) this.#written.remember(keyOf(device, path), String(value))
    return this.#readBack(device, wishes, words, signal)
  }

  async #readBack(device: DeviceRecord, wishes: readonly Wish[], words: string, signal: AbortSignal): Promise<Applied> {
    const paths = wishes.map(({ path }) => path)
    const asked = await this.#nbi.task(device.id, { name: 'getParameterValues', parameterNames: paths }, signal)
    if (asked.state !== 'done') {
      await this.#nbi.drop(asked.task, signal)
      return {
        result: 'changed',
        detail: `Done as GenieACS says, but the CPE did not answer when it was read again: ${words}.`
      }
    }
    const { tree } = await findDevice(this.#nbi, { device: device.id }, paths, signal)
    const differ = wishes.filter(({ path, value, secret }) => !secret && !isSame(parameterOf(tree, path), value))
    if (differ.length > 0) {
      const after = await this.#undo(device, wishes)
      const names = differ.map(({ path }) => path).join(', ')
      throw new DriverError('REJECTED', `The CPE took the values, but ${names} reads back otherwise. ${after}`)
    }
    const hidden = wishes.some(({ secret }) => secret) ? ' Passwords are taken on trust: a CPE does not show them.' : ''
    const shown = wishes.some(({ secret }) => !secret)
    const detail = `Done and read back from ${words}.${hidden}`
    return { result: 'changed', detail, ...(shown && { proof: detail }) }
  }

  /** @returns a sentence on what was taken back, and what was not */
  async #undo(device: DeviceRecord, wishes: readonly Wish[]): Promise<string> {
    const old = wishes.flatMap(({ path, secret }) => {
      const before = secret ? undefined : parameterOf(device.tree, path)
      return before === undefined ? [] : [{ path, value: before.value, secret }]
    })
    const lost = wishes.filter(({ path }) => !old.some(one => one.path === path)).map(({ path }) => path)
    const not = lost.length === 0 ? '' : ` The old value of ${lost.join(', ')} is not known and was not brought back.`
    for (const { path } of wishes) this.#written.forget(keyOf(device, path))
    if (old.length === 0) return not.trim()
    try {
      const { state } = await this.#nbi.task(device.id, taskOf(device, old), AbortSignal.timeout(UNDO))
      return `${state === 'done' ? 'What it had before was set again.' : 'What it had before could not be set again: look at the CPE.'}${not}`
    } catch {
      return `What it had before could not be set again: look at the CPE.${not}`
    }
  }

  #has(device: DeviceRecord, { path, value, secret }: Wish): boolean {
    if (secret) return this.#written.is(keyOf(device, path), String(value))
    return isSame(parameterOf(device.tree, path), value)
  }
}

function taskOf({ tree }: DeviceRecord, wishes: readonly Wish[]) {
  const parameterValues = wishes.map(
    ({ path, value }) => [path, value, typeFor(parameterOf(tree, path), value)] as const
  )
  return { name: 'setParameterValues', parameterValues } as const
}

function wishesOf({ template, steps }: Provisioning): Wish[] {
  const wishes = steps.flatMap(({ at, set, secret }) =>
    Object.entries(set).map(([name, value]) => ({ path: `${at}.${name}`, value, secret: secret.includes(name) }))
  )
  if (wishes.length === 0)
    throw new DriverError('UNSUPPORTED', `The template ${template} has no step for GenieACS. Nothing was changed.`)
  const odd = wishes.find(({ path }) => !/^[A-Za-z_][\w-]*(\.[\w-]+)+$/.test(path))
  if (odd === undefined) return wishes
  throw new DriverError('UNSUPPORTED', `${odd.path} of the template ${template} is not a parameter of TR-069.`)
}

/** Which CPE: the values say it, else the device document. */
function soughtOf({ values }: Provisioning, otherwise: Sought): Sought {
  const text = (name: string) => {
    const value = values[name]
    return value === undefined || value === '' ? undefined : String(value)
  }
  const [device, serial] = [text('device'), text('serial')]
  return device === undefined && serial === undefined ? otherwise : { device, serial }
}

function keyOf({ id }: DeviceRecord, path: string): string {
  return `${id} ${path}`
}

function sayWish({ path, value, secret }: Wish): string {
  return secret ? `${path}=…` : `${path}=${String(value)}`
}
