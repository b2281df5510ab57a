import type { Logger } from 'pino'
import type { Clock, Grant, Profile, Refusal, Session, Subscriber } from '../../agent/model/index.js'
import {
  type Acceptance,
  AcceptEncoder,
  decide,
  type PolicySettings,
  rejected,
  type Rejection
} from '../../agent/policy/index.js'
import type { Tickets } from '../../agent/sessions/index.js'
import type { Dictionary } from '../../protocols/radius/index.js'
import { acceptAttributes } from './accept.js'
import { AccessRequest } from './access-request.js'
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
}

const REJECTED = plain('rejected')

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
  readonly #sessionsOf: (subscriber: string) => readonly Session[]

  constructor(options: AccessOptions) {
    this.#options = options
    const { eap, methods = allMethods } = options
    this.#methods = eap === undefined ? methods : [eap.method, ...methods]
    this.#encoder = new AcceptEncoder(options.dictionary, options.settings, options.log)
    this.#sessionsOf = subscriber => options.sessions.ofSubscriber(subscriber)
  }

  answer(request: RadiusRequest): Answer | Promise<Answer> {
    const asked = new AccessRequest(request)
    const named = this.#options.directory.subscriberByUserName(asked.userName)
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
        return this.#refuse(asked, who, rejected(code, detail), attributes)
      }
    }
  }

  #decide({ source }: RadiusRequest, asked: AccessRequest, right: Right): Answer {
    const { subscriber, attributes: added, rejection } = right
    const { directory, settings, clock, replace } = this.#options
    const profile = directory.profile(subscriber.profile)
    const decision = decide(asked, subscriber, profile, {
      now: clock(),
      vendor: source.nas.vendor,
      settings,
      sessionsOf: this.#sessionsOf,
      mayReplace: replace !== undefined
    })
    const who = { userName: asked.userName, subscriber }
    if (!decision.accept) return this.#refuse(asked, who, decision, rejection?.(decision.code))
    const encoded = this.#encoder.encode(subscriber, profile, decision.kind, source.nas.vendor)
    if (encoded === undefined) {
      const refusal = rejected('SUSPENDED', 'See the log: its treatment cannot be sent.')
      return this.#refuse(asked, who, refusal, rejection?.(refusal.code))
    }
    if (decision.replaces.length > 0) replace?.(decision.replaces)
    const { ticket, octets } = this.#options.tickets.issue(subscriber.id, subscriber.profile)
    this.#granted(asked, subscriber, decision, ticket)
    return { outcome: 'accepted', attributes: acceptAttributes(asked, subscriber, octets, encoded, added) }
  }

  #granted(asked: AccessRequest, subscriber: Subscriber, { kind }: Acceptance, ticket: string): void {
    this.#options.sessions.granted({
      ticket,
      subscriber: subscriber.id,
      userName: asked.userName,
      profile: subscriber.profile,
      nas: asked.nas,
      treatment: kind,
      callingStation: asked.callingStation,
      at: this.#options.clock()
    })
  }

  #refuse(
    { nas, callingStation }: AccessRequest,
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
    return attributes === undefined ? REJECTED : { outcome: 'rejected', attributes }
  }
}
