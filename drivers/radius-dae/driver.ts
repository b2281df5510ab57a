import {
  DriverError,
  type Applied,
  type Clock,
  type Driver,
  type Nas,
  type SessionRef,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { Attr, AttributeWriter, Code, codeName, type Packet, type Secret } from '../../protocols/radius/index.js'
import { refuseNoNas } from '../target.js'
import { readNak } from './causes.js'
import { DaeClient, type DaeClientOptions } from './client.js'
import { type Dialect, type DialectName, dialects } from './keys.js'
import { askBack, type ReverseChannel } from './reverse.js'
import { type AttributeEncoder, changeable, encodeAll, sessionKeys } from './request.js'
import { Turns } from './turns.js'

/** What the driver needs to speak to one NAS. */
export interface RadiusDaeOptions extends Pick<DaeClientOptions, 'localAddress' | 'times' | 'after' | 'random'> {
  readonly nas: Nas
  readonly secret: Secret
  readonly dictionary: AttributeEncoder
  readonly clock: Clock
  /** Another row of the table than the NAS's vendor: `cisco-isg`. */
  readonly dialect?: DialectName
  /** What differs on this box from its row. */
  readonly differs?: Partial<Dialect>
  /**
   * The connection that the NAS holds open to us (RadSec), if it has one now: requests go over it, unless the NAS has a
   * `coaAddress`. Asked for every request.
   */
  readonly reverse?: (() => ReverseChannel | undefined) | undefined
  /** Attributes that this box takes by CoA beside those of its row, by dictionary name (MikroTik: `Mikrotik-Address-List`). */
  readonly alsoChanges?: readonly string[]
}

type DaeCapability = 'disconnect' | 'change' | 'block' | 'restore'

/** Answers remembered, so that asking twice is told from asking once. */
const REMEMBERED = 10_000

/**
 * Drives a NAS by RFC 5176: CoA-Request and Disconnect-Request over UDP to `coaAddress:coaPort`, or over the connection
 * that the NAS holds open to us. An ACK says that the NAS took the request: it is no proof, so `Applied.proof` is never set.
 * @throws DriverError `UNSUPPORTED` when the NAS has a prefix for an address, no `coaAddress` and no way back
 */
export function radiusDae(options: RadiusDaeOptions): Driver<DaeCapability> {
  return new RadiusDae(options)
}

class RadiusDae implements Driver<DaeCapability> {
  readonly name = 'radius-dae'
  readonly acts = 'session'
  readonly sees = 'all'
  readonly capabilities = ['disconnect', 'change', 'block', 'restore'] as const
  readonly #options: RadiusDaeOptions
  readonly #dialect: Dialect
  readonly #changes: ReadonlySet<string>
  #client: DaeClient | undefined
  readonly #turns = new Turns()
  /** By session: what it acknowledged last; `disconnected`, or the attributes of a CoA in hex. */
  readonly #acknowledged = new Map<string, string>()

  constructor(options: RadiusDaeOptions) {
    this.#options = options
    this.#dialect = { ...dialects[options.dialect ?? options.nas.vendor], ...options.differs }
    this.#changes = new Set([...this.#dialect.changes, ...(options.alsoChanges ?? [])])
    if (options.reverse === undefined) this.#udp()
  }

  async disconnect(session: SessionRef, signal: AbortSignal): Promise<Applied> {
    const { disconnectBy, disconnectExtra = [] } = this.#dialect
    const attributes = encodeAll([...sessionKeys(session, this.#dialect), ...disconnectExtra], this.#options.dictionary)
    const code = disconnectBy === 'coa' ? Code.CoaRequest : Code.DisconnectRequest
    try {
      return await this.#inTurn(session, () => this.#ask(code, attributes, session.id, 'disconnected', signal))
    } catch (error) {
      const again = error instanceof DriverError && error.code === 'NO_SUCH_SESSION'
      if (!again || this.#acknowledged.get(session.id) !== 'disconnected') throw error
      return {
        result: 'unchanged',
        detail: 'The NAS had acknowledged the Disconnect-Request before and no longer knows the session.'
      }
    }
  }

  async change(session: SessionRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    const { dictionary } = this.#options
    const changes = encodeAll(changeable(how, this.#changes), dictionary)
    const keys = encodeAll(sessionKeys(session, this.#dialect), dictionary)
    const attributes = Buffer.concat([keys, changes])
    return this.#inTurn(session, () =>
      this.#ask(Code.CoaRequest, attributes, session.id, changes.toString('hex'), signal)
    )
  }

  async block(who: SubscriberRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    return this.#each(who, session =>
      how.kind === 'blocked' ? this.disconnect(session, signal) : this.#changeOrCut(session, how, signal)
    )
  }

  async restore(who: SubscriberRef, signal: AbortSignal): Promise<Applied> {
    return this.#each(who, session => this.#changeOrCut(session, who.full, signal))
  }

  /** Any signed answer will do: the request names a session that cannot be. */
  async health(signal: AbortSignal): Promise<string> {
    const attributes = new AttributeWriter().add(Attr.AcctSessionId, 'turnpike-health')
    const { from } = await this.#send(Code.CoaRequest, this.#stamped(attributes.finish()), signal)
    return `Answers CoA ${from}, with the shared secret that is configured.`
  }

  async close(): Promise<void> {
    this.#client?.close()
  }

  async #each(who: SubscriberRef, act: (session: SessionRef) => Promise<Applied>): Promise<Applied> {
    if (who.sessions.length === 0) return { result: 'unchanged', detail: 'No session is open on this NAS.' }
    const applied = await Promise.all(who.sessions.map(act))
    const changed = applied.some(({ result }) => result === 'changed')
    return { result: changed ? 'changed' : 'unchanged', detail: applied.map(({ detail }) => detail).join(' ') }
  }

  async #changeOrCut(session: SessionRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    try {
      return await this.change(session, how, signal)
    } catch (error) {
      if (!(error instanceof DriverError) || error.code !== 'UNSUPPORTED') throw error
      return this.disconnect(session, signal)
    }
  }

  async #send(code: Code, attributes: Buffer, signal: AbortSignal): Promise<{ packet: Packet; from: string }> {
    const { nas, reverse } = this.#options
    const channel = nas.coaAddress === undefined ? reverse?.() : undefined
    if (channel !== undefined) {
      return { packet: await askBack(channel, code, attributes, signal), from: 'over its own connection' }
    }
    const { packet, port } = await this.#udp().request(code, attributes, signal)
    return { packet, from: `from port ${port}` }
  }

  #udp(): DaeClient {
    const { nas, secret, localAddress, times, after, random } = this.#options
    return (this.#client ??= new DaeClient({
      address: coaAddress(nas),
      ports: nas.coaPort === undefined ? this.#dialect.ports : [nas.coaPort],
      secret,
      messageAuthenticator: this.#dialect.messageAuthenticator,
      localAddress,
      times,
      after,
      random
    }))
  }

  #inTurn(session: SessionRef, act: () => Promise<Applied>): Promise<Applied> {
    return this.#dialect.oneAtATime === true ? this.#turns.take(session.acctSessionId, act) : act()
  }

  async #ask(code: Code, attributes: Buffer, session: string, content: string, signal: AbortSignal): Promise<Applied> {
    const { packet, from } = await this.#send(code, this.#stamped(attributes), signal)
    const what = codeName(code)
    if (packet.code === code + 2) {
      const read = readNak(what, packet.uint32(Attr.ErrorCause))
      if (read !== 'done') throw read
    } else if (packet.code !== code + 1) {
      throw new DriverError('PROTOCOL', `${what} was answered with ${codeName(packet.code)}.`)
    }
    const unchanged = this.#acknowledged.get(session) === content
    this.#remember(session, content)
    return { result: unchanged ? 'unchanged' : 'changed', detail: `${codeName(packet.code)} ${from}.` }
  }

  #stamped(attributes: Buffer): Buffer {
    if (!this.#dialect.eventTimestamp) return attributes
    const stamp = new AttributeWriter().uint32(Attr.EventTimestamp, Math.floor(this.#options.clock() / 1000))
    return Buffer.concat([attributes, stamp.finish()])
  }

  #remember(session: string, content: string): void {
    this.#acknowledged.delete(session)
    this.#acknowledged.set(session, content)
    if (this.#acknowledged.size <= REMEMBERED) return
    for (const oldest of this.#acknowledged.keys()) {
      this.#acknowledged.delete(oldest)
      break
    }
  }
}

function coaAddress(nas: Nas): string {
  const [first = ''] = nas.addresses
  const address = (nas.coaAddress ?? first)
    .replace(/^::ffff:(?=[\d.]+$)/i, '')
    .replace(/^([\d.]+)\/32$|^([\da-f:]+)\/128$/i, '$1$2')
  if (address.includes('/') || address === '') {
    throw new DriverError(
      'UNSUPPORTED',
      `NAS ${nas.id} is known by the prefix ${address}: set its coaAddress, where CoA is to go.`
    )
  }
  refuseNoNas(nas.id, address)
  return address
}
