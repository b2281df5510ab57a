import { timingSafeEqual } from 'node:crypto'
import { type Avp, decodeAvps, EapType, encodeAvp } from '../../../protocols/eap/index.js'
import { Attr, checkMsChap2, isChapResponse, msChapResponse, Vendor } from '../../../protocols/radius/index.js'
import type { Who } from '../methods/method.js'
import { NO_KEY, ntKeys } from '../methods/nt-keys.js'
import { checkPassword, judge } from '../methods/password.js'
import { type EapContext, failure, stepOf } from './method.js'
import { type Inner, TlsBased } from './tls-based.js'
import type { TlsContexts } from './tls-contexts.js'

// RFC 2548 §2.1.1, §2.3
const MS_CHAP_RESPONSE = 1
const MS_CHAP_CHALLENGE = 11
const MS_CHAP2_RESPONSE = 25
const MS_CHAP2_SUCCESS = 26

/** TTLSv0: a tunnel, and RADIUS attributes inside: PAP, CHAP, MS-CHAP or MS-CHAPv2. RFC 5281, RFC 9427 */
export class Ttls extends TlsBased {
  readonly type = EapType.Ttls
  protected readonly label = 'ttls keying material'
  #end: Inner | undefined

  constructor(context: EapContext, contexts: TlsContexts) {
    super(context, contexts, EapType.Ttls, false)
  }

  protected opened(): Inner | undefined {
    return this.tunnel.resumed && this.resumed === undefined ? failure('EAP_RESUMPTION') : undefined
  }

  protected turn(): Inner {
    if (this.#end !== undefined) return this.#end
    if (this.resumed !== undefined) return { kind: 'success', subscriber: this.resumed }
    return failure('EAP_INNER_METHOD', 'It says nothing inside the tunnel.')
  }

  protected async heard(plain: Buffer): Promise<Inner> {
    const avps = decodeAvps(plain)
    if (avps === undefined || this.#end !== undefined) return failure('EAP_MALFORMED')
    const userName = valueOf(avps, Attr.UserName)?.toString() ?? this.context.identity
    const who = { userName, subscriber: this.context.directory.subscriberByUserName(userName) }
    const password = valueOf(avps, Attr.UserPassword)
    if (password !== undefined) return ended(stepOf(await checkPassword(who.subscriber, unpadded(password)), who))
    const chap = valueOf(avps, Attr.ChapPassword)
    if (chap !== undefined) return this.#chap(who, valueOf(avps, Attr.ChapChallenge), chap)
    const challenge = valueOf(avps, MS_CHAP_CHALLENGE, Vendor.Microsoft)
    const response = valueOf(avps, MS_CHAP2_RESPONSE, Vendor.Microsoft)
    if (response !== undefined) return this.#msChap2(who, challenge, response)
    const old = valueOf(avps, MS_CHAP_RESPONSE, Vendor.Microsoft)
    if (old !== undefined) return this.#msChap(who, challenge, old)
    const kinds = avps.filter(({ code }) => code !== Attr.UserName).map(({ code, vendor }) => `${vendor}/${code}`)
    return failure('EAP_INNER_METHOD', `It sent the attributes (vendor/number) ${kinds.slice(0, 8).join(', ')}.`, who)
  }

  // RFC 5281 §11.2.2. The challenge follows from the tunnel: one that was overheard elsewhere is of no use.
  #chap(who: Who, challenge: Buffer | undefined, response: Buffer): Inner {
    const implied = this.#implied(17)
    const fits = challenge?.equals(implied.subarray(0, 16)) === true && response[0] === implied[16]
    if (!fits) return failure('EAP_MALFORMED', 'Its CHAP challenge is not that of this tunnel.', who)
    return ended(
      stepOf(
        judge(who.subscriber, password => isChapResponse(response, challenge, password)),
        who
      )
    )
  }

  // RFC 5281 §11.2.3. What is there of LAN Manager's is not looked at.
  #msChap(who: Who, challenge: Buffer | undefined, response: Buffer): Inner {
    const implied = this.#implied(9)
    const fits = challenge?.equals(implied.subarray(0, 8)) === true && response[0] === implied[8]
    if (!fits) return failure('EAP_MALFORMED', 'Its MS-CHAP challenge is not that of this tunnel.', who)
    const { subscriber } = who
    const key = subscriber === undefined ? undefined : ntKeys.of(subscriber)
    const right =
      response.length === 50 && timingSafeEqual(msChapResponse(challenge, key ?? NO_KEY), response.subarray(26))
    if (subscriber === undefined) return failure('UNKNOWN_SUBSCRIBER', undefined, who)
    if (key === undefined) return failure('NO_CREDENTIAL', undefined, who)
    return right ? { kind: 'success', subscriber } : failure('WRONG_CREDENTIAL', undefined, who)
  }

  // RFC 5281 §11.2.4
  #msChap2(who: Who, challenge: Buffer | undefined, response: Buffer): Inner {
    const implied = this.#implied(17)
    const fits = challenge?.equals(implied.subarray(0, 16)) === true && response[0] === implied[16]
    if (!fits) return failure('EAP_MALFORMED', 'Its MS-CHAP challenge is not that of this tunnel.', who)
    const { subscriber, userName } = who
    const key = subscriber === undefined ? undefined : ntKeys.of(subscriber)
    const right = checkMsChap2(challenge, response, userName, key ?? NO_KEY)
    if (subscriber === undefined) return failure('UNKNOWN_SUBSCRIBER', undefined, who)
    if (key === undefined) return failure('NO_CREDENTIAL', undefined, who)
    if (right === undefined) return failure('WRONG_CREDENTIAL', undefined, who)
    this.#end = { kind: 'success', subscriber }
    const data = right.success
    return {
      kind: 'say',
      plain: encodeAvp({ code: MS_CHAP2_SUCCESS, vendor: Vendor.Microsoft, mandatory: true, data })
    }
  }

  #implied(length: number): Buffer {
    return this.tunnel.derive(length, 'ttls challenge')
  }
}

function ended(step: ReturnType<typeof stepOf>): Inner {
  return step.kind === 'request' ? failure('EAP_MALFORMED') : step
}

function valueOf(avps: readonly Avp[], code: number, vendor = 0): Buffer | undefined {
  return avps.find(avp => avp.code === code && avp.vendor === vendor)?.data
}

function unpadded(password: Buffer): Buffer {
  let end = password.length
  while (end > 0 && password[end - 1] === 0) end--
  return password.subarray(0, end)
}
