import { randomBytes } from 'node:crypto'
import {
  decodeMsChapMessage,
  EapType,
  encodeMsChapChallenge,
  encodeMsChapResult,
  MsChapOp
} from '../../../protocols/eap/index.js'
import { checkMsChap2, type MsChap2Success } from '../../../protocols/radius/index.js'
import { errorText } from '../methods/mschap.js'
import type { Who } from '../methods/method.js'
import { NO_KEY, ntKeys } from '../methods/nt-keys.js'
import { type EapContext, type EapMethod, type Failed, failure, type Step } from './method.js'

const NAME = 'turnpike'

/** EAP-MSCHAPv2, inside PEAP or as it is, as strongSwan asks. draft-kamath-pppext-eap-mschapv2 */
export class MsChapV2 implements EapMethod {
  readonly type = EapType.MsChapV2
  readonly #context: EapContext
  readonly #challenge = randomBytes(16)
  #identifier = 0
  #end: Exclude<Step, { kind: 'request' }> | undefined

  constructor(context: EapContext) {
    this.#context = context
  }

  begin(identifier: number): Step {
    this.#identifier = identifier
    return { kind: 'request', data: encodeMsChapChallenge(identifier, this.#challenge, NAME) }
  }

  next(data: Buffer): Step {
    const message = decodeMsChapMessage(data)
    if (message === undefined) return failure('EAP_MALFORMED')
    if (this.#end !== undefined) return this.#confirmed(message.op, this.#end)
    if (message.response === undefined) return failure('EAP_MALFORMED')
    return this.#check(message.response, message.name ?? '')
  }

  // The peer says that it has seen the result; one that does not believe our proof says so too.
  #confirmed(op: number, end: Exclude<Step, { kind: 'request' }>): Step {
    if (end.kind === 'success' && op !== MsChapOp.Success)
      return failure('WRONG_CREDENTIAL', 'The device says so itself.')
    return end
  }

  #check(response: Buffer, name: string): Step {
    const who = this.#who(name)
    const { subscriber } = who
    const key = subscriber === undefined ? undefined : ntKeys.of(subscriber)
    const right = checkMsChap2(this.#challenge, response, name, key ?? NO_KEY)
    if (subscriber === undefined) return this.#wrong(failure('UNKNOWN_SUBSCRIBER', undefined, who))
    if (key === undefined) return this.#wrong(failure('NO_CREDENTIAL', undefined, who))
    if (right === undefined) return this.#wrong(failure('WRONG_CREDENTIAL', undefined, who))
    this.#end = { kind: 'success', subscriber, keys: right.keys }
    return this.#result(true, textOf(right))
  }

  #who(name: string): Who {
    const { directory, identity } = this.#context
    const subscriber = directory.subscriberByUserName(name)
    if (subscriber !== undefined) return { userName: name, subscriber }
    return { userName: identity, subscriber: directory.subscriberByUserName(identity) }
  }

  #wrong(end: Failed): Step {
    this.#end = end
    return this.#result(false, errorText('WRONG_CREDENTIAL', 16, 3, false))
  }

  #result(success: boolean, text: Buffer): Step {
    return { kind: 'request', data: encodeMsChapResult(success, this.#identifier, text) }
  }
}

function textOf({ success }: MsChap2Success): Buffer {
  return Buffer.concat([success.subarray(1), Buffer.from(' M=OK')])
}
