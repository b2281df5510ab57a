import { randomBytes, timingSafeEqual } from 'node:crypto'
import { EapType } from '../../../protocols/eap/index.js'
import { md5 } from '../../../protocols/radius/index.js'
import { judge } from '../methods/password.js'
import { type EapContext, type EapMethod, failure, type Step, stepOf } from './method.js'

const SIZE = 16

/** MD5-Challenge: CHAP in EAP, for a password in clear text. It gives no keys. RFC 3748 §5.4 */
export class Md5Challenge implements EapMethod {
  readonly type = EapType.Md5Challenge
  readonly #context: EapContext
  readonly #challenge = randomBytes(SIZE)
  #identifier = 0

  constructor(context: EapContext) {
    this.#context = context
  }

  begin(identifier: number): Step {
    this.#identifier = identifier
    return { kind: 'request', data: Buffer.concat([Buffer.from([SIZE]), this.#challenge]) }
  }

  next(data: Buffer): Step {
    if (data[0] !== SIZE || data.length < 1 + SIZE) return failure('EAP_MALFORMED')
    const { directory, identity } = this.#context
    const subscriber = directory.subscriberByUserName(identity)
    const id = Buffer.from([this.#identifier])
    const judgement = judge(subscriber, password =>
      timingSafeEqual(md5(id, Buffer.from(password), this.#challenge), data.subarray(1, 1 + SIZE))
    )
    return stepOf(judgement, { userName: identity, subscriber })
  }
}
