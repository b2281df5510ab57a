import type { DriverError, DriverErrorCode, Milliseconds } from '../model/index.js'

/** What to do after a failure: how often the same way is tried again, from how short a wait, up to how long a one. */
export interface RetryRule {
  readonly again: number
  readonly base: Milliseconds
  readonly longest: Milliseconds
  /** Whether other ways by the same driver are worth trying. */
  readonly driverUsable: boolean
}

const never = { again: 0, base: 0, longest: 0 } as const

/** By DriverError code. The driver has already retransmitted by its protocol's rules when one of these arrives. */
export const retryRules: Readonly<Record<DriverErrorCode, RetryRule>> = {
  UNREACHABLE: { again: 2, base: 250, longest: 2000, driverUsable: false },
  TIMEOUT: { again: 1, base: 250, longest: 2000, driverUsable: false },
  AUTH: { ...never, driverUsable: false },
  NO_SUCH_SESSION: { ...never, driverUsable: true },
  REJECTED: { ...never, driverUsable: true },
  PROTOCOL: { ...never, driverUsable: true },
  UNSUPPORTED: { ...never, driverUsable: true }
}

/** Error-Cause 506, Resources Unavailable: the one refusal that may be none a moment later. @see RFC 5176 §3.5 */
const RESOURCES_UNAVAILABLE = 506
const busy: RetryRule = { again: 2, base: 500, longest: 2000, driverUsable: true }

/** The rule for a failure. */
export function retryRule(error: DriverError): RetryRule {
  return error.deviceCode === RESOURCES_UNAVAILABLE ? busy : retryRules[error.code]
}

/**
 * The wait before trying again, with full jitter: anything from 0 to a limit that doubles.
 * @param tries   failures so far, 1 or more
 * @param random  from 0 (inclusive) to 1 (exclusive)
 */
export function retryWait(rule: RetryRule, tries: number, random: number): Milliseconds {
  return random * Math.min(rule.longest, rule.base * 2 ** (tries - 1))
}
