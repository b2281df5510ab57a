import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'
import type { Milliseconds } from '../../../agent/model/index.js'

/** The way from a peer's certificate to one that is trusted. */
export interface Path {
  /** The peer's own first; that one alone where the way could not be followed. */
  readonly certificates: readonly X509Certificate[]
  /** Whether it ends at a trusted certificate that has none above it. */
  readonly isWhole: boolean
}

/** Certificates of the longest path that is followed. */
const LONGEST = 16

/**
 * Finds the path anew. What TLS shows is what the peer sent, linked by names alone: a certificate that the peer made itself
 * hides the one through which OpenSSL has verified it. So an issuer must have signed, and is sought among the trusted ones
 * first, as OpenSSL does; one that has run out is none, for lists no longer name it.
 * @param shown  `getPeerCertificate(true)`
 */
export function pathOf(
  shown: DetailedPeerCertificate,
  authorities: readonly X509Certificate[],
  now: Milliseconds
): Path {
  const [own, ...sent] = sentBy(shown)
  const isAnchor = (certificate: X509Certificate) =>
    certificate.subject === certificate.issuer && authorities.some(({ raw }) => raw.equals(certificate.raw))
  const certificates = follow([own], new Set([...authorities, ...sent].filter(each => isCurrent(each, now))), isAnchor)
  return { certificates: certificates ?? [own], isWhole: certificates !== undefined }
}

/** Each certificate is tried once, so that those which sign each other in circles cost no more than others. */
function follow(
  path: readonly X509Certificate[],
  untried: Set<X509Certificate>,
  isAnchor: (certificate: X509Certificate) => boolean
): readonly X509Certificate[] | undefined {
  const last = path.at(-1)!
  if (isAnchor(last)) return path
  if (path.length === LONGEST) return undefined
  for (const issuer of untried) {
    if (!last.checkIssued(issuer) || !last.verify(issuer.publicKey)) continue
    untried.delete(issuer)
    const whole = follow([...path, issuer], untried, isAnchor)
    if (whole !== undefined) return whole
  }
  return undefined
}

function isCurrent({ validFrom, validTo }: X509Certificate, now: Milliseconds): boolean {
  return Date.parse(validFrom) <= now && now <= Date.parse(validTo)
}

function sentBy(shown: DetailedPeerCertificate): [X509Certificate, ...X509Certificate[]] {
  const sent: [X509Certificate, ...X509Certificate[]] = [new X509Certificate(shown.raw)]
  const seen = new Set([shown.fingerprint256])
  for (
    let at: DetailedPeerCertificate | undefined = shown.issuerCertificate;
    at?.raw !== undefined && !seen.has(at.fingerprint256);
    at = at.issuerCertificate
  ) {
    seen.add(at.fingerprint256)
    sent.push(new X509Certificate(at.raw))
  }
  return sent
}
