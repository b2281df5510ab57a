import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import type { Milliseconds } from '../../../agent/model/index.js'
import { EapError } from './errors.js'

/** What the server shows and whom it trusts; each a PEM text. */
export interface EapCertificate {
  /** The server's certificate, then its intermediates. */
  readonly certificate: string
  readonly key: string
  /** Who signs the devices' certificates (EAP-TLS), and where our own chain may end. */
  readonly ca?: string
}

const ONE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * Finds what would make every device refuse the server, before one does; but for the dates, see `checkDates`.
 * @throws EapError
 */
export function checkCertificate({ certificate, key, ca = '' }: EapCertificate): void {
  const [own, ...others] = read(certificate)
  if (own === undefined) throw new EapError('EAP_CERTIFICATE_UNREADABLE', 'certificate')
  if (!own.checkPrivateKey(readKey(key))) throw new EapError('EAP_KEY_DOES_NOT_FIT', nameOf(own))
  const last = lastOf(own, others)
  if (last.checkIssued(last)) return
  const authorities = ca === '' ? [] : read(ca)
  if (authorities.some(issuer => isIssuer(issuer, last)) || isPublic(last)) return
  throw new EapError('EAP_CHAIN_INCOMPLETE', `issuer of ${nameOf(last)}: ${oneLine(last.issuer)}`)
}

/** Whether every certificate of the chain is valid now. @throws EapError `EAP_CERTIFICATE_EXPIRED` */
export function checkDates({ certificate }: Pick<EapCertificate, 'certificate'>, now: Milliseconds): void {
  for (const one of read(certificate)) {
    if (now >= Date.parse(one.validFrom) && now <= Date.parse(one.validTo)) continue
    throw new EapError('EAP_CERTIFICATE_EXPIRED', `${nameOf(one)}, valid from ${one.validFrom} to ${one.validTo}`)
  }
}

/** When the first certificate of a PEM text runs out. @throws EapError `EAP_CERTIFICATE_UNREADABLE` */
export function endOf(pem: string): Milliseconds {
  return Math.min(...read(pem).map(({ validTo }) => Date.parse(validTo)))
}

function read(pem: string): X509Certificate[] {
  const blocks = pem.match(ONE)
  if (blocks === null) throw new EapError('EAP_CERTIFICATE_UNREADABLE')
  try {
    return blocks.map(block => new X509Certificate(block))
  } catch (cause) {
    throw new EapError('EAP_CERTIFICATE_UNREADABLE', undefined, { cause })
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new EapError('EAP_KEY_UNREADABLE') // the cause may show a part of the key
  }
}

/** The certificate that the chain ends with, as far as the bundle leads. */
function lastOf(own: X509Certificate, others: readonly X509Certificate[]): X509Certificate {
  let last = own
  for (let hops = 0; hops < others.length; hops++) {
    const issuer = others.find(other => other !== last && isIssuer(other, last))
    if (issuer === undefined) return last
    last = issuer
  }
  return last
}

function isIssuer(issuer: X509Certificate, of: X509Certificate): boolean {
  return of.checkIssued(issuer) && of.verify(issuer.publicKey)
}

function isPublic(last: X509Certificate): boolean {
  return rootCertificates.some(root => isIssuer(new X509Certificate(root), last))
}

function nameOf(one: X509Certificate): string {
  return oneLine(one.subject)
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}
