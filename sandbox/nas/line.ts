import type { Clock } from '../../agent/model/index.js'
import {
  AcctStatusType,
  AcctTerminateCause,
  Attr,
  Code,
  type Packet,
  type Secret
} from '../../protocols/radius/index.js'
import { accessAttributes, isWalled, readGrant, type Dialer, type Grant } from './access.js'
import type { RadiusClient } from './client.js'
import { Delivery, type Facts } from './delivery.js'
import type { Equipment } from './equipment.js'
import type { Transmission } from './exchange.js'
import { minus, noOctets, plus, traffic, type Octets } from './meter.js'
import type { Random } from './random.js'
import type { Cancel, Schedule } from './schedule.js'
import type { Session } from './session.js'

/** How the box behaves in time. Milliseconds. */
export interface Habits {
  /** Between Interim-Updates; what the server granted when absent. */
  readonly interimMs?: number
  /** Until a subscriber who was cut off dials again. */
  readonly reconnectMs: number
  /** After a reject or silence: the first wait, doubled each time up to the last. */
  readonly retryMs: number
  readonly mostRetryMs: number
  /** Until a Stop that nobody acknowledged is sent again, with its retransmissions. */
  readonly stopAgainMs: number
  /** Whether a Stop follows when a session ends; false is a fault. */
  readonly stops: boolean
}

/** What a line needs of the box. */
export interface LineContext {
  readonly equipment: Equipment
  readonly secret: Secret
  readonly access: RadiusClient
  readonly accounting: RadiusClient
  readonly clock: Clock
  readonly schedule: Schedule
  readonly random: Random
  /** Aborts when the box is switched off. */
  readonly signal: AbortSignal
  readonly habits: () => Habits
  readonly newSessionId: () => string
  readonly tell: LineListener
}

/** What a line tells the box. */
export interface LineListener {
  online(line: Line): void
  rejected(line: Line, message: string): void
  unanswered(line: Line, error: Error): void
  offline(line: Line, session: Session, cause: number): void
  accounted(line: Line, session: Session, status: number, octets: Octets): void
}

export type LineState = 'idle' | 'asking' | 'online' | 'waiting'

/** One subscriber's line: dials, is let on or refused, uses the network, reports, is cut off, dials again. */
export class Line {
  readonly dialer: Dialer & { readonly callingStation: string }
  readonly port: number
  state: LineState = 'idle'
  session: Session | undefined
  /** All that this subscriber sent and fetched, over all sessions. */
  used: Octets = noOctets
  /** The part of it that the server has acknowledged. */
  acknowledged: Octets = noOctets
  readonly #context: LineContext
  readonly #delivery: Delivery
  #retries = 0
  /** Counts dialings: an answer to one that was overtaken is for nobody. */
  #attempt = 0
  #cancelDial: Cancel = () => undefined
  #cancelInterim: Cancel = () => undefined
  #cancelTimeout: Cancel = () => undefined

  constructor(dialer: Dialer, port: number, context: LineContext) {
    this.dialer = { ...dialer, callingStation: dialer.callingStation ?? macOf(port) }
    this.port = port
    this.#context = context
    this.#delivery = new Delivery(context, (session, status, octets) => this.#acknowledge(session, status, octets))
  }

