import { readFileSync } from 'node:fs'
import type { EapCertificate } from './certificate.js'
import { EapError } from './errors.js'

/** Where the certificate of EAP lies. */
export interface EapFiles {
  /** PEM file: the server's certificate, then its intermediates. */
  readonly certificate: string
  /** Its key in PEM, read anew each time; may throw. */
  readonly key: () => string
  /** PEM file: see `EapCertificate.ca`. */
  readonly ca?: string | undefined
}

/** Reads the files; whether they will do, `checkCertificate` says. @throws EapError `EAP_FILE_UNREADABLE` */
export function readEapFiles({ certificate, key, ca }: EapFiles): EapCertificate {
  return { certificate: read(certificate), key: key(), ...(ca !== undefined && { ca: read(ca) }) }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new EapError('EAP_FILE_UNREADABLE', `${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  }
}
