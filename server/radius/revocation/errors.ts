/** Why a list of revoked certificates cannot be used, and what an engineer should do next. */
export const revocationErrors = {
  CRL_FILE_UNREADABLE:
    'The list of revoked certificates (crl) or its CA cannot be read, or the file is cut off. Correct the path, copy it whole, and give the file to the group of the agent: chgrp turnpike FILE && chmod 640 FILE',
  CRL_UNREADABLE:
    'The file of crl holds no list of revoked certificates in PEM (-----BEGIN X509 CRL-----), or one that is damaged or cut off. Fetch it again; convert DER with: openssl crl -inform DER -in FILE -out FILE.pem',
  CRL_TOO_LARGE:
    'The file of crl is larger than 32 MiB, and while it is read nothing is answered. Look whether it is the right one; have the CA leave out certificates that have run out, or use certificates that live for a shorter time',
  CRL_STRANGE:
    'The list of revoked certificates cannot stand alone: it is a delta, lists certificates of other CAs, or holds a critical extension that is not known here. Have the CA write a complete one',
  CRL_ALGORITHM:
    'The list of revoked certificates is signed in a way that is not trusted or not known here. Have the CA sign it with RSA (PKCS #1), ECDSA or EdDSA and SHA-256 or better',
  CRL_OLDER:
    'The file of crl holds an older list than the one in use, or none of that CA any more. Fetch it again; restart the agent if this is meant',
  CRL_UNTRUSTED:
    'The list of revoked certificates was not signed by a CA of the file ca, or was changed since. Append the CA that signed it to that file, an intermediate one too'
} as const

export type RevocationErrorCode = keyof typeof revocationErrors

/** What a list of revoked certificates fails at. */
export class RevocationError extends Error {
  override readonly name = 'RevocationError'

  /** @param detail  which file or list, put behind the table's words */
  constructor(
    readonly code: RevocationErrorCode,
    detail: string,
    options?: ErrorOptions
  ) {
    super(`${revocationErrors[code]} (${detail})`, options)
  }
}
