import type { Device, Milliseconds } from '../model/index.js'

/** How often a device is asked, and how long it may take. From `Device.options.poll`: `{ interval, deadline }` in seconds. */
export interface Schedule {
  readonly interval: Milliseconds
  readonly deadline: Milliseconds
}

/** What holds for devices whose documents do not say otherwise. */
export const scheduleDefaults: Schedule = { interval: 300_000, deadline: 30_000 }

/** Seconds. */
const SHORTEST = 1
const LONGEST = 86_400
const JITTER = 0.1
const SPREAD = 60_000

/**
 * The schedule of a device; what its document does not say, or says wrong, is the default.
 * @returns undefined where it is never polled: `options.poll: false`
 */
export function scheduleOf({ options = {} }: Device, standard: Schedule = scheduleDefaults): Schedule | undefined {
  const { poll } = options
  if (poll === false) return undefined
  const said = (typeof poll === 'object' && poll !== null ? poll : {}) as Readonly<Record<string, unknown>>
  const interval = milliseconds(said['interval'], SHORTEST) ?? standard.interval
  const deadline = milliseconds(said['deadline'], SHORTEST) ?? standard.deadline
  return { interval, deadline: Math.min(interval, deadline) }
}

/** The document as its driver may see it: drivers know nothing of schedules. */
export function withoutSchedule(device: Device): Device {
  if (device.options?.['poll'] === undefined) return device
  const { poll: _, ...options } = device.options
  return { ...device, options }
}

/** When a device that was never asked is asked first: spread, so that a start of the agent is no storm. */
export function firstDelay({ interval }: Schedule, random: () => number): Milliseconds {
  return Math.floor(random() * Math.min(interval, SPREAD))
}

/**
 * When it is asked next, from when it was due: the interval, a tenth more or less, so that devices drift apart.
 * A poll that took too long does not make the next ones pile up.
 * @param passed  since it was due
 */
export function nextDelay({ interval }: Schedule, passed: Milliseconds, random: () => number): Milliseconds {
  const jittered = interval * (1 - JITTER + 2 * JITTER * random())
  return Math.max(Math.round(interval * JITTER), Math.round(jittered - Math.max(0, passed)))
}

function milliseconds(seconds: unknown, least: number): Milliseconds | undefined {
  return typeof seconds === 'number' && seconds >= least && seconds <= LONGEST ? seconds * 1000 : undefined
}
