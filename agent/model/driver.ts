import type { TemplateValues } from './template.js'
import type { Treatment } from './treatment.js'
import type { Milliseconds, RateLimit } from './units.js'

/** A session as a driver must name it to the box. Which of these a vendor wants is the driver's knowledge. */
export interface SessionRef {
  readonly id: string
  readonly nas: string
  readonly acctSessionId: string
  readonly userName: string
  readonly framedIpv4?: string
  /** IPv6 prefixes of the session: the line's own, and the one delegated. */
  readonly prefixes?: readonly string[]
  readonly callingStation?: string
  readonly nasIpv4?: string
  readonly nasPort?: number
}

/** A subscriber as a driver must find it on the box, with the sessions that are open there. */
export interface SubscriberRef {
  readonly id: string
  readonly userName: string
  readonly macs: readonly string[]
  readonly ipv4?: string
  /** IPv6 prefixes that are theirs whether a session is open or not. */
  readonly prefixes?: readonly string[]
  /** Their ports on this device, as it calls them. */
  readonly ports?: readonly string[]
  readonly sessions: readonly SessionRef[]
  /** What `restore` brings back. */
  readonly full: Treatment
  /** Whether the device holds their rate, since nobody authenticates them: then `restore` brings `full.rate` too. */
  readonly rated?: boolean
}

/** What the device did: `unchanged` when it already was so. `detail` is a sentence for a person. */
export interface Applied {
  readonly result: 'changed' | 'unchanged'
  readonly detail: string
  /** Present where the answer is itself proof (the device was read back). An ACK is none. */
  readonly proof?: string
  /** Of provisioning: a line for each thing that was, or would be, changed. Values of secrets are shown as `…`. */
  readonly changes?: readonly string[]
}

/** What the device says now; without `treatment` it cannot tell, and where nobody is present it knows that they have nothing. */
export interface Observation {
  readonly present: boolean
  readonly treatment?: Treatment['kind']
  /** What the device holds them to by our order, where its driver claims `setRate`; absent: to nothing. */
  readonly rate?: RateLimit
  readonly detail: string
}

/**
 * Running totals of one port or subscriber, from the subscriber's view. `key` is a kind and a name: `interface:ether3`,
 * `device:eth0`, `address:192.0.2.1`, `queue:…`.
 */
export interface CounterSample {
  readonly key: string
  readonly at: Milliseconds
  readonly upOctets: bigint
  readonly downOctets: bigint
  /** 32 where the counters wrap at 2³². Absent: 64. */
  readonly bits?: 32 | 64
  /** Changes when the box restarted and its counters with it. */
  readonly bootId?: string
}

/** One thing that a device is to have, in the vendor's own words. */
export interface ProvisionStep {
  /** Where: a menu of RouterOS, `config.section` of UCI, an object of TR-069. */
  readonly at: string
  /** What finds the row where `at` holds many, and `['.type', …]` of a UCI section that is made when it is missing. */
  readonly key?: readonly [property: string, value: string]
  /** Of a list whose order counts: a row that is made goes behind the step's before it, the first to the top. */
  readonly place?: 'top'
  readonly set: Readonly<Record<string, string | number | boolean>>
  /** Names in `set` that no answer, error or log may show the value of. */
  readonly secret: readonly string[]
}

/** A template's steps with their values filled in. */
export interface Provisioning {
  readonly template: string
  readonly values: TemplateValues
  /** Rendered from the template for the driver that is asked, in the order in which they are done. */
  readonly steps: readonly ProvisionStep[]
  readonly dryRun: boolean
}

