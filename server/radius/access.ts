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
import { type Directory, type Judgement, type Method, wrong } from './methods/method.js'
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
}

const REJECTED = plain('rejected')

/** Access-Requests: answered from memory, at once. @returns the handler */
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
    this.#methods = options.methods ?? allMethods
    this.#encoder = new AcceptEncoder(options.dictionary, options.settings, options.log)
    this.#sessionsOf = subscriber => options.sessions.ofSubscriber(subscriber)
  }

  answer(request: RadiusRequest): Answer {
    const asked = new AccessRequest(request)
    const named = this.#options.directory.subscriberByUserName(asked.userName)
    const judgement = this.#judge(asked, named)
    if (judgement.verdict === 'right') return this.#decide(request, asked, judgement.subscriber, judgement.attributes)
    if (judgement.verdict === 'challenge') return { outcome: 'challenged', attributes: judgement.attributes }
    return this.#refuse(asked, named, rejected(judgement.code))
  }

  #judge(asked: AccessRequest, named: Subscriber | undefined): Judgement {
    for (const method of this.#methods) {
      const judgement = method(asked, named, this.#options.directory)
      if (judgement !== undefined) return judgement
    }
    return wrong('UNSUPPORTED_METHOD')
  }

  #decide({ source }: RadiusRequest, asked: AccessRequest, subscriber: Subscriber, added: Buffer | undefined): Answer {
    const { directory, settings, clock, replace } = this.#options
    const profile = directory.profile(subscriber.profile)
    const decision = decide(asked, subscriber, profile, {
      now: clock(),
      vendor: source.nas.vendor,
      settings,
      sessionsOf: this.#sessionsOf,
      mayReplace: replace !== undefined
    })
    if (!decision.accept) return this.#refuse(asked, subscriber, decision)
    const encoded = this.#encoder.encode(subscriber, profile, decision.kind, source.nas.vendor)
    if (encoded === undefined)
      return this.#refuse(asked, subscriber, rejected('SUSPENDED', 'See the log: its treatment cannot be sent.'))
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

  #refuse(asked: AccessRequest, subscriber: Subscriber | undefined, { code, words }: Rejection): Answer {
    const { rejections, sessions, clock, log } = this.#options
    const { nas, callingStation, userName } = asked
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
    return REJECTED
  }
}
