import { randomBytes } from 'node:crypto'
import type { Milliseconds, Subscriber } from '../../../agent/model/index.js'
import {
  EapCode,
  decodeEap,
  encodeEap,
  encodeEapResult,
  EapType,
  type EapPacket,
  eapTypeName
} from '../../../protocols/eap/index.js'
import type { Directory } from '../methods/method.js'
import type { EapChoice } from './choice.js'
import { type EapMethod, type Failed, failure, type Step, type Success } from './method.js'

/** What a response leads to. `packet` is EAP, whole. */
export type Turn =
  | { readonly kind: 'request'; readonly packet: Buffer }
  | (Success & { readonly kind: 'success'; readonly packet: Buffer })
  | (Failed & { readonly packet: Buffer })
  /** A response to another request than the last: it is discarded. RFC 3748 §4.1 */
  | { readonly kind: 'late' }

/** Who begins a conversation, and when. */
export interface Beginning {
  /** Id of the NAS. */
  readonly nas: string
  /** Calling-Station-Id; '' where the NAS does not say. */
  readonly callingStation: string
  readonly startedAt: Milliseconds
}

const HEADER = 5
const MOST_ROUNDS = 64
const MOST_OCTETS = 128 * 1024

/**
 * One device's conversation, from its Identity to Success or Failure. Responses are taken one after the other. One that
 * comes again, because its answer was lost, gets the same answer.
 */
export class Conversation {
  /** State, which the NAS sends back: names the conversation and cannot be guessed. */
  readonly state = randomBytes(16)
  readonly beginning: Beginning
  readonly #directory: Directory
  readonly #choice: EapChoice
  #identifier = randomBytes(1)[0]!
  #identity: string | undefined
  #method: EapMethod | undefined
  #methodBegan = false
  #last: { readonly response: Buffer; readonly turn: Turn } | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #rounds = 0
  #octets = 0
  #most = 0
  #closed = false

  constructor(beginning: Beginning, directory: Directory, choice: EapChoice) {
    this.beginning = beginning
    this.#directory = directory
    this.#choice = choice
  }

