import type { Logger } from 'pino'
import type { Clock, Nas } from '../../agent/model/index.js'
import { Code, Packet, verifyRequest } from '../../protocols/radius/index.js'
import { Counters, type RadiusCounts } from './counters.js'
import { type DiscardReason, discardWords } from './discards.js'
import { Delayed, type Timers } from './delayed.js'
import { type DuplicateLimits, Duplicates } from './duplicates.js'
import { encodeReply } from './encode-reply.js'
import { printable } from './printable.js'
import { Quiet } from './quiet.js'
import { type Port, replyRow, type ReplyRow } from './replies.js'
import type { Answer, Handler, RadiusRequest } from './request.js'
import { type Locks, passwordBesideEap, signingFault, type SigningRule } from './signing.js'
import type { Source, Sources } from './sources.js'
import { status } from './status.js'

/** What an exchange needs. */
export interface ExchangeOptions {
  readonly sources: Sources
  readonly access: Handler
  readonly accounting: Handler
  readonly locks: Locks
  readonly signing: SigningRule
  readonly rejectDelay: number
  readonly rejectsWaiting: number
  readonly duplicates: DuplicateLimits
  readonly timers: Timers
  readonly clock: Clock
  readonly log: Logger
}

/** Sends a reply back to where its request came from. May throw: that is counted. */
export type Send = (reply: Buffer, port: number, address: string) => void

/** A connection that brings requests of one NAS. */
export interface Carrier {
  readonly source: Source
  /** Names the connection and no other, so that its requests are told from those of others. */
  readonly name: string
  /** Sends a reply back; is called once for each request that is answered, in any order. */
  readonly send: Send
  /** A handler has begun (1) or ended (-1) to work on a request that it does not answer at once. */
  readonly busy: (more: 1 | -1) => void
}

/**
 * From a datagram to its reply, whatever carried it: who is this NAS, decode, verify, seen before? then the handler, and
 * the table says what its outcome is answered with. Nothing that arrives here makes it throw.
 */
export class Exchange {
  readonly #options: ExchangeOptions
  readonly #counters = new Counters()
  readonly #duplicates: Duplicates
  readonly #delayed: Delayed
  readonly #quiet: Quiet
  #pending = 0
  #awaited: Promise<Answer> | undefined
  #waiting: Task[] = []
  #idle: (() => void) | undefined

  constructor(options: ExchangeOptions) {
    const { clock, rejectDelay, rejectsWaiting, timers } = options
    this.#options = options
    this.#duplicates = new Duplicates(clock, options.duplicates)
    this.#delayed = new Delayed(rejectDelay, rejectsWaiting, clock, timers)
    this.#quiet = new Quiet(clock)
  }

  /** @param shed  datagrams that its sockets threw away */
  counts(shed: number): RadiusCounts {
    return this.#counters.read(this.#delayed.size, shed)
  }

  /** Forgets requests that nobody will repeat any more. To be called every few seconds. */
  sweep(): void {
    this.#duplicates.sweep()
  }

  /** Sends the rejects that wait, and resolves when no request is being worked on. */
  async settle(): Promise<void> {
    this.#delayed.flush()
    if (this.#pending > 0) await new Promise<void>(resolve => (this.#idle = resolve))
  }

  /** A reply could not be sent, and the socket said so later. */
  sendFailed(error: Error): void {
    this.#counters.discarded('SEND_FAILED')
    const held = this.#quiet.may('send')
    if (held !== undefined) this.#options.log.warn({ why: error.message, held }, 'a reply could not be sent')
  }

  /** Takes a datagram. */
  receive(on: Port, datagram: Buffer, address: string, port: number, send: Send): void {
    this.#counters.received(on)
    const nas = this.#options.sources.nasAt(address)
    if (nas === undefined) return this.#unknown(address)
    const packet = Packet.decode(datagram)
    if (typeof packet === 'string') return this.#faulty(packet, nas, address)
    const handler = this.#handlerOf(on, packet.code)
    if (handler === undefined) return this.#faulty('WRONG_PORT', nas, address)
    const source = this.#options.sources.of(nas, address)
    if (source === undefined) return this.#faulty('NO_SECRET', nas, address)
    const { signing, locks } = this.#options
    const fault = verifyRequest(packet, source.secret) ?? signingFault(packet, source, signing, locks)
    if (fault !== undefined) return this.#faulty(fault, nas, address)
    const place = this.#duplicates.take(address, port, packet)
    const task: Task = { on, packet, source, place, port, send }
    if (place < 0) this.#repeat(task)
    else this.#work(handler, task)
  }

  /**
   * Takes a packet of a connection that vouches for its peer: nobody is looked up, and the signature that keeps forgers
   * out of UDP is checked where there is one, not demanded.
   * @returns why the packet was discarded before it was worked on
   */
  receiveFrom({ source, name, send, busy }: Carrier, datagram: Buffer): DiscardReason | undefined {
    const packet = Packet.decode(datagram)
    const on = datagram[0] === Code.AccountingRequest ? 'accounting' : 'authentication'
    this.#counters.received(on)
    const fault =
      typeof packet === 'string' ? packet : (verifyRequest(packet, source.secret) ?? passwordBesideEap(packet))
    const handler = typeof packet === 'string' ? undefined : this.#handlerOf(on, packet.code)
    if (typeof packet === 'string' || fault !== undefined || handler === undefined) {
      this.#faulty(fault ?? 'WRONG_PORT', source.nas, source.address)
      return fault ?? 'WRONG_PORT'
    }
    const place = this.#duplicates.take(name, 0, packet)
    const task: Task = { on, packet, source, place, port: 0, send, busy }
    if (place < 0) this.#repeat(task)
    else this.#work(handler, task)
    return undefined
  }

  #handlerOf(on: Port, code: number): Handler | undefined {
    const { access, accounting } = this.#options
    if (code === Code.StatusServer) return status
    if (on === 'authentication') return code === Code.AccessRequest ? access : undefined
    return code === Code.AccountingRequest ? accounting : undefined
  }

