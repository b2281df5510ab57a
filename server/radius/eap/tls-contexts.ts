import { createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '../../../agent/model/index.js'
import { EapType, eapTypeName } from '../../../protocols/eap/index.js'
import type { Revocations } from '../revocation/index.js'
import type { EapCertificate } from './certificate.js'
import { EapError } from './errors.js'
import { Resumption } from './resumption.js'

/** How long a session can be resumed, seconds. */
export const RESUMABLE = 3600

/** What is known of revoked certificates; `unknown` where there is a list, and it could not be read yet. */
export type Revoked = Revocations | 'unknown' | undefined

interface Made {
  readonly context: SecureContext
  readonly under: Revoked
}

/**
 * One TLS context a method: a session of one cannot be resumed in another. That of EAP-TLS is made anew with each list of
 * revoked certificates, which ends its sessions: one that is resumed shows no more than the device's own certificate.
 */
export class TlsContexts {
  /** Who the sessions that can be resumed belong to. */
  readonly resumption: Resumption
  readonly clock: Clock
  /** What is known at this moment. */
  readonly revoked: () => Revoked
  readonly #certificate: EapCertificate
  readonly #contexts = new Map<number, Made>()

  constructor(certificate: EapCertificate, clock: Clock, revoked: () => Revoked) {
    this.clock = clock
    this.revoked = revoked
    this.resumption = new Resumption(RESUMABLE * 1000, clock)
    this.#certificate = certificate
  }

  /** @throws EapError `EAP_CERTIFICATE_UNREADABLE` */
  of(type: number): SecureContext {
    const under = type === EapType.Tls ? this.revoked() : undefined
    const known = this.#contexts.get(type)
    if (known?.under === under && known !== undefined) return known.context
    const context = this.#make(type)
    this.#contexts.set(type, { context, under })
    return context
  }

  #make(type: number): SecureContext {
    const { certificate, key, ca } = this.#certificate
    try {
      return createSecureContext({
        cert: certificate,
        key,
        minVersion: 'TLSv1.2',
        sessionIdContext: `eap-${eapTypeName(type)}`,
        sessionTimeout: RESUMABLE,
        ...(ca !== undefined && { ca })
      })
    } catch (cause) {
      throw new EapError('EAP_CERTIFICATE_UNREADABLE', undefined, { cause })
    }
  }
}
