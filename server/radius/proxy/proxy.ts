import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Ledger } from '../../../agent/ledger/contract.js'
import type { Clock } from '../../../agent/model/index.js'
import { type RejectCode, rejected } from '../../../agent/policy/index.js'
import { Attr, Code, type Packet, RadiusError, type Secret } from '../../../protocols/radius/index.js'
import { systemTimers, type Timers } from '../delayed.js'
import { printable } from '../printable.js'
import type { Rejections } from '../rejections.js'
import { type Answer, type Handler, plain, type RadiusRequest } from '../request.js'
import { Backlog, type BacklogLimits } from './backlog.js'
import { Conversations } from './conversations.js'
import { forward, type Forwarded } from './forward.js'
import type { State } from './health.js'
import { defaultPartnerTimes, Partner, type PartnerTimes } from './partner.js'
import { type Named, type Realm, Realms } from './realms.js'
import { attributesToKeep, delayed, replyFor, requestFor } from './translate.js'

/** A server of a partner, with the port that it answers each kind of request on. */
export interface PartnerServer {
  readonly address: string
  /** Default 1812. */
  readonly authPort?: number
  /** Default 1813. */
  readonly acctPort?: number
  readonly secret: Secret
}

/** A realm whose requests go to a partner; its servers in the order in which they are asked. */
export interface PartnerRealm extends Realm {
  readonly servers: readonly PartnerServer[]
}

/** What proxying needs. */
export interface ProxyOptions {
  readonly realms: readonly PartnerRealm[]
  readonly ledger: Pick<Ledger, 'write' | 'entries'>
  readonly rejections: Pick<Rejections, 'note'>
  readonly clock: Clock
  readonly log: Logger
  readonly times?: Partial<PartnerTimes>
  readonly backlog?: Partial<BacklogLimits>
  /** Requests that may wait for one port of one server; default 1024. */
  readonly inFlight?: number
  readonly timers?: Timers
}

/** How a realm is doing. */
export interface RealmStatus {
  readonly realm: string
  readonly servers: readonly { readonly name: string; readonly state: State; readonly inFlight: number }[]
}

interface Route extends PartnerRealm {
  readonly authentication: readonly Partner[]
  readonly accountingAt: readonly Partner[]
}

const accessAnswers = [Code.AccessAccept, Code.AccessReject, Code.AccessChallenge]
const accountingAnswers = [Code.AccountingResponse]
const outcomes: Readonly<Record<number, Answer['outcome']>> = {
  [Code.AccessAccept]: 'accepted',
  [Code.AccessReject]: 'rejected',
  [Code.AccessChallenge]: 'challenged'
}

/**
 * Forwards requests of some realms to partners and their answers back; all others stay with the handlers that it wraps.
 * Nothing waits for a partner but the requests that are for it.
 * @see RFC 2865 §2.3 and §5.33, RFC 2866 §2.2, RFC 5080 §2.2
 */
export class Proxy {
  readonly #options: ProxyOptions
  readonly #realms: Realms<Route>
  readonly #routes: ReadonlyMap<string, Route>
  readonly #conversations = new Conversations()
  // In the Proxy-State of what we forward: a request that comes with it has gone in a circle.
  readonly #mark = randomBytes(12)
  #backlog: Backlog | undefined

