import type { Milliseconds } from '../../../agent/model/index.js'
import { Code, encodeRequest, newAuthenticator, type Packet, type Secret } from '../../../protocols/radius/index.js'
import type { Timers } from '../delayed.js'
import { Health, type State } from './health.js'
import { Lane } from './lane.js'

/** How long a partner is waited for, and how it is looked after. */
export interface PartnerTimes {
  /** Between two transmissions of a request. */
  readonly again: Milliseconds
  /** After which a request counts as unanswered, and the next server is asked. */
  readonly window: Milliseconds
  /** Between two Status-Servers to one that is not alive. */
  readonly check: Milliseconds
  /** After which one that is dead, and never answered a Status-Server, is tried again. */
  readonly rest: Milliseconds
}

/** An answer within the patience of most NASes, and a second server before it ends. */
export const defaultPartnerTimes: PartnerTimes = { again: 2000, window: 5000, check: 10_000, rest: 60_000 }

/** A port of a partner's server. */
export interface PartnerOptions {
  readonly address: string
  readonly port: number
  readonly secret: Secret
  readonly times: PartnerTimes
  readonly timers: Timers
  /** Requests that may wait for it. */
  readonly most: number
  readonly changed: (state: State) => void
}

/** An answer, and the authenticator of the request that it answers. */
export interface Answered {
  readonly packet: Packet
  readonly authenticator: Buffer
}

/** What is asked, made for the authenticator that it goes with. */
export type Make = (authenticator: Buffer, secret: Secret) => Buffer

/**
 * One port of one server of a partner: asks it, and knows whether it lives. It waits for its own requests only; however
 * many that are, nobody else's are held up.
 */
export class Partner {
  readonly name: string
  readonly secret: Secret
  readonly #options: PartnerOptions
  readonly #health = new Health()
  readonly #lanes: Lane[] = []
  readonly #timers = new Set<unknown>()
  #caring = false
  #isChecked = false
  #signs = false
  #doubted = 0
  #closed = false

  constructor(options: PartnerOptions) {
    this.#options = options
    this.secret = options.secret
    this.name = `${options.address} port ${options.port}`
  }

  get state(): State {
    return this.#health.state
  }

  /** Answers that were forged, unsigned by one that signs, or of a kind that does not fit. */
  get doubted(): number {
    return this.#doubted
  }

  get inFlight(): number {
    return this.#lanes.reduce((sum, { size }) => sum + size, 0)
  }

  /**
   * Sends a request, and again, until it is answered or its time is over.
   * @param takes  Codes that can answer it
   * @throws RadiusError `RAD_TOO_LONG`
   */
  async ask(code: number, make: Make, takes: readonly number[]): Promise<Answered | 'silent' | 'crowded'> {
    const lane = this.#lane()
    if (lane === undefined) return 'crowded'
    const { times } = this.#options
    const answer = await this.#exchange(lane, code, make, takes, times.window)
    this.#note(answer === undefined ? 'silent' : 'answered')
    return answer ?? 'silent'
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) this.#options.timers.stop(timer)
    for (const lane of this.#lanes) lane.close()
  }

  #exchange(
    lane: Lane,
    code: number,
    make: Make,
    takes: readonly number[],
    patience: Milliseconds
  ): Promise<Answered | undefined> {
    const seed = newAuthenticator()
    const identifier = lane.identifier()
    const attributes = make(seed, this.secret)
    const { datagram, authenticator } = encodeRequest(code, identifier, attributes, this.secret, {
      authenticator: seed
    })
    return new Promise(resolve => {
      const end = (answer: Answered | undefined) => {
        release()
        cancelEnd()
        cancelAgain()
        resolve(answer)
      }
      const answered = (packet: Packet) => {
        if (!takes.includes(packet.code) || !this.#isSigned(packet)) return false
        end({ packet, authenticator })
        return true
      }
      const release = lane.wait(identifier, { authenticator, answered, refused: () => end(undefined) })
      const cancelEnd = this.#after(patience, () => end(undefined))
      let cancelAgain = () => undefined as void
      const transmit = () => {
        cancelAgain = this.#after(this.#options.times.again, transmit)
        lane.send(datagram)
      }
      transmit()
    })
  }

  // Who has signed an answer to access once is held to it: an answer can be forged otherwise (CVE-2024-3596).
  #isSigned(packet: Packet): boolean {
    if (packet.code === Code.AccountingResponse) return true
    const signed = packet.messageAuthenticatorAt > 0
    if (signed) this.#signs = true
    return signed || !this.#signs
  }

  #lane(): Lane | undefined {
    if (this.inFlight >= this.#options.most || this.#closed) return undefined
    const free = this.#lanes.find(lane => !lane.isFull)
    if (free !== undefined) return free
    const { address, port, secret } = this.#options
    const lane = new Lane({ address, port, secret, doubted: () => void this.#doubted++ })
    this.#lanes.push(lane)
    return lane
  }

  #note(what: Parameters<Health['note']>[0]): void {
    if (this.#closed) return
    if (this.#health.note(what)) this.#options.changed(this.state)
    if (this.state === 'alive' || this.#caring) return
    this.#caring = true
    void this.#care()
  }

  // From the first silence until it is alive again: a Status-Server every few seconds. RFC 5997 §4.2
  async #care(): Promise<void> {
    let deadFor = 0
    while (!this.#closed && this.state !== 'alive') {
      await this.#check()
      const { check, rest } = this.#options.times
      await new Promise<void>(resolve => void this.#after(check, resolve))
      deadFor = this.state === 'dead' ? deadFor + check : 0
      if (deadFor >= rest && !this.#isChecked) this.#note('rested')
    }
    this.#caring = false
  }

  async #check(): Promise<void> {
    const lane = this.#lane()
    if (lane === undefined) return
    const nothing = () => Buffer.alloc(0)
    const takes = [Code.AccessAccept, Code.AccountingResponse]
    const answer = await this.#exchange(lane, Code.StatusServer, nothing, takes, this.#options.times.again)
    if (answer !== undefined) this.#isChecked = true
    this.#note(answer === undefined ? 'unchecked' : 'answered')
  }

  #after(delay: Milliseconds, call: () => void): () => void {
    const { timers } = this.#options
    const timer = timers.start(() => {
      this.#timers.delete(timer)
      call()
    }, delay)
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
      timers.stop(timer)
    }
  }
}
