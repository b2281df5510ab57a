import type { Subscriber } from '../../../agent/model/index.js'
import type { RejectCode } from '../../../agent/policy/index.js'
import type { AccessRequest } from '../access-request.js'

/** What a method found out about somebody who logs on. */
export type Judgement =
  | {
      readonly verdict: 'right'
      readonly subscriber: Subscriber
      /** What the method adds to the Access-Accept, such as keys. */
      readonly attributes?: Buffer
      /** What it adds to the Access-Reject where policy refuses the subscriber all the same. */
      readonly rejection?: (code: RejectCode) => Buffer
    }
  | {
      readonly verdict: 'wrong'
      readonly code: RejectCode
      /** What the method adds to the Access-Reject. */
      readonly attributes?: Buffer
      /** What is particular about this case, in words for a technician. */
      readonly detail?: string
      /** Who it turned out to be, where User-Name says something else. */
      readonly who?: Who
    }
  /** More is needed: `attributes` (State, a message to the device) go into an Access-Challenge. */
  | { readonly verdict: 'challenge'; readonly attributes: Buffer }
  /** No answer: the NAS asks again. */
  | { readonly verdict: 'silent'; readonly outcome: 'busy' | 'out-of-step' }

/** A name that somebody gave, and whom it belongs to. */
export interface Who {
  readonly userName: string
  readonly subscriber: Subscriber | undefined
}

/** Finds a subscriber by what a request says of them. */
export interface Directory {
  subscriberByUserName(name: string): Subscriber | undefined
  subscriberByMac(mac: string): Subscriber | undefined
}

/**
 * One way of logging on. It answers in the same time whether the subscriber is unknown or the password wrong. Only what
 * cannot be judged at once, a salted hash or a conversation by EAP, is a promise.
 * @param named  the subscriber whose user name is User-Name, if there is one
 * @returns undefined where the request does not log on in this way: the next method is asked
 */
export type Method = (
  request: AccessRequest,
  named: Subscriber | undefined,
  directory: Directory
) => Judgement | Promise<Judgement> | undefined

/** A judgement of somebody who did not prove who they are. */
export function wrong(code: RejectCode): Judgement {
  return wrongs.get(code) ?? { verdict: 'wrong', code }
}

const wrongs = new Map<RejectCode, Judgement>(
  (['UNKNOWN_SUBSCRIBER', 'WRONG_CREDENTIAL', 'NO_CREDENTIAL'] as const).map(code => [code, { verdict: 'wrong', code }])
)
