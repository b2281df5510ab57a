import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import { noticeEntry, RecordKind, type Clock, type Command } from '../model/index.js'
import { batchLimits } from '../model/edge-api.js'
import type { Commands, Contest, Replica } from '../subscribers/index.js'
import type { BatchLimits } from './batch.js'
import { sayError } from './errors.js'
import { Feed, type FeedStatus } from './feed.js'
import { Outbound, type OutboundStatus, type Resent } from './outbound.js'
import { Problems } from './problems.js'
import { Quarantine, type Quarantined } from './quarantine.js'
import { Sender } from './send.js'
import { sleep as realSleep, type Random, type Sleep } from './time.js'
import type { Transport } from './transport.js'

/** How long a stop may take, ms. */
const STOP = 2000

export interface UplinkOptions {
  readonly ledger: Ledger
  readonly replica: Replica
  readonly commands: Commands
  readonly transport: Transport
  /** `source` of all events: a URI reference that names this agent, `/agents/edge-1`. */
  readonly source: string
  readonly log: Logger
  readonly clock: Clock
  /** The agent's version, told in the heartbeat. */
  readonly version: string
  readonly sleep?: Sleep
  readonly random?: Random
  readonly limits?: Partial<BatchLimits>
  /** false: events go out and nothing comes in. */
  readonly feed?: boolean | undefined
  /** Events that may be set aside before nothing more is sent; 10,000. */
  readonly quarantineMost?: number
  /** Between two `turnpike.agent.status`, ms; 60,000. */
  readonly heartbeatMs?: number
}

/** How the agent and billing stand with each other. */
export interface UplinkStatus extends OutboundStatus {
  /**
   * `ok`: events get through. `waiting`: billing asked for patience. `retrying`: it does not answer or not rightly.
   * `refused`: it does not accept our token. `held`: it rejects so much that a person has to look.
   */
  readonly state: 'ok' | 'waiting' | 'retrying' | 'refused' | 'held' | 'stopped'
  readonly lastError?: string
  readonly feed: FeedStatus
  /** This clock less billing's, ms. */
  readonly clockSkewMs: number | undefined
}

const states = { wait: 'waiting', refused: 'refused', retry: 'retrying' } as const

/** The agent's connection to billing: usage out, decisions in, a heartbeat. Nobody else waits for it. */
export class Uplink {
  readonly #options: UplinkOptions
  readonly #sleep: Sleep
  readonly #problems: Problems
  readonly #feed: Feed
  readonly #sender: Sender
  #quarantine: Quarantine | undefined
  #outbound: Outbound | undefined
  #stop = new AbortController()
  #running: Promise<unknown> | undefined

  constructor(options: UplinkOptions) {
    const { ledger, clock, log, transport } = options
    const sleep = options.sleep ?? realSleep
    const random = options.random ?? Math.random
    const most = options.limits?.events ?? batchLimits.events
    this.#options = options
    this.#sleep = sleep
    this.#problems = new Problems(ledger, clock, log)
    this.#feed = new Feed({ ...options, sleep, random, problems: this.#problems })
    const onOddity = (words: string): void => this.#problems.note({ code: 'ANSWER_ODD', words })
    this.#sender = new Sender({ transport, sleep, random, log, onOddity, most })
  }

