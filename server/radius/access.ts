import type { Logger } from 'pino'
import {
  type Clock,
  type Grant,
  isPolled,
  type Profile,
  type Refusal,
  type Session,
  type Subscriber,
  type Vendor
} from '../../agent/model/index.js'
import {
  type Acceptance,
  AcceptEncoder,
  type AttributeProblems,
  decide,
  type Decision,
  type PolicySettings,
  type QuotaStanding,
  type RejectCode,
  rejected,
  type Rejection,
  replyMessage
} from '../../agent/policy/index.js'
import type { Tickets } from '../../agent/sessions/index.js'
import { Attr, type Dictionary } from '../../protocols/radius/index.js'
import { acceptAttributes } from './accept.js'
import { AccessRequest } from './access-request.js'
import { Addresses, type AddressPools } from './addresses.js'
import { Damping } from './damping.js'
import { methods as allMethods } from './methods/index.js'
import { type Directory, type Judgement, type Method, type Who, wrong } from './methods/method.js'
import { printable } from './printable.js'
import type { Rejections } from './rejections.js'
import { type Answer, type Handler, plain, type RadiusRequest } from './request.js'

/** What access needs of the agent. */
export interface AccessOptions {
  readonly directory: Directory & { profile(id: string): Profile | undefined }
  readonly sessions: {
    ofSubscriber(subscriber: string): readonly Session[]
    granted(grant: Grant): void
    refused(refusal: Refusal): void
  }
  readonly tickets: Pick<Tickets, 'issue'>
  readonly dictionary: Pick<Dictionary, 'encode'>
  readonly settings: PolicySettings
  readonly rejections: Pick<Rejections, 'note'>
  readonly clock: Clock
  readonly log: Logger
  /** Ends the sessions that a new one replaces; without it the new one is refused. */
  readonly replace?: (sessions: readonly Session[]) => void
  readonly methods?: readonly Method[]
  /** EAP, where it is spoken; asked before the other methods. */
  readonly eap?: { readonly method: Method } | undefined
  /** How a subscriber stands with the quota. */
  readonly quotaOf?: (subscriber: string) => QuotaStanding | undefined
  /** MAC addresses that logins have bound, and where another is bound. */
  readonly learnt?: { of(subscriber: string): readonly string[]; learn(subscriber: Subscriber, mac: string): void }
  /** Pools whose addresses the agent gives out itself; `settings.localPools` names them. */
  readonly pools?: AddressPools
  /** Where attributes of documents are noted that cannot be sent. */
  readonly problems?: AttributeProblems
  readonly damping?: Damping
}

const REJECTED = plain('rejected')
const NOTHING = Buffer.alloc(0)

type Right = Extract<Judgement, { verdict: 'right' }>

/** Access-Requests: answered from memory, at once, except salted passwords and EAP. @returns the handler */
export function accessHandler(options: AccessOptions): Handler {
  const access = new Access(options)
  return request => access.answer(request)
}

class Access {
  readonly #options: AccessOptions
  readonly #methods: readonly Method[]
  readonly #encoder: AcceptEncoder
  readonly #damping: Damping
  readonly #addresses: Addresses
  readonly #sessionsOf: (subscriber: string) => readonly Session[]

  constructor(options: AccessOptions) {
    this.#options = options
    const { eap, methods = allMethods } = options
    this.#methods = eap === undefined ? methods : [eap.method, ...methods]
    this.#encoder = new AcceptEncoder(options.dictionary, options.settings, options.log, options.problems)
    this.#damping = options.damping ?? new Damping(options.clock)
    this.#addresses = new Addresses(options.pools)
    // A port that the agent counts is no login.
    this.#sessionsOf = subscriber => options.sessions.ofSubscriber(subscriber).filter(of => !isPolled(of))
  }

  answer(request: RadiusRequest): Answer | Promise<Answer> {
    const asked = new AccessRequest(request)
    const named = this.#options.directory.subscriberByUserName(asked.userName)
    const damped = asked.packet.has(Attr.EapMessage) ? undefined : this.#damping.of(asked, named)
    if (damped !== undefined)
      return this.#refuse(asked, { userName: asked.userName, subscriber: named }, damped, undefined)
    const judgement = this.#judge(asked, named)
    if (!(judgement instanceof Promise)) return this.#conclude(request, asked, named, judgement)
    return judgement.then(settled => this.#conclude(request, asked, named, settled))
  }

  #judge(asked: AccessRequest, named: Subscriber | undefined): Judgement | Promise<Judgement> {
    for (const method of this.#methods) {
      const judgement = method(asked, named, this.#options.directory)
      if (judgement !== undefined) return judgement
    }
    return wrong('UNSUPPORTED_METHOD')
  }

  #conclude(request: RadiusRequest, asked: AccessRequest, named: Subscriber | undefined, judgement: Judgement): Answer {
    switch (judgement.verdict) {
      case 'right':
        return this.#decide(request, asked, judgement)
      case 'challenge':
        return { outcome: 'challenged', attributes: judgement.attributes }
      case 'silent':
        return plain(judgement.outcome)
      default: {
        const { code, detail, attributes, who = { userName: asked.userName, subscriber: named } } = judgement
        const rejection = rejected(code, detail)
        if (!asked.packet.has(Attr.EapMessage)) this.#damping.rejected(asked, named, rejection)
        return this.#refuse(asked, who, rejection, attributes)
      }
    }
  }

