import { derAt, type DerElement, DerTag, oidText, readDer, readSequence, timeOf } from './der.js'

/*
 * CertificateList (RFC 5280 §5.1): SEQUENCE of TBSCertList, signature algorithm, signature (BIT STRING). TBSCertList:
 * [version], signature algorithm, issuer, thisUpdate, [nextUpdate], [SEQUENCE of revoked], [0] extensions; revoked: serial
 * number, date, [extensions].
 */
const EXTENSIONS = 0xa0
const DELTA = '2.5.29.27'
const DISTRIBUTION_POINT = '2.5.29.28'
const INDIRECT = 0x84 // [4] of the distribution point. RFC 5280 §5.2.5

/** What is around a list: whoever reads further verifies the signature first. */
export interface CrlEnvelope {
  /** What was signed: see `decodeCrl`. */
  readonly signed: Buffer
  /** Object identifier of the signature's algorithm. */
  readonly algorithm: string
  readonly signature: Buffer
}

/** A list of revoked certificates. */
export interface Crl {
  /** Milliseconds. */
  readonly thisUpdate: number
  /** When the next list is due at the latest, milliseconds; Infinity where it does not say. */
  readonly nextUpdate: number
  /** What is said of each, by its serial number as `serialOf` spells it: see `revokedAt`. */
  readonly revoked: ReadonlyMap<string, Buffer>
  /** Which part of its issuer's certificates it is about; '' for all. Only lists of one scope replace each other. */
  readonly scope: string
  /** Why it cannot stand alone: it lists changes only, the certificates of others, or something unknown that it calls critical. */
  readonly strange: 'delta' | 'indirect' | 'critical' | undefined
}

/** Reads what is around a list, however long that is. @returns undefined where it is none. Never throws. */
export function decodeCrlEnvelope(der: Buffer): CrlEnvelope | undefined {
  const [signed, algorithm, signature] = readSequence(der) ?? []
  const oid = algorithm && readDer(algorithm.value)?.[0]
  if (oid === undefined || signature === undefined) return undefined
  return {
    signed: signed!.whole,
    algorithm: oidText(oid.value),
    signature: signature.value.subarray(1) // after the number of unused bits
  }
}

/** Reads a list. @param signed  of its envelope. @returns undefined where it is none. Never throws. */
export function decodeCrl(signed: Buffer): Crl | undefined {
  const fields = readSequence(signed)
  if (fields === undefined) return undefined
  if (fields[0]?.tag === DerTag.Integer) fields.shift()
  const [, , thisUpdate, ...rest] = fields
  const from = thisUpdate && timeOf(thisUpdate)
  const until = rest[0] && timeOf(rest[0])
  if (until !== undefined) rest.shift()
  const revoked = rest[0]?.tag === DerTag.Sequence ? entriesOf(rest.shift()!) : new Map<string, Buffer>()
  const about = scopeOf(rest[0])
  if (from === undefined || revoked === undefined || about === undefined) return undefined
  return {
    thisUpdate: from,
    nextUpdate: until ?? Infinity,
    revoked,
    ...about
  }
}

/** The serial number of a certificate as lists spell it; undefined where it cannot be read. RFC 5280 §4.1.2.2 */
export function serialOf(certificate: Buffer): string | undefined {
  const fields = readDer(readSequence(certificate)?.[0]?.value ?? Buffer.alloc(0))
  const serial = fields?.[0]?.tag === EXTENSIONS ? fields[1] : fields?.[0] // a version goes before it
  return serial?.tag === DerTag.Integer ? spelled(serial.value) : undefined
}

/** When a certificate was revoked, milliseconds. @param entry  of `Crl.revoked` */
export function revokedAt(entry: Buffer): number | undefined {
  const date = readDer(entry)?.[1]
  return date && timeOf(date)
}

// Lists may hold a hundred thousand: of each only the number is read here.
function entriesOf({ value }: DerElement): Map<string, Buffer> | undefined {
  const found = new Map<string, Buffer>()
  for (let at = 0; at < value.length; ) {
    const entry = derAt(value, at)
    const serial = entry && derAt(entry.value, 0)
    if (serial?.tag !== DerTag.Integer) return undefined
    found.set(spelled(serial.value), entry!.value)
    at += entry!.whole.length
  }
  return found
}

// Zeros in front are no difference: there are issuers that write too many of them.
function spelled(serial: Buffer): string {
  let from = 0
  while (serial[from] === 0 && from < serial.length - 1) from++
  return serial.toString('hex', from)
}

function scopeOf(extensions: DerElement | undefined): Pick<Crl, 'scope' | 'strange'> | undefined {
  if (extensions === undefined) return { scope: '', strange: undefined }
  const all = readSequence(extensions.value)
  if (extensions.tag !== EXTENSIONS || all === undefined) return undefined
  let scope = ''
  let strange: Crl['strange']
  for (const each of all) {
    const [id, ...rest] = readDer(each.value) ?? []
    const value = rest.at(-1)?.value ?? Buffer.alloc(0)
    const oid = id === undefined ? '' : oidText(id.value)
    if (oid === DISTRIBUTION_POINT) {
      scope = value.toString('hex')
      if (readSequence(value)?.some(({ tag }) => tag === INDIRECT) !== false) strange ??= 'indirect'
    } else if (oid === DELTA) strange ??= 'delta'
    else if (rest[0]?.tag === DerTag.Boolean && rest[0].value[0] !== 0) strange ??= 'critical'
  }
  return { scope, strange }
}
