/** Why RadSec could not start, and what an engineer should do next. */
export const radSecErrors = {
  RADSEC_FILE_UNREADABLE:
    'A PEM file of radius.radsec cannot be read. Check the path, and that the user of the agent may read it',
  RADSEC_NO_CERTIFICATE: 'A file of radius.radsec holds no certificate. It must be PEM: -----BEGIN CERTIFICATE-----',
  RADSEC_CERTIFICATE_EXPIRED: 'The certificate of radius.radsec has run out. Renew it; NASes would refuse it',
  RADSEC_CERTIFICATE_NOT_YET:
    'The certificate of radius.radsec is not valid yet. Compare the clock of this machine with the certificate',
  RADSEC_KEY_UNREADABLE:
    'The key of radius.radsec is not a private key in PEM, or it is encrypted. Give it unencrypted',
  RADSEC_KEY_MISMATCH: 'The key of radius.radsec belongs to another certificate. Name the two that were made together',
  RADSEC_CHAIN_BROKEN:
    'The certificates in the file do not follow each other. Put the own certificate first, then the one that signed it, and so on',
  RADSEC_CHAIN_INCOMPLETE:
    'The certificate that signed the own one is missing: NASes could not verify it. Append the intermediate certificate (or the CA) to the certificate file',
  RADSEC_CLOSED: 'RadSec has been closed, usually because the agent is stopping',
  RADSEC_CONNECTION_GONE: 'The connection of the NAS ended before it answered. It is asked again when it is back',
  RADSEC_CROWDED: 'As many requests to this NAS are unanswered as its connection can tell apart'
} as const

export type RadSecErrorCode = keyof typeof radSecErrors

/** What RadSec fails at while it starts or reloads, and when it is to ask a NAS. */
export class RadSecError extends Error {
  override readonly name = 'RadSecError'

  /** @param detail  the file, or what differs; put behind the table's words */
  constructor(
    readonly code: RadSecErrorCode,
    detail?: string,
    options?: ErrorOptions
  ) {
    super(detail === undefined ? `${radSecErrors[code]}.` : `${radSecErrors[code]} (${detail}).`, options)
  }
}

/** Why a connection was refused or ended by us, in words for who looks after the NAS. */
export const partings = {
  TOO_MANY: 'As many RadSec connections are open as are allowed in all. Raise the limit, or look who opens them.',
  TOO_MANY_OF_ADDRESS: 'As many RadSec connections are open from this address as are allowed. Look at the NAS.',
  HANDSHAKE: 'The TLS handshake failed: no TLS 1.2 or 1.3, no RADIUS by ALPN, not TLS at all, or too slow.',
  NO_CERTIFICATE: 'The peer shows no certificate. Install one on the NAS, signed by the CA of radius.radsec.',
  UNTRUSTED: 'The certificate does not lead to the CA of radius.radsec. Look for a missing intermediate certificate.',
  EXPIRED: "The peer's certificate has run out, or is not valid yet. Renew it; compare the clocks.",
  REVOKED: 'The certificate was revoked by its CA. Issue another one if the NAS is to come back.',
  PATH: "The certificates between the peer's and the CA cannot be followed, so it is not known whether one of them was revoked. Append the intermediate certificates to the file ca; look at what else the NAS sends.",
  REVOCATION_UNKNOWN:
    'The list of revoked certificates could not be read since the agent started, so none is taken. See: turnpike status',
  UNKNOWN_NAME: 'No NAS has a name of this certificate. Add one of its names to the NAS: certificate: [NAME].',
  AMBIGUOUS_NAME: 'Several NASes have names of this certificate. Give each its own.',
  WITHDRAWN: 'The NAS was removed or its certificate names were changed.',
  BAD_LENGTH: 'A packet says a length below 20 or above 4096: the peer does not speak RADIUS, or lost its place.',
  MALFORMED: 'A packet is malformed or wrongly signed (the secret of RadSec is "radsec"). RFC 6613 §2.6.4',
  SLOW: 'A packet was begun and not completed in time, or replies were not taken.',
  IDLE: 'Nothing was heard for longer than is allowed.'
} as const

export type Parting = keyof typeof partings
