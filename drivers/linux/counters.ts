import { readFile } from 'node:fs/promises'
import { type Clock, type CounterSample, DriverError, isRecord } from '../../agent/model/index.js'
import { apply, listTable } from './nft.js'
import type { Run } from './run.js'
import { type Json, USAGE, usage } from './skeleton.js'
import type { Target } from './target.js'

/** Reads what passed, by address: `address:192.0.2.1`, `address:2001:db8::/64`. */
export class Counters {
  readonly #run: Run
  readonly #target: Target
  readonly #clock: Clock
  #made = false

  constructor(run: Run, target: Target, clock: Clock) {
    this.#run = run
    this.#target = target
    this.#clock = clock
  }

  /** @throws DriverError `UNSUPPORTED` when no networks are named */
  async *read(signal: AbortSignal): AsyncIterable<CounterSample> {
    if (this.#target.subscribers.length === 0)
      throw new DriverError('UNSUPPORTED', 'To count, the device document must name the networks of the subscribers.')
    const objects = await this.#objects(signal)
    const at = this.#clock()
    const bootId = await bootOf(objects)
    const [up, down] = [totals(objects, 'up'), totals(objects, 'down')]
    for (const address of new Set([...up.keys(), ...down.keys()])) {
      const [upOctets, downOctets] = [up.get(address) ?? 0n, down.get(address) ?? 0n]
      yield { key: `address:${address}`, at, upOctets, downOctets, bootId }
    }
  }

  async #objects(signal: AbortSignal): Promise<readonly Json[]> {
    const found = this.#made ? await listTable(this.#run, USAGE, signal) : undefined
    if (found !== undefined) return found
    await apply(this.#run, usage(this.#target), signal)
    this.#made = true
    return (await listTable(this.#run, USAGE, signal)) ?? []
  }
}

function totals(objects: readonly Json[], direction: 'up' | 'down'): ReadonlyMap<string, bigint> {
  const sets = objects.map(({ set }) => set).filter(isRecord)
  const elements = sets.flatMap(({ name, elem }) =>
    (name === `${direction}4` || name === `${direction}6`) && Array.isArray(elem) ? (elem as unknown[]) : []
  )
  return new Map(elements.flatMap(totalOf))
}

function totalOf(element: unknown): [string, bigint][] {
  if (!isRecord(element) || !isRecord(element['elem'])) return []
  const { val, counter } = element['elem']
  if (typeof val !== 'string' || !isRecord(counter) || typeof counter['bytes'] !== 'number') return []
  return [[val.includes(':') ? `${val}/64` : val, BigInt(counter['bytes'])]]
}

// The handle of the table is another one when it was made again, and its counters with it.
async function bootOf(objects: readonly Json[]): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const table = objects.map(({ table: found }) => found).find(isRecord)
  const handle = table?.['handle']
  return `${boot.trim()}/${typeof handle === 'number' ? handle : ''}`
}
