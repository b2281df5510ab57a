import type { Subscriber } from '../../../agent/model/index.js'
import type { RejectCode } from '../../../agent/policy/index.js'
import type { Directory, Judgement, Who } from '../methods/method.js'

/** Keys that device and NAS share, as the attributes name them. RFC 2548 §2.4.2–2.4.3 */
export interface EapKeys {
  readonly send: Buffer
  readonly receive: Buffer
}

/** Who it is, and what the method leaves for the NAS. */
export interface Success {
  readonly subscriber: Subscriber
  readonly keys?: EapKeys
  /** What names the keys: the method's Session-Id, where it has one. RFC 5247 §1.4 */
  readonly sessionId?: Buffer
}

/** What a method does next. */
export type Step =
  | { readonly kind: 'request'; readonly data: Buffer }
  | (Success & { readonly kind: 'success' })
  | Failed

/** The conversation ends, for a reason that a technician reads. */
export interface Failed {
  readonly kind: 'failure'
  readonly code: RejectCode
  readonly detail?: string
  readonly who?: Who
}

/** One EAP method in one conversation. What a device sends never makes it throw. */
export interface EapMethod {
  readonly type: number
  /** The first request. @param identifier  of that request */
  begin(identifier: number): Step | Promise<Step>
  /** Takes the data of a response. @param identifier  of the request that follows, if one does */
  next(data: Buffer, identifier: number): Step | Promise<Step>
  /** Lets go of what it holds. */
  close?(): void
}

/** What a method knows of its conversation. */
export interface EapContext {
  readonly directory: Directory
  /** What the device called itself outside of any tunnel. */
  readonly identity: string
  /** Octets of type data that a request may hold now. */
  readonly room: () => number
  /** The same step, or a failure where the subscriber may not use the conversation's method. */
  readonly allowed: <S extends Step>(step: S) => S | Failed
}

export function failure(code: RejectCode, detail?: string, who?: Who): Failed {
  return { kind: 'failure', code, ...(detail !== undefined && { detail }), ...(who !== undefined && { who }) }
}

/** What a judgement on a password means for the conversation. */
export function stepOf(judgement: Judgement, who: Who): Step {
  switch (judgement.verdict) {
    case 'right':
      return { kind: 'success', subscriber: judgement.subscriber }
    case 'wrong':
      return failure(judgement.code, judgement.detail, who)
    default:
      return failure('BUSY', undefined, who)
  }
}
