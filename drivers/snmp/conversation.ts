import type { Session, User, Varbind, VarbindValue } from 'net-snmp'
import { DriverError } from '../../agent/model/index.js'
import { placeOf } from './address.js'
import { Channel } from './channel.js'
import { type Credential, readCredential } from './credential.js'
import { failureOf, givenUp, notSnmp } from './failures.js'
import { netSnmp } from './library.js'
import { Rows, type Row } from './rows.js'
import type { Security, Target } from './target.js'

/** A value to be set. */
export interface Setting {
  readonly oid: string
  readonly integer: number
}

/** A socket, a session on it, and requests until they are closed: made for one call of the driver. */
export class Conversation {
  readonly #session: Session
  readonly #channel: Channel
  readonly #target: Target
  readonly #signal: AbortSignal
  readonly #abort = (): void => this.#fail(givenUp())
  #broken: DriverError | undefined

  private constructor(session: Session, channel: Channel, target: Target, signal: AbortSignal) {
    this.#session = session
    this.#channel = channel
    this.#target = target
    this.#signal = signal
    // Octets that cannot be decoded; the library's own words may hold what was in them.
    session.on('error', () => this.#fail(notSnmp()))
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  /**
   * @param credential  resolves the device's `credentialRef`; asked each time, so that a new one counts at once
   * @throws DriverError
   */
  static async open(target: Target, credential: () => string, signal: AbortSignal): Promise<Conversation> {
    if (signal.aborted) throw givenUp()
    const { v3, port, allowLocal } = target
    const known = readCredential(credential, v3)
    const place = await placeOf(target.host, allowLocal)
    const trouble: { hear: (error: DriverError) => void } = { hear: () => undefined }
    const channel = await Channel.connect(place, port, error => trouble.hear(error))
    try {
      if (signal.aborted) throw givenUp()
      const talk = new Conversation(sessionOver(channel, target, known), channel, target, signal)
      trouble.hear = error => talk.#fail(error)
      return talk
    } catch (error) {
      channel.close()
      throw error
    }
  }

  /**
   * The values of scalars or cells, in the order of the asking; undefined for what the device does not have.
   * @throws DriverError
   */
  async get(oids: readonly string[]): Promise<readonly (VarbindValue | undefined)[]> {
    const varbinds = await this.#ask<Varbind[]>(done => this.#session.get([...oids], done))
    if (varbinds.length !== oids.length) throw notSnmp()
    return varbinds.map(varbind => (netSnmp().isVarbindError(varbind) ? undefined : varbind.value))
  }

  /** Sets one cell. @throws DriverError `REJECTED` or `AUTH` with the device's number of the refusal */
  async set({ oid, integer }: Setting): Promise<void> {
    await this.#ask<Varbind[]>(done =>
      this.#session.set([{ oid, type: netSnmp().ObjectType.Integer, value: integer }], (error, varbinds) =>
        done(error, varbinds)
      )
    )
  }

  /**
   * The rows of a table by GETBULK, in the order of their index; a column that a row does not have is undefined.
   * Memory is that of one answer, as long as the columns go on together.
   * @param columns  of one table
   * @throws DriverError `UNSUPPORTED` above `limit` rows; `PROTOCOL` for a table that does not go forward
   */
  async *rows(columns: readonly string[], limit = this.#target.maxRows): AsyncGenerator<Row> {
    const rows = new Rows(columns)
    let seen = 0
    while (!rows.ended) {
      const asked = rows.next()
      const answer = await this.#ask<(Varbind | Varbind[])[]>(done =>
        this.#session.getBulk([...asked], 0, this.#target.repetitions, done)
      )
      for (const row of rows.take(answer)) {
        if (++seen > limit) throw tooMany(limit)
        yield row
      }
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#abort)
    this.#broken ??= givenUp()
    this.#session.cancelRequests(this.#broken)
    this.#channel.close()
  }

  #fail(error: DriverError): void {
    this.#broken ??= error
    this.#session.cancelRequests(this.#broken)
  }

  #ask<T>(request: (done: (error: Error | null, result?: T) => void) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken)
      const fail = (error: unknown): void => {
        const circumstances = { v3: this.#target.v3 !== undefined, heard: this.#channel.heard }
        reject(this.#broken ?? failureOf(error, circumstances))
      }
      try {
        request((error, result) => {
          if (error !== null && error !== undefined) fail(error)
          else if (result === undefined) fail(notSnmp())
          else resolve(result)
        })
      } catch (error) {
        fail(error)
      }
    })
  }
}

function sessionOver(channel: Channel, { v3, timeout, retries }: Target, credential: Credential): Session {
  const { Session, Version2c } = netSnmp()
  const options = { timeout, retries, dgramModule: { createSocket: () => channel.librarySocket() } }
  if (v3 === undefined) return Session.create('', credential.auth, { ...options, version: Version2c })
  return Session.createV3('', userOf(v3, credential), { ...options, context: v3.context })
}

function userOf({ user: name, level, authProtocol, privProtocol }: Security, { auth, priv }: Credential): User {
  const { AuthProtocols, PrivProtocols, SecurityLevel } = netSnmp()
  return {
    name,
    level: SecurityLevel[level],
    ...(level !== 'noAuthNoPriv' && { authProtocol: AuthProtocols[authProtocol], authKey: auth }),
    ...(level === 'authPriv' && { privProtocol: PrivProtocols[privProtocol], privKey: priv })
  }
}

function tooMany(limit: number): DriverError {
  return new DriverError(
    'UNSUPPORTED',
    `The device has more than ${limit} rows in a table, and the rest was not read. If that is right, raise the option maxRows.`
  )
}
