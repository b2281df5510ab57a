import { randomBytes } from 'node:crypto'
import type { Clock, EapMethodName, Milliseconds, Subscriber } from '../../../agent/model/index.js'
import { type RejectCode, rejected } from '../../../agent/policy/index.js'
import { EapCode, decodeEap, encodeEap, encodeEapResult, EapType } from '../../../protocols/eap/index.js'
import { Attr, AttributeWriter } from '../../../protocols/radius/index.js'
import type { AccessRequest } from '../access-request.js'
import { Damping, type DampingSettings } from '../damping.js'
import type { Directory, Judgement, Method } from '../methods/method.js'
import { mayEncrypt, sessionKeys } from '../methods/mppe.js'
import { Revocations } from '../revocation/index.js'
import { checkCertificate, checkDates, type EapCertificate, endOf } from './certificate.js'
import { type EapChoice, eapMethodNames, eapMethodTypes, type MethodsFor } from './choice.js'
import { type Beginning, Conversation, type Turn } from './conversation.js'
import { Conversations } from './conversations.js'
import { EapError } from './errors.js'
import { Gtc } from './gtc.js'
import { Md5Challenge } from './md5-challenge.js'
import type { EapContext, EapMethod } from './method.js'
import { MsChapV2 } from './mschapv2.js'
import { Peap } from './peap.js'
import { EapTls } from './tls.js'
import { type Revoked, TlsContexts } from './tls-contexts.js'
import { Ttls } from './ttls.js'

/** A conversation with which the device did not go on. */
export interface Abandoned extends Beginning {
  readonly userName: string
  /** Name of the method. */
  readonly method: string
}

/** How EAP is spoken. */
export interface EapOptions {
  readonly clock: Clock
  /** What the server shows; without it there is no PEAP, TTLS or TLS. */
  readonly tls?: EapCertificate
  /** What is offered, the preferred first. By default all that the certificate and the CA allow. */
  readonly methods?: readonly EapMethodName[]
  /** Which of the possible methods a subscriber may use, whatever `methods` says. */
  readonly methodsFor?: MethodsFor
  /** Devices' certificates may have been revoked: until `revoke` says which, none is taken. */
  readonly revocable?: boolean
  /** Told of a device that stopped answering in the middle, 30 seconds after it began. */
  readonly abandoned?: (what: Abandoned) => void
  /** After how many rejects a device gets the same again, without a conversation. */
  readonly damping?: DampingSettings
  /** Conversations at the same time; default 2048. The oldest is dropped. */
  readonly conversations?: number
}

/** Octets of EAP in a packet where the NAS does not say (Framed-MTU), and the limits of what it may say. RFC 3579 §2.4 */
const USUAL = 1020
const LEAST = 128
const MOST = 1400
const SWEEP = 5000
const NOTHING = Buffer.alloc(0)
const WAIT = 30

const tunnelled: readonly EapMethodName[] = ['peap', 'ttls', 'tls']

/**
 * EAP as a way of logging on. `method` is put before the others; `close` ends what goes on.
 * @see RFC 3748, RFC 3579
 */
export class EapServer {
  readonly method: Method = (request, named, directory) => this.#judge(request, named, directory)
  readonly #clock: Clock
  readonly #conversations: Conversations
  readonly #damping: Damping
  readonly #options: EapOptions
  #choice: EapChoice
  #validUntil: Milliseconds
  #revoked: Revoked
  readonly #timer: NodeJS.Timeout

