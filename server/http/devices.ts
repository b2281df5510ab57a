import type { DeviceStatus } from '../../agent/poller/index.js'

type State = DeviceStatus['state']

/** How many sentences about devices the status shows; `turnpike devices` has the rest. */
const SENTENCES = 10

/** How many devices are in which state. */
export function deviceCounts(devices: readonly DeviceStatus[]): Record<State, number> {
  const counts = { up: 0, down: 0, flapping: 0, unknown: 0 }
  for (const { state } of devices) counts[state]++
  return counts
}

/** Ports of all devices: those that count for a subscriber, those that count for nobody, and what keeps some from it. */
export function portCounts(devices: readonly DeviceStatus[]): { counted: number; unclaimed: number; problems: number } {
  const total = { counted: 0, unclaimed: 0, problems: 0 }
  for (const { counted, unclaimed, problems } of devices) {
    total.counted += counted
    total.unclaimed += unclaimed.count
    total.problems += problems.length
  }
  return total
}

/** Those that a person should look at before those that are well. */
export function inNeedFirst(devices: readonly DeviceStatus[]): readonly DeviceStatus[] {
  return devices.toSorted((a, b) => need(a) - need(b) || (a.device < b.device ? -1 : 1))
}

/** What a person should look at, in sentences. */
export function deviceAttention(devices: readonly DeviceStatus[]): string[] {
  const words = inNeedFirst(devices).flatMap(({ device, state, detail, problems }) => [
    ...(state === 'down' || state === 'flapping' ? [`Device ${device} is ${state}: ${detail}`] : []),
    ...problems.map(problem => `Device ${device}, port ${problem}`)
  ])
  const more = words.length - SENTENCES
  return more <= 0 ? words : [...words.slice(0, SENTENCES), `And ${more} more about devices: turnpike devices.`]
}

const needs: Readonly<Record<State, number>> = { down: 0, flapping: 1, unknown: 3, up: 4 }

function need({ state, problems }: DeviceStatus): number {
  return problems.length > 0 ? Math.min(2, needs[state]) : needs[state]
}
