import { type KeyObject, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Crl, decodeCrl } from '../../../protocols/x509/index.js'
import { RevocationError } from './errors.js'
import { Revocations, type RevocationList } from './revocations.js'

/** Where the lists lie, and the CAs that may sign them: PEM files. */
export interface RevocationFiles {
  readonly crl: string
  readonly ca: string
}

// Digests by the algorithm's object identifier: RSA and ECDSA with SHA-2, Ed25519 and Ed448. RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3
const digests: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null
}

/**
 * Reads lists and checks who signed them: they mostly come over plain HTTP. Of lists of one CA and scope the newest
 * counts. How old they are is not looked at, see `Revocations.validUntil`.
 * @throws RevocationError
 */
export function readRevocations({ crl, ca }: RevocationFiles): Revocations {
  const authorities = blocksOf(ca, 'CERTIFICATE').map(block => certificateOf(block, ca))
  const blocks = blocksOf(crl, 'X509 CRL')
  if (blocks.length === 0) throw new RevocationError('CRL_UNREADABLE', crl)
  const newest = new Map<string, RevocationList>()
  for (const list of blocks.map(block => listOf(block, authorities, crl))) {
    const key = `${list.by} ${list.key.export({ type: 'spki', format: 'der' }).toString('hex')} ${list.scope}`
    if ((newest.get(key)?.thisUpdate ?? -Infinity) <= list.thisUpdate) newest.set(key, list)
  }
  return new Revocations([...newest.values()], authorities)
}

function listOf(block: string, authorities: readonly X509Certificate[], path: string): RevocationList {
  const list = decodeCrl(Buffer.from(block, 'base64'))
  if (list === undefined) throw new RevocationError('CRL_UNREADABLE', path)
  const digest = digests[list.algorithm]
  if (digest === undefined) throw new RevocationError('CRL_ALGORITHM', `${path}: ${list.algorithm}`)
  if (list.strange !== undefined) throw new RevocationError('CRL_STRANGE', `${path}: ${list.strange}`)
  const signer = authorities.find(({ publicKey }) => isSigned(list, digest, publicKey))
  if (signer === undefined) throw new RevocationError('CRL_UNTRUSTED', path)
  const { thisUpdate, nextUpdate, revoked, scope } = list
  return { key: signer.publicKey, by: signer.subject.replaceAll('\n', ', '), thisUpdate, nextUpdate, revoked, scope }
}

// A key of another kind than the signature makes OpenSSL throw.
function isSigned({ signed, signature }: Crl, digest: string | null, key: KeyObject): boolean {
  try {
    return verify(digest, signed, key, signature)
  } catch {
    return false
  }
}

function certificateOf(block: string, path: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(block, 'base64'))
  } catch (cause) {
    throw new RevocationError('CRL_FILE_UNREADABLE', path, { cause })
  }
}

/** What stands between the lines of these PEM blocks. */
function blocksOf(path: string, label: string): string[] {
  const block = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`, 'g')
  try {
    return [...readFileSync(path, 'utf8').matchAll(block)].map(([, body]) => body!)
  } catch (cause) {
    throw new RevocationError('CRL_FILE_UNREADABLE', `${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  }
}