  /**
   * A certificate that has run out is taken: time alone, or a clock that is not set yet, must not keep an agent from
   * starting. @throws EapError where the certificate cannot be used otherwise, or a method lacks what it needs
   */
  constructor(options: EapOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#conversations = new Conversations(options.conversations ?? 2048, options.clock, conversation => {
      const { waiting, beginning } = conversation
      if (waiting !== undefined) options.abandoned?.({ ...beginning, ...waiting })
    })
    this.#damping = new Damping(options.clock, options.damping)
    this.#revoked = options.revocable === true ? 'unknown' : undefined
    this.#choice = this.#choose(options.tls)
    this.#validUntil = untilOf(options)
    this.#timer = setInterval(() => this.#conversations.sweep(), SWEEP).unref()
  }

  /** Conversations that go on, and those that ended within the last 30 seconds. */
  get size(): number {
    return this.#conversations.size
  }

  /**
   * Shows another certificate from now on, such as a renewed one; conversations that go on keep theirs.
   * @throws EapError and keeps the old one
   */
  reload(tls: EapCertificate): void {
    checkDates(tls, this.#clock())
    this.#choice = this.#choose(tls)
    this.#validUntil = untilOf({ tls })
  }

  /** These certificates are revoked from now on, in place of those before; no session of EAP-TLS can be resumed. */
  revoke(revocations: Revocations): void {
    this.#revoked = revocations
  }

  /** When a newer list of revoked certificates is due; Infinity where there is none, or it does not say. */
  get revokedUntil(): Milliseconds {
    return this.#revoked instanceof Revocations ? this.#revoked.validUntil : Infinity
  }

  /** When the first certificate of the chain that is shown runs out; Infinity without one. */
  get validUntil(): Milliseconds {
    return this.#validUntil
  }

  close(): void {
    clearInterval(this.#timer)
    this.#conversations.clear()
  }

  #choose(tls: EapCertificate | undefined): EapChoice {
    const contexts = tls && new TlsContexts(tls, this.#clock, () => this.#revoked)
    return choiceOf({ ...this.#options, ...(tls && { tls }) }, contexts)
  }

  #judge(
    request: AccessRequest,
    named: Subscriber | undefined,
    directory: Directory
  ): Promise<Judgement> | Judgement | undefined {
    const message = request.packet.concat(Attr.EapMessage)
    if (message === undefined) return undefined
    if (message.length <= 1) return { verdict: 'challenge', attributes: askIdentity() } // EAP-Start, RFC 3579 §2.1
    const known = this.#find(request)
    if (known === undefined && decodeEap(message)?.type !== EapType.Identity)
      return refusal('EAP_UNKNOWN_CONVERSATION', message)
    const damped = known === undefined ? this.#damping.of(request, named) : undefined
    if (damped !== undefined) return refusal(damped.code, message)
    const conversation = known ?? this.#begin(request, directory)
    return conversation.take(message, roomOf(request)).then(turn => {
      this.#damp(turn, request, named)
      return judgementOf(turn, conversation, request)
    })
  }

  #find({ packet, nas }: AccessRequest): Conversation | undefined {
    const state = packet.octets(Attr.State)
    return state === undefined ? undefined : this.#conversations.find(state, nas)
  }

  #begin({ nas, callingStation }: AccessRequest, directory: Directory): Conversation {
    const conversation = new Conversation({ nas, callingStation, startedAt: this.#clock() }, directory, this.#choice)
    this.#conversations.add(conversation)
    return conversation
  }

  #damp(turn: Turn, request: AccessRequest, named: Subscriber | undefined): void {
    if (turn.kind === 'failure') this.#damping.rejected(request, named, rejected(turn.code))
    if (turn.kind === 'success') this.#damping.accepted(request)
  }
}

function choiceOf({ tls, methods, methodsFor }: EapOptions, contexts: TlsContexts | undefined): EapChoice {
  if (tls !== undefined) checkCertificate(tls)
  const possible = eapMethodNames.filter(name => lacks(name, tls) === undefined)
  for (const name of methods ?? []) {
    const code = lacks(name, tls)
    if (code !== undefined) throw new EapError(code, name)
  }
  const usual = typesOf(methods ?? possible)
  return {
    order: subscriber => {
      const own = subscriber && methodsFor?.(subscriber)
      return own === undefined ? usual : typesOf(own.filter(name => possible.includes(name)))
    },
    make: (type, context) => make(type, context, contexts)
  }
}

function untilOf({ tls }: Pick<EapOptions, 'tls'>): Milliseconds {
  return tls === undefined ? Infinity : endOf(tls.certificate)
}

function lacks(
  name: EapMethodName,
  tls: EapCertificate | undefined
): 'EAP_NEEDS_CERTIFICATE' | 'EAP_TLS_NEEDS_CA' | undefined {
  if (tunnelled.includes(name) && tls === undefined) return 'EAP_NEEDS_CERTIFICATE'
  return name === 'tls' && tls?.ca === undefined ? 'EAP_TLS_NEEDS_CA' : undefined
}

function typesOf(names: readonly EapMethodName[]): readonly number[] {
  return names.map(name => eapMethodTypes[name])
}

function make(type: number, context: EapContext, contexts: TlsContexts | undefined): EapMethod {
  switch (type) {
    case EapType.MsChapV2:
      return new MsChapV2(context)
    case EapType.Gtc:
      return new Gtc(context)
    case EapType.Peap:
      return new Peap(context, contexts!)
    case EapType.Ttls:
      return new Ttls(context, contexts!)
    case EapType.Tls:
      return new EapTls(context, contexts!)
    default:
      return new Md5Challenge(context)
  }
}

function roomOf({ packet }: AccessRequest): number {
  return Math.min(MOST, Math.max(LEAST, packet.uint32(Attr.FramedMtu) ?? USUAL))
}

function judgementOf(turn: Turn, { state }: Conversation, request: AccessRequest): Judgement {
  switch (turn.kind) {
    case 'late':
      return { verdict: 'silent', outcome: 'out-of-step' }
    case 'request':
      return { verdict: 'challenge', attributes: challenge(turn.packet, state) }
    case 'failure': {
      const { kind: _, packet: eap, ...why } = turn
      return { verdict: 'wrong', ...why, attributes: eapMessage(eap) }
    }
    default:
      return accepted(turn, request)
  }
}

function accepted(turn: Extract<Turn, { kind: 'success' }>, request: AccessRequest): Judgement {
  const { subscriber, keys, packet, sessionId } = turn
  const { authenticator } = request.packet
  const hidden = keys && [sessionKeys(keys.send, keys.receive, authenticator, request.secret), mayEncrypt]
  return {
    verdict: 'right',
    subscriber,
    attributes: Buffer.concat([eapMessage(packet), ...(hidden ?? []), keyName(sessionId, request)]),
    rejection: () => eapMessage(encodeEapResult(false, packet[1]!))
  }
}

// A NAS asks with a single NUL, or with nothing (RFC 4072 §4.1.4); anything else is no question. RFC 7268 §2.2
function keyName(sessionId: Buffer | undefined, { packet }: AccessRequest): Buffer {
  const asked = packet.octets(Attr.EapKeyName)
  if (sessionId === undefined || asked === undefined || asked.length > 1 || (asked[0] ?? 0) !== 0) return NOTHING
  return new AttributeWriter().add(Attr.EapKeyName, sessionId).finish()
}

function refusal(code: RejectCode, response: Buffer): Judgement {
  return { verdict: 'wrong', code, attributes: eapMessage(encodeEapResult(false, response[1]!)) }
}

function askIdentity(): Buffer {
  const identifier = randomBytes(1)[0]!
  return eapMessage(encodeEap({ code: EapCode.Request, identifier, type: EapType.Identity, data: Buffer.alloc(0) }))
}

function eapMessage(packet: Buffer): Buffer {
  return new AttributeWriter().concat(Attr.EapMessage, packet).finish()
}

// Session-Timeout is how long the NAS waits for the device. RFC 3579 §2.3, RFC 2869 §5.18
function challenge(packet: Buffer, state: Buffer): Buffer {
  const writer = new AttributeWriter().concat(Attr.EapMessage, packet)
  return writer.add(Attr.State, state).uint32(Attr.SessionTimeout, WAIT).finish()
}