/** Verbs a device may support. Idempotent: asking twice answers 'unchanged'. Failure throws DriverError. */
export interface Operations {
  block(who: SubscriberRef, how: Treatment, signal: AbortSignal): Promise<Applied>
  restore(who: SubscriberRef, signal: AbortSignal): Promise<Applied>
  disconnect(session: SessionRef, signal: AbortSignal): Promise<Applied>
  /** Changes what an open session gets, without cutting it: the attributes of `how` by CoA, or the like. */
  change(session: SessionRef, how: Treatment, signal: AbortSignal): Promise<Applied>
  /**
   * Gives the line of somebody whom nobody authenticates a rate, which stays until it is taken back (undefined). A fence
   * that stands is left. A driver that cannot do so on a device, as that is set up, does not claim it.
   */
  setRate(who: SubscriberRef, rate: RateLimit | undefined, signal: AbortSignal): Promise<Applied>
  observe(who: SubscriberRef, signal: AbortSignal): Promise<Observation>
  readCounters(signal: AbortSignal): AsyncIterable<CounterSample>
  provision(want: Provisioning, signal: AbortSignal): Promise<Applied>
  /** Restarts the device, or the CPE of `who` behind it. Not idempotent: each call is a restart. */
  reboot(who: SubscriberRef | undefined, signal: AbortSignal): Promise<Applied>
}

export type Capability = keyof Operations

/** What every driver has. Enforcement chooses its ways by `acts` and `sees`, never by the name. */
interface Character {
  readonly name: string
  /** What its verbs change: a `session`, with which it ends; a subscriber's `line`, until it is taken back; a whole `port`, likewise. */
  readonly acts: 'session' | 'line' | 'port'
  /**
   * What it knows of somebody there: `all`; what it did `itself`, so that having done nothing says nothing about RADIUS;
   * `nothing` that proves a treatment, as of a CPE, which is its subscriber's.
   */
  readonly sees: 'all' | 'itself' | 'nothing'
  /** Resolves with a sentence about the box; throws DriverError when it cannot be reached or refuses us. */
  health(signal: AbortSignal): Promise<string>
  close(): Promise<void>
}

/** A driver of capabilities K: the compiler holds it to what it claims. */
export type Driver<K extends Capability = never> = Pick<Operations, K> &
  Character & { readonly capabilities: readonly K[] }

/** Any driver, as enforcement sees it: ask `capabilities` before calling. */
export type AnyDriver = Partial<Operations> & Character & { readonly capabilities: readonly Capability[] }

/** What went wrong, and whether trying the same again can help. */
export const driverErrors = {
  UNREACHABLE: {
    retry: true,
    remedy: 'The device did not answer. Check its power, the route to it, and the port in the configuration.'
  },
  TIMEOUT: { retry: true, remedy: 'The device began to answer and stopped. Check its load and the path for loss.' },
  AUTH: { retry: false, remedy: 'The device refused our credentials or shared secret. Compare them on both sides.' },
  NO_SUCH_SESSION: {
    retry: false,
    remedy:
      'The device does not know the session: it may have ended, or the keys in the request do not match what the device keeps.'
  },
  REJECTED: { retry: false, remedy: 'The device understood and refused. Its own words are in the error.' },
  PROTOCOL: {
    retry: false,
    remedy: 'The answer does not follow the protocol. Is this device of the make that the configuration says?'
  },
  UNSUPPORTED: { retry: false, remedy: 'This device cannot do that. Another way is tried where one is configured.' }
} as const
export type DriverErrorCode = keyof typeof driverErrors

/** The failure of a driver. The message never holds a credential. */
export class DriverError extends Error {
  readonly code: DriverErrorCode
  /** The device's own number for it: RADIUS Error-Cause, HTTP status. */
  readonly deviceCode?: number

  constructor(code: DriverErrorCode, message: string, options: { deviceCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DriverError'
    this.code = code
    if (options.deviceCode !== undefined) this.deviceCode = options.deviceCode
  }

  /** Whether the same request may succeed later. */
  get mayRetry(): boolean {
    return driverErrors[this.code].retry
  }
}

/** The same failure with a sentence more; what no driver threw stays as it is. */
export function withWords(error: unknown, words: string): unknown {
  if (!(error instanceof DriverError)) return error
  return new DriverError(error.code, `${error.message} ${words}`, {
    ...(error.deviceCode !== undefined && { deviceCode: error.deviceCode }),
    cause: error
  })
}