  private constructor(options: ProxyOptions) {
    this.#options = options
    const routes = options.realms.map(realm => this.#route(realm))
    this.#realms = new Realms(routes)
    this.#routes = new Map(routes.map(route => [route.realm, route]))
  }

  /** Begins to send on what accounting was left over. @throws LedgerError */
  static async open(options: ProxyOptions): Promise<Proxy> {
    const proxy = new Proxy(options)
    const { ledger, clock, log, timers = systemTimers, backlog: limits = {} } = options
    const deliver = (realm: string, record: Packet, seconds: number) => proxy.#deliver(realm, record, seconds)
    proxy.#backlog = await Backlog.open({ ledger, deliver, clock, log, timers, limits })
    proxy.#backlog.start()
    return proxy
  }

  /** Access-Requests: of realms that are forwarded by their partners, the others by `ours`. */
  access(ours: Handler): Handler {
    return request => {
      const named = this.#realmOf(request)
      return named === undefined ? ours(request) : this.#access(request, named)
    }
  }

  /** Accounting-Requests: recorded by `ours` first, unless the realm's partner alone keeps them. */
  accounting(ours: Handler): Handler {
    return request => {
      const named = this.#realmOf(request)
      if (named === undefined) return ours(request)
      if (this.#isLooped(request)) return plain('looped')
      return named.realm.accounting === 'theirs' ? this.#theirs(request, named) : this.#both(request, named, ours)
    }
  }

  status(): { readonly realms: readonly RealmStatus[]; readonly waiting: number; readonly lost: number } {
    const realms = [...this.#routes.values()].map(({ realm, authentication, accountingAt }) => ({
      realm,
      servers: [...authentication, ...accountingAt].map(({ name, state, inFlight }) => ({ name, state, inFlight }))
    }))
    return { realms, ...(this.#backlog?.counts() ?? { waiting: 0, lost: 0 }) }
  }

  async close(): Promise<void> {
    await this.#backlog?.close()
    for (const { authentication, accountingAt } of this.#routes.values())
      for (const partner of [...authentication, ...accountingAt]) partner.close()
  }

  #route(realm: PartnerRealm): Route {
    const partner = ({ address, secret }: PartnerServer, port: number): Partner => {
      const made: Partner = new Partner({
        address,
        port,
        secret,
        times: { ...defaultPartnerTimes, ...this.#options.times },
        timers: this.#options.timers ?? systemTimers,
        most: this.#options.inFlight ?? 1024,
        changed: state => this.#changed(realm.realm, made.name, state)
      })
      return made
    }
    return {
      ...realm,
      realm: realm.realm.toLowerCase(),
      authentication: realm.servers.map(server => partner(server, server.authPort ?? 1812)),
      accountingAt: realm.servers.map(server => partner(server, server.acctPort ?? 1813))
    }
  }

  #changed(realm: string, server: string, state: State): void {
    const { log } = this.#options
    if (state === 'alive') log.info({ realm, server }, "a partner's server answers again")
    else log.warn({ realm, server, state }, `a partner's server does not answer: it is held to be ${state}`)
  }

  #realmOf({ packet }: RadiusRequest): Named<Route> | undefined {
    const name = packet.text(Attr.UserName)
    return name === undefined ? undefined : this.#realms.of(name)
  }

  #isLooped({ packet }: RadiusRequest): boolean {
    return packet.has(Attr.ProxyState) && packet.all(Attr.ProxyState).some(state => state.equals(this.#mark))
  }

  async #access(request: RadiusRequest, named: Named<Route>): Promise<Answer> {
    if (this.#isLooped(request)) return plain('looped')
    const { authentication } = named.realm
    const last = this.#conversations.of(request.packet.octets(Attr.State))
    const first = last !== undefined && authentication.includes(last) ? last : undefined
    const forwarded = await this.#ask(request, named, authentication, accessAnswers, first)
    if (forwarded === 'dead') return this.#refuse(request, 'PARTNER_DOWN')
    if (typeof forwarded === 'string') return plain(forwarded === 'crowded' ? 'crowded' : 'unanswered')
    const { by, answer } = forwarded
    if (answer.packet.code === Code.AccessChallenge) this.#conversations.remember(answer.packet.octets(Attr.State), by)
    if (answer.packet.code === Code.AccessReject) this.#refuse(request, 'PARTNER_REJECTED')
    const from = { secret: by.secret, authenticator: answer.authenticator }
    return { outcome: outcomes[answer.packet.code]!, attributes: replyFor(request, named, answer.packet, from) }
  }

  async #both(request: RadiusRequest, named: Named<Route>, ours: Handler): Promise<Answer> {
    const answer = await ours(request)
    if (answer.outcome !== 'recorded' && answer.outcome !== 'without-usage') return answer
    try {
      await this.#backlog!.add(named.realm.realm, attributesToKeep(request, named))
      return answer
    } catch {
      return plain('unrecorded') // the NAS sends it again; what we have twice is one to us
    }
  }

  async #theirs(request: RadiusRequest, named: Named<Route>): Promise<Answer> {
    const forwarded = await this.#ask(request, named, named.realm.accountingAt, accountingAnswers)
    if (typeof forwarded !== 'string') return plain('recorded')
    return plain(forwarded === 'crowded' ? 'crowded' : 'unanswered')
  }

  async #ask(
    request: RadiusRequest,
    named: Named<Route>,
    partners: readonly Partner[],
    takes: readonly number[],
    first?: Partner
  ): Promise<Forwarded> {
    const make = (authenticator: Buffer, secret: Secret) =>
      requestFor(request, named, this.#mark, { secret, authenticator })
    try {
      return await forward(partners, request.packet.code, make, takes, first)
    } catch (error) {
      if (!(error instanceof RadiusError)) throw error
      return 'silent' // too long once our Proxy-State is added
    }
  }

  async #deliver(realm: string, record: Packet, seconds: number): Promise<boolean> {
    const partners = this.#routes.get(realm)?.accountingAt ?? []
    const make = () => delayed(record, seconds, this.#mark)
    return typeof (await forward(partners, Code.AccountingRequest, make, accountingAnswers)) !== 'string'
  }

  #refuse({ packet, source }: RadiusRequest, code: RejectCode): Answer {
    const { rejections, clock } = this.#options
    const userName = printable(packet.text(Attr.UserName) ?? '')
    const callingStation = printable(packet.text(Attr.CallingStationId) ?? '')
    const { words } = rejected(code)
    rejections.note({ subscriber: '', userName, nas: source.nas.id, code, words, callingStation, at: clock() })
    return plain('rejected')
  }
}