  #repeat(task: Task): void {
    const reply = this.#duplicates.replyOf(~task.place)
    if (reply === undefined) return this.#counters.discarded('DUPLICATE_IN_FLIGHT')
    this.#counters.repeated()
    this.#send(reply, task)
  }

  #work(handler: Handler, task: Task): void {
    try {
      const answer = handler(task)
      if (answer instanceof Promise) this.#later(answer, task)
      else this.#answer(answer, task)
    } catch (error) {
      this.#failed(error, task)
    }
  }

  // Requests that wait for the same block bring the same promise: they share one continuation.
  #later(promise: Promise<Answer>, task: Task): void {
    this.#pending++
    task.busy?.(1)
    if (promise === this.#awaited) return void this.#waiting.push(task)
    const tasks = [task]
    this.#awaited = promise
    this.#waiting = tasks
    promise.then(
      answer => this.#settled(tasks, waiting => this.#answer(answer, waiting)),
      (error: unknown) => this.#settled(tasks, waiting => this.#failed(error, waiting))
    )
  }

  #settled(tasks: readonly Task[], conclude: (task: Task) => void): void {
    if (tasks === this.#waiting) this.#awaited = undefined
    for (const task of tasks) {
      try {
        conclude(task)
      } catch (error) {
        this.#failed(error, task)
      }
      task.busy?.(-1)
    }
    this.#pending -= tasks.length
    if (this.#pending === 0) this.#idle?.()
  }

  #answer(answer: Answer, task: Task): void {
    const row = replyRow(task.on, task.packet.code, answer.outcome)
    if (row?.reply === undefined) return this.#silent(row?.silence ?? 'WRONG_PORT', task)
    const reply = encodeReply(task.packet, row.reply, answer.attributes, task.source.secret)
    if (row.delayed !== true) return this.#reply(reply, row, task)
    if (!this.#delayed.add(() => this.#reply(reply, row, task))) this.#silent('REJECT_QUEUE_FULL', task)
  }

  #reply(reply: Buffer, row: ReplyRow, task: Task): void {
    this.#duplicates.answered(task.place, task.packet, reply)
    this.#counters.replied(row.reply!)
    this.#send(reply, task)
  }

  #send(reply: Buffer, { port, source, send }: Task): void {
    try {
      send(reply, port, source.address)
    } catch (error) {
      this.sendFailed(error as Error)
    }
  }

  // Without a reply the NAS asks again, and is to be heard then.
  #silent(reason: DiscardReason, { place, packet, source }: Task): void {
    this.#duplicates.forget(place, packet)
    this.#tell(reason, source.nas, source.address)
  }

  #failed(error: unknown, { place, source, packet }: Task): void {
    this.#duplicates.forget(place, packet)
    this.#counters.discarded('HANDLER_FAILED')
    const held = this.#quiet.may('handler')
    if (held === undefined) return
    this.#options.log.error(
      { err: error, nas: source.nas.id, code: packet.code, held },
      'a request could not be worked on'
    )
  }

  #faulty(reason: DiscardReason, nas: Nas, address: string): void {
    this.#tell(reason, nas, address)
  }

  #tell(reason: DiscardReason, nas: Nas, address: string): void {
    this.#counters.discarded(reason)
    const held = this.#quiet.may(`${reason} ${nas.id}`)
    if (held === undefined) return
    this.#options.log.warn({ reason, nas: nas.id, address, held }, `discarded: ${discardWords(reason)}`)
  }

  #unknown(address: string): void {
    this.#counters.discarded('UNKNOWN_NAS')
    const held = this.#quiet.may(address)
    if (held === undefined) return
    const shown = printable(address)
    const remedy = `if this is a NAS of yours: turnpike nas add NAME --address ${shown}, or add it to nas: in the configuration`
    this.#options.log.warn(
      { reason: 'UNKNOWN_NAS', address: shown, held },
      `a packet from an unknown source was discarded; ${remedy}`
    )
  }
}

interface Task extends RadiusRequest {
  readonly on: Port
  /** Where it is remembered; one's complement of that when it was seen before. */
  readonly place: number
  readonly port: number
  readonly send: Send
  readonly busy?: Carrier['busy']
}