  /** Starts everything; resolves once the quarantine has been read. Whether billing can be reached does not matter. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return
    const { ledger, replica, commands, quarantineMost = 10_000 } = this.#options
    this.#stop = new AbortController()
    const { signal } = this.#stop
    this.#quarantine = await Quarantine.open(ledger, quarantineMost)
    this.#outbound = this.#makeOutbound(this.#quarantine)
    replica.on('contested', this.#onContested)
    commands.on('requested', this.#onCommand)
    const feed = this.#isSendOnly ? undefined : this.#feed.run(signal)
    this.#running = Promise.all([this.#outbound.run(signal), feed, this.#beat(signal)])
    for (const command of commands.pending()) this.#onCommand(command)
  }

  /** Stops within 2 s, for good: a new Uplink sends what billing has not answered for. */
  async close(): Promise<void> {
    const { replica, commands, transport } = this.#options
    replica.off('contested', this.#onContested)
    commands.off('requested', this.#onCommand)
    this.#stop.abort()
    await Promise.race([this.#running, realSleep(STOP, new AbortController().signal)])
    this.#running = undefined
    await transport.close()
  }

  status(): UplinkStatus {
    const { trouble } = this.#sender
    const lastError = this.#outbound?.lastError ?? trouble?.words
    const outbound = this.#outbound?.status() ?? idle
    return {
      ...outbound,
      state: this.#state(),
      ...(lastError === undefined ? {} : { lastError }),
      feed: this.#isSendOnly ? { ...this.#feed.status(), state: 'off' } : this.#feed.status(),
      clockSkewMs: this.#options.transport.clockSkewMs
    }
  }

  /** Events that were set aside, oldest first. */
  quarantined(options: { readonly after?: string; readonly limit?: number } = {}): Promise<Quarantined[]> {
    return this.#quarantine?.list(options) ?? Promise.resolve([])
  }

  /** Sends events that were set aside once more; all of them when `ids` is absent. */
  resend(ids?: readonly string[]): Promise<Resent> {
    return this.#started().resendQuarantined(ids, this.#stop.signal)
  }

  /** Sends a range of the ledger once more, both ends included. @throws UplinkError `UPLINK_UNKNOWN_RANGE` */
  resendRange(from: number, to: number): Promise<Resent> {
    return this.#started().resendRange(from, to, this.#stop.signal)
  }

  /** Forgets events that were set aside: they stay in the ledger and never reach billing. */
  async forget(ids: readonly string[]): Promise<void> {
    await this.#quarantine?.remove(ids)
  }

  #makeOutbound(quarantine: Quarantine): Outbound {
    const { limits, random } = this.#options
    return new Outbound({
      ...this.#options,
      sleep: this.#sleep,
      random: random ?? Math.random,
      limits: { events: batchLimits.events, octets: batchLimits.octets, ageMs: 1000, ...limits },
      sender: this.#sender,
      problems: this.#problems,
      quarantine
    })
  }

  #started(): Outbound {
    if (this.#outbound === undefined) throw new Error('the uplink has not been started')
    return this.#outbound
  }

  get #isSendOnly(): boolean {
    return this.#options.feed === false
  }

  #state(): UplinkStatus['state'] {
    if (this.#running === undefined) return 'stopped'
    if (this.#outbound?.isHeld === true) return 'held'
    if (this.#outbound?.lastError !== undefined) return 'retrying'
    const { trouble } = this.#sender
    return trouble === undefined ? 'ok' : states[trouble.kind]
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { heartbeatMs = 60_000, log } = this.#options
    while (!signal.aborted) {
      try {
        await this.#recordStatus()
      } catch (error) {
        log.warn({ words: sayError(error) }, 'the heartbeat could not be recorded')
      }
      await this.#sleep(heartbeatMs, signal)
    }
  }

  async #recordStatus(): Promise<void> {
    const { ledger, clock, version, transport } = this.#options
    const { backlog, backlogAgeMs } = this.#started().status()
    const skew = transport.clockSkewMs
    const notice = {
      version,
      backlog,
      backlogAgeMs: Math.round(backlogAgeMs),
      ...(skew === undefined ? {} : { clockSkewMs: Math.round(skew) }),
      ...this.#problems.take()
    }
    await ledger.append([noticeEntry(RecordKind.agentStatus, clock(), notice)]).durable
  }

  readonly #onContested = (contests: readonly Contest[]): void => {
    for (const { name, kept, lost } of contests) {
      const words = `${kept} and ${lost} have the same ${name}; ${kept}, the newer, has it now`
      this.#problems.note({ code: 'NAME_CONTESTED', words, subject: kept })
    }
  }

  readonly #onCommand = (command: Command): void => {
    if (command.verb !== 'resend') return
    this.#obey(command).catch((error: unknown) =>
      this.#options.log.warn({ command: command.id, words: sayError(error) }, 'a resend did not end')
    )
  }

  /** Where it is interrupted the command stays pending and begins anew after the next start. */
  async #obey({ id, arguments: range }: Command): Promise<void> {
    const { commands } = this.#options
    try {
      const { taken, rejected, gone } = await this.resendRange(Number(range?.['from']), Number(range?.['to']))
      const words = `${taken} events sent again, ${rejected} rejected, ${gone} no longer kept`
      await commands.complete(id, 'done', words)
    } catch (error) {
      if (this.#stop.signal.aborted) throw error
      await commands.complete(id, 'failed', sayError(error))
    }
  }
}

const idle: OutboundStatus = { backlog: 0, backlogAgeMs: 0, perSecond: 0, drainSeconds: undefined, quarantined: 0 }
