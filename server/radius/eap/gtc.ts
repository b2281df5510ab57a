import { EapType } from '../../../protocols/eap/index.js'
import { checkPassword } from '../methods/password.js'
import { type EapContext, type EapMethod, type Step, stepOf } from './method.js'

/** Generic Token Card: the password as text, so that salted hashes can be checked too. RFC 3748 §5.6 */
export class Gtc implements EapMethod {
  readonly type = EapType.Gtc
  readonly #context: EapContext

  constructor(context: EapContext) {
    this.#context = context
  }

  begin(): Step {
    return { kind: 'request', data: Buffer.from('Password: ') }
  }

  async next(data: Buffer): Promise<Step> {
    const { directory, identity } = this.#context
    const subscriber = directory.subscriberByUserName(identity)
    return stepOf(await checkPassword(subscriber, data), { userName: identity, subscriber })
  }
}