  #decide({ source }: RadiusRequest, asked: AccessRequest, right: Right): Answer {
    const { subscriber, rejection } = right
    const { vendor } = source.nas
    const decision = this.#ask(asked, subscriber, vendor)
    this.#damping.accepted(asked)
    const who = { userName: asked.userName, subscriber }
    const refuse = (refusal: Rejection) => this.#refuse(asked, who, refusal, rejection?.(refusal.code))
    if (!decision.accept) return refuse(decision)
    const encoded = this.#encoder.encode(subscriber, decision.profile, decision.kind, vendor)
    if (encoded === undefined) return refuse(rejected('SUSPENDED', 'See the log: its treatment cannot be sent.'))
    const { ticket, octets } = this.#options.tickets.issue(subscriber.id, subscriber.profile)
    const given = this.#addresses.of(encoded.pools, asked, subscriber, ticket)
    if (given === 'busy') return plain('busy')
    if ('exhausted' in given) return refuse(rejected('POOL_EXHAUSTED', `It is the pool ${given.exhausted}.`))
    this.#admit(asked, subscriber, decision, ticket)
    const { seconds: limit, octets: volume } = decision.limits
    const personal = this.#encoder.personal(vendor, { ...given, octets: volume })
    const extra = { limit, personal, added: right.attributes }
    return { outcome: 'accepted', attributes: acceptAttributes(asked, subscriber, octets, encoded, extra) }
  }

  #ask(asked: AccessRequest, subscriber: Subscriber, vendor: Vendor): Decision {
    const { directory, settings, clock, replace, quotaOf, learnt } = this.#options
    return decide(asked, subscriber, directory.profile(subscriber.profile), {
      now: clock(),
      vendor,
      settings,
      sessionsOf: this.#sessionsOf,
      mayReplace: replace !== undefined,
      profile: id => directory.profile(id),
      ...(quotaOf !== undefined && { quotaOf }),
      ...(learnt !== undefined && { learntOf: (id: string) => learnt.of(id) })
    })
  }

  #admit(asked: AccessRequest, subscriber: Subscriber, decision: Acceptance, ticket: string): void {
    if (decision.learns !== undefined) this.#options.learnt?.learn(subscriber, decision.learns)
    if (decision.replaces.length > 0) this.#options.replace?.(decision.replaces)
    this.#granted(asked, subscriber, decision, ticket)
  }

  #granted(asked: AccessRequest, subscriber: Subscriber, { kind, profile }: Acceptance, ticket: string): void {
    this.#options.sessions.granted({
      ticket,
      subscriber: subscriber.id,
      userName: asked.userName,
      profile: subscriber.profile,
      nas: asked.nas,
      treatment: kind,
      callingStation: asked.callingStation,
      at: this.#options.clock(),
      given: { subscriber, profile }
    })
  }

  #refuse(
    { nas, callingStation, packet }: AccessRequest,
    { userName, subscriber }: Who,
    { code, words }: Rejection,
    attributes: Buffer | undefined
  ): Answer {
    const { rejections, sessions, clock, log } = this.#options
    const at = clock()
    rejections.note({ subscriber: subscriber?.id ?? '', userName, nas, code, words, callingStation, at })
    if (subscriber !== undefined) {
      sessions.refused({
        subscriber: subscriber.id,
        userName: printable(userName),
        nas,
        code,
        callingStation: printable(callingStation),
        at
      })
    }
    if (log.isLevelEnabled('debug')) log.debug({ userName: printable(userName), nas, code }, 'rejected')
    const text = this.#options.settings.replyMessage === true && !packet.has(Attr.EapMessage) ? message(code) : NOTHING
    if (attributes === undefined && text.length === 0) return REJECTED
    return { outcome: 'rejected', attributes: Buffer.concat([attributes ?? NOTHING, text]) }
  }
}

// RFC 2865 §5.18. Never beside EAP, which has words of its own: RFC 3579 §2.6.5
function message(code: RejectCode): Buffer {
  const text = Buffer.from(replyMessage(code))
  return Buffer.concat([Buffer.of(Attr.ReplyMessage, 2 + text.length), text])
}
