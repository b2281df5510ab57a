import { createSecureContext, type SecureContext } from 'node:tls'
import type { Clock } from '../../../agent/model/index.js'
import { eapTypeName } from '../../../protocols/eap/index.js'
import type { EapCertificate } from './certificate.js'
import { EapError } from './errors.js'
import { Resumption } from './resumption.js'

/** How long a session can be resumed, seconds. */
export const RESUMABLE = 3600

/** One TLS context a method: a session of one cannot be resumed in another. */
export class TlsContexts {
  /** Who the sessions that can be resumed belong to. */
  readonly resumption: Resumption
  readonly clock: Clock
  readonly #certificate: EapCertificate
  readonly #contexts = new Map<number, SecureContext>()

  constructor(certificate: EapCertificate, clock: Clock) {
    this.clock = clock
    this.resumption = new Resumption(RESUMABLE * 1000, clock)
    this.#certificate = certificate
  }

  /** @throws EapError `EAP_CERTIFICATE_UNREADABLE` */
  of(type: number): SecureContext {
    const known = this.#contexts.get(type)
    if (known !== undefined) return known
    const { certificate, key, ca, crl } = this.#certificate
    try {
      const context = createSecureContext({
        cert: certificate,
        key,
        minVersion: 'TLSv1.2',
        sessionIdContext: `eap-${eapTypeName(type)}`,
        sessionTimeout: RESUMABLE,
        ...(ca !== undefined && { ca }),
        ...(crl !== undefined && { crl })
      })
      this.#contexts.set(type, context)
      return context
    } catch (cause) {
      throw new EapError('EAP_CERTIFICATE_UNREADABLE', undefined, { cause })
    }
  }
}