  /** Asks to be let on after a while, unless the line is on, asking, or the box is off. */
  dialAfter(milliseconds: number): void {
    if (this.#context.signal.aborted || this.state === 'online' || this.state === 'asking') return
    this.#cancelDial()
    this.state = 'waiting'
    this.#cancelDial = this.#context.schedule(milliseconds, () => void this.#dial())
  }

  /** Uses the network beyond what flows by itself. @returns false when nobody is online here */
  use(octets: Octets): boolean {
    if (this.session === undefined) return false
    this.#add(this.session, octets)
    return true
  }

  /** Sends an Interim-Update with the totals of now. @returns whether it was acknowledged; true when nobody is online here */
  async report(): Promise<boolean> {
    const { session } = this
    if (session === undefined) return true
    await this.#delivery.idle()
    if (session !== this.session) return false
    this.#count(session)
    return this.#delivery.interim(this.#facts(session), session)
  }

  /** Changes what the open session gets: a CoA. */
  change(grant: Grant): void {
    const { session } = this
    if (session === undefined) return
    this.#count(session)
    const { classes, ...changes } = grant
    session.grant = { ...session.grant, ...changes, ...(classes.length === 0 ? {} : { classes }) }
    session.walled = isWalled(session.grant, this.#context.equipment)
    if (grant.interimSeconds !== undefined) this.#planInterim(session)
    if (grant.sessionSeconds !== undefined) this.#planTimeout(session)
  }

  /**
   * Ends the session.
   * @param cause Acct-Terminate-Cause
   * @returns when the Stop is acknowledged, or will not be sent
   */
  async hangUp(cause: number): Promise<void> {
    this.#cancelDial()
    const { session } = this
    if (session === undefined) return
    this.#count(session)
    const facts = { ...this.#facts(session), cause }
    this.vanish()
    this.#context.tell.offline(this, session, cause)
    if (this.#context.habits().stops) await this.#delivery.stop(facts, session)
  }

  /** Ends the session without a word, as a power cut does. */
  vanish(): void {
    this.#cancelDial()
    this.#cancelInterim()
    this.#cancelTimeout()
    this.#delivery.abandon()
    this.#attempt++
    this.session = undefined
    this.state = 'idle'
  }

  async #dial(): Promise<void> {
    const { access, signal, secret, random, equipment } = this.#context
    this.state = 'asking'
    const attempt = ++this.#attempt
    const attributes = ({ authenticator }: Transmission): Buffer =>
      accessAttributes(this.dialer, this.port, equipment, secret, authenticator, random)
    try {
      const { packet } = await access.request({ code: Code.AccessRequest, attributes, signal })
      if (attempt !== this.#attempt) return
      if (packet.code === Code.AccessAccept) this.#connect(readGrant(packet))
      else this.#refused(packet)
    } catch (error) {
      if (signal.aborted || attempt !== this.#attempt) return
      this.#context.tell.unanswered(this, error as Error)
      this.#dialAgain()
    }
  }

  #connect(grant: Grant): void {
    const { clock, equipment, newSessionId, tell } = this.#context
    const now = clock()
    const session: Session = {
      acctSessionId: newSessionId(),
      userName: grant.userName ?? this.dialer.userName,
      address: grant.address ?? addressOf(this.port),
      startedAt: now,
      grant,
      walled: isWalled(grant, equipment),
      octets: noOctets,
      acknowledged: noOctets,
      countedAt: now
    }
    this.session = session
    this.state = 'online'
    this.#retries = 0
    void this.#delivery.start(this.#facts(session), session)
    this.#planInterim(session)
    this.#planTimeout(session)
    tell.online(this)
  }

  #refused(packet: Packet): void {
    this.#context.tell.rejected(this, packet.text(Attr.ReplyMessage) ?? '')
    this.#dialAgain()
  }

  #dialAgain(): void {
    const { retryMs, mostRetryMs } = this.#context.habits()
    this.state = 'waiting'
    this.dialAfter(Math.min(mostRetryMs, retryMs * 2 ** this.#retries))
    this.#retries = Math.min(this.#retries + 1, 30)
  }

  #planInterim(session: Session): void {
    this.#cancelInterim()
    const { habits, schedule } = this.#context
    const every = habits().interimMs ?? (session.grant.interimSeconds ?? 0) * 1000
    if (every === 0) return
    this.#cancelInterim = schedule(every, () => {
      this.#planInterim(session)
      if (!this.#delivery.busy) void this.report()
    })
  }

  #planTimeout(session: Session): void {
    this.#cancelTimeout()
    const { schedule, habits } = this.#context
    const seconds = session.grant.sessionSeconds
    if (seconds === undefined) return
    this.#cancelTimeout = schedule(seconds * 1000, () => {
      void this.hangUp(AcctTerminateCause.SessionTimeout)
      this.dialAfter(habits().reconnectMs)
    })
  }

  /** Brings the counters up to now. */
  #count(session: Session): void {
    const now = this.#context.clock()
    const elapsed = now - session.countedAt
    session.countedAt = now
    this.#add(session, traffic(this.dialer, session.grant, session.walled, elapsed, this.#context.random))
  }

  #add(session: Session, octets: Octets): void {
    session.octets = plus(session.octets, octets)
    this.used = plus(this.used, octets)
  }

  #facts(session: Session): Facts {
    const at = this.#context.clock()
    return {
      acctSessionId: session.acctSessionId,
      userName: session.userName,
      port: this.port,
      callingStation: this.dialer.callingStation,
      address: session.address,
      classes: session.grant.classes,
      octets: session.octets,
      seconds: Math.max(0, Math.floor((at - session.startedAt) / 1000)),
      at
    }
  }

  #acknowledge(session: Session, status: number, octets: Octets): void {
    if (
      status !== AcctStatusType.Start &&
      octets.up + octets.down > session.acknowledged.up + session.acknowledged.down
    ) {
      this.acknowledged = plus(this.acknowledged, minus(octets, session.acknowledged))
      session.acknowledged = octets
    }
    this.#context.tell.accounted(this, session, status, octets)
  }
}

function macOf(port: number): string {
  const hex = port.toString(16).padStart(8, '0').toUpperCase()
  return `02:00:${hex.match(/../g)?.join(':')}`
}

/** From the box's own pool, 100.64.0.0/10. */
function addressOf(port: number): string {
  return `100.${64 + ((port >> 16) & 63)}.${(port >> 8) & 255}.${port & 255}`
}
