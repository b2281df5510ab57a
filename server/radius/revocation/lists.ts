import { type KeyObject, verify, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { type CrlEnvelope, decodeCrl, decodeCrlEnvelope } from '../../../protocols/x509/index.js'
import { RevocationError, type RevocationErrorCode } from './errors.js'
import { Revocations, type RevocationList } from './revocations.js'

/** The largest file that is read, octets: some 600,000 revoked certificates. */
const MOST = 32 * 2 ** 20

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
 * Reads lists and checks who signed them. Of lists of one key and scope the newest counts. How old they are is not looked
 * at, see `Revocations.validUntil`.
 * @param known  what is replaced: none of its lists may be followed by an older one, or by none, while its CA is trusted
 * @throws RevocationError
 */
export function readRevocations({ crl, ca }: RevocationFiles, known?: Revocations): Revocations {
  const authorities = blocksOf(ca, 'CERTIFICATE', 'CRL_FILE_UNREADABLE').map(block => certificateOf(block, ca))
  const blocks = blocksOf(crl, 'X509 CRL', 'CRL_UNREADABLE')
  if (blocks.length === 0) throw new RevocationError('CRL_UNREADABLE', crl)
  const lists = newestOf(blocks.map(block => listOf(block, authorities, crl)))
  const trusted = new Set(authorities.map(nameOf))
  const lost = known?.lists.find(old => trusted.has(old.by) && !lists.some(list => follows(list, old, known.lists)))
  if (lost !== undefined) {
    throw new RevocationError(
      'CRL_OLDER',
      `${crl}: in use is that of ${lost.by}, ${new Date(lost.thisUpdate).toISOString()}`
    )
  }
  return new Revocations(lists, authorities)
}

// Each key of a CA may have a list of its own that names what was signed with that key only, so none replaces another's.
function newestOf(lists: readonly RevocationList[]): RevocationList[] {
  const newest = new Map<string, RevocationList>()
  for (const list of lists) {
    const id = `${list.by} ${list.signer} ${list.scope}`
    if ((newest.get(id)?.thisUpdate ?? -Infinity) <= list.thisUpdate) newest.set(id, list)
  }
  return [...newest.values()]
}

/** Whether a list may stand in the place of an old one: of the same key, or of one with which the CA did not sign so far. */
function follows(list: RevocationList, old: RevocationList, known: readonly RevocationList[]): boolean {
  const isOfCa = list.by === old.by && list.scope === old.scope && list.thisUpdate >= old.thisUpdate
  return isOfCa && (list.signer === old.signer || !known.some(({ signer }) => signer === list.signer))
}

function nameOf({ subject }: X509Certificate): string {
  return subject.replaceAll('\n', ', ')
}

function listOf(block: string, authorities: readonly X509Certificate[], path: string): RevocationList {
  const envelope = decodeCrlEnvelope(Buffer.from(block, 'base64'))
  if (envelope === undefined) throw new RevocationError('CRL_UNREADABLE', path)
  const signer = signerOf(envelope, authorities, path)
  const list = decodeCrl(envelope.signed)
  if (list === undefined) throw new RevocationError('CRL_UNREADABLE', path)
  if (list.strange !== undefined) throw new RevocationError('CRL_STRANGE', `${path}: ${list.strange}`)
  const keys = authorities.filter(({ subject }) => subject === signer.subject).map(({ publicKey }) => publicKey)
  const { thisUpdate, nextUpdate, revoked, scope } = list
  return { keys, signer: fingerprintOf(signer.publicKey), by: nameOf(signer), thisUpdate, nextUpdate, revoked, scope }
}

// Before the entries are looked at: whoever may alter the file on its way must not choose how long that takes.
function signerOf(envelope: CrlEnvelope, authorities: readonly X509Certificate[], path: string): X509Certificate {
  const digest = digests[envelope.algorithm]
  if (digest === undefined) throw new RevocationError('CRL_ALGORITHM', `${path}: ${envelope.algorithm}`)
  const signer = authorities.find(({ publicKey }) => isSigned(envelope, digest, publicKey))
  if (signer === undefined) throw new RevocationError('CRL_UNTRUSTED', path)
  return signer
}

function fingerprintOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('hex')
}

// A key of another kind than the signature makes OpenSSL throw.
function isSigned({ signed, signature }: CrlEnvelope, digest: string | null, key: KeyObject): boolean {
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

/** What stands between the lines of these PEM blocks; one that is cut off would be lost without a word. */
function blocksOf(path: string, label: string, code: RevocationErrorCode): string[] {
  const text = textOf(path)
  const block = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`, 'g')
  const whole = [...text.matchAll(block)].map(([, body]) => body!)
  const begun = text.split(`-----BEGIN ${label}`).length - 1
  if (begun !== whole.length) throw new RevocationError(code, `${path}: ${begun} begin, ${whole.length} are whole`)
  if (/(^|\n)-{1,5}[A-Z0-9 ]*$/.test(text.slice(-64))) throw new RevocationError(code, `${path}: ends within a line`)
  return whole
}

function textOf(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > MOST) throw new RevocationError('CRL_TOO_LARGE', `${path}: ${size} octets`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof RevocationError) throw cause
    throw new RevocationError('CRL_FILE_UNREADABLE', `${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  }
}
