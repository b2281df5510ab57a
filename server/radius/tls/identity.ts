import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../../../agent/model/index.js'
import { RadSecError, type RadSecErrorCode } from './errors.js'

/** Where the agent's own certificate and those that it trusts lie. */
export interface IdentityFiles {
  /** PEM file: the own certificate, then those that signed it. */
  readonly certificate: string
  /** PEM file: the CAs whose certificates NASes show. */
  readonly ca: string
  /** The key of the certificate in PEM, read anew each time; may throw. */
  readonly key: () => string
}

/** What TLS is given: PEM, checked. */
export interface Identity {
  readonly cert: string
  readonly key: string
  readonly ca: string[]
  /** When the own certificate runs out. */
  readonly validTo: Date
}

const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Reads certificate, key and CA and checks that they will do, so that a mistake shows here and not as a failed handshake.
 * @param clock  undefined: whatever the dates of the certificate are
 * @throws RadSecError naming the file and what to do
 */
export function readIdentity(files: IdentityFiles, clock: Clock | undefined): Identity {
  const cert = readText(files.certificate)
  const chain = certificatesOf(cert, files.certificate)
  const ca = readText(files.ca)
  const trusted = certificatesOf(ca, files.ca)
  const key = files.key()
  const own = chain[0]!
  if (clock !== undefined) checkTime(own, files.certificate, clock())
  if (!own.checkPrivateKey(keyOf(key))) throw new RadSecError('RADSEC_KEY_MISMATCH', subjectOf(own))
  checkChain(chain, trusted, files.certificate)
  return { cert, key, ca: ca.match(pem) ?? [], validTo: new Date(own.validTo) }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new RadSecError('RADSEC_FILE_UNREADABLE', `${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  }
}

function certificatesOf(text: string, path: string): X509Certificate[] {
  try {
    const found = (text.match(pem) ?? []).map(block => new X509Certificate(block))
    if (found.length > 0) return found
  } catch (cause) {
    throw new RadSecError('RADSEC_NO_CERTIFICATE', path, { cause })
  }
  throw new RadSecError('RADSEC_NO_CERTIFICATE', path)
}

// The cause is not passed on: it may quote what was read.
function keyOf(text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    throw new RadSecError('RADSEC_KEY_UNREADABLE')
  }
}

function checkTime(own: X509Certificate, path: string, now: number): void {
  const tell = (code: RadSecErrorCode, words: string) => new RadSecError(code, `${path}: ${subjectOf(own)} ${words}`)
  if (Date.parse(own.validTo) < now) throw tell('RADSEC_CERTIFICATE_EXPIRED', `until ${own.validTo}`)
  if (Date.parse(own.validFrom) > now) throw tell('RADSEC_CERTIFICATE_NOT_YET', `from ${own.validFrom}`)
}

function checkChain(chain: readonly X509Certificate[], trusted: readonly X509Certificate[], path: string): void {
  for (const [index, issuer] of chain.slice(1).entries()) {
    if (!isSignedBy(chain[index]!, issuer)) {
      throw new RadSecError('RADSEC_CHAIN_BROKEN', `${path}: ${subjectOf(issuer)} did not sign the one before it`)
    }
  }
  const last = chain.at(-1)!
  const complete = chain.length > 1 || [last, ...trusted].some(issuer => isSignedBy(last, issuer))
  if (!complete) throw new RadSecError('RADSEC_CHAIN_INCOMPLETE', `${path}: signed by ${oneLine(last.issuer)}`)
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function subjectOf(certificate: X509Certificate): string {
  return oneLine(certificate.subject)
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}
