import {
  decodeEap,
  decodeResult,
  EapCode,
  encodeEap,
  encodeResult,
  EapType,
  eapTypeName
} from '../../../protocols/eap/index.js'
import { CryptoBinding } from './crypto-binding.js'
import { Gtc } from './gtc.js'
import { type EapContext, type EapKeys, type EapMethod, failure, type Step } from './method.js'
import { MsChapV2 } from './mschapv2.js'
import { type Inner, TlsBased } from './tls-based.js'
import type { TlsContexts } from './tls-contexts.js'

const NOTHING = Buffer.alloc(0)

type End = Exclude<Step, { kind: 'request' }>

/** Inside PEAPv0 a packet is its type and data: Code, Identifier and Length are the outer ones'. [MS-PEAP] §1.3 */
interface InnerPacket {
  readonly type: number
  readonly data: Buffer
}

/**
 * PEAPv0: a tunnel, EAP inside (MSCHAPv2, or GTC where the device wants that), and the result told inside before it is
 * told outside. With the result the device is asked to prove that it is the same inside and outside (cryptobinding); one
 * that does not know how goes on without.
 * @see [MS-PEAP], RFC 9427
 */
export class Peap extends TlsBased {
  readonly type = EapType.Peap
  protected readonly label = 'client EAP encryption'
  #method: EapMethod | undefined
  #methodBegan = false
  #end: End | undefined
  #binding: CryptoBinding | undefined

  constructor(context: EapContext, contexts: TlsContexts) {
    super(context, contexts, EapType.Peap, false)
  }

  protected opened(): Inner | undefined {
    return this.tunnel.resumed && this.resumed === undefined ? failure('EAP_RESUMPTION') : undefined
  }

  protected turn(identifier: number): Inner {
    if (this.#end !== undefined || this.#method !== undefined) return failure('EAP_MALFORMED')
    if (this.resumed === undefined) return say(EapType.Identity, NOTHING)
    return this.#ended({ kind: 'success', subscriber: this.resumed }, 'resumed', identifier)
  }

  protected async heard(plain: Buffer, identifier: number): Promise<Inner> {
    const packet = innerPacket(plain)
    if (packet === undefined) return failure('EAP_MALFORMED')
    if (this.#end !== undefined) return this.#confirmed(packet, this.#end)
    const step = await this.#step(packet, identifier)
    if (step.kind === 'request') return say(this.#method!.type, step.data)
    return this.#ended(step, step.kind === 'success' ? step.keys : undefined, identifier)
  }

  // A device may refuse what the server says went well, but not the other way round.
  #confirmed({ type, data }: InnerPacket, end: End): Inner {
    if (end.kind === 'failure') return end
    if (type !== EapType.Extensions || decodeResult(data) !== true)
      return failure('EAP_INNER_METHOD', 'It did not confirm that the conversation went well.')
    const { subscriber } = end
    const bound = this.#binding!.check(data)
    if (bound === 'forged')
      return failure('EAP_CRYPTO_BINDING', undefined, { userName: subscriber.username, subscriber })
    return { kind: 'success', subscriber, ...(bound === 'bound' && { keys: this.#binding!.keys }) }
  }

  // The result comes first: Apple's client looks at nothing else, and answers nothing where another is before it.
  #ended(step: End, inner: EapKeys | 'resumed' | undefined, identifier: number): Inner {
    const end = this.context.allowed(step)
    this.#end = end
    if (end.kind === 'success') this.#binding = new CryptoBinding(this.keyMaterial, inner)
    const result = encodeResult(end.kind === 'success')
    const data = this.#binding === undefined ? result : Buffer.concat([result, this.#binding.request])
    return { kind: 'say', plain: encodeEap({ code: EapCode.Request, identifier, type: EapType.Extensions, data }) }
  }

  #step({ type, data }: InnerPacket, identifier: number): Step | Promise<Step> {
    if (this.#method === undefined) {
      if (type !== EapType.Identity) return failure('EAP_MALFORMED')
      return this.#start(new MsChapV2(this.#inner(data.toString('utf8', 0, Math.min(data.length, 253)))), identifier)
    }
    if (type === EapType.Nak && !this.#methodBegan) return this.#other(data, identifier)
    if (type !== this.#method.type) return failure('EAP_INNER_METHOD', `It answered with ${eapTypeName(type)}.`)
    this.#methodBegan = true
    return this.#method.next(data, identifier)
  }

  #other(wanted: Buffer, identifier: number): Step | Promise<Step> {
    const other = this.#method instanceof MsChapV2 && wanted.includes(EapType.Gtc)
    if (other) return this.#start(new Gtc(this.#inner(this.#identity)), identifier)
    const theirs = [...wanted].filter(type => type !== 0).map(eapTypeName)
    return failure('EAP_INNER_METHOD', `It wants ${theirs.join(', ') || 'none'}.`)
  }

  #identity = ''

  #inner(identity: string): EapContext {
    this.#identity = identity
    return { ...this.context, identity }
  }

  #start(method: EapMethod, identifier: number): Step | Promise<Step> {
    this.#method = method
    return method.begin(identifier)
  }
}

function say(type: number, data: Buffer): Inner {
  return { kind: 'say', plain: Buffer.concat([Buffer.from([type]), data]) }
}

// Extensions alone is a whole packet; some devices send all as whole packets.
function innerPacket(plain: Buffer): InnerPacket | undefined {
  const whole = decodeEap(plain)
  if (whole?.code === EapCode.Response && plain.readUInt16BE(2) === plain.length) return whole
  const type = plain[0]
  return type === undefined ? undefined : { type, data: plain.subarray(1) }
}