  /**
   * Takes a response.
   * @param response  EAP, whole, as it came
   * @param most      octets of EAP that an answer may hold
   */
  take(response: Buffer, most: number): Promise<Turn> {
    const turn = this.#queue.then(() => this.#take(response, most))
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  /** Who waits in the middle of which method for the device to go on; undefined where nobody does. */
  get waiting(): { readonly userName: string; readonly method: string } | undefined {
    const goesOn = !this.#closed && this.#identity !== undefined && this.#last?.turn.kind === 'request'
    return goesOn ? { userName: this.#identity!, method: this.#methodName() } : undefined
  }

  close(): void {
    this.#closed = true
    this.#method?.close?.()
  }

  async #take(response: Buffer, most: number): Promise<Turn> {
    if (this.#last?.response.equals(response) === true) return this.#last.turn
    this.#most = most
    const packet = decodeEap(response)
    if (packet?.code !== EapCode.Response) return this.#ended(failure('EAP_MALFORMED'), response[1] ?? 0)
    if (this.#identity !== undefined && packet.identifier !== this.#identifier) return { kind: 'late' }
    const turn = this.#turn(await this.#guarded(packet, response.length), packet.identifier)
    this.#last = { response: Buffer.from(response), turn }
    if (turn.kind !== 'request') this.close()
    return turn
  }

  // Whoever is dropped while he is worked on is not the program's mistake.
  async #guarded(packet: EapPacket, size: number): Promise<Step> {
    try {
      const step = await this.#checked(packet, size)
      return this.#closed ? failure('EAP_UNKNOWN_CONVERSATION') : step
    } catch (error) {
      if (this.#closed) return failure('EAP_UNKNOWN_CONVERSATION')
      throw error
    }
  }

  async #checked(packet: EapPacket, size: number): Promise<Step> {
    this.#octets += size
    if (++this.#rounds > MOST_ROUNDS || this.#octets > MOST_OCTETS) return failure('EAP_TOO_LONG')
    if (this.#closed) return failure('EAP_UNKNOWN_CONVERSATION')
    this.#identifier = (packet.identifier + 1) & 0xff
    const step = this.#allowed(await this.#step(packet))
    return step.kind === 'failure' && step.who === undefined && this.#identity !== undefined
      ? { ...step, who: { userName: this.#identity, subscriber: this.#subscriber() } }
      : step
  }

  #step({ type, data }: EapPacket): Step | Promise<Step> {
    if (this.#identity === undefined) return this.#begin(type, data)
    if (type === EapType.Nak && !this.#methodBegan) return this.#other(data)
    if (this.#method === undefined || type !== this.#method.type) {
      return failure('EAP_MALFORMED', `It answered ${this.#methodName()} with ${eapTypeName(type)}.`)
    }
    this.#methodBegan = true
    return this.#method.next(data, this.#identifier)
  }

  #begin(type: number, data: Buffer): Step | Promise<Step> {
    if (type !== EapType.Identity) return failure('EAP_UNKNOWN_CONVERSATION')
    this.#identity = data.toString('utf8', 0, Math.min(data.length, 253))
    const first = this.#choice.order(this.#subscriber())[0]
    if (first !== undefined) return this.#start(first)
    return this.#choice.order(undefined).length === 0
      ? failure('EAP_NO_COMMON_METHOD')
      : failure('EAP_METHOD_NOT_ALLOWED', 'None of those that it may use is set up here.')
  }

  // RFC 3748 §5.3.1: the device names what it would rather have
  #other(data: Buffer): Step | Promise<Step> {
    const order = this.#choice.order(this.#subscriber())
    const wanted = order.find(type => data.includes(type) && type !== this.#method?.type)
    if (wanted !== undefined) return this.#start(wanted)
    const theirs = namesOf([...data].filter(type => type !== 0))
    const others = this.#choice.order(undefined).some(type => data.includes(type) && !order.includes(type))
    if (others) return failure('EAP_METHOD_NOT_ALLOWED', `It wants ${theirs}; allowed: ${namesOf(order)}.`)
    return failure('EAP_NO_COMMON_METHOD', `It wants ${theirs || 'none'}; here: ${namesOf(order)}.`)
  }

  // Who it is, may be known only now: outside of a tunnel a device calls itself what it likes.
  #allowed<S extends Step>(step: S): S | Failed {
    if (step.kind !== 'success') return step
    const { subscriber } = step
    const order = this.#choice.order(subscriber)
    if (order.includes(this.#method!.type)) return step
    const who = { userName: subscriber.username, subscriber }
    return failure(
      'EAP_METHOD_NOT_ALLOWED',
      `It used ${this.#methodName()}; allowed: ${namesOf(order) || 'none'}.`,
      who
    )
  }

  #start(type: number): Step | Promise<Step> {
    this.#method?.close?.()
    this.#method = this.#choice.make(type, {
      directory: this.#directory,
      identity: this.#identity!,
      room: () => this.#most - HEADER,
      allowed: step => this.#allowed(step)
    })
    return this.#method.begin(this.#identifier)
  }

  #turn(step: Step, answered: number): Turn {
    if (step.kind === 'failure') return this.#ended(step, answered)
    if (step.kind === 'success') return { ...step, packet: encodeEapResult(true, answered) }
    const { type } = this.#method!
    const packet = encodeEap({ code: EapCode.Request, identifier: this.#identifier, type, data: step.data })
    return { kind: 'request', packet }
  }

  #ended(step: Failed, answered: number): Turn {
    return { ...step, packet: encodeEapResult(false, answered) }
  }

  #subscriber(): Subscriber | undefined {
    return this.#directory.subscriberByUserName(this.#identity ?? '')
  }

  #methodName(): string {
    return this.#method === undefined ? 'nothing' : eapTypeName(this.#method.type)
  }
}

function namesOf(types: readonly number[]): string {
  return types.map(eapTypeName).join(', ')
}
