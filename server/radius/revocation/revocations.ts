import type { KeyObject, X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate } from 'node:tls'
import type { Milliseconds } from '../../../agent/model/index.js'
import { type Crl, revokedAt, serialOf } from '../../../protocols/x509/index.js'
import { type Path, pathOf } from './path.js'

/** A list whose signature was checked. */
export interface RevocationList extends Pick<Crl, 'thisUpdate' | 'nextUpdate' | 'revoked' | 'scope'> {
  /** Of the CA, former ones too: a list names what was issued under any of them. */
  readonly keys: readonly KeyObject[]
  /** Tells by which of them it was signed. */
  readonly signer: string
  /** Subject of the CA. */
  readonly by: string
}

/**
 * Which certificates were revoked. Not OpenSSL's own check, which takes lists that have run out as a reason to refuse
 * everybody, wants one of every CA, and shows only the last of several faults.
 */
export class Revocations {
  /** The newest of each CA. */
  readonly lists: readonly RevocationList[]
  readonly #authorities: readonly X509Certificate[]

  /** @param authorities  the trusted certificates of the file `ca` */
  constructor(lists: readonly RevocationList[], authorities: readonly X509Certificate[]) {
    this.lists = lists
    this.#authorities = authorities
  }

  /** When the first of the lists is to be replaced at the latest; Infinity where none says. */
  get validUntil(): Milliseconds {
    return Math.min(Infinity, ...this.lists.map(({ nextUpdate }) => nextUpdate))
  }

  /** How many certificates are revoked. */
  get size(): number {
    return this.lists.reduce((sum, { revoked }) => sum + revoked.size, 0)
  }

  /** The certificates on which it depends whether a peer is let in. @param shown  `getPeerCertificate(true)`, verified by TLS */
  pathOf(shown: DetailedPeerCertificate, now: Milliseconds): Path {
    return pathOf(shown, this.#authorities, now)
  }

  /**
   * Which certificate of a path was revoked, by whom and when, in words; undefined: none.
   * @param path  one whose serial number cannot be read counts as revoked
   */
  faultOf(path: readonly X509Certificate[]): string | undefined {
    for (const certificate of path) {
      const serial = serialOf(certificate.raw)
      if (serial === undefined) return 'The serial number of its certificate cannot be read.'
      const list = this.lists.find(
        ({ revoked, keys }) => revoked.has(serial) && keys.some(key => certificate.verify(key))
      )
      if (list !== undefined) return words(certificate, serial, list)
    }
    return undefined
  }
}

function words({ subject }: X509Certificate, serial: string, { by, revoked }: RevocationList): string {
  const at = revokedAt(revoked.get(serial)!)
  const day = at === undefined ? '' : ` on ${new Date(at).toISOString().slice(0, 10)}`
  return `The certificate ${oneLine(subject)}, number ${serial}, was revoked by ${by}${day}.`
}

// The CA wrote the subject, but the device may have chosen it.
function oneLine(name: string): string {
  return name
    .replaceAll('\n', ', ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 120)
}
