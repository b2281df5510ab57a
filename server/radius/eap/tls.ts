import type { DetailedPeerCertificate } from 'node:tls'
import type { Subscriber } from '../../../agent/model/index.js'
import { EapType } from '../../../protocols/eap/index.js'
import type { Who } from '../methods/method.js'
import { type EapContext, type Failed, failure } from './method.js'
import { type Inner, TlsBased } from './tls-based.js'
import type { Revoked, TlsContexts } from './tls-contexts.js'
import { certificateFailure } from './tls-failure.js'

const COMMITMENT = Buffer.from([0])

/**
 * EAP-TLS: the device shows a certificate. It names the subscriber by its common name or a subject alternative name; the
 * EAP identity says which of them where there are several. Resumption needs no memory: the ticket holds the certificate.
 * @see RFC 5216, RFC 9190
 */
export class EapTls extends TlsBased {
  readonly type = EapType.Tls
  protected readonly label = 'client EAP encryption'
  readonly #contexts: TlsContexts
  /** What was known when the conversation began. */
  readonly #revoked: Revoked
  #who: Who | undefined

  constructor(context: EapContext, contexts: TlsContexts) {
    super(context, contexts, EapType.Tls, true)
    this.#contexts = contexts
    this.#revoked = contexts.revoked()
  }

  protected opened(): Inner | undefined {
    const { certificate, fault, isTls13 } = this.tunnel
    if (certificate === undefined) return failure('EAP_NO_CERTIFICATE')
    if (fault !== undefined) return certificateFailure(fault)
    if (Date.parse(certificate.valid_to) < this.#contexts.clock()) return certificateFailure('CERT_HAS_EXPIRED') // resumed
    const { CN } = certificate.subject as { CN?: string | string[] }
    this.#who = this.#find(namesOf(CN, certificate.subjectaltname))
    const revoked = this.#revocation(certificate)
    if (revoked !== undefined) return revoked
    if (this.#who.subscriber === undefined) {
      return failure('UNKNOWN_SUBSCRIBER', 'None of the names in its certificate is one.', this.#who)
    }
    return isTls13 ? { kind: 'say', plain: COMMITMENT } : undefined // RFC 9190 §2.5
  }

  // The lists may have changed since the handshake: what they say now counts.
  protected turn(): Inner {
    const { certificate } = this.tunnel
    const subscriber = this.#who?.subscriber
    if (certificate === undefined || subscriber === undefined) return failure('UNKNOWN_SUBSCRIBER')
    return this.#revocation(certificate) ?? { kind: 'success', subscriber }
  }

  protected heard(): Inner {
    return failure('EAP_MALFORMED', 'It sent data inside EAP-TLS.')
  }

  // Resumed or not: the ticket holds the device's certificate. What stands above it is sure to be seen in a full handshake
  // only, so nothing is resumed across a change of the lists.
  #revocation(certificate: DetailedPeerCertificate): Failed | undefined {
    const revoked = this.#contexts.revoked()
    if (revoked === undefined) return undefined
    if (revoked === 'unknown') return failure('EAP_REVOCATION_UNKNOWN', undefined, this.#who)
    const { certificates, isWhole } = revoked.pathOf(certificate, this.#contexts.clock())
    const fault = revoked.faultOf(certificates)
    if (fault !== undefined) return failure('EAP_CERTIFICATE_REVOKED', fault, this.#who)
    if (!this.tunnel.resumed) return isWhole ? undefined : failure('EAP_CERTIFICATE_PATH', undefined, this.#who)
    return revoked === this.#revoked ? undefined : failure('EAP_RESUMPTION', undefined, this.#who)
  }

  #find(names: readonly string[]): Who {
    const { identity, directory } = this.context
    const inOrder = names.includes(identity) ? [identity, ...names] : names
    let subscriber: Subscriber | undefined
    const userName = inOrder.find(name => (subscriber = directory.subscriberByUserName(name)) !== undefined)
    return { userName: userName ?? inOrder[0] ?? identity, subscriber }
  }
}

const MOST_NAMES = 16

// `DNS:a, email:b`; a name that needs quotes is no user name, and is how somebody would smuggle in another.
function namesOf(common: string | string[] | undefined, alternatives: string | undefined): string[] {
  const others = alternatives === undefined || alternatives.includes('"') ? [] : alternatives.split(', ')
  const alternative = others.filter(name => /^(DNS|email):/.test(name)).map(name => name.slice(name.indexOf(':') + 1))
  return [common ?? []].flat().concat(alternative).slice(0, MOST_NAMES)
}
