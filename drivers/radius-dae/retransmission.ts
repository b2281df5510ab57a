import type { Milliseconds } from '../../agent/model/index.js'

/** When a request is sent again, and when it is given up. @see RFC 5080 §2.2.1 */
export interface RetransmissionTimes {
  /** IRT: the wait after the first transmission. Default 2,000 ms. */
  readonly initial: Milliseconds
  /** MRT: no wait grows beyond it. Default 16,000 ms. */
  readonly longest: Milliseconds
  /** MRC: how often a request is sent in all. Default 5. */
  readonly transmissions: number
  /** MRD: given up when this much has passed since the first transmission. Default 30,000 ms. */
  readonly duration: Milliseconds
}

/** The values that the RFC recommends. @see RFC 5080 §2.2.1 */
export const retransmissionDefaults: RetransmissionTimes = {
  initial: 2000,
  longest: 16_000,
  transmissions: 5,
  duration: 30_000
}

const JITTER = 0.1

/**
 * The wait before the next transmission: doubled each time, with ±10 % of jitter, never beyond `longest` and its jitter.
 * @param previous  the last wait; undefined after the first transmission
 * @param random    a number from 0 (inclusive) to 1 (exclusive)
 * @see RFC 5080 §2.2.1: `RT = 2*RTprev + RAND*RTprev`
 */
export function nextWait(previous: Milliseconds | undefined, times: RetransmissionTimes, random: number): Milliseconds {
  const rand = (random * 2 - 1) * JITTER
  if (previous === undefined) return times.initial + rand * times.initial
  const wait = 2 * previous + rand * previous
  return wait > times.longest ? times.longest + rand * times.longest : wait
}
