import { createHash } from 'node:crypto'
import type { Clock, Milliseconds, Subscriber } from '../../../agent/model/index.js'
import { DerTag, readSequence } from '../../../protocols/x509/index.js'
import type { Directory } from '../methods/method.js'

const MOST = 10_000

interface Kept {
  readonly userName: string
  readonly credentials: string
  readonly until: Milliseconds
}

/**
 * Whom the TLS sessions belong to that devices may resume: the ticket itself names nobody, and was issued before the
 * subscriber was known. Kept by a digest of the session's secret, at most 10,000, and only after the device has proved
 * the credential that the subscriber still has.
 */
export class Resumption {
  readonly #kept = new Map<string, Kept>()
  readonly #lifetime: Milliseconds
  readonly #clock: Clock

  constructor(lifetime: Milliseconds, clock: Clock) {
    this.#lifetime = lifetime
    this.#clock = clock
  }

  /** @param secret  of the session, see `sessionSecret` */
  remember(secret: Buffer, subscriber: Subscriber): void {
    const key = digest(secret)
    this.#kept.delete(key)
    if (this.#kept.size >= MOST) this.#kept.delete(this.#kept.keys().next().value!)
    const until = this.#clock() + this.#lifetime
    this.#kept.set(key, { userName: subscriber.username, credentials: credentialsOf(subscriber), until })
  }

  /** The subscriber of a session; undefined where none is known, or the credential was changed since. */
  recall(secret: Buffer, directory: Directory): Subscriber | undefined {
    const key = digest(secret)
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    const subscriber = directory.subscriberByUserName(kept.userName)
    const same = subscriber !== undefined && credentialsOf(subscriber) === kept.credentials
    if (same && this.#clock() < kept.until) return subscriber
    this.#kept.delete(key)
    return undefined
  }
}

function digest(secret: Buffer): string {
  return createHash('sha256').update(secret).digest('hex')
}

function credentialsOf({ id, credentials }: Subscriber): string {
  return digest(Buffer.from(JSON.stringify([id, credentials?.password, credentials?.ntHash])))
}

/**
 * The secret of a TLS session, from its ASN.1 form: SEQUENCE, version, TLS version, cipher, session id, secret.
 * TLS 1.2 keeps it for the life of the session; in TLS 1.3 each ticket has its own, the last one's after a handshake and
 * the resumed one's during it. OpenSSL, d2i_SSL_SESSION(3)
 * @returns undefined where there is none
 */
export function sessionSecret(session: Buffer | undefined): Buffer | undefined {
  const secret = session && readSequence(session)?.[4]
  return secret?.tag === DerTag.OctetString && secret.value.some(octet => octet !== 0) ? secret.value : undefined
}
